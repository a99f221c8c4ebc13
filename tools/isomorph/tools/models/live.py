"""Live objects of a framework that this process has imported: which backend they are of, and a copy to work on."""

import copy
from typing import Any

from isomorph.backends import load_backend
from isomorph.backends.models import Model
from isomorph.spec import BadInput

_BASES = {
    "torch.nn.modules.module.Module": "pytorch",
    "keras.src.models.model.Model": "keras",
    "paddle.nn.layer.layers.Layer": "paddle",
}
"""The class of which all models of a framework are -> the backend."""


def backend_of_object(native: Any) -> str | None:
    """Return the backend of a framework's own object; None of anything else. It imports nothing.

    >>> backend_of_object("torchvision/resnet50") is None
    True
    """
    names = (f"{base.__module__}.{base.__qualname__}" for base in type(native).__mro__)
    return next((_BASES[name] for name in names if name in _BASES), None)


def copied(native: Any) -> tuple[Model, str]:
    """Return a copy of a framework's own object as a model, and its backend's version; the object stays as it is.

    Keras copies a class of somebody's own by its configuration alone, and only if it is registered. Without that it is
    the object itself, which is run and not changed.

    Raises BadInput for what can be neither copied nor run as it is.
    """
    name = backend_of_object(native)
    if name is None:
        raise BadInput(f"{type(native).__name__} is no model of a framework that can be traced.")
    backend = load_backend(name)
    try:
        mine = copy.deepcopy(native)
    except (TypeError, RuntimeError, ValueError) as error:
        if name != "keras" or not native.built:
            words = f"{type(native).__name__} cannot be copied, to be traced in float64: {error}"
            raise BadInput(words) from error
        mine = native
    return backend.model(mine), backend.version
