"""Record a graph while somebody's model runs: each framework's tracer tells what it sees, in the words of here."""

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.einsum import Contraction
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout, Move
from isomorph.spec.operations import (
    RELU,
    SCALE,
    VALUE,
    Affine,
    Concatenation,
    Constant,
    Dense,
    Input,
    MatrixProduct,
    Mean,
    Operation,
    Pointwise,
    Sum,
)
from isomorph.spec.tensors import BIASES, WEIGHTS


class Recorder:
    """The graph of a model that is running, and where the framework's tensors are in it.

    A key tells one of the framework's tensors from all others while the model runs. What depends on the images is read
    from the graph. All else is constant, and known only where it is one of the model's own tensors or moved from one.

    module: the name of the module that is running, which its operations get.

    >>> from isomorph.spec.operations import RELU
    >>> recorder = Recorder()
    >>> recorder.images("x", np.ones((1, 2, 2, 3)), lambda x: x.transpose(0, 3, 1, 2))
    >>> recorder.add("y", RELU, [recorder.reads["x"]], np.ones((1, 3, 2, 2)))
    >>> recorder.move("y", ["flat"], lambda x: [x.reshape(1, -1)])
    >>> recorder.reads["flat"].source, recorder.reads["flat"].shape
    (1, (1, 12))
    """

    def __init__(self) -> None:
        self.graph = Graph()
        self.reads: dict[Hashable, Read] = {}
        self.constants: dict[Hashable, Tensor] = {}
        self.module = ""

    def images(self, key: Hashable, images: Images, move: Move | None = None) -> None:
        """Record the images, [N, H, W, C]; `move` gives them the framework's axes."""
        read = self.graph.add(Node(self.graph.new_number(), Input(), value=np.array(images, order="C"), name="input"))
        self.reads[key] = read.moved(move) if move else read

    def own(self, key: Hashable, name: str, value: Array) -> None:
        """Record one of the model's own tensors under its name. The array is read when the model has run."""
        self.constants[key] = Tensor(value, Layout.whole(value.shape), name)

    def tensor(self, key: Hashable, value: Array) -> Tensor:
        """Return a constant: one of the model's own tensors, or moved from one, or else just `value`."""
        return self.constants.get(key) or Tensor.computed(np.array(value))

    def as_value(self, tensor: Tensor) -> Read:
        """Record a constant as a value that others read, for an operation that has no leaf for it."""
        value = np.array(tensor.value, order="C")
        node = Node(self.graph.new_number(), Constant(), (), {VALUE: tensor}, value, self.module)
        return self.graph.add(node)

    def move(self, key: Hashable, to: Sequence[Hashable], move: Callable[[Array], Sequence[Any]]) -> None:
        """Record an operation that only moves elements of the tensor `key`.

        to: the tensors that it gave; `move` returns as many arrays, of an array.
        """
        source = self.reads.get(key) or self.constants.get(key)
        if source is None:
            return
        for new, layout in zip(to, source.layout.moved_to(move), strict=True):
            if isinstance(source, Read):
                self.reads[new] = Read(source.source, layout)
            else:
                self.constants[new] = Tensor(source.stored, layout, source.name)

    def add(
        self,
        to: Hashable,
        operation: Operation,
        reads: Sequence[Read],
        value: Array,
        tensors: dict[str, Tensor] | None = None,
        move: Move | None = None,
    ) -> None:
        """Record an operation, with the value that it gave, features last.

        to: the tensor that it gave; `move` gives the value the framework's axes.
        """
        number = self.graph.new_number()
        node = Node(number, operation, tuple(reads), tensors or {}, np.array(value, order="C"), self.module)
        read = self.graph.add(node)
        self.reads[to] = read.moved(move) if move else read

    def add_each(
        self,
        to: Hashable,
        operation: Operation,
        reads: Sequence[Read],
        value: Array,
        tensors: dict[str, Tensor] | None = None,
        move: Move | None = None,
    ) -> None:
        """Record an operation on each element alone, whose operands stretch to the axes of `value`, the framework's.

        Its value is kept as that of what it reads lies. Where it reads nothing whole, `move` puts the features last.
        """
        whole = (read.layout for read in reads if read.shape == value.shape and read.layout.reads_all_once)
        guide = next(whole, None)
        shape = value.shape
        if guide is None:
            numbers = np.arange(value.size).reshape(shape)
            inner = np.asarray(move(numbers)) if move else numbers
            guide = Layout.of(np.argsort(inner, axis=None).reshape(shape), value.size)
            lies = inner.shape
        else:
            lies = next(self._axes(read) for read in reads if read.layout is guide)

        def put(x: Array) -> Array:
            return guide.scatter(np.broadcast_to(x, shape)).reshape(lies)

        node = Node(
            self.graph.new_number(),
            operation,
            tuple(read.moved(put) for read in reads),
            {leaf: _unstretched(tensor.moved(put)) for leaf, tensor in (tensors or {}).items()},
            np.array(put(value), order="C"),
            self.module,
        )
        self.reads[to] = Read(self.graph.add(node).source, guide)

    def _axes(self, read: Read) -> tuple[int, ...]:
        """Return the axes of the value that is read."""
        value = self.graph.nodes[read.source].value
        assert value is not None
        return value.shape

    def concatenate(self, to: Hashable, operands: Sequence[Read | Tensor], value: Array, axis: int) -> None:
        """Record values one behind the other along any axis of theirs."""

        def last(x: Array) -> Array:
            return np.moveaxis(x, axis, -1)

        moved = [self._read(operand).moved(last) for operand in operands]
        self.add(to, Concatenation(), moved, last(value), move=lambda x: np.moveaxis(x, -1, axis))

    def prelu(self, to: Hashable, read: Read, slopes: Tensor, value: Array, move: Move | None = None) -> None:
        """Record a leaky ReLU with slopes that stretch to the axes of `value`: max(x, 0) + slopes * min(x, 0)."""
        x = self.graph.take(read)
        keys = above, below, scaled = [(to, part) for part in ("above", "below", "scaled")]
        self.add_each(above, RELU, [read], np.maximum(x, 0), move=move)
        self.add_each(below, Pointwise("clip", (-inf, 0.0)), [read], np.minimum(x, 0), move=move)
        multiple = np.minimum(x, 0) * slopes.value
        self.add_each(scaled, Affine(), [self.reads[below]], multiple, {SCALE: slopes}, move)
        self.add_each(to, Sum(), [self.reads[above], self.reads[scaled]], value, move=move)
        for key in keys:
            del self.reads[key]

    def mean(self, to: Hashable, read: Read, value: Array, axes: Collection[int]) -> None:
        """Record a mean over any axes of what is read, as one over the last but one of what is moved there."""
        rank = len(read.shape)
        within = [axis for axis in range(rank) if axis in {each % rank for each in axes}]
        others = [axis for axis in range(rank) if axis not in within]
        leading, features = others[:-1], others[-1:]
        lies = [read.shape[axis] for axis in others] or [1]

        def move(x: Array) -> Array:
            return x.transpose(*leading, *within, *features).reshape(*lies[:-1], -1, lies[-1])

        self.add(to, Mean(), [read.moved(move)], value.reshape(lies), move=lambda x: x.reshape(value.shape))

    def multiply(
        self, to: Hashable, first: Read | Tensor, second: Read | Tensor, value: Array, biases: Tensor | None = None
    ) -> bool:
        """Record the product of two matrices or stacks of them: of a value and a kernel [I, O], or of two values.

        Returns False, and records nothing, where it is no product with a kernel and yet has biases.
        """
        if isinstance(first, Read) and isinstance(second, Tensor) and len(second.layout.shape) == 2:
            tensors = {WEIGHTS: second} | ({} if biases is None else {BIASES: biases})
            self.add(to, Dense(), [first], value, tensors)
        elif biases is not None:
            return False
        elif isinstance(first, Tensor) and isinstance(second, Read) and len(first.layout.shape) == 2:
            read, kernel = second.moved(_transposed), first.moved(_transposed)  # W x = (x' W')'
            self.add(to, Dense(), [read], _transposed(value), {WEIGHTS: kernel}, _transposed)
        else:
            self.add(to, MatrixProduct(), [self._read(first), self._read(second)], value)
        return True

    def contract(self, to: Hashable, equation: str, operands: Sequence[Read | Tensor], value: Array) -> bool:
        """Record Einstein's sum of operands; return False of one that is no product of two matrices."""
        contraction = Contraction.read(equation)
        if contraction is None or len(operands) != 2:
            return False
        first, second = operands
        if isinstance(first, Tensor):
            first, second, contraction = second, first, contraction.turned
        forward, back = contraction.forward, contraction.back
        left, right = self._read(first).moved(contraction.left), second.moved(contraction.right)
        tensors: dict[str, Tensor] = {}
        if isinstance(right, Tensor) and not contraction.batch:
            operation: Operation = Dense()
            reads, tensors = [left], {WEIGHTS: right}
        else:
            operation, reads = MatrixProduct(), [left, self._read(right)]
        self.add(to, operation, reads, forward(value), tensors, lambda x: back(x, value.shape))
        return True

    def _read(self, operand: Read | Tensor) -> Read:
        return operand if isinstance(operand, Read) else self.as_value(operand)

    def output(self, name: str, key: Hashable) -> None:
        """Record what the model returns under a name; what does not depend on the images is left out."""
        if key in self.reads:
            self.graph.outputs[name] = self.reads[key]


def _transposed(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def _unstretched(tensor: Tensor) -> Tensor:
    """Return a tensor without the axes along which all its elements are the same ones."""
    numbers = tensor.layout.numbers()
    for axis in range(numbers.ndim):
        first = numbers.take([0], axis)
        if np.array_equal(np.broadcast_to(first, numbers.shape), numbers):
            numbers = first
    while numbers.ndim > 1 and numbers.shape[0] == 1:
        numbers = numbers[0]
    return replace(tensor, layout=Layout.of(numbers, tensor.layout.size))
