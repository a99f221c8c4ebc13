"""Models of Paddle that somebody else wrote: layers, and programs that `paddle.jit.save` wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.failures import Unavailable
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.models import Model, Size, call_factory, last_line
from isomorph.backends.paddle.tracing.call import to_array
from isomorph.backends.paddle.tracing.program import Program, open_program
from isomorph.backends.paddle.tracing.tracer import trace
from isomorph.spec import BadInput


class PaddleModel(Model):
    """A layer."""

    def __init__(self, layer: nn.Layer, name: str) -> None:
        self._layer = layer
        self.name = name

    @property
    def native(self) -> nn.Layer:
        """The paddle.nn.Layer."""
        return self._layer

    @property
    def input_shape(self) -> tuple[Size, Size, Size]:
        """Height, width and channels of its images; of a layer only the channels are known, of its first kernel."""
        if isinstance(self._layer, Program):
            shape = [size if size > 0 else None for size in self._layer.input_shape]
            height, width, channels = shape[1:] if self._channels_last else (*shape[2:], shape[1])
            return height, width, channels
        first = next((each for each in self._layer.parameters() if each.ndim == 4), None)
        return None, None, None if first is None else int(first.shape[1])

    @property
    def batch(self) -> Size:
        """The number of images that a program takes at once; None of a layer, which does not say."""
        first = self._layer.input_shape[0] if isinstance(self._layer, Program) else -1
        return first if first > 0 else None

    @property
    def dtype(self) -> str:
        """The dtype of the first of its floats."""
        floats = (each.dtype for each in self._stored().values() if each.is_floating_point())
        return str(next(floats, paddle.float32)).removeprefix("paddle.")

    def cast(self, dtype: str) -> bool:
        """Cast all its floats."""
        self._layer.to(dtype=dtype)
        return True

    def in_training(self) -> list[str]:
        """Return the names of its layers in training mode that compute otherwise in it."""
        layers = self._layer.named_sublayers(include_self=True)
        return [name for name, layer in layers if layer.training and isinstance(layer, _OF_TRAINING)]

    def tensors(self) -> dict[str, Array]:
        """Return its state_dict."""
        return {name: to_array(tensor) for name, tensor in self._stored().items()}

    def load(self, tensors: Mapping[str, Array]) -> None:
        """Put values into some tensors of its state_dict."""
        stored = self._stored()
        for name, value in tensors.items():
            stored[name].set_value(np.ascontiguousarray(value))

    def trace(self, images: Images) -> Graph:
        """Run it once, see `isomorph.backends.paddle.tracing.tracer.trace`.

        What it changes of what it does not learn, as a batch norm in training does, is put back.

        Raises BadInput where it does not take these images.
        """
        own = self._stored()
        training = bool(self.in_training())
        before = [(each, each.numpy()) for each in own.values() if training and each.stop_gradient]
        try:
            return trace(self._layer, own, images, self._channels_last)
        except Unavailable:
            raise
        except Exception:  # of the model, or of tracing it: run alone it says whose it is
            self._run(images)
            raise
        finally:
            for tensor, value in before:
                tensor.set_value(value)

    def _run(self, images: Images) -> None:
        """Run it and record nothing. Raises BadInput where it raises."""
        x = images if self._channels_last else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        try:
            with paddle.no_grad():
                self._layer(paddle.to_tensor(x))
        except Exception as error:
            size = "x".join(map(str, images.shape))
            raise BadInput(f"{self.name} raised {last_line(error)}, on images of {size}, {images.dtype}.") from error

    @property
    def _channels_last(self) -> bool:
        """Whether the layer that comes first of those that say where the channels lie says that they are last."""
        if isinstance(self._layer, Program):
            return self._layer.channels_last
        formats = (getattr(layer, "_data_format", None) for layer in self._layer.sublayers(include_self=True))
        return next((each for each in formats if each), "NCHW") == "NHWC"

    def _stored(self) -> dict[str, Tensor]:
        return dict(self._layer.state_dict())


_OF_TRAINING = (
    *(nn.layer.norm._BatchNormBase, nn.BatchNorm, nn.RReLU),
    *(nn.Dropout, nn.Dropout2D, nn.Dropout3D, nn.AlphaDropout),
)
"""Layers that compute otherwise in training."""


def open_model(what: str, arguments: Mapping[str, Any]) -> PaddleModel:
    """Open "file.py:factory", "package.module:factory", or a program of `paddle.jit.save`.

    what: of a program its prefix, any of its files, or the folder that holds it alone.

    Raises BadInput for what is none of these.
    """
    if (program := open_program(Path(what))) is not None:
        return PaddleModel(program, what)
    made = call_factory(what, arguments)
    if not isinstance(made, nn.Layer):
        raise BadInput(f"{what} returned {type(made).__name__}, expected a paddle.nn.Layer.")
    return PaddleModel(made, what)
