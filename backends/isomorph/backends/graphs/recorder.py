"""Record a graph while somebody's model runs: each framework's tracer tells what it sees, in the words of here."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout, Move
from isomorph.spec.operations import VALUE, Concatenation, Constant, Input, Operation


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

    def concatenate(self, to: Hashable, reads: Sequence[Read], value: Array, axis: int) -> None:
        """Record values one behind the other along any axis of theirs."""

        def last(x: Array) -> Array:
            return np.moveaxis(x, axis, -1)

        moved = [read.moved(last) for read in reads]
        self.add(to, Concatenation(), moved, last(value), move=lambda x: np.moveaxis(x, -1, axis))

    def output(self, name: str, key: Hashable) -> None:
        """Record what the model returns under a name; what does not depend on the images is left out."""
        if key in self.reads:
            self.graph.outputs[name] = self.reads[key]


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
