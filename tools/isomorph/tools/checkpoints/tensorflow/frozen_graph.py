"""TensorFlow's frozen graphs: a GraphDef whose constants are the weights, of which nothing is executed.

TensorFlow 1 freezes a variable into a constant of its name, `resnet_v1_50/conv1/weights`. TensorFlow 2 names constants
after what reads them, `conv1_conv/Conv2D/ReadVariableOp/resource`, or not at all, `unknown_7`; those are called here
after the layer's operation and what they are to it, as Keras's variables are: `conv1_conv/kernel`. Tensors stand in the
order of the operations that read them, behind them other constants of floats. Single numbers and whole numbers, which
are epsilons, shapes and axes, are no weights, nor are the ones in place of the gamma of a batch norm that has none.

Sources: tensorflow/core/framework/graph.proto, node_def.proto, attr_value.proto and tensor.proto;
tensorflow/python/framework/convert_to_constants.py; keras/src/ops/nn.py (`batch_normalization`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.protobuf import Message, placed_fields
from isomorph.tools.checkpoints.tensorflow.framework import DTYPES, is_name, shape_of
from isomorph.tools.checkpoints.tensorflow.graph_messages import check_messages
from isomorph.tools.checkpoints.tensorflow.packed_values import field_of, unpacked
from isomorph.tools.checkpoints.wording import shown

NAME = "TensorFlow frozen graph"

_COST = 1024  # bytes of Python objects for one node
_LARGEST_SHAPE = 1 << 10  # bytes: twice what sixteen axes take
_NODE = 1  # GraphDef
_NODE_NAME, _OPERATION, _INPUT, _ATTRIBUTE = 1, 2, 3, 5  # NodeDef
_KEY, _VALUE = 1, 2  # its map of attributes
_TENSOR = 8  # AttrValue

_DTYPE, _SHAPE, _CONTENT = 1, 2, 4  # TensorProto
_FLOATS = {code: DTYPES[code] for code in (1, 2, 14, 19)}  # DataType

_CONSTANT = "Const"
_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")
_LAYERS = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
_PASSING = ("Identity", "ReadVariableOp", "Reshape", "Squeeze", "Cast", "ExpandDims", "Enter", "StopGradient")
"""Operations whose result has the values of their first input."""

_SUMS = ("BiasAdd", "Add", "AddV2")
_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_OF_BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")

_NO_NAME = re.compile(r"(?:.*/)?(?:ReadVariableOp(?:_\d+)?(?:/resource)?|resource|unknown(?:_\d+)?|Const(?:_\d+)?)")
"""What a constant is called that has no name of its own."""

_ONES = re.compile(r"(?:.*/)?(?:Const|ones)(?:_\d+)?")
"""What the ones are called that stand in place of a gamma."""


@dataclass(frozen=True, slots=True)
class _Node:
    """An operation: the names of the nodes that it reads, in order; of a constant where its TensorProto is."""

    operation: str
    inputs: tuple[str, ...]
    value: slice | None


class _Use(NamedTuple):
    """What a constant is to a layer. scope: the layer's name."""

    constant: str
    scope: str
    leaf: str


def read(file: MappedFile) -> Checkpoint:
    """Read the constants of the graph in `file`. Raises BadInput where it is damaged or not frozen."""
    try:
        check_messages(file, slice(0, file.size))
        nodes = _nodes(file)
        tensors, left_out = _tensors(file, nodes)
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"its graph cannot be read: {problem}") from None
    if not tensors:
        if any(node.operation in _VARIABLES for node in nodes.values()):
            raise file.bad("it is a graph of variables without their values: name the checkpoint that has them")
        raise file.bad("it is a graph without weights: is it the right file?")
    return Checkpoint(file.path, NAME, MappingProxyType(tensors), MappingProxyType({}), left_out=left_out)


def _nodes(file: MappedFile) -> dict[str, _Node]:
    """Return name -> node, in the file's order."""
    nodes: dict[str, _Node] = {}
    for number, place in placed_fields(file, slice(0, file.size)):
        if number == _NODE and isinstance(place, slice):
            file.spend(_COST)
            name, node = _node(file, place)
            if not is_name(name):
                raise ValueError(f"a node is called {shown(name)}, printable text without '..' was expected")
            if name in nodes:
                raise ValueError(f"two nodes are called {shown(name)}")
            nodes[name] = node
    return nodes


