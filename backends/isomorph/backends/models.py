"""A model that somebody else wrote: what can be asked of it in any framework, and how a factory is called."""

import importlib
import importlib.util
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph
from isomorph.spec import BadInput
from isomorph.spec.errors import did_you_mean

Size = int | None


class Model(ABC):
    """Somebody's model, opened in its framework. It is changed only by `cast` and `load`.

    name: what it was opened as.
    """

    name: str

    @property
    @abstractmethod
    def native(self) -> Any:
        """The framework's own object."""

    @property
    @abstractmethod
    def input_shape(self) -> tuple[Size, Size, Size]:
        """Height, width and channels of the images that it takes, each None where it does not say."""

    @property
    def batch(self) -> Size:
        """The number of images that it takes at once; None where it takes any, or does not say."""
        return None

    @property
    @abstractmethod
    def dtype(self) -> str:
        """The dtype of the images that it takes: of most of its tensors, "float32"."""

    @abstractmethod
    def cast(self, dtype: str) -> bool:
        """Have it compute in another dtype; return False, and leave it as it is, where it cannot."""

    @abstractmethod
    def in_training(self) -> list[str]:
        """Return the names of its modules that are in training mode, "" for the whole, and behave otherwise in it."""

    @abstractmethod
    def tensors(self) -> dict[str, Array]:
        """Return all that it stores under its own names, in the framework's axes."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Array]) -> None:
        """Put values into some of its own tensors."""

    @abstractmethod
    def trace(self, images: Images) -> Graph:
        """Run it once, as it is, on images [N, H, W, C] of its dtype, and return all that it computed of them."""


def call_factory(what: str, arguments: Mapping[str, Any]) -> Any:
    """Return what a factory returns: of "file.py:factory", or "package.module:factory".

    A file is run under its own name, with its folder first in the path of imports, as Python runs a script.

    Raises BadInput where there is no such file, module or factory, where it needs other arguments, and where it
    raises or leaves Python; the message has its own last line.
    """
    place, _, name = what.rpartition(":")
    if not place or not name:
        raise BadInput(f"{what!r} names no factory; expected file.py:factory or package.module:factory.")
    module = _module(place)
    if not hasattr(module, name):
        known = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        raise BadInput(f"{place} has no {name!r}; {did_you_mean(name, known, _listed(known))}")
    factory = getattr(module, name)
    if not callable(factory):
        if arguments:
            raise BadInput(f"{what} is a model already, and takes no arguments.")
        return factory
    try:
        return factory(**arguments)
    except (Exception, SystemExit) as error:
        words = last_line(error)
        hint = "; arguments are given by --call name=value." if isinstance(error, TypeError) else ""
        raise BadInput(f"{what} raised {words}{hint}") from error


def _listed(names: list[str]) -> str:
    return f"it has {', '.join(sorted(names))}." if names else "it has nothing that can be called."


def _module(place: str) -> Any:
    sys.dont_write_bytecode = True  # people's own folders stay as they were
    path = Path(place)
    if path.suffix != ".py":
        sys.path.insert(0, str(Path.cwd()))
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name and place.startswith(error.name):
                raise BadInput(f"There is no module {place!r} here; a file is named with its .py.") from None
            raise BadInput(f"{place} cannot be imported: {last_line(error)}") from error
        except (Exception, SystemExit) as error:
            raise BadInput(f"{place} cannot be imported: {last_line(error)}") from error
    if not path.is_file():
        raise BadInput(f"There is no file {place}.")
    sys.path.insert(0, str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        if sys.modules[path.stem] is module:
            del sys.modules[path.stem]
        raise BadInput(f"{place} cannot be run: {last_line(error)}") from error
    return module


def last_line(error: BaseException) -> str:
    """Return an error as Python's traceback ends with it."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
