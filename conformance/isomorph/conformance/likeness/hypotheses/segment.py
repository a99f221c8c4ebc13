"""A part of a specification between values that are known: what is tried there costs no more than its own layers."""

from collections.abc import Mapping

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.hypotheses.hypothesis import Hypothesis


class Segment:
    """The nodes between known values and one of which the value is looked for.

    graph: of a plan, with tensors. known: number -> value. target: the number of the node that is looked for.
    nodes: all that have to be computed for it, in order.
    sources: the known nodes that they read.
    """

    def __init__(self, graph: Graph, known: Mapping[int, Array], target: int) -> None:
        self.graph = graph
        self.known = known
        self.target = target
        needed, sources, waiting = {target}, set(), [target]
        while waiting:
            for read in graph.nodes[waiting.pop()].reads:
                if read.source in known:
                    sources.add(read.source)
                elif read.source not in needed:
                    needed.add(read.source)
                    waiting.append(read.source)
        self.nodes = [number for number in graph.nodes if number in needed]
        self.sources = [number for number in graph.nodes if number in sources]
        self._plain: dict[int, Array] = {}

    def inputs(self, number: int) -> list[Array]:
        """Return what a node reads where nothing is computed otherwise."""
        return [
            read.layout.take(np.ascontiguousarray(self.plain(read.source))) for read in self.graph.nodes[number].reads
        ]

    def plain(self, number: int) -> Array:
        """Return a node's value where nothing is computed otherwise."""
        if number in self.known:
            return self.known[number]
        if number not in self._plain:
            node = self.graph.nodes[number]
            self._plain[number] = evaluate(node.operation, self.inputs(number), node.arrays)
        return self._plain[number]

    def value(self, hypothesis: Hypothesis) -> Array:
        """Return the target's value under a hypothesis. Raises ValueError where shapes do not fit.

        Only what the hypothesis touches is computed, and what reads that.
        """
        touched = hypothesis.touched
        changed: dict[int, Array] = {}
        for number in self.nodes:
            node = self.graph.nodes[number]
            sources = hypothesis.reads.get(number, tuple(read.source for read in node.reads))
            if number not in touched and not any(source in changed for source in sources):
                continue
            values = [changed[source] if source in changed else self.plain(source) for source in sources]
            inputs = [
                read.layout.take(np.ascontiguousarray(x)) if read.layout.size == x.size else _reshaped(x, read.shape)
                for read, x in zip(node.reads, values, strict=False)
            ]
            computed = hypothesis.computed.get(number)
            changed[number] = computed(inputs) if computed else evaluate(node.operation, inputs, node.arrays)
        return changed.get(self.target, self.plain(self.target))


def _reshaped(x: Array, shape: tuple[int, ...]) -> Array:
    """Return a value of another size as a reader takes it: a map as it is, its cells or all of it in a row.

    Raises ValueError where it has too few axes for that.
    """
    if len(shape) > x.ndim:
        raise ValueError(f"A value of axes {x.shape} cannot be read as one of {shape}.")
    if len(shape) == x.ndim:
        return x
    return x.reshape(x.shape[0], -1, x.shape[-1]) if len(shape) == 3 else x.reshape(x.shape[0], -1)