def _node(file: MappedFile, place: slice) -> tuple[str, _Node]:
    texts: dict[int, list[str]] = {_NODE_NAME: [], _OPERATION: [], _INPUT: []}
    attributes: list[slice] = []
    for number, value in placed_fields(file, place):
        if number in texts and isinstance(value, slice):
            file.spend(_COST // 8 + value.stop - value.start)
            texts[number].append(file[value].decode())
        elif number == _ATTRIBUTE and isinstance(value, slice):
            attributes.append(value)
    if len(texts[_NODE_NAME]) != 1 or len(texts[_OPERATION]) != 1:
        raise ValueError("a node has not one name and one operation")
    operation = texts[_OPERATION][0]
    inputs = tuple(text.removesuffix(":0") for text in texts[_INPUT] if not text.startswith("^"))
    return texts[_NODE_NAME][0], _Node(
        operation, inputs, _constant_value(file, attributes) if operation == _CONSTANT else None
    )


def _constant_value(file: MappedFile, attributes: list[slice]) -> slice:
    """Return where the TensorProto of a constant is."""
    places = []
    for attribute in attributes:
        entry = Message(file, attribute, {_KEY: ("key", bytes), _VALUE: ("value", bytes)})
        if entry.raw("key") == b"value":
            held = list(placed_fields(file, entry.place("value")))
            places += [place for number, place in held if number == _TENSOR and isinstance(place, slice)]
            if len(held) != 1:
                raise ValueError("a constant has other than one value")
    if len(places) != 1:
        raise ValueError("a constant has other than one value")
    return places[0]


# Which constant is what.


def _tensors(file: MappedFile, nodes: Mapping[str, _Node]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return name -> tensor, and the names of constants of ones that are no gammas."""
    values = ((name, _value(file, node.value)) for name, node in nodes.items() if node.value)
    constants = {name: value for name, value in values if value is not None}
    names: dict[str, str] = {}
    left_out = set[str]()
    for use in _uses(nodes, constants):
        if use.constant not in names:
            names[use.constant] = f"{use.scope}/{use.leaf}" if _NO_NAME.fullmatch(use.constant) else use.constant
        if use.leaf == "gamma" and _ONES.fullmatch(use.constant) and (constants[use.constant] == 1).all():
            left_out.add(use.constant)
    names |= {name: name for name in constants if name not in names}
    tensors: dict[str, Tensor] = {}
    for constant, name in names.items():
        if constant in left_out:
            continue
        if name in tensors:
            raise file.bad(f"two of its tensors are called {shown(name)}, names of their own were expected")
        tensors[name] = constants[constant]
    return tensors, tuple(sorted(left_out))


def _uses(nodes: Mapping[str, _Node], constants: Mapping[str, Tensor]) -> Iterator[_Use]:
    """Yield what constants are to layers, in the order of the layers' operations."""
    for name, node in nodes.items():
        parts: list[str] = []
        leaves: tuple[str, ...] = ()
        scope = name.rpartition("/")[0] or name
        if node.operation in _LAYERS:
            parts, leaves = [_source(nodes, part) for part in node.inputs[1:2]], ("kernel",)
        elif node.operation in _BATCH_NORMS:
            parts, leaves = [_source(nodes, part) for part in node.inputs[1:5]], _OF_BATCH_NORM
        elif node.operation in _SUMS and len(node.inputs) == 2:
            layer, bias = (_source(nodes, part) for part in node.inputs)
            if bias not in constants:
                layer, bias = bias, layer
            if layer in nodes and nodes[layer].operation in _LAYERS:
                parts, leaves, scope = [bias], ("bias",), layer.rpartition("/")[0] or layer
        elif node.operation == "Sub" and len(node.inputs) == 2:
            parts, leaves = _batch_norm(nodes, constants, node), _OF_BATCH_NORM
            scope = scope.removesuffix("/batchnorm")
        for constant, leaf in zip(parts, leaves, strict=False):
            if constant in constants:
                yield _Use(constant, scope, leaf)


def _batch_norm(nodes: Mapping[str, _Node], constants: Mapping[str, Tensor], difference: _Node) -> list[str]:
    """Return gamma ("" for none), beta, mean and variance of a batch norm that ends as `beta - mean * scale`.

    The scale is 1 / sqrt(variance + epsilon), times gamma. Empty where it is none.
    """
    beta, product = (_source(nodes, part) for part in difference.inputs)
    mean, scale = _constant_and_other(nodes, constants, product, "Mul")
    gamma, root = _constant_and_other(nodes, constants, scale, "Mul")
    gamma, root = (gamma, root) if root else ("", scale)
    inside = _source(nodes, nodes[root].inputs[0]) if root in nodes and nodes[root].operation == "Rsqrt" else ""
    variance, _ = _constant_and_other(nodes, constants, inside, "AddV2", "Add")
    return [gamma, beta, mean, variance] if beta in constants and mean and variance else []


def _constant_and_other(
    nodes: Mapping[str, _Node], constants: Mapping[str, Tensor], name: str, *operations: str
) -> tuple[str, str]:
    """Return which input of a node is a constant of several numbers, and the other; "" where it is another node."""
    node = nodes.get(name)
    if node is None or node.operation not in operations or len(node.inputs) != 2:
        return "", ""
    first, second = (_source(nodes, part) for part in node.inputs)
    if second in constants:
        first, second = second, first
    return (first, second) if first in constants and second not in constants else ("", "")


def _source(nodes: Mapping[str, _Node], name: str) -> str:
    """Return the node whose values come to be those of `name`; `name` where there is no such node."""
    for _ in range(len(_PASSING)):
        node = nodes.get(name)
        if node is None or node.operation not in _PASSING or not node.inputs:
            break
        name = node.inputs[0]
    return name


# Values.


def _value(file: MappedFile, place: slice) -> Tensor | None:
    """Return the values in a `TensorProto`; None where they are not floats, or a single number.

    They are its bytes or a list, of which the last one stands for all that follow.
    """
    parts: dict[int, int | slice] = {}
    for number, value in placed_fields(file, place):
        if number in parts:
            raise ValueError(f"a constant has the field {number} twice")
        parts[number] = value
    if (code := _number(parts, _DTYPE)) >= 1 << 31:  # of which protocol buffers drop the upper half
        raise ValueError(f"a constant is of the dtype {shown(code)}, which is none")
    dtype = _FLOATS.get(code)
    described = _place(parts, _SHAPE)
    if described.stop - described.start > _LARGEST_SHAPE:
        raise ValueError(f"a shape has {described.stop - described.start:,} bytes")
    shape = shape_of(file[described])
    if dtype is None or not shape:
        return None
    content, count = _place(parts, _CONTENT), prod(shape)
    if content.stop > content.start:
        if content.stop - content.start != count * dtype.itemsize:
            raise ValueError(f"a constant of shape {shown(shape)} has {content.stop - content.start:,} bytes")
        return file.array("of a graph", dtype, shape, content.start)
    listed = _place(parts, field_of(dtype))
    size = listed.stop - listed.start
    there = size // dtype.itemsize if dtype.itemsize > 2 else sum(byte < 0x80 for byte in file[listed])
    if there > count:
        raise ValueError(f"a constant of shape {shown(shape)} has {there:,} values")
    values = unpacked(file, "of a graph", listed, dtype, there)
    if there < count:
        file.spend(count * dtype.itemsize)
        values = np.pad(values, (0, count - there), mode="edge") if there else np.zeros(count, dtype)
        values.flags.writeable = False
    return values.reshape(shape)


def _number(parts: Mapping[int, int | slice], field: int) -> int:
    value = parts.get(field, 0)
    assert isinstance(value, int)  # as `check_messages` has found
    return value


def _place(parts: Mapping[int, int | slice], field: int) -> slice:
    value = parts.get(field, slice(0, 0))
    assert isinstance(value, slice)
    return value
