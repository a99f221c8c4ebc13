"""The arithmetic of `bench`, on timings typed by hand: medians, p95, best batches, orders, and what pays from when."""

import pytest

from isomorph.tools.benching.advice import advise
from isomorph.tools.benching.ranking import Goal, Ranking
from isomorph.tools.benching.results import Limit, ModeResult, Spread, Timing, make_timing, spread

from ..benched import row


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([3.0, 1.0, 10.0], Spread(3.0, 1.0, 10.0), id="the middle of an odd number"),
        pytest.param([1.0, 9.0, 2.0, 4.0], Spread(3.0, 1.0, 9.0), id="between the middle two of an even number"),
        pytest.param([7.0], Spread(7.0, 7.0, 7.0), id="the only one"),
    ],
)
def test_a_spread_is_the_median_and_the_ends(values: list[float], expected: Spread) -> None:
    assert spread(values) == expected


@pytest.mark.parametrize(
    ("calls", "p50", "p95"),
    [
        pytest.param(20, 10.5, 19.0, id="20 calls: all but one"),
        pytest.param(100, 50.5, 95.0, id="100 calls: all but five"),
        pytest.param(21, 11.0, 20.0, id="21 calls: all but one"),
        pytest.param(19, 10.0, 19.0, id="19 calls: all of them"),
        pytest.param(1, 1.0, 1.0, id="one call"),
    ],
)
def test_so_many_calls_took_at_most(calls: int, p50: float, p95: float) -> None:
    """Calls of 1, 2, 3, ... seconds, in no order, over turns of unequal length."""
    seconds = [float(each) for each in (*range(calls, 0, -2), *range(calls - 1, 0, -2))]
    timing = make_timing("inference", 1, [seconds[:1], seconds[1:]] if calls > 1 else [seconds])
    assert (timing.calls, timing.p50, timing.p95) == (calls, p50, p95)


def test_the_median_of_all_calls_is_not_their_mean() -> None:
    assert make_timing("inference", 1, [[1.0, 2.0], [30.0]]).p50 == 2.0


def test_ratios_to_the_zoo_are_of_images_where_batches_differ() -> None:
    """Four images in 2 s beside eight in 8 s: twice as fast."""
    zoo, ours = row("keras", "zoo", 8.0, batch=8), row("keras", "eager", 2.0, batch=4)
    assert Ranking([zoo, ours], (), "throughput").ratio(ours) == Spread(2.0, 2.0, 2.0)


def test_a_round_is_the_median_of_its_turn() -> None:
    timing = make_timing("inference", 4, [[1.0, 9.0, 2.0], [8.0, 4.0]])
    assert timing.rounds == (2.0, 6.0)
    assert timing.rates == [2.0, 4 / 6]


def batched(mode: str, **seconds: float) -> ModeResult:
    """One whose calls of each batch took so many seconds, "at_8" being that of eight images, in both of two rounds."""
    timings = (make_timing("inference", int(name[3:]), [[each], [each]]) for name, each in seconds.items())
    return ModeResult("paddle", mode, "measured", macs=1000, timings=tuple(timings))


@pytest.mark.parametrize(
    ("seconds", "best", "rate"),
    [
        pytest.param({"at_1": 1.0, "at_8": 2.0, "at_32": 16.0}, 8, 4.0, id="the one in the middle"),
        pytest.param({"at_1": 0.1, "at_8": 2.0, "at_32": 16.0}, 1, 10.0, id="the smallest"),
        pytest.param({"at_1": 1.0, "at_8": 8.0, "at_32": 16.0}, 32, 2.0, id="the largest"),
    ],
)
def test_the_best_batch_is(seconds: dict[str, float], best: int, rate: float) -> None:
    measured = batched("eager", **seconds)
    ranking = Ranking([measured], (), "throughput")
    timing = ranking.timing(measured)
    assert timing is not None
    assert timing.batch == best
    assert ranking.figure(measured) == Spread(rate, rate, rate)


def test_the_best_batch_is_that_of_the_median_and_not_of_one_lucky_round() -> None:
    timings = (make_timing("inference", 2, [[1.0]] * 3), make_timing("inference", 4, [[0.1], [4.0], [4.0]]))
    measured = ModeResult("paddle", "eager", "measured", timings=timings)
    found = Ranking([measured], (), "throughput").timing(measured)
    assert found is timings[0]


