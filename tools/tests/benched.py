"""Rows made by hand, and quick requests, for the tests of `bench`."""

from typing import Any

from isomorph.tools import BenchReport, bench
from isomorph.tools.benching.results import ModeResult, make_timing

QUICK: dict[str, Any] = {
    "size": (8, 10),
    "batches": [2],
    "training_batch": 2,
    "rounds": 2,
    "turn": 0.0,
    "product": 64,
    "timeout": 300.0,
}
"""A second or two for each mode; what figures come out means nothing."""


def quick(*modes: str, backend: str = "oracle", network: str = "cifar/resnet20", **more: Any) -> BenchReport:
    """A bench of a small network."""
    return bench(network, backends=[backend], modes=modes or None, **(QUICK | more))


def row(backend: str, mode: str, *seconds: float, batch: int = 1, macs: int = 1000, **more: Any) -> ModeResult:
    """One whose calls took so many seconds, round by round, at inference."""
    timing = make_timing("inference", batch, [[each] for each in seconds])
    return ModeResult(backend, mode, "measured", macs=macs, timings=(timing,), **more)
