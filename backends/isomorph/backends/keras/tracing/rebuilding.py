"""Build a Keras model again in another dtype: Keras decides that of every layer when it is made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from isomorph.backends.keras.tracing.variables import layers_of, named_variables

Make = Callable[[], Any]


def rebuilt(model: Any, dtype: str, make: Make | None) -> Any:
    """Return a model that computes in `dtype` with the tensors of `model`; None where there is no way to build it.

    A model of layers is built of their configurations, one of a class of its own by what made it.

    make: makes another one, with weights of its own.
    """
    ways: list[Make] = [lambda: _cloned(model, dtype), lambda: _configured(model, dtype)]
    if make:
        ways.insert(1, make)
    for way in ways:
        try:
            with computing_in(dtype):
                new = way()
                build(new)
        except Exception:  # whatever a class of somebody's own does not foresee
            continue
        if _is_alike(model, new) and _computes_in(new, dtype):
            _copy(model, new)
            return new
    return None


def build(model: Any) -> None:
    """Have a model make its variables, if it takes images of any size; others make them when they are called."""
    if isinstance(model, keras.layers.Layer) and not model.built:
        try:
            model(keras.KerasTensor((None, None, None, 3), keras.config.floatx()))
        except Exception:  # a dense layer behind a map, or code that needs numbers: it needs images
            return


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
    new = type(model).from_config(_in_dtype(model.get_config(), str(model.compute_dtype), dtype))
    shapes = model.get_build_config()
    if shapes and not new.built:
        new.build_from_config(shapes)
    return new


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
    """Return whether two models have tensors of the same shapes in the same order."""
    shapes = ([tuple(each.shape) for each in named_variables(model).values()] for model in (old, new))
    first, second = shapes
    return bool(first) and first == second


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