def trained(mode: str, seconds: float, inference: float) -> ModeResult:
    """One that steps on eight images in so many seconds, and answers one in so many."""
    timings = (make_timing("inference", 1, [[inference]]), make_timing("training", 8, [[seconds]]))
    return ModeResult("keras", mode, "measured", macs=1000, memory=int(2**30 * inference), timings=timings)


FAST_LEARNER, SLOW_LEARNER, MIDDLING = trained("xla", 1.0, 3.0), trained("graph", 4.0, 1.0), trained("eager", 2.0, 2.0)


@pytest.mark.parametrize(
    ("goal", "order", "figures"),
    [
        pytest.param(
            "training", ["xla", "eager", "graph"], [8.0, 4.0, 2.0], id="images learnt in a second, most first"
        ),
        pytest.param("latency", ["graph", "eager", "xla"], [1000.0, 2000.0, 3000.0], id="milliseconds, least first"),
        pytest.param("throughput", ["graph", "eager", "xla"], [1.0, 1 / 2, 1 / 3], id="images a second, most first"),
        pytest.param("memory", ["graph", "eager", "xla"], [1.0, 2.0, 3.0], id="GiB, least first"),
    ],
)
def test_rows_are_in_the_order_of(goal: Goal, order: list[str], figures: list[float]) -> None:
    """Given in another, and not in its reverse."""
    ranking = Ranking([SLOW_LEARNER, FAST_LEARNER, MIDDLING], (), goal)
    assert [each.mode for each, _ in ranking.ranked] == order
    assert [figure.median for _, figure in ranking.ranked] == pytest.approx(figures)


def compiled(seconds: float, first_call: float, batch: int = 4) -> ModeResult:
    """A mode that is compiled, its calls of `batch` images in so many seconds."""
    options = {"compiled": "graph"}
    return row("keras", "graph", seconds, batch=batch, first_call=first_call, options=options)


@pytest.mark.parametrize(
    ("graph", "eager", "said"),
    [
        # 10 s more for the first answer; an image takes 0.5 s instead of 1.
        pytest.param(
            compiled(2.0, 12.0), row("keras", "eager", 4.0, batch=4, first_call=2.0), "from 20 images", id="20"
        ),
        # 10 s at 0.75 s an image are 13.3 images, of batches of another size.
        pytest.param(
            compiled(1.0, 12.0), row("keras", "eager", 8.0, batch=8, first_call=2.0), "from 14 images", id="14"
        ),
        # 1000 s at 0.5 s an image.
        pytest.param(
            compiled(2.0, 1002.0), row("keras", "eager", 4.0, batch=4, first_call=2.0), "from 2,000 images", id="2,000"
        ),
    ],
)
def test_the_first_answer_pays(graph: ModeResult, eager: ModeResult, said: str) -> None:
    assert f"(it pays {said} on)" in advise(Ranking([eager, graph], (), "throughput"))


@pytest.mark.parametrize(
    "eager",
    [
        pytest.param(row("keras", "eager", 4.0, batch=4, first_call=12.0), id="costs no more than eager's"),
        pytest.param(row("keras", "eager", 4.0, batch=4, first_call=15.0), id="costs less than eager's"),
        pytest.param(row("paddle", "eager", 4.0, batch=4, first_call=2.0), id="is another framework's to compare"),
    ],
)
def test_there_is_nothing_to_pay_where_it(eager: ModeResult) -> None:
    assert "it pays" not in advise(Ranking([eager, compiled(2.0, 12.0)], (), "throughput"))


def test_a_share_counts_two_operations_a_multiply_accumulate_and_all_images() -> None:
    """1000 MACs, 4 images, 2 s: 4000 operations a second, of 2 * 10^3 in half a second."""
    limit = Limit("keras", "float32", "matmul", 10, (0.5,))
    assert Ranking([], [limit], "throughput").share(row("keras", "eager", 2.0, batch=4)) == Spread(1.0, 1.0, 1.0)


def test_a_timing_is_of_one_piece_of_work() -> None:
    (inference, training) = MIDDLING.timings
    found: list[Timing | None] = [MIDDLING.timing("inference", 1), MIDDLING.timing("training", 8)]
    assert found == [inference, training]
    assert MIDDLING.timing("training", 1) is None
