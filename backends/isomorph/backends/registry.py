"""The backends by name, and their modules, which are imported when a backend is loaded."""

import importlib
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from isomorph.backends.failures import Unavailable
from isomorph.spec import BadInput
from isomorph.spec.errors import did_you_mean

if TYPE_CHECKING:
    from isomorph.backends.protocol import Backend

ENTRY_POINTS = "isomorph.backends"
"""The entry-point group in which other packages offer backends: `name = "module"`, the module having `create`."""


@dataclass(frozen=True)
class Registered:
    """A backend that can be loaded.

    name: "pytorch", "keras:jax".
    module: the module whose `create(engine)` makes it; `engine` is the part of the name behind the colon, or "".
    requires: top-level modules that must be installed.
    packages: what pip has to install to bring them.
    versions: a template of its version, with the versions of packages by their modules: "{keras} on jax {jax}".
    distribution: the package that offers it, where that is not isomorph.
    builds: whether it builds networks, and does not only open models of others.
    needless: top-level modules that its framework imports where they happen to be installed, and that nothing here
        needs.

    >>> Registered("mine", "my_package.backend", requires=("no_such_module",), packages=("my-package",)).why_not()
    "no_such_module is not installed; `pip install 'my-package'` adds it."
    """

    name: str
    module: str
    requires: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    needless: tuple[str, ...] = ()
    versions: str = ""
    distribution: str = ""
    builds: bool = True

    def why_not(self) -> str | None:
        """Return why it cannot be imported here, with the command that mends it; None if nothing is missing."""
        absent = [module for module in self.requires if find_spec(module) is None]
        if not absent:
            return None
        verb, pronoun = ("is", "it") if len(absent) == 1 else ("are", "them")
        quoted = " ".join(f"'{package}'" for package in self.packages)  # shells read the brackets of an extra
        return f"{' and '.join(absent)} {verb} not installed; `pip install {quoted}` adds {pronoun}."

    def installed_version(self) -> str:
        """Return its framework's version, as `Backend.version` does, without importing it.

        >>> find_backend("oracle").installed_version().split()[0]
        'NumPy'
        """
        if self.distribution:
            return self.distribution
        return self.versions.format_map({module: _version_of(module) for module in (*self.requires, "numpy")})


def _version_of(module: str) -> str:
    """Return the version of the package that brings a module."""
    for name in _DISTRIBUTIONS.get(module, (module,)):
        with suppress(PackageNotFoundError):
            return version(name)
    return "of an unknown version"


# Module -> the packages that pip may have brought it in, where their names differ.
_DISTRIBUTIONS = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
}


# Keras (3.15) tries them for its wrappers and its pictures, and TensorFlow (2.21) JAX for its own converter.
_OF_KERAS = ("sklearn", "matplotlib")
_OF_TENSORFLOW = (*_OF_KERAS, "jax")

_BUILT_IN = {
    backend.name: backend
    for backend in (
        Registered("oracle", "isomorph.backends.oracle.backend", versions="NumPy {numpy}"),
        Registered(
            "pytorch", "isomorph.backends.pytorch.backend", ("torch",), ("isomorph[pytorch]",), versions="{torch}"
        ),
        Registered(
            "keras",
            "isomorph.backends.keras.backend",
            ("keras", "tensorflow"),
            ("isomorph[tensorflow]",),
            _OF_TENSORFLOW,
            "{keras} on tensorflow {tensorflow}",
        ),
        Registered(
            "paddle", "isomorph.backends.paddle.backend", ("paddle",), ("isomorph[paddle]",), versions="{paddle}"
        ),
        # Engines: the Keras backend's own code on another framework. They run when named.
        Registered(
            "keras:jax",
            "isomorph.backends.keras.backend",
            ("keras", "jax"),
            ("isomorph[jax]",),
            _OF_KERAS,
            "{keras} on jax {jax}",
        ),
        Registered(
            "keras:torch",
            "isomorph.backends.keras.backend",
            ("keras", "torch"),
            ("keras", "isomorph[pytorch]"),
            _OF_KERAS,
            "{keras} on torch {torch}",
        ),
        Registered(
            "onnx",
            "isomorph.backends.onnx.backend",
            ("onnx", "onnxruntime"),
            ("isomorph[onnx]",),
            versions="{onnxruntime}",
            builds=False,
        ),
    )
}

ALIASES = {"torch": "pytorch", "tf": "keras", "tensorflow": "keras", "keras:tensorflow": "keras"}

# Both bring a copy of the same C++ libraries; loaded in this order they end the interpreter.
_CLASHES = {"paddle": "tensorflow"}


def registered() -> dict[str, Registered]:
    """Return all backends that build networks by name: isomorph's own, then those that other packages offer.

    Those that only open models of others are found when they are named.

    >>> list(registered())[:4]
    ['oracle', 'pytorch', 'keras', 'paddle']
    """
    offered = (
        Registered(point.name, point.value, distribution=_package_of(point))
        for point in entry_points(group=ENTRY_POINTS)
    )
    building = {name: backend for name, backend in _BUILT_IN.items() if backend.builds}
    return building | {backend.name: backend for backend in offered if backend.name not in _BUILT_IN}


def _package_of(point: EntryPoint) -> str:
    """Return the package that has an entry point, and its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def find_backend(name: str) -> Registered:
    """Return the backend called `name`, or that `name` is an alias of; nothing is imported.

    Raises BadInput, with the nearest names, if there is none.

    >>> find_backend("torch").name
    'pytorch'
    >>> find_backend("pytroch")
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: There is no backend 'pytroch'; did you mean pytorch or torch?
    """
    canonical = ALIASES.get(name, name)
    if canonical in _BUILT_IN:
        return _BUILT_IN[canonical]  # without a look at every package that is installed
    known = registered()
    backend = known.get(canonical)
    if backend is None:
        hint = did_you_mean(name, (*known, *ALIASES), f"there are {', '.join(known)}.")
        raise BadInput(f"There is no backend {name!r}; {hint}")
    return backend


def load_backend(name: str) -> "Backend":
    """Import a backend's framework into this process and return the backend.

    Raises BadInput for an unknown name; Unavailable, with the pip command, where its framework is missing or cannot
    be imported beside one that this process has imported already.

    >>> load_backend("oracle").name
    'oracle'
    """
    registration = find_backend(name)
    if reason := registration.why_not():
        raise Unavailable(f"The backend {registration.name} is not available: {reason}")
    for module in registration.requires:
        if (clash := _CLASHES.get(module)) in sys.modules and module not in sys.modules:
            raise Unavailable(f"{module} cannot be imported into a process that has imported {clash}: import it first.")
    _, _, engine = registration.name.partition(":")
    backend: Backend = importlib.import_module(registration.module).create(engine)
    return backend
