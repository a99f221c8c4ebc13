"""Models of Keras and TensorFlow that somebody else wrote: of factories, `.keras` files and SavedModels."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.failures import Unavailable
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.keras.tracing.programs import open_program
from isomorph.backends.keras.tracing.rebuilding import layer_dtype, rebuilt
from isomorph.backends.keras.tracing.tracer import trace
from isomorph.backends.keras.tracing.variables import layers_of, named_variables, to_numpy
from isomorph.backends.models import Model, Size, call_factory, last_line
from isomorph.spec import BadInput


class KerasModel(Model):
    """A layer or a model of Keras, or a module of TensorFlow, that takes images [N, H, W, C].

    It is called as it is: without `training`, so that Keras infers.
    """

    def __init__(self, native: Any, name: str, make: Callable[[], Any] | None = None) -> None:
        self._native = native
        self._make = make
        self.name = name
        self._names: list[str] = []

    @property
    def native(self) -> Any:
        """The layer or module."""
        return self._native

    @property
    def input_shape(self) -> tuple[Size, Size, Size]:
        """Height, width and channels of the images that it declares; else channels of the kernel that comes first."""
        declared = _declared_shape(self._native)
        if declared is not None:
            _, height, width, channels = declared
            return height, width, channels
        first = next((each for each in self._own().values() if each.shape.rank == 4), None)
        return None, None, None if first is None else int(first.shape[2])

    @property
    def batch(self) -> Size:
        """The number of images that it declares to take at once, if it does."""
        declared = _declared_shape(self._native)
        return declared and declared[0]

    @property
    def dtype(self) -> str:
        """The dtype of most of its floats."""
        counts: Counter[str] = Counter()
        for each in self._own().values():
            if each.dtype.is_floating:
                counts[each.dtype.name] += each.shape.num_elements()
        return counts.most_common(1)[0][0] if counts else layer_dtype(self._native)

    def cast(self, dtype: str) -> bool:
        """Build it again in another dtype, with its tensors; a module of TensorFlow has no way to be."""
        if dtype == self.dtype:
            return True
        # one that has not run yet may make more tensors when it does
        names = list(self._own()) if getattr(self._native, "built", True) else []
        new = rebuilt(self._native, dtype, self._make) if isinstance(self._native, keras.layers.Layer) else None
        if new is None:
            return False
        self._native, self._names = new, names
        return True

    def in_training(self) -> list[str]:
        """Return the names of what behaves otherwise in training, if its code trains where nobody says whether to."""
        if not isinstance(self._native, keras.layers.Layer):
            return []
        parameter = inspect.signature(self._native.call).parameters.get("training")
        if parameter is None or parameter.default is not True:
            return []
        return [each.name for each in layers_of(self._native) if isinstance(each, _OF_TRAINING)]

    def tensors(self) -> dict[str, Array]:
        """Return its variables by their paths; a class that has not been called yet may have none."""
        return {name: to_numpy(variable) for name, variable in self._own().items()}

    def load(self, tensors: Mapping[str, Array]) -> None:
        """Put values into some of its variables."""
        own = self._own()
        for name, value in tensors.items():
            own[name].assign(tf.cast(value, own[name].dtype))

    def trace(self, images: Images) -> Graph:
        """Run it once, see `isomorph.backends.keras.tracing.tracer.trace`; a class makes its tensors before.

        What it changes of its own, as a batch norm in training does, is put back.

        Raises BadInput where it does not take these images.
        """
        with _floats_of(images.dtype.name):
            if not getattr(self._native, "built", bool(self._own())):
                self._run(images)
            own = self._own()
            before = [(each, each.numpy()) for each in own.values() if not each.trainable]
            try:
                return trace(self._native, images, own)
            except Unavailable:
                raise
            except Exception:  # of the model, or of tracing it: run alone it says whose it is
                self._run(images)
                raise
            finally:
                for variable, value in before:
                    variable.assign(value)

    def _run(self, images: Images) -> None:
        """Run it and record nothing. Raises BadInput where it raises."""
        try:
            self._native(tf.constant(images))
        except Exception as error:
            size = "x".join(map(str, images.shape))
            raise BadInput(f"{self.name} raised {_words(error)}, on images of {size}, {images.dtype}.") from error

    def _own(self) -> dict[str, Any]:
        """Return its variables by the names that they had when it was opened."""
        own = named_variables(self._native)
        return dict(zip(self._names, own.values(), strict=True)) if self._names else own


_OF_TRAINING = (keras.layers.BatchNormalization, keras.layers.Dropout, keras.layers.SpatialDropout2D)
"""Layers that compute otherwise in training."""


def model_of(native: Any, name: str, make: Callable[[], Any] | None = None) -> KerasModel:
    """Return a layer or module as a model.

    Raises BadInput for something else, and for what declares to take no images.

    make: makes another one of the kind.
    """
    if not isinstance(native, keras.layers.Layer | tf.Module) or not callable(native):
        raise BadInput(f"{name} is {type(native).__name__}, expected a keras.Model, or a tf.Module that is called.")
    _declared_shape(native, name)
    return KerasModel(native, name, make)


def open_model(what: str, arguments: Mapping[str, Any]) -> Model:
    """Open "file.py:factory", "package.module:factory", a `.keras` file or the folder of a SavedModel.

    Raises BadInput for what is none of these.
    """
    path = Path(what)
    if path.suffix == ".keras":
        return model_of(_load_file(path), what)
    if path.is_dir():
        return open_program(what)
    if ":" not in what:
        raise BadInput(
            f"There is no model {what}; expected file.py:factory, package.module:factory, a .keras file or the folder"
            " of a SavedModel."
        )
    return model_of(call_factory(what, arguments), what, lambda: call_factory(what, arguments))


def _load_file(path: Path) -> Any:
    """Read a `.keras` file, without running code that is in it."""
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise BadInput(f"{path} cannot be opened as a model of Keras: {last_line(error)}") from error


def _words(error: BaseException) -> str:
    """Return what an error says, without the arguments that Keras lists behind it, and without its colours."""
    said, *_ = str(error).partition("\n\nArguments received by")
    plain = re.sub(r"\x1b\[\d+m", "", said)
    _, _, words = last_line(Exception(plain)).partition(": ")
    return f"{type(error).__name__}: {words}"


def _declared_shape(native: Any, name: str = "") -> tuple[Size, Size, Size, Size] | None:
    """Return the shape of the images that a model says it takes; None of one that does not say.

    Raises BadInput where it takes something else.
    """
    if not isinstance(native, keras.layers.Layer):
        return None
    try:
        shape = native.input_shape
    except (AttributeError, ValueError):  # a class of its own; one that has not been called
        return None
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise BadInput(f"{name} takes {shape}, expected one tensor of images [N, H, W, C].")
    return shape


@contextmanager
def _floats_of(dtype: str) -> Iterator[None]:
    """Have functions of Keras take Python's floats in a dtype, while it lasts."""
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)
