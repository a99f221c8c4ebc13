"""Figures by which nothing is chosen: what no processor does, what varies from round to round, and crowded cores."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from isomorph.tools.benching import plausibility
from isomorph.tools.benching.advice import advise
from isomorph.tools.benching.machine import Busy
from isomorph.tools.benching.plausibility import doubts, warned_of_others, why_implausible
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
        pytest.param((0.96, 0.96, 1.92), False, id="of 1.04 times the product's"),
        pytest.param((0.94, 0.94, 1.88), True, id="of 1.06 times that"),
        pytest.param((0.5, 0.96, 1.92), False, id="of which most rounds are possible"),
        pytest.param((0.2, 0.2), False, id="in fewer rounds than have a spread"),
    ],
)
def test_a_rate_is_doubted(seconds: tuple[float, ...], doubted: bool) -> None:
    assert (why_implausible(of(*seconds), "cpu", 0.0, 2) is not None) == doubted


def test_a_rate_above_one_disturbed_round_of_the_product_is_no_reason_either() -> None:
    limit = replace(LIMIT, rounds=(1.0, 3.0, 1.0))
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


@pytest.mark.parametrize(
    ("device", "seconds", "doubted"),
    [("cpu", 0.41, False), ("cpu", 0.39, True), ("gpu", 0.39, False)],
    ids=["less than 20 times", "more", "more, on a GPU, whose launches cost a small zoo as much"],
)
def test_a_mode_that_leaves_the_zoo_so_far_behind_is_doubted(device: str, seconds: float, doubted: bool) -> None:
    zoo = row("paddle", "zoo", 8.0, 8.0, 8.0)
    ranking = of(seconds, seconds, seconds, limit=replace(LIMIT, rounds=(0.1, 0.1, 0.1)), zoo=zoo)
    assert (why_implausible(ranking, device, 0.0, 2) is not None) == doubted


DOUBTED = (
    row("keras", "graph", 1.0, 1.0, 1.0, others=1.01),
    row("keras", "eager", 2.0, 2.0, 2.0, others=0.99),
    row("keras", "eager-folded", 3.0, 3.0, 3.0, others=None),
    row("paddle", "engine", 0.5, 0.5, 0.5),
    row("paddle", "zoo", 11.0, 11.0, 11.0),
    row("pytorch", "eager", 0.4, 1.7, 0.4),
    row("pytorch", "zoo", 0.4, 0.4, 0.4),
)


def test_each_mode_is_doubted_for_what_it_did_and_no_other_is() -> None:
    found = doubts(Ranking(DOUBTED, [], "latency"), "cpu", 2)
    assert {name: doubt.reason for name, doubt in found.items()} == {
        "keras graph": "other processes kept 1.0 of 2 busy while keras graph was measured",
        "paddle engine": "paddle engine was 22.0 times its framework's own zoo",
        "pytorch eager": "pytorch eager was 0.24 to 1.00 times its framework's own zoo from round to round",
    }
    assert {name: doubt.legend for name, doubt in found.items()} == {
        "keras graph": "other processes kept more than 1.0 of 2 cores busy while it was measured",
        "paddle engine": "more than 20 times its framework's own zoo",
        "pytorch eager": "its ratio to the zoo varied by more than 4 times from round to round",
    }


def test_one_doubted_mode_leaves_nothing_to_choose() -> None:
    """Nor does it if it is not the best."""
    rows = (*DOUBTED[1:3], replace(DOUBTED[0], timings=DOUBTED[2].timings))
    sentence = why_implausible(Ranking(rows, [], "latency"), "cpu", 0.1, 2)
    assert sentence
    assert "other processes kept 1.0 of 2 busy while keras graph was measured" in sentence


def test_the_sentence_says_what_was_measured() -> None:
    assert why_implausible(of(0.5, 0.4, 0.6), "cpu", 0.1, 2) == (
        "The cores were busy, so that nothing can be chosen: paddle eager would compute at 250 % of its matrix"
        " product's rate; measure again when they are free."
    )


def test_a_report_that_is_doubted_chooses_nothing_and_is_undecided() -> None:
    assert (REPORT.doubt, REPORT.exit_status, REPORT.advice) == (None, 0, advise(REPORT.ranking))
    crowded = replace(REPORT, others=0.51 * REPORT.machine.cores)
    assert crowded.doubt
    assert (crowded.exit_status, crowded.advice) == (3, crowded.doubt)
    assert crowded.doubt in " ".join(str(crowded).split())


@pytest.mark.parametrize(
    ("counts", "least", "sentences"),
    [
        pytest.param(
            [Busy(10.0, 5.0), Busy(27.0, 6.0)],
            0.0,
            ["Other processes keep 1.6 of 2 cores busy: figures may be marked, and none chosen by."],
            id="they keep more than half of the cores busy",
        ),
        pytest.param([Busy(10.0, 5.0), Busy(11.0, 6.0)], 0.0, [], id="they take nothing"),
        pytest.param([Busy(10.0, 5.0), Busy(27.0, 6.0)], 60.0, [], id="it takes too little time to tell"),
        pytest.param([None, Busy(27.0, 6.0)], 0.0, [], id="the system does not say"),
    ],
)
def test_a_warning_comes_before_anything_is_measured_where(
    counts: list[Busy | None], least: float, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, clock, warnings = iter(counts), iter([0.0, 10.0]), list[str]()
    monkeypatch.setattr(plausibility, "count_busy", lambda _: next(taken))
    monkeypatch.setattr(plausibility, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with warned_of_others(warnings.append, cores=2, least=least):
        pass
    assert warnings == sentences
