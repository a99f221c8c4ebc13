"""Trace an ONNX model: every operator that depends on the images, with its inputs, its result and its tensors."""

from collections.abc import Mapping

import numpy as np
from onnx import ModelProto

import isomorph.backends.onnx.maps
import isomorph.backends.onnx.operations  # noqa: F401 - they enter their handlers
from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph, Read, Tensor
from isomorph.backends.graphs.handlers import channels_first
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.onnx.call import Call, to_float
from isomorph.backends.onnx.handlers import CONSTANT, HANDLERS, record_unknown


class Tracer:
    """Records the operators of a graph that has run.

    recorder: what it records in.
    values: name -> what has that name in the graph.
    """

    def __init__(self, own: Mapping[str, Array], values: Mapping[str, Array]) -> None:
        self.recorder = Recorder()
        self.values = {**own, **values}
        self._lost: set[str] = set()  # what depends on the images, and is no array
        for name, value in own.items():
            self.recorder.own(name, name, to_float(value))

    def flows(self, name: str | None) -> bool:
        """Return whether a value depends on the images."""
        return name in self.recorder.reads

    def read(self, name: str) -> Read:
        """Return where in the graph a value is that depends on the images."""
        return self.recorder.reads[name]

    def constant(self, name: str) -> Tensor:
        """Return a value that does not depend on the images."""
        return self.recorder.tensor(name, to_float(self.values[name]))

    def operand(self, name: str) -> Read | Tensor:
        """Return what an operation reads, whether or not it depends on the images."""
        return self.read(name) if self.flows(name) else self.constant(name)

    def record(self, call: Call) -> None:
        """Record an operator if it depends on the images or moves one of the model's own tensors."""
        if call.name in CONSTANT or not (call.results or call.lost):
            return
        self.recorder.module = call.node.name or call.node.output[0]
        if not self._lost.isdisjoint(call.inputs):
            self._lost.update(call.lost)
            record_unknown(self, call)
        elif any(map(self.flows, call.inputs)):
            self._lost.update(call.lost)
            HANDLERS.get(call.name, record_unknown)(self, call)
        elif call.name in HANDLERS.moving and call.inputs:
            HANDLERS[call.name](self, call)


def trace(
    model: ModelProto,
    own: Mapping[str, Array],
    values: Mapping[str, Array],
    images: Images,
    channels_last: bool,
) -> Graph:
    """Return the graph of a model that has run on images [N, H, W, C].

    own: its tensors by name.
    values: all that it computed, and its input, by name.
    channels_last: whether it takes the images so, and not as [N, C, H, W].
    """
    tracer = Tracer(own, values)
    (name,) = input_names(model)
    tracer.recorder.images(name, images, None if channels_last else channels_first)
    version = max(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    for node in model.graph.node:
        tracer.record(Call(node, version, tracer.values))
    names = [output.name for output in model.graph.output]
    for name in names:
        tracer.recorder.output(name if len(names) > 1 else "", name)
    return tracer.recorder.graph


def input_names(model: ModelProto) -> list[str]:
    """Return the names of what a model is given: its inputs that are not tensors that it has."""
    own = {tensor.name for tensor in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in own]


def to_input(images: Images, channels_last: bool) -> Array:
    """Return images [N, H, W, C] as a model takes them."""
    return np.ascontiguousarray(images if channels_last else channels_first(images))
