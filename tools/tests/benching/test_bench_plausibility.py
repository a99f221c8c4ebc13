"""Figures by which nothing is chosen: what no processor does, what varies from round to round, and crowded cores."""

from dataclasses import replace

import pytest

from isomorph.tools.benching.advice import advise
from isomorph.tools.benching.plausibility import why_implausible
from isomorph.tools.benching.ranking import Ranking
from isomorph.tools.benching.results import Limit, ModeResult

from ..benched import row
from .test_bench_plots import REPORT

# 2000 operations an image; the product's, of 10x10 matrices, are 2000, too.
LIMIT = Limit("paddle", "float32", "matmul", 10, (1.0, 1.0, 2.0))


def of(*seconds: float, mode: str = "eager", limit: Limit = LIMIT, zoo: ModeResult | None = None) -> Ranking:
    rows = [row("paddle", mode, *seconds)] + ([zoo] if zoo else [])
    return Ranking(rows, [limit], "latency")


def test_what_a_processor_does_is_no_reason_for_doubt() -> None:
    assert why_implausible(of(1.25, 1.25, 1.25), "cpu", 0.0, 2) is None


@pytest.mark.parametrize(
    ("seconds", "doubted"),
    [
        pytest.param((0.81, 0.81, 0.81), False, id="of 1.23 times the fastest round of the product"),
        pytest.param((0.79, 0.79, 0.79), True, id="of 1.27 times that"),
        pytest.param((0.79, 0.79, 0.81, 0.81, 0.81), False, id="of which most rounds are possible"),
        pytest.param((0.2, 0.2), False, id="in fewer rounds than have a spread"),
    ],
)
def test_a_rate_is_doubted(seconds: tuple[float, ...], doubted: bool) -> None:
    assert (why_implausible(of(*seconds), "cpu", 0.0, 2) is not None) == doubted


def test_a_rate_above_the_product_s_slowest_round_alone_is_none() -> None:
    """The product took 1 s in its fastest round, and was disturbed in the others."""
    limit = replace(LIMIT, rounds=(1.0, 3.0, 3.0))
    assert why_implausible(of(1.0, 1.0, 1.0, limit=limit), "cpu", 0.0, 2) is None


def test_a_gpu_s_convolutions_may_multiply_less_than_they_count() -> None:
    assert why_implausible(of(0.5, 0.5, 0.5), "gpu", 0.0, 2) is None


@pytest.mark.parametrize(
    ("others", "doubted"), [(None, False), (0.99, False), (1.01, True)], ids=["not told", "half of two", "more"]
)
def test_cores_that_others_kept_busy_are(others: float | None, doubted: bool) -> None:
    assert (why_implausible(of(2.0, 2.0, 2.0), "cpu", others, 2) is not None) == doubted


@pytest.mark.parametrize(("slowest", "doubted"), [(15.9, False), (16.1, True)])
def test_a_zoo_that_is_now_slower_and_now_faster_is_no_yardstick(slowest: float, doubted: bool) -> None:
    zoo = row("paddle", "zoo", 4.0, 8.0, slowest)
    assert (why_implausible(of(2.0, 2.0, 2.0, zoo=zoo), "cpu", 0.0, 2) is not None) == doubted


def test_the_sentence_says_what_was_measured() -> None:
    assert why_implausible(of(0.5, 0.4, 0.6), "cpu", 0.1, 2) == (
        "The cores were busy, so that nothing can be chosen: paddle eager would compute at 200 % of the fastest round"
        " of its matrix product; measure again when they are free."
    )


def test_a_report_that_is_doubted_chooses_nothing_and_is_undecided() -> None:
    assert (REPORT.doubt, REPORT.exit_status, REPORT.advice) == (None, 0, advise(REPORT.ranking))
    crowded = replace(REPORT, others=0.51 * REPORT.machine.cores)
    assert crowded.doubt
    assert (crowded.exit_status, crowded.advice) == (3, crowded.doubt)
    assert crowded.doubt in " ".join(str(crowded).split())
