"""Pass graphs between processes: nodes as JSON, their values and tensors as arrays."""

from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.spec import operations


def to_document(graph: Graph) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return a graph as what JSON can carry, and the arrays that it names.

    >>> from isomorph.backends.graphs.recorder import Recorder
    >>> recorder = Recorder()
    >>> recorder.images("x", np.zeros((1, 2, 2, 3)))
    >>> document, arrays = to_document(recorder.graph)
    >>> list(arrays), from_document(document, arrays).images.shape
    (['values/0'], (1, 2, 2, 3))
    """
    arrays = _Arrays()
    nodes = [
        {
            "number": node.number,
            "operation": operations.to_document(node.operation),
            "reads": [_read_to_document(read, arrays) for read in node.reads],
            "tensors": {leaf: _tensor_to_document(tensor, arrays) for leaf, tensor in node.tensors.items()},
            "value": None if node.value is None else arrays.name(node.value, f"values/{node.number}"),
            "name": node.name,
        }
        for node in graph.nodes.values()
    ]
    outputs = [[name, _read_to_document(read, arrays)] for name, read in graph.outputs.items()]
    return {"nodes": nodes, "outputs": outputs, "ends_before": graph.ends_before}, arrays.by_name


def from_document(document: dict[str, Any], arrays: dict[str, Array]) -> Graph:
    """Return the graph that `to_document` described."""
    nodes = (
        Node(
            each["number"],
            operations.from_document(each["operation"]),
            tuple(_read_from_document(read, arrays) for read in each["reads"]),
            {leaf: _tensor_from_document(tensor, arrays) for leaf, tensor in each["tensors"].items()},
            None if each["value"] is None else arrays[each["value"]],
            each["name"],
        )
        for each in document["nodes"]
    )
    outputs = {name: _read_from_document(read, arrays) for name, read in document["outputs"]}
    return Graph({node.number: node for node in nodes}, outputs, tuple(document["ends_before"]))


class _Arrays:
    """Arrays by name; one that several tensors are moved from is there once."""

    def __init__(self) -> None:
        self.by_name: dict[str, Array] = {}
        self.names: dict[int, str] = {}

    def name(self, array: Array, name: str) -> str:
        """Return the name of an array, which is `name` if it is new."""
        return self._name(array, name)

    def numbered(self, array: Array) -> str:
        """Return the name of an array, which is a number if it is new."""
        return self._name(array, str(len(self.by_name)))

    def _name(self, array: Array, name: str) -> str:
        known = self.names.setdefault(id(array), name)
        self.by_name.setdefault(known, array)  # keeps it alive, so that its id stays its own
        return known


def _layout_to_document(layout: Layout, arrays: _Arrays) -> list[Any]:
    index = None if layout.index is None else arrays.numbered(layout.index)
    return [layout.size, layout.shape, layout.strides, layout.offset, index]


def _layout_from_document(document: list[Any], arrays: dict[str, Array]) -> Layout:
    size, shape, strides, offset, index = document
    return Layout(size, tuple(shape), tuple(strides), offset, None if index is None else arrays[index])


def _read_to_document(read: Read, arrays: _Arrays) -> list[Any]:
    return [read.source, _layout_to_document(read.layout, arrays)]


def _read_from_document(document: list[Any], arrays: dict[str, Array]) -> Read:
    source, layout = document
    return Read(source, _layout_from_document(layout, arrays))


def _tensor_to_document(tensor: Tensor, arrays: _Arrays) -> list[Any]:
    return [arrays.numbered(np.asarray(tensor.stored)), _layout_to_document(tensor.layout, arrays), tensor.name]


def _tensor_from_document(document: list[Any], arrays: dict[str, Array]) -> Tensor:
    stored, layout, name = document
    return Tensor(arrays[stored], _layout_from_document(layout, arrays), name)
