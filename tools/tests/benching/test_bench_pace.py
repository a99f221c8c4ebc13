"""How long a bench will still take, by what it said of its progress. All times are typed by hand."""

from itertools import accumulate, chain

import pytest
from rich.console import Console

from isomorph.tools.benching.pace import Pace, in_words
from isomorph.tools.benching.rounds import Rounds
from isomorph.tools.commands import bench as module
from isomorph.tools.commands import progress

from .test_bench_rounds import course

Step = tuple[str, float]
PREPARED, TURNED = ("preparing a", 10.0), ("measuring a, round 1 of 3", 2.0)


def pace_after(steps: list[Step], planned: int, before: int = 0) -> Pace:
    """The pace after steps that took so many seconds each, and between which none went by."""
    ends = list(accumulate(seconds for _, seconds in steps))
    starts = [0.0, *ends]
    pace = Pace(chain.from_iterable(zip(starts, ends, strict=False)).__next__)
    for number, (what, _) in enumerate(steps, before):
        pace(number, planned, what)
        pace(number + 1, planned, what)
    return pace


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        pytest.param([], None, id="nothing, which tells nothing"),
        pytest.param([PREPARED], None, id="no turn"),
        pytest.param([PREPARED, TURNED], 10.0 + 5 * 2.0, id="one of two networks prepared, and one turn"),
        pytest.param([PREPARED, TURNED, ("preparing b", 30.0)], 5 * 2.0, id="both prepared"),
        pytest.param(
            [PREPARED, TURNED, PREPARED, TURNED, ("measuring b, round 1 of 3", 5.0)], 3 * 3.0, id="some turns"
        ),
        pytest.param([PREPARED, *[TURNED] * 3, PREPARED, *[TURNED] * 3], 0.0, id="all"),
    ],
)
def test_what_is_left_after(steps: list[Step], left: float | None) -> None:
    """Of two networks, with three turns each."""
    assert pace_after(steps, planned=8).seconds_left == left


def test_steps_may_be_left_out() -> None:
    """In a scaling study whose first point had nothing to prepare: one more network, and its one turn."""
    steps = [("scaling: preparing a", 1.0), ("scaling: measuring a, round 1 of 1", 3.0)]
    assert pace_after(steps, planned=8, before=4).seconds_left == 1.0 + 3.0


def test_other_work_begins_anew() -> None:
    seconds = iter([0.0, 1.0, 1.0])
    pace = Pace(lambda: next(seconds))
    pace(0, 8, "measuring a, round 1 of 3")
    pace(1, 8, "measuring a, round 1 of 3")
    assert pace.seconds_left
    pace(0, 12, "scaling: drawing what runs at 20")
    assert pace.seconds_left is None


def test_a_bench_tells_what_the_pace_understands() -> None:
    """After the preparation of a product, and each of its turns, which take no time here."""
    found: list[float | None] = []
    seconds = iter(range(100))
    pace = Pace(lambda: float(next(seconds)))

    def told(done: int, planned: int, what: str) -> None:
        pace(done, planned, what)
        found.append(pace.seconds_left)

    Rounds([[course()[1]]], 3, None, 0.0, told).run()
    assert found == [None, None, None, 2.0, 2.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "10 s left"),
        (42.0, "40 s left"),
        (89.0, "90 s left"),
        (95.0, "2 min left"),
        (3590.0, "60 min left"),
    ],
)
def test_in_words_it_is(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (False, False)], ids=["a terminal", "a pipe"])
def test_the_bar_says_it_on(terminal: bool, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=120, force_terminal=terminal, color_system=None, legacy_windows=False)
    monkeypatch.setattr(module, "err", console)
    monkeypatch.setattr(progress, "err", console)
    with console.capture() as captured, module._show_progress() as show:
        show(0, 8, "preparing a")
        show(1, 8, "preparing a")
        show(1, 8, "measuring a, round 1 of 3")
        show(2, 8, "measuring a, round 1 of 3")
    assert ("10 s left" in captured.get()) == shown
    assert bool(captured.get().strip()) == shown
