"""Whether a Keras model's own configuration says of its layers what the network does that its tensors are taken for."""

from collections.abc import Iterator, Mapping
from math import isclose
from pathlib import Path

from isomorph.spec import Architecture, BadInput, plan
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import MOVING_MEAN, WEIGHTS, tensor_name
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.weights.interpretations import Interpretation
from isomorph.tools.weights.namings import OWN_NAMINGS

Options = Mapping[str, object]

COMPUTING = {"Conv2D", "DepthwiseConv2D", "Dense", "BatchNormalization", "Activation", "ReLU", "Softmax", "Add"}
SHAPING = {"Concatenate", "ZeroPadding2D", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "Flatten"}
HOLDING = {"InputLayer", "Reshape", "Model", "Functional", "Sequential"}
IN_TRAINING = {"Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"}
KNOWN = COMPUTING | SHAPING | HOLDING | IN_TRAINING
"""The classes of which the networks here are made, in keras.applications or by hand."""

AUGMENTATION = "Random"
"""How the names of layers begin that change images in training alone: RandomFlip, RandomRotation."""

OF_THE_HEAD = {"linear", "softmax", "sigmoid"}
"""Activations that stand behind logits, or none at all."""


def check_configured(path: Path, layers: Mapping[str, Options], interpretation: Interpretation) -> None:
    """Raise BadInput where `layers` have another stride, rate, epsilon, activation or class than the interpretation.

    layers: layer's name -> its class, under "class_name", and its options; empty where a file has no configuration.
    What a layer leaves out is not looked at, nor are layers without tensors, but for their class and
    activation; those of isomorph's own networks are not looked at either, as some have classes of their own.
    """
    if not layers:
        return
    network = interpretation.architecture
    for name, options in layers.items():
        problem = "" if interpretation.form in OWN_NAMINGS else _strange(options, network)
        if problem:
            raise _contradiction(path, name, problem, f"{network.name} has none such")
    for name, option, expected in _expected(interpretation):
        found = layers.get(name, {}).get(option)
        if found is not None and not _same(found, expected):
            raise _contradiction(path, name, f"{option} {shown(found)}", f"{network.name} has {expected!r} there")


def _expected(interpretation: Interpretation) -> Iterator[tuple[str, str, object]]:
    """Layer by layer that has tensors: its name in the file, an option of its, and what that should be."""
    network = interpretation.architecture
    for layer in plan(network).parametrised:
        if isinstance(layer, Convolution):
            name = _layer(interpretation, tensor_name(layer, WEIGHTS))
            yield name, "strides", [layer.stride] * 2
            yield name, "dilation_rate", [layer.rate] * 2
        if not isinstance(layer, Convolution) or layer.batch_norm:
            name = _layer(interpretation, tensor_name(layer, MOVING_MEAN))
            yield name, "epsilon", network.convention.batch_norm_epsilon


def _layer(interpretation: Interpretation, tensor: str) -> str:
    """What the file calls the layer that a canonical tensor is of."""
    return interpretation.expected[tensor].name.rpartition("/")[0].rpartition("/")[2]


def _strange(options: Options, network: Architecture) -> str:
    """What of a layer no network here has, in words; empty if nothing."""
    kind = str(options.get("class_name"))
    if kind not in KNOWN and not kind.startswith(AUGMENTATION):
        return f"the class {shown(kind)}"
    activation = network.convention.activation
    if kind == "ReLU":
        limit, slope = options.get("max_value"), options.get("negative_slope") or 0
        name = "relu" if limit is None else f"relu{limit:g}" if isinstance(limit, int | float) else shown(limit)
        return "" if name == activation and slope == 0 else f"the activation {name} with a slope of {shown(slope)}"
    found = options.get("activation")
    return "" if found in (None, activation, *OF_THE_HEAD) else f"the activation {shown(found)}"


def _same(found: object, expected: object) -> bool:
    if isinstance(expected, float):
        return isinstance(found, int | float) and isclose(found, expected, rel_tol=1e-6)
    return found == expected or (isinstance(found, int) and [found] * 2 == expected)


def _contradiction(path: Path, name: str, has: str, instead: str) -> BadInput:
    return BadInput(
        f"{path} is a Keras model whose configuration gives its layer {shown(name)} {has}, and {instead}; --arch says"
        " what to read its tensors as without its word."
    )
