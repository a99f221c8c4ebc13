"""TensorFlow Lite's `.tflite`: a program whose constants are the weights, of which nothing is executed.

The operators stand in the order in which they are computed, so that of the tensors is the network's. Kernels are given
the axes that TensorFlow has them in: of a convolution [rows, columns, in, out], of a depthwise one [rows, columns,
channels, 1], of a dense layer [in, out]. Lite has the channels of a depthwise kernel last, and the outputs of others
first. Converters call a constant after all that they made it of, `conv1_bn/batchnorm/mul;conv1/Conv2D`; here a layer is
called after its own operation, and its tensors `conv1/kernel` and `conv1/bias`. Other constants of floats keep their
names, and such as scale or shift channels are vectors of them; those of whole numbers, which are shapes and axes, are
no weights.

Weights of float16 are dequantized by an operator of its own, and are read as they are. Quantised ones are refused. Of
several subgraphs the first is read, which is the main one.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs (numbers of fields, `TensorType`, `BuiltinOperator`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType

import ml_dtypes
import numpy as np

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.checkpoint import Checkpoint, Tensor
from isomorph.tools.checkpoints.flatbuffers import Table
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import shown

NAME = "TensorFlow Lite"

_VERSION = 3
_FLOATS = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
    10: np.dtype("<f8"),
    18: np.dtype(ml_dtypes.bfloat16),
}  # TensorType
_INTEGERS = {2: "int32", 3: "uint8", 4: "int64", 7: "int16", 9: "int8", 16: "uint16", 17: "int4"}
_DEQUANTIZE = 6  # BuiltinOperator
_AXES = {3: (1, 2, 3, 0), 4: (1, 2, 3, 0), 9: (1, 0)}
"""Convolution, depthwise convolution, dense layer -> which of Lite's axes TensorFlow has in turn."""

_MODEL_VERSION, _CODES, _SUBGRAPHS, _BUFFERS = 0, 1, 2, 4  # Model
_TENSORS, _OPERATORS = 0, 3  # SubGraph
_SHAPE, _TYPE, _BUFFER, _TENSOR_NAME, _SPARSITY = 0, 1, 2, 3, 6  # Tensor
_CODE, _INPUTS, _OUTPUTS = 0, 1, 2  # Operator
_OLD_CODE, _NEW_CODE = 0, 3  # OperatorCode: the first has a byte, and 127 where that is not enough
_DATA, _DATA_OFFSET, _DATA_SIZE = 0, 1, 2  # Buffer: in it, or behind the program where that has more than 2 GB

_LAYER = re.compile(
    r"(?P<scope>.+)/(?:convolution|depthwise|separable_conv2d|[Cc]onv2[Dd]|Depthwise[Cc]onv2[Dd](?:Native)?|MatMul"
    r"|(?:depthwise_)?(?:weights|kernel))(?:/.*)?\d*"
)
"""What converters call a layer's kernel."""


@dataclass(frozen=True, slots=True)
class _Constant:
    """A tensor whose values stand in the file. name: the file's own, which need not be the only one, nor there."""

    name: str
    code: int
    shape: tuple[int, ...]
    place: slice
    is_sparse: bool

    @property
    def dtype(self) -> np.dtype | None:
        """Return its dtype; None where it is not one of floats."""
        return _FLOATS.get(self.code)


@dataclass(frozen=True, slots=True)
class _Operator:
    """An operator: its kind, and the numbers of the tensors that it reads, -1 for none, and of those that it makes."""

    kind: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read(file: MappedFile) -> Checkpoint:
    """Read the weights in `file`. Raises BadInput where it is damaged or quantised, or no layer of it has weights."""
    try:
        tensors = _weights(file)
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"its program cannot be read: {problem}") from None
    return Checkpoint(file.path, NAME, MappingProxyType(tensors), MappingProxyType({}))


def _weights(file: MappedFile) -> dict[str, Tensor]:
    """Return name -> tensor, in the order of the operators that read them."""
    model = Table.root(file)
    if (version := model.number(_MODEL_VERSION, 4)) != _VERSION:
        raise file.bad(f"it is of version {version:,} of TensorFlow Lite's schema, {_VERSION} was expected")
    subgraph = next(model.tables(_SUBGRAPHS), None)
    if subgraph is None:
        raise ValueError("it has no subgraph")
    constants = _constants(file, list(subgraph.tables(_TENSORS)), list(model.tables(_BUFFERS)))
    tensors: dict[str, Tensor] = {}
    read_before = set[tuple[int, ...]]()  # a layer, or a constant, may stand in a network twice
    has_layers = False
    for operator in _without_dequantizing(_operators(model, subgraph), constants):
        axes = _AXES.get(operator.kind)
        parts = operator.inputs[1:3]  # a kernel, and a bias; biases of zeros may be one constant of several layers
        if axes and parts and parts[0] in constants:
            has_layers = True
            if parts not in read_before:
                read_before.add(parts)
                _add_layer(file, tensors, axes, [constants[number] for number in parts if number in constants])
            continue
        for number in operator.inputs:
            if number in constants and constants[number].dtype and (number,) not in read_before:
                read_before.add((number,))
                _add(file, tensors, constants[number].name, constants[number])
    if not has_layers:
        raise file.bad("it has no convolution or dense layer with weights of its own: is it the right file?")
    return tensors


