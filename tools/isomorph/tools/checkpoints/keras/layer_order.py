"""The layers of a Keras model that have variables, in the order of `model.layers`, without Keras.

Keras loads a `.h5` by that order, and numbers the groups of a `.weights.h5` by it. In a functional model it is that of
decreasing depth, which is the number of layers on the longest way to the output; among those of one depth it is that in
which they are met on the way back from the output (keras/src/ops/function.py, `map_graph`). All of a unit's layers are
deeper than those of the next one, so that the order differs from the network's inside units of several branches alone:
the last layers of a shortcut stand among the last of the residual.

This holds for isomorph's own Keras networks, for keras.applications, and for whatever else joins the branches of a unit
in the order of its wiring. What only some of them have between two layers, such as a ZeroPadding2D, does not count
here: it stands where the other branch has come to its end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from isomorph.spec import Architecture, plan
from isomorph.spec.layers import INPUT, BatchNorm, Convolution, Layer, Parametrised, name_of
from isomorph.spec.naming import ZooTensor
from isomorph.spec.tensors import BIASES, OF_BATCH_NORM, WEIGHTS, tensor_name, tensors_of
from isomorph.spec.units import Unit

DROPOUT = "dropout"


@dataclass(frozen=True)
class OrderedLayer:
    """One layer of a Keras model.

    name: its own, `conv1_bn`; of a dropout, which is not told by its name, its convolution's and `_dropout`.
    kind: its class in snake case, as Keras names groups: conv2d, depthwise_conv2d, dense, batch_normalization or
        dropout, which has no variables but the state of its random numbers.
    tensors: canonical name -> the tensor in Keras's form, `conv1_bn/gamma`, in the order of the layer's variables.
    """

    name: str
    kind: str
    tensors: Mapping[str, ZooTensor]


@dataclass(frozen=True)
class LayerOrder:
    """The layers of a Keras model for inference, in order.

    left_out: the canonical tensors that the model lacks.
    """

    layers: tuple[OrderedLayer, ...]
    left_out: tuple[str, ...]


def layer_order(architecture: Architecture, tensors: Mapping[str, ZooTensor]) -> LayerOrder:
    """Return the layers of a Keras model of `architecture`, in the order of `model.layers`.

    tensors: canonical name -> what the model calls it and how it lies there, by isomorph's own naming for Keras or by
        that of the model's zoo: `zoo("keras").naming.tensors(architecture)`.

    Auxiliary heads answer in training alone; a model for inference has none, and their tensors are left out.
    """
    planned = plan(architecture)
    layers: list[OrderedLayer] = []
    for layer in planned.stem:
        layers += _keras_layers(layer, tensors)
    for unit in planned.units:
        layers += _of_unit(unit, tensors)
    layers += _keras_layers(planned.logits, tensors) if planned.logits else ()
    heads = (layer for _, head in planned.auxiliary for layer in head.parametrised)
    left_out = tuple(tensor_name(layer, leaf) for layer in heads for leaf in tensors_of(layer))
    return LayerOrder(tuple(layer for layer in layers if layer.kind), left_out)


def _of_unit(unit: Unit, tensors: Mapping[str, ZooTensor]) -> Iterator[OrderedLayer]:
    keras_layers = {name_of(layer): _keras_layers(layer, tensors) for layer in unit.layers}
    places: list[tuple[int, int, OrderedLayer]] = []
    for rank, name in enumerate(_path_order(unit)):
        depth = _depth_behind(unit, name, keras_layers)
        places += [(depth + below, rank, layer) for below, layer in enumerate(reversed(keras_layers[name]))]
    for _, _, layer in sorted(places, key=lambda place: (-place[0], place[1])):
        yield layer


def _path_order(unit: Unit) -> tuple[str, ...]:
    """Return the names of a unit's layers in the order in which the paths back from its join meet them."""
    visited: dict[str, None] = {}
    for name in unit.wiring.joined:
        while name != INPUT and name not in visited:
            visited[name] = None
            name = unit.layer(name).source  # noqa: PLW2901 - the path goes on from there
    return tuple(visited)


def _depth_behind(unit: Unit, name: str, keras_layers: Mapping[str, list[OrderedLayer]]) -> int:
    """Return how many of Keras's layers follow this one in its unit, on the longest path to the join."""
    readers = (name_of(layer) for layer in unit.layers if layer.source == name)
    return max((_depth_behind(unit, reader, keras_layers) + len(keras_layers[reader]) for reader in readers), default=0)


def _keras_layers(layer: Layer, tensors: Mapping[str, ZooTensor]) -> list[OrderedLayer]:
    """Return Keras's layers for one layer, in order; those with nothing to save have no kind."""
    nothing = OrderedLayer("", "", {})
    if not isinstance(layer, Parametrised):
        return [nothing]
    keras_layers = []
    if isinstance(layer, Convolution):
        keras_layers.append(_with_variables(layer, (WEIGHTS, BIASES), tensors))
        if layer.dropout:
            keras_layers.insert(0, OrderedLayer(f"{keras_layers[0].name}_dropout", DROPOUT, {}))
    if isinstance(layer, BatchNorm) or layer.batch_norm:
        keras_layers.append(_with_variables(layer, OF_BATCH_NORM, tensors))
    return [*keras_layers, nothing] if layer.activation else keras_layers


def _with_variables(layer: Parametrised, leaves: tuple[str, ...], tensors: Mapping[str, ZooTensor]) -> OrderedLayer:
    names = [tensor_name(layer, leaf) for leaf in leaves if leaf in tensors_of(layer)]
    variables = {name: tensors[name] for name in names}
    first = variables[names[0]]
    if not isinstance(layer, Convolution) or WEIGHTS not in leaves:
        kind = "batch_normalization"
    elif len(first.shape) == 2:
        kind = "dense"
    else:
        kind = "depthwise_conv2d" if layer.is_depthwise else "conv2d"
    return OrderedLayer(first.name.rpartition("/")[0], kind, variables)
