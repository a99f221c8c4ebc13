"""`make noise`: the rate of false alarms is that of the tail, and the oracle stands below the floors made of it."""

import numpy as np
import pytest

from benchmarks.false_alarms import kernels, rate
from benchmarks.honest_draws import COUNTS, DOUBLE, PARTS, SINGLE, Draws


@pytest.mark.parametrize(("slope", "expected"), [(2.0, 8.0**-2), (8.0, 8.0**-8)])
def test_a_rate_is_extrapolated_along_the_tail(slope: float, expected: float) -> None:
    """Of ratios whose share above r is r^-slope, at all quantiles."""
    shares = (np.arange(100_000) + 0.5) / 100_000
    assert rate(shares ** (-1 / slope)) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", ["slim's small network, 1x32x32", "separable units", "dense layers"])
def test_the_oracle_stands_below_the_floors_that_are_made_of_it(name: str) -> None:
    draws = Draws(name, "oracle").draw(1, thorough=True)
    rows = [row for draw in draws for row in draw]
    assert {row.tier for row in rows} == {SINGLE, PARTS, DOUBLE}
    for row in rows:
        values, *ratios = row.figures
        assert values >= 1
        assert len(ratios) == len(COUNTS)
        assert max(ratios) <= 1, row
        assert ratios == sorted(ratios, reverse=True), f"more orders lower no floor: {row}"


def test_kernels_are_told_apart_by_their_environment() -> None:
    told = [(kernel.backend, *kernel.environment.items()) for kernel in kernels()]
    assert len(set(told)) == len(told) >= 10
    assert {backend for backend, *_ in told} == {"pytorch", "keras", "paddle"}
