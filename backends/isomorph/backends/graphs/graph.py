"""A graph: what a model computes for some images, as primitive operations that read one another's values.

A trace of a model that somebody else wrote gives one, and so does a plan. Every value lies with its features last, as
`isomorph.spec.operations` says; whatever only moves elements is a layout of those who read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.layout import Layout, Move
from isomorph.spec.operations import Input, Operation


@dataclass(frozen=True, eq=False)
class Read:
    """One node's value, as another reads it: the node's number, and how its elements are read."""

    source: int
    layout: Layout

    @property
    def shape(self) -> tuple[int, ...]:
        """The axes of what is read."""
        return self.layout.shape

    def then(self, layout: Layout) -> "Read":
        """Return what `layout` reads of that which this one reads."""
        return Read(self.source, self.layout.then(layout))

    def moved(self, move: Move) -> "Read":
        """Return what `move`, which only moves elements, makes of this one."""
        return Read(self.source, self.layout.moved(move))


@dataclass(frozen=True, eq=False)
class Tensor:
    """A constant that an operation reads: kernels are [h, w, I, O] and [I, O], all others as they stretch.

    stored: the tensor that the model stores, or a value that was computed.
    layout: which element of the stored one each element is.
    name: of the stored one, in the model's own words; None of a value that was computed.
    """

    stored: Array
    layout: Layout
    name: str | None = None

    @classmethod
    def computed(cls, value: Array) -> "Tensor":
        """Return the tensor of a value that the model does not store."""
        return cls(value, Layout.whole(value.shape))

    @cached_property
    def value(self) -> Array:
        """Its elements, C-contiguous where they are not all stored ones in their order."""
        if self.layout.is_whole and self.stored.shape == self.layout.shape:
            return self.stored
        return np.ascontiguousarray(self.layout.take(np.ascontiguousarray(self.stored)))

    def moved(self, move: Move) -> "Tensor":
        """Return the tensor that `move`, which only moves elements, makes of this one."""
        return replace(self, layout=self.layout.moved(move))


@dataclass(eq=False)
class Node:
    """One operation.

    number: by which others read it.
    operation: what it computes.
    reads: what it computes that of.
    tensors: leaf -> tensor.
    value: what it gave for the images; None where nothing has been computed.
    name: where it stands: an end point's name, or the module's in somebody's model.
    """

    number: int
    operation: Operation
    reads: tuple[Read, ...] = ()
    tensors: dict[str, Tensor] = field(default_factory=dict)
    value: Array | None = None
    name: str = ""

    @property
    def kind(self) -> type:
        """The class of its operation."""
        return type(self.operation)

    @property
    def arrays(self) -> dict[str, Array]:
        """The values of its tensors by leaf."""
        return {leaf: tensor.value for leaf, tensor in self.tensors.items()}


@dataclass(eq=False)
class Graph:
    """Nodes by number, each after all that it reads.

    outputs: name -> what the model returns, in order; of a single one the name is "".
    ends_before: operations of the model that nothing here can run, in words. What they read are the outputs then.
    """

    nodes: dict[int, Node] = field(default_factory=dict)
    outputs: dict[str, Read] = field(default_factory=dict)
    ends_before: tuple[str, ...] = ()

    @property
    def input(self) -> Node:
        """The images."""
        return next(node for node in self.nodes.values() if node.kind is Input)

    @property
    def images(self) -> Images:
        """The values of the images."""
        value = self.input.value
        assert value is not None
        return value

    @property
    def readers(self) -> dict[int, list[tuple[int, int]]]:
        """Number of a node -> the nodes that read it, each with the place among what that one reads."""
        readers: dict[int, list[tuple[int, int]]] = {number: [] for number in self.nodes}
        for node in self.nodes.values():
            for place, read in enumerate(node.reads):
                readers[read.source].append((node.number, place))
        return readers

    def take(self, read: Read, values: Mapping[int, Array] | None = None) -> Array:
        """Return what is read, of the given values or else of those that the nodes have."""
        value = self.nodes[read.source].value if values is None else values[read.source]
        assert value is not None, read.source
        return read.layout.take(np.ascontiguousarray(value))

    def add(self, node: Node) -> Read:
        """Add a node behind all others, and return its value as it lies."""
        self.nodes[node.number] = node
        assert node.value is not None
        return Read(node.number, Layout.whole(node.value.shape))

    def new_number(self) -> int:
        """Return a number that no node has."""
        return max(self.nodes, default=-1) + 1

    def remove_unread(self) -> None:
        """Remove what no output depends on. The images stay."""
        living = {self.input.number}
        waiting = [read.source for read in self.outputs.values()]
        while waiting:
            number = waiting.pop()
            if number not in living:
                living.add(number)
                waiting += [read.source for read in self.nodes[number].reads]
        self.nodes = {number: node for number, node in self.nodes.items() if number in living}

    def put_in_order(self) -> None:
        """Put every node behind all that it reads, and else leave them in their order."""
        ordered: dict[int, Node] = {}
        for first in list(self.nodes):
            waiting = [first]
            while waiting:
                node = self.nodes[waiting[-1]]
                missing = [read.source for read in node.reads if read.source not in ordered]
                if missing:
                    waiting += missing
                else:
                    ordered[waiting.pop()] = node
        self.nodes = ordered

    def each_read(self) -> Iterator[Read]:
        """Yield all that nodes and outputs read."""
        for node in self.nodes.values():
            yield from node.reads
        yield from self.outputs.values()

    def replace_reads(self, of: int, by: Read) -> None:
        """Have everything that reads the node `of` read `by` instead, which has the same elements in that order."""
        for node in self.nodes.values():
            node.reads = tuple(by.then(read.layout) if read.source == of else read for read in node.reads)
        self.outputs = {
            name: by.then(read.layout) if read.source == of else read for name, read in self.outputs.items()
        }
