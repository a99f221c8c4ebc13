"""The backends under test, and the ids of tests, which do not depend on the backend."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from isomorph.backends import find_backend
from isomorph.spec import BadInput

ORACLE = "oracle"
DEFAULT = [ORACLE, "pytorch", "keras", "paddle"]

AGAINST_THE_ORACLE = "against_the_oracle"
"""The mark of tests whose reference is the oracle's own answer."""

WHERE = {"thorough_where": "thorough", "exhaustive_where": "exhaustive"}
"""Marks of tests -> what they mark where a function of the backend's name and the test's parameters says so."""

Where = Callable[[str, Mapping[str, Any]], bool]


def not_the_oracle(backend: str, _parameters: Mapping[str, Any]) -> bool:
    """Tell whether the oracle stands for a backend: of what the specification says, which all of them read alike."""
    return backend != ORACLE


def but_in_pytorch(parameter: str, *others: str) -> Where:
    """Return whether PyTorch stands for Keras and Paddle: of further cases, once all kinds of units run in each.

    parameter, others: what names a test's case, and the cases that Keras and Paddle run all the same.
    """
    return lambda backend, parameters: backend in ("keras", "paddle") and parameters[parameter] not in others


def under_test(config: pytest.Config, supported: list[str] | None = None) -> list[str]:
    """Return the names of the backends under test, with aliases resolved.

    supported: the only ones that a module is for; of these the named ones are under test, or all if none was named.
    """
    try:
        named = [find_backend(name).name for name in config.getoption("--backend", default=None) or ()]
    except BadInput as error:
        raise pytest.UsageError(str(error)) from None
    if supported is None:
        on_gpu = config.getoption("--device", default="cpu") == "gpu"
        return named or [name for name in DEFAULT if not (on_gpu and name == ORACLE)]  # NumPy computes on no GPU
    return [name for name in supported if name in named] if named else supported


def backend_of(item: pytest.Item) -> str | None:
    """Return the backend that a test runs; None for a test that runs none, and for tests outside of the suite."""
    callspec = getattr(item, "callspec", None)
    backend = callspec.params.get("process") if callspec else None
    return backend if isinstance(backend, str) and item.path.is_relative_to(Path(__file__).parent) else None


def id_of(item: pytest.Item) -> str:
    """Return pytest's id without folder and backend: `test_slim.py::test_a_max_pool_of[an odd image-float32]`."""
    test, bracket, parameters = item.name.partition("[")
    without_backend = parameters.removesuffix("]").removeprefix(backend_of(item) or "").removeprefix("-")
    return f"{item.path.name}::{test}{bracket}{without_backend}]" if without_backend else f"{item.path.name}::{test}"
