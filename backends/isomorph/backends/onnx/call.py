"""One operator of an ONNX graph, with what it read and gave when the graph ran."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto

from isomorph.backends.array_forms import Array


class Call:
    """One operator.

    name: "Conv"; of an operator that is none of ONNX's own with its domain, "com.microsoft.Gelu".
    version: of ONNX's set of operators.
    inputs: the names of what it reads, "" of what is left out; last of what graphs inside it read from outside.
    results: the names of the values that it gave.
    lost: the names of what it gave that is no array, but a sequence of them.
    """

    def __init__(self, node: NodeProto, version: int, values: Mapping[str, Array]) -> None:
        self.node = node
        self.version = version
        self.name = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        self.inputs = [*node.input, *_captured(node)]
        self.results = [name for name in node.output if name in values]
        self.lost = [name for name in node.output if name and name not in values]
        self._attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        self._values = values

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute, as text where it is one; `default` where it is left out."""
        value = self._attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def input(self, place: int) -> str | None:
        """Return the name of what it reads at a place; None where that is left out."""
        return self.inputs[place] or None if place < len(self.inputs) else None

    def argument(self, place: int) -> Array | None:
        """Return the value of what it reads at a place; None where that is left out."""
        name = self.input(place)
        return None if name is None else self._values[name]

    def numbers(self, place: int, attribute: str) -> list[int] | None:
        """Return whole numbers that it reads at a place, or in older versions has as an attribute; None if neither."""
        value = self.argument(place)
        if value is not None:
            return [int(number) for number in value.reshape(-1)]
        given = self._attributes.get(attribute)
        return None if given is None else [int(number) for number in given]

    def number(self, place: int, attribute: str, default: float) -> float:
        """Return a number that it reads at a place, or in older versions has as an attribute."""
        value = self.argument(place)
        return float(self.attribute(attribute, default) if value is None else value.reshape(-1)[0])

    @property
    def x(self) -> str:
        """The name of what it is an operation on: what it reads first."""
        name: str = self.inputs[0]
        return name

    @property
    def shape(self) -> tuple[int, ...]:
        """The axes of what it reads first."""
        return self._values[self.x].shape

    @property
    def result(self) -> str:
        """The name of the first value that it gave."""
        name: str = self.results[0]
        return name

    @property
    def value(self) -> Array:
        """The first value that it gave."""
        return to_float(self._values[self.result])


def _captured(node: NodeProto) -> list[str]:
    """Return the names that the operators of graphs inside an operator read, those of their own graphs among them."""
    graphs = [each.g for each in node.attribute if each.type == AttributeProto.GRAPH]
    read = [name for graph in graphs for inner in graph.node for name in (*inner.input, *_captured(inner))]
    return list(dict.fromkeys(read))


def to_float(value: Array) -> Array:
    """Return values of half precision in float32, which holds them all; others as they are."""
    return value.astype(np.float32) if value.dtype.itemsize == 2 and value.dtype.kind in "fV" else value
