"""Models as somebody else might have written them, without a framework: graphs of a plan that the oracle computes.

Names say nothing: every node and tensor has a number for its name.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Self

import numpy as np

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.backends.graphs.planned import graph_of
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_with
from isomorph.conformance.likeness.operands import taken
from isomorph.conformance.small_networks import KIN, RIGID, shortened
from isomorph.spec import Architecture, plan
from isomorph.spec.operations import Input, Operation

NETWORKS = {name: shortened(network) for name, network in KIN.items()} | RIGID

SIZE = (49, 64)


@cache
def drawn(name: str) -> tuple[Images, dict[str, Array]]:
    """Images in float64 and canonical tensors of one of NETWORKS."""
    images = draw_images(NETWORKS[name], 2, *SIZE)
    return images.astype(np.float64), draw_tensors(NETWORKS[name], images)


class Written:
    """A model that is one of NETWORKS until it is changed."""

    def __init__(self, network: Architecture, images: Images, tensors: dict[str, Array]) -> None:
        self.network, self.images, self.tensors = network, images, tensors
        self.graph = graph_of(plan(network), images.shape, tensors)

    @classmethod
    def of(cls, name: str) -> Self:
        return cls(NETWORKS[name], *drawn(name))

    def node(self, name: str, kind: type) -> Node:
        (found,) = (node for node in self.graph.nodes.values() if node.name == name and node.kind is kind)
        return found

    def change(self, name: str, kind: type, **attributes: Any) -> Node:
        """Give an operation other attributes."""
        node = self.node(name, kind)
        node.operation = replace(node.operation, **attributes)
        return node

    def change_tensor(self, name: str, kind: type, leaf: str, function: Callable[[Array], Array]) -> Node:
        node = self.node(name, kind)
        value = np.array(function(node.tensors[leaf].value))
        node.tensors[leaf] = Tensor(value, Layout.whole(value.shape), node.tensors[leaf].name)
        return node

    def remove(self, name: str, kind: type, place: int = 0) -> None:
        """Leave an operation out: who reads it reads what it read, at one place of several."""
        node = self.node(name, kind)
        instead = node.reads[place]
        for other in self.graph.nodes.values():
            other.reads = tuple(instead if read.source == node.number else read for read in other.reads)
        self.graph.outputs = {
            output: instead if read.source == node.number else read for output, read in self.graph.outputs.items()
        }
        self.graph.remove_unread()

    def insert_behind(
        self, name: str, kind: type, operation: Operation, tensors: dict[str, Array] | None = None
    ) -> Node:
        """Put an operation that keeps the axes between another one and all that read it."""
        before = self.node(name, kind)
        readers = [node for node in self.graph.nodes.values() if any(r.source == before.number for r in node.reads)]
        shape = next(read.layout for node in readers for read in node.reads if read.source == before.number)
        added = Node(
            self.graph.new_number(),
            operation,
            (Read(before.number, Layout.whole(shape.shape)),),
            {leaf: Tensor.computed(value) for leaf, value in (tensors or {}).items()},
        )
        for node in readers:
            node.reads = tuple(
                Read(added.number, read.layout) if read.source == before.number else read for read in node.reads
            )
        self.graph.nodes[added.number] = added
        self.graph.put_in_order()
        return added

    def run(self) -> Graph:
        """Compute all values, forget all names, and return the graph."""
        graph = self.graph
        for node in graph.nodes.values():
            node.value = self._value(node)
        graph.outputs = {"": self._resolved(next(iter(graph.outputs.values())))}
        graph.remove_unread()
        for number, node in enumerate(graph.nodes.values()):
            node.name = str(number)
            node.tensors = {
                leaf: replace(tensor, name=f"{number}.{leaf}" if tensor.name else None)
                for leaf, tensor in node.tensors.items()
            }
        return graph

    def _value(self, node: Node) -> Array:
        if node.kind is Input:
            return self.images
        node.reads = tuple(map(self._resolved, node.reads))
        return evaluate(node.operation, [self.graph.take(read) for read in node.reads], node.arrays)

    def _resolved(self, read: Read) -> Read:
        """Return what is read of a value that has other axes than were planned."""
        value = self.graph.nodes[read.source].value
        assert value is not None
        return read if read.layout.size == value.size else Read(read.source, Layout.whole(taken(read, value).shape))

    def diagnosis(self) -> Diagnosis:
        """Compare it with the network that it was, and its tensors."""
        return compare_with(self.network, self.run(), self.tensors)


def told(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Return the cause and the place of every finding."""
    return [(finding.cause, finding.place) for cause in diagnosis.causes for finding in cause.findings]
