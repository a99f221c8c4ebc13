"""Build a Keras model again in another dtype: Keras decides that of every layer when it is made."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from isomorph.backends.keras.tracing.variables import layers_of, named_variables

Make = Callable[[], Any]

ANY_LENGTH = 64
"""Of the sides of images, where a model takes those of any."""

CLOSE = 1e-2
"""How far the answers of two dtypes may be apart, as a share of the largest: float16 would be closer."""


def rebuilt(model: Any, dtype: str, make: Make | None) -> Any:
    """Return a model that computes in `dtype` with the tensors of `model`; None where there is no way to build it.

    A model of layers is built of their configurations, one of a class of its own by what made it. What is built has to
    answer as the model does: a configuration may leave things out.

    make: makes another one, with weights of its own.
    """
    ways: list[Make] = [lambda: _cloned(model, dtype), lambda: _configured(model, dtype)]
    if make:
        ways.insert(1, make)
    for way in ways:
        try:
            with computing_in(dtype):
                new = way()
                if model.built and not new.built:
                    new(_images(model, dtype))
        except Exception:  # whatever a class of somebody's own does not foresee
            continue
        if _is_alike(model, new) and _computes_in(new, dtype):
            _copy(model, new)
            if not model.built or _answer_alike(model, new, dtype):
                return new
    return None


@contextmanager
def computing_in(dtype: str) -> Iterator[None]:
    """Have Keras make layers, and constants, of a dtype, while it lasts."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def _cloned(model: Any, dtype: str) -> Any:
    """Return a functional or sequential model, of layers made of the configurations of its own."""

    def clone(layer: Any) -> Any:
        if _is_of_layers(layer):
            return _cloned(layer, dtype)
        return type(layer).from_config(_in_dtype(layer.get_config(), layer_dtype(layer), dtype))

    if not _is_of_layers(model):
        raise TypeError("Its layers are called by code of its own.")
    if not model.built:
        return keras.models.clone_model(model, clone_function=clone)
    inputs = keras.tree.map_structure(lambda x: keras.Input(batch_shape=x.shape, dtype=dtype, name=x.name), model.input)
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=clone)


def _is_of_layers(model: Any) -> bool:
    """Return whether Keras itself calls all layers of a model, as of a functional or a sequential one."""
    known = isinstance(model, keras.Sequential) or (isinstance(model, keras.Model) and hasattr(model, "operations"))
    return known and type(model).call.__module__.startswith("keras.")


def layer_dtype(layer: Any) -> str:
    """Return the dtype in which a layer computes."""
    return str(layer.compute_dtype) if isinstance(layer, keras.layers.Layer) else keras.config.floatx()


def _configured(model: Any, dtype: str) -> Any:
    """Return a model made of the configuration of another one, of any class that has one."""
    return type(model).from_config(_in_dtype(model.get_config(), str(model.compute_dtype), dtype))


def _images(model: Any, dtype: str) -> Any:
    """Return images, drawn alike every time, as a model takes them that has been called."""
    batch, *lengths = model.get_build_config()["input_shape"] or model.input_shape
    shape = [batch or 1, *(length or ANY_LENGTH for length in lengths)]
    return keras.ops.convert_to_tensor(np.random.default_rng(0).uniform(-1, 1, shape), dtype)


def _answer_alike(old: Any, new: Any, dtype: str) -> bool:
    """Return whether two models give nearly the same, or the older one does not take such images at all."""
    try:
        expected = _answers(old, layer_dtype(old))
    except Exception:  # whatever its layers raise: it takes no images of this size, perhaps
        return True
    answers = _answers(new, dtype)
    return len(answers) == len(expected) and all(
        first.shape == second.shape and np.abs(first - second).max() <= CLOSE * np.abs(second).max()
        for first, second in zip(answers, expected, strict=True)
    )


def _answers(model: Any, dtype: str) -> list[Any]:
    options = {"training": False} if "training" in inspect.signature(model.call).parameters else {}
    results = keras.tree.flatten(model(_images(model, dtype), **options))
    return [keras.ops.convert_to_numpy(each) for each in results]


def _in_dtype(config: Any, old: str, new: str) -> Any:
    """Return a configuration in which policies are of another dtype."""
    if isinstance(config, list):
        return [_in_dtype(each, old, new) for each in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy" and config.get("config") == {"name": old}:
        return config | {"config": {"name": new}}
    within = {key: _in_dtype(value, old, new) for key, value in config.items()}
    return within | {"dtype": new} if config.get("dtype") == old else within


def _is_alike(old: Any, new: Any) -> bool:
    """Return whether two models have tensors of the same shapes in the same order, before they run perhaps none."""
    shapes = ([tuple(each.shape) for each in named_variables(model).values()] for model in (old, new))
    first, second = shapes
    return first == second


def _computes_in(model: Any, dtype: str) -> bool:
    floats = (each.dtype.name for each in named_variables(model).values() if each.dtype.is_floating)
    return {*floats, *map(layer_dtype, layers_of(model))} == {dtype}


def _copy(old: Any, new: Any) -> None:
    for source, target in zip(named_variables(old).values(), named_variables(new).values(), strict=True):
        target.assign(np.asarray(source.numpy(), target.dtype.as_numpy_dtype))
    layers = layers_of(old), layers_of(new)
    if len(layers[0]) == len(layers[1]):  # Keras numbers layers without names on and on
        for before, after in zip(*layers, strict=True):
            after.name = before.name
