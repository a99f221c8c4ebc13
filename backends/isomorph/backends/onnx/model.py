"""Models in ONNX files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, ValueInfoProto, numpy_helper

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.models import Model, Size
from isomorph.backends.onnx.call import to_float
from isomorph.backends.onnx.casting import cast, lift_constants
from isomorph.backends.onnx.cutting import cut
from isomorph.backends.onnx.files import read_model
from isomorph.backends.onnx.running import Reference, Runner
from isomorph.backends.onnx.tracer import input_names, to_input, trace
from isomorph.spec import BadInput


class OnnxModel(Model):
    """A graph of ONNX with one input, the images, up to operators that no standard defines."""

    def __init__(self, model: ModelProto, name: str) -> None:
        self.name = name
        self._model = lift_constants(model)
        self._ends_before: tuple[str, ...] = ()
        try:
            self._runner: Runner | Reference = Runner(self._model, name)
        except BadInput:
            self._model, self._ends_before = cut(self._model)
            if not self._ends_before:
                raise
            if not self._model.graph.output:
                words = f"{name} begins with {self._ends_before[0]}, an operator that nothing here knows."
                raise BadInput(words) from None
            self._runner = Runner(self._model, name)
        self._input = _images_of(self._model, name)
        self._channels_last = takes_channels_last(self._model)

    @property
    def native(self) -> ModelProto:
        """The onnx.ModelProto; results of its operators `Constant` are tensors of the graph."""
        return self._model

    @property
    def input_shape(self) -> tuple[Size, Size, Size]:
        """Height, width and channels of its images, each None where the graph leaves it open."""
        sizes = [each.dim_value or None for each in self._input.type.tensor_type.shape.dim]
        height, width, channels = sizes[1:] if self._channels_last else (*sizes[2:], sizes[1])
        return height, width, channels

    @property
    def batch(self) -> Size:
        """The number of images that it takes at once; None where the graph leaves it open."""
        return self._input.type.tensor_type.shape.dim[0].dim_value or None

    @property
    def dtype(self) -> str:
        """The dtype of its input."""
        return str(onnx.helper.tensor_dtype_to_np_dtype(self._input.type.tensor_type.elem_type))

    def cast(self, dtype: str) -> bool:
        """Have it compute in another dtype, by ONNX's reference where ONNX Runtime does not have all of its operators.

        Of float64 it has no convolution (1.32). Returns False where neither can, or where they disagree.
        """
        try:
            model, runner = self._in_dtype(dtype)
        except BadInput:
            return False
        self._model, self._runner = model, runner
        self._input = _images_of(model, self.name)
        return True

    def _in_dtype(self, dtype: str) -> tuple[ModelProto, Runner | Reference]:
        """Return the model in another dtype and what runs it. Raises BadInput where nothing does, or not alike."""
        model = cast(self._model, self.dtype, dtype)
        try:
            return model, Runner(model, self.name)
        except BadInput:
            reference = Reference(model, self.name)
            sizes = zip(self._input.type.tensor_type.shape.dim, _TRIED, strict=True)
            images = np.random.default_rng(0).normal(size=[each.dim_value or tried for each, tried in sizes])
            expected = self._runner.run({self._input.name: images.astype(self.dtype)})
            reference.check(expected, {self._input.name: images.astype(dtype)})
            return model, reference

    def in_training(self) -> list[str]:
        """Return the names of its operators that compute as in training."""
        on = {name for name, value in self._stored().items() if value.dtype == bool and value.all()}
        return [
            node.name or node.output[0]
            for node in self._model.graph.node
            if any(each.name == "training_mode" and each.i for each in node.attribute)
            or (node.op_type == "Dropout" and on.intersection(node.input[2:]))
        ]

    def tensors(self) -> dict[str, Array]:
        """Return the tensors of its graph that hold floats."""
        return {name: to_float(value) for name, value in self._stored().items() if value.dtype.kind in "fV"}

    def load(self, tensors: Mapping[str, Array]) -> None:
        """Put values into some tensors of its graph."""
        stored = {tensor.name: tensor for tensor in self._model.graph.initializer}
        for name, value in tensors.items():
            dtype = onnx.helper.tensor_dtype_to_np_dtype(stored[name].data_type)
            stored[name].CopyFrom(numpy_helper.from_array(np.asarray(value, dtype), name))
        self._runner = type(self._runner)(self._model, self.name)

    def trace(self, images: Images) -> Graph:
        """Run it once, see `isomorph.backends.onnx.tracer.trace`."""
        given = {self._input.name: to_input(images, self._channels_last)}
        values = given | self._runner.run(given)
        graph = trace(self._model, self._stored(), values, images, self._channels_last)
        graph.ends_before = self._ends_before
        return graph

    def _stored(self) -> dict[str, Array]:
        return {tensor.name: numpy_helper.to_array(tensor) for tensor in self._model.graph.initializer}


def _images_of(model: ModelProto, name: str) -> ValueInfoProto:
    """Return the one input of a model. Raises BadInput where there are others, and where it takes no images."""
    names = input_names(model)
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        raise BadInput(f"{name} takes {len(names)} inputs ({listed}), expected one: the images.")
    value: ValueInfoProto = next(each for each in model.graph.input if each.name == names[0])
    axes = value.type.tensor_type.shape.dim
    if len(axes) != 4:
        raise BadInput(f"The input {names[0]} of {name} has {len(axes)} axes, expected the 4 of images.")
    return value


def takes_channels_last(model: ModelProto) -> bool:
    """Return whether a model takes images [N, H, W, C]: whether it moves the channels before it reads them as such."""
    followed = set(input_names(model))
    for node in model.graph.node:
        if not followed.intersection(node.input):
            continue
        if node.op_type == "Transpose":
            return [list(each.ints) for each in node.attribute] == [[0, 3, 1, 2]]
        if node.op_type not in _BEFORE_CHANNELS:
            return False
        followed.update(node.output)
    return False


_TRIED = (2, 64, 64, 64)
"""Lengths of axes that a model leaves open, with which its runs are compared."""

_BEFORE_CHANNELS = frozenset(("Add", "Cast", "Clip", "Div", "Identity", "Mul", "Neg", "Pad", "Pow", "Sub"))
"""What images go through before anything reads their channels."""


def open_model(what: str, arguments: Mapping[str, Any]) -> OnnxModel:
    """Open an .onnx file. Raises BadInput for what is none, or none of images."""
    if arguments:
        raise BadInput(f"{what} is a file already, and takes no arguments.")
    return OnnxModel(read_model(Path(what)), what)
