"""What tests of training share: how a verdict fails a test, and what is skipped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import RemoteNetwork
from isomorph.conformance.training.verdict import TrainingVerdict

Learning = Callable[[str], RemoteNetwork]
"""Builds a case's network for training in a dtype."""

DTYPES = ("float64", "float32")


def assert_same(verdict: TrainingVerdict) -> None:
    """Fail with what parts, unless nothing does."""
    assert verdict.verdict == "pass", f"{verdict.quantity}: {verdict.message}"


@contextmanager
def unless_unavailable() -> Iterator[None]:
    """Skip, with its reason, what a backend cannot do: train in a dtype, or at all."""
    try:
        yield
    except Unavailable as error:
        pytest.skip(str(error))
