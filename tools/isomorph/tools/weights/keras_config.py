"""Compare the layers in a Keras model's configuration with the network that its tensors fit."""

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
"""A layer's configuration: option -> value, its class under "class_name"."""

COMPUTING = {"Conv2D", "DepthwiseConv2D", "Dense", "BatchNormalization", "Activation", "ReLU", "Softmax", "Add"}
SHAPING = {"Concatenate", "ZeroPadding2D", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "Flatten"}
HOLDING = {"InputLayer", "Reshape", "Model", "Functional", "Sequential"}
IN_TRAINING = {"Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"}
KNOWN = COMPUTING | SHAPING | HOLDING | IN_TRAINING
"""The classes of which the networks here are made, in keras.applications or by hand."""

AUGMENTATION = "Random"
"""The start of the names of layers that change images in training only: RandomFlip, RandomRotation."""

OF_THE_HEAD = {"linear", "softmax", "sigmoid"}
"""Activations that may follow logits; "linear" is none."""


def check_configured(path: Path, layers: Mapping[str, Options], interpretation: Interpretation) -> None:
    """Raise BadInput where `layers` have another stride, rate, epsilon, activation or class than the interpretation.

    layers: name -> options; empty where a file has no configuration. Options that a layer leaves out are not checked.
        Of layers without tensors only the class and the activation are, and these not in isomorph's own networks, as
        some of their layers have classes of their own.
    """
    if not layers:
        return
    network = interpretation.architecture
    for name, options in layers.items():
        problem = "" if interpretation.form in OWN_NAMINGS else _strange(options, network)
        if problem:
            raise _contradiction(path, name, problem, f"{network.name} has none such")
    for name, option, expected in _expected(interpretation):
        value = layers.get(name, {}).get(option)
        if value is not None and not _same(value, expected):
            raise _contradiction(path, name, f"{option} {shown(value)}", f"{network.name} has {expected!r} there")


def _expected(interpretation: Interpretation) -> Iterator[tuple[str, str, object]]:
    """Yield for each layer with tensors its name in the file, an option, and the expected value."""
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
    """Return the file's name of the layer that a canonical tensor belongs to."""
    return interpretation.expected[tensor].name.rpartition("/")[0].rpartition("/")[2]


def _strange(options: Options, network: Architecture) -> str:
    """Say in words what no network here has of a layer; an empty text if there is nothing."""
    kind = str(options.get("class_name"))
    if kind not in KNOWN and not kind.startswith(AUGMENTATION):
        return f"the class {shown(kind)}"
    activation = network.convention.activation
    if kind == "ReLU":
        limit, slope = options.get("max_value"), options.get("negative_slope") or 0
        name = "relu" if limit is None else f"relu{limit:g}" if isinstance(limit, int | float) else shown(limit)
        return "" if name == activation and slope == 0 else f"the activation {name} with a slope of {shown(slope)}"
    own_activation = options.get("activation")
    return "" if own_activation in (None, activation, *OF_THE_HEAD) else f"the activation {shown(own_activation)}"


def _same(value: object, expected: object) -> bool:
    if isinstance(expected, float):
        return isinstance(value, int | float) and isclose(value, expected, rel_tol=1e-6)
    return value == expected or (isinstance(value, int) and [value] * 2 == expected)


def _contradiction(path: Path, name: str, has: str, instead: str) -> BadInput:
    return BadInput(
        f"{path} is a Keras model whose configuration gives its layer {shown(name)} {has}, and {instead}; --arch says"
        " what to read its tensors as without its word."
    )
