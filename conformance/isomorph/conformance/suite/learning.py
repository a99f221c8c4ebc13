"""Helpers of tests of training: assertions on verdicts, and skipping what a backend lacks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import RemoteNetwork
from isomorph.conformance.training.verdict import TrainingVerdict

Learning = Callable[[str], RemoteNetwork]
"""Builds a case's network for training in a dtype."""

DTYPES = ("float64", "float32")


def assert_passes(verdict: TrainingVerdict) -> None:
    """Assert that a verdict passes, or fail with its message."""
    assert verdict.verdict == "pass", f"{verdict.quantity}: {verdict.message}"


@contextmanager
def unless_unavailable() -> Iterator[None]:
    """Skip, with the reason, what a backend cannot do: train in a dtype, or at all."""
    try:
        yield
    except Unavailable as error:
        pytest.skip(str(error))
