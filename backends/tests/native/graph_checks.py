"""What every tracer's graph must pass: each node, computed anew of what it reads, gives the value that it has."""

import json

import numpy as np

from isomorph.backends.graphs.crossing import to_document
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.spec.operations import Input, Unknown


def unknown(graph: Graph) -> list[str]:
    """The names of the operations that the tracer had no words for."""
    return [node.operation.name for node in graph.nodes.values() if isinstance(node.operation, Unknown)]


def kinds(graph: Graph) -> list[str]:
    """The names of the operations behind the images, in order."""
    return [node.kind.__name__ for node in graph.nodes.values() if node.kind is not Input]


def assert_is_known(graph: Graph, limit: float = 1e-12) -> None:
    """Fail unless the tracer had words for every operation, and each gives its own value, see below."""
    __tracebackhide__ = True
    assert unknown(graph) == []
    assert_computes_its_values(graph, limit)


def assert_computes_its_values(graph: Graph, limit: float = 1e-12) -> None:
    """Fail unless every node that is known gives its own value, within `limit` of its largest.

    The graph has to be one that can be passed between processes, too.
    """
    __tracebackhide__ = True
    json.dumps(to_document(graph)[0])
    for node in graph.nodes.values():
        if isinstance(node.operation, Input | Unknown):
            continue
        assert node.value is not None
        found = evaluate(node.operation, [graph.take(read) for read in node.reads], node.arrays)
        assert found.shape == node.value.shape, f"{node.operation} gives {found.shape}, it has {node.value.shape}"
        with np.errstate(invalid="ignore"):
            error = np.abs(np.where(found == node.value, 0, found - node.value)).max(initial=0)
        largest = max(1.0, float(np.abs(node.value[np.isfinite(node.value)]).max(initial=0)))
        assert error <= limit * largest, f"{node.operation} of {node.name!r} is off by {error / largest:.3g}"
