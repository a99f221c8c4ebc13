"""Which backends are under test, and what a test is called whichever of them it asks."""

from pathlib import Path

import pytest

from isomorph.backends import find_backend
from isomorph.spec import BadInput

ORACLE = "oracle"
DEFAULT = [ORACLE, "pytorch", "keras", "paddle"]

AGAINST_THE_ORACLE = "against_the_oracle"
"""The mark of tests whose reference is the oracle's own answer."""


def under_test(config: pytest.Config, own: list[str] | None = None) -> list[str]:
    """The names of the backends under test, their aliases resolved.

    own: the only ones that a module is for; those of them are under test that were named, or all while none was.
    """
    try:
        named = [find_backend(name).name for name in config.getoption("--backend", default=None) or ()]
    except BadInput as error:
        raise pytest.UsageError(str(error)) from None
    if own is None:
        on_gpu = config.getoption("--device", default="cpu") == "gpu"
        return named or [name for name in DEFAULT if not (on_gpu and name == ORACLE)]  # NumPy computes on no GPU
    return [name for name in own if name in named] if named else own


def backend_of(item: pytest.Item) -> str | None:
    """The backend that a test asks; None for one that asks none, and for tests of others."""
    callspec = getattr(item, "callspec", None)
    ours = item.path.is_relative_to(Path(__file__).parent)
    asked = callspec.params.get("process") if callspec and ours else None
    return asked if isinstance(asked, str) else None


def id_of(item: pytest.Item) -> str:
    """`test_slim.py::test_a_max_pool_of[an odd image-float32]`: as pytest prints it, less folder and backend."""
    test, bracket, parameters = item.name.partition("[")
    rest = parameters.removesuffix("]").removeprefix(backend_of(item) or "").removeprefix("-")
    return f"{item.path.name}::{test}{bracket}{rest}]" if rest else f"{item.path.name}::{test}"