def _add_layer(file: MappedFile, tensors: dict[str, Tensor], axes: tuple[int, ...], parts: list[_Constant]) -> None:
    """Add a layer's kernel, and its bias where it has one. axes: which of the kernel's are TensorFlow's in turn."""
    kernel, *biases = parts
    scope = scope_of(kernel.name)
    if f"{scope}/kernel" in tensors:  # as of two kernels of one separable convolution
        scope = kernel.name
    if len(kernel.shape) != len(axes):
        raise ValueError(f"the kernel of its layer {shown(scope)} has the shape {shown(kernel.shape)}")
    _add(file, tensors, f"{scope}/kernel", kernel, axes)
    for bias in biases:
        _add(file, tensors, f"{scope}/bias", bias)


def _add(
    file: MappedFile, tensors: dict[str, Tensor], name: str, constant: _Constant, axes: tuple[int, ...] | None = None
) -> None:
    """Add a tensor. axes: which of the file's are its own in turn; None for all as they are, less leading ones of 1.

    Raises BadInput where it has no floats, or its name is another's.
    """
    if name in tensors:
        raise file.bad(f"two of its tensors are called {shown(name)}, names of their own were expected")
    if constant.is_sparse:
        raise file.bad(f"its tensor {shown(name)} is saved sparse, which is not read here: name what it was made from")
    if constant.dtype is None:
        dtype = _INTEGERS.get(constant.code, f"TensorFlow Lite's type {constant.code}")
        raise file.bad(
            f"its tensor {shown(name)} is {dtype}: the file is quantised, float32 or float16 was expected; convert the"
            " network without quantisation, or name the checkpoint that it was made from"
        )
    size, expected = constant.place.stop - constant.place.start, prod(constant.shape) * constant.dtype.itemsize
    if min(constant.shape, default=0) < 0 or size != expected:
        raise ValueError(f"its tensor {shown(name)} of shape {shown(constant.shape)} has {size:,} bytes")
    array = file.array(name, constant.dtype, constant.shape, constant.place.start)
    if axes:
        tensors[name] = array.transpose(axes)
    else:
        tensors[name] = array.reshape(-1) if array.ndim and array.shape[-1] == array.size else array


def _constants(file: MappedFile, tensors: list[Table], buffers: list[Table]) -> dict[int, _Constant]:
    """Return the number of each tensor whose values stand in the file -> that tensor."""
    constants = {}
    for number, tensor in enumerate(tensors):
        buffer = tensor.number(_BUFFER, 4)
        if buffer >= len(buffers):
            raise ValueError(f"its tensor {number:,} is in the buffer {buffer:,} of {len(buffers):,}")
        place = _values(file, buffers[buffer])
        if place.stop > place.start:
            constants[number] = _Constant(
                _name(tensor, number),
                tensor.number(_TYPE, 1),
                tensor.numbers(_SHAPE),
                place,
                tensor.table(_SPARSITY) is not None,
            )
    return constants


def _values(file: MappedFile, buffer: Table) -> slice:
    """Return where the bytes of a buffer are, in it or behind the program."""
    start = buffer.number(_DATA_OFFSET, 8)
    if start <= 1:
        return buffer.raw(_DATA)
    end = start + buffer.number(_DATA_SIZE, 8)
    if end > file.size:
        raise ValueError(f"a buffer ends at byte {shown(end)} of {file.size:,}")
    return slice(start, end)


def _name(tensor: Table, number: int) -> str:
    """Return what the file calls a tensor, in one line; of a nameless one its number."""
    try:
        name = tensor.text(_TENSOR_NAME).decode()
    except UnicodeDecodeError:
        raise ValueError(f"the name of its tensor {number:,} is no text in UTF-8") from None
    if not name.isprintable():
        raise ValueError(f"its tensor {number:,} is called {shown(name)}, printable text was expected")
    return name or f"tensor_{number}"


def scope_of(name: str) -> str:
    """Return what a layer is called, by its kernel's name.

    >>> from isomorph.tools.checkpoints.tensorflow.lite import scope_of
    >>> scope_of("m/bn/batchnorm/mul_1;m/conv_dw/depthwise;m/bn/batchnorm/mul"), scope_of("arith.constant3")
    ('m/conv_dw', 'arith.constant3')
    """
    parts = name.split(";")
    found = next(filter(None, map(_LAYER.fullmatch, parts)), None)
    return found["scope"] if found else parts[0]


def _operators(model: Table, subgraph: Table) -> Iterator[_Operator]:
    kinds = [
        max(code.number(_OLD_CODE, 1, signed=True), code.number(_NEW_CODE, 4, signed=True))
        for code in model.tables(_CODES)
    ]
    for operator in subgraph.tables(_OPERATORS):
        code = operator.number(_CODE, 4)
        if code >= len(kinds):
            raise ValueError(f"an operator is of the kind {code:,} of {len(kinds):,}")
        yield _Operator(kinds[code], operator.numbers(_INPUTS), operator.numbers(_OUTPUTS))


def _without_dequantizing(operators: Iterable[_Operator], constants: Mapping[int, _Constant]) -> Iterator[_Operator]:
    """Yield the operators, but for those that dequantize a constant: what reads their outputs reads the constant."""
    dequantized: dict[int, int] = {}
    for operator in operators:
        inputs = tuple(dequantized.get(number, number) for number in operator.inputs)
        if operator.kind == _DEQUANTIZE and len(inputs) == len(operator.outputs) == 1 and inputs[0] in constants:
            dequantized[operator.outputs[0]] = inputs[0]
        else:
            yield _Operator(operator.kind, inputs, operator.outputs)
