"""The course of a bench: when processes end, what others took meanwhile, and where. All times are typed by hand."""

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isomorph.backends.process import BackendFailed
from isomorph.tools.benching import rounds as module
from isomorph.tools.benching.machine import STAT, Busy, count_busy, describe_machine
from isomorph.tools.benching.rounds import Rounds
from isomorph.tools.benching.timed_process import TimedProcess

from ..benched import quick

CPUINFO = Path("/proc/cpuinfo")


class Process:
    """A process that is none; each of its calls takes a second by its own account."""

    pid = 7

    def resume(self) -> None:
        """Nothing was paused."""

    def pause(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing has to end."""

    def call(self, _method: str, **_: Any) -> list[float]:
        return [1.0]


class Ends(Process):
    """One that ends in its first turn."""

    def call(self, _method: str, **_: Any) -> list[float]:
        raise BackendFailed("the process was ended")


class Multiplies(TimedProcess):
    """A matrix product, which is not trained."""

    name = "product"

    def _prepare(self) -> None:
        self.turns["float32"] = []


def course(rounds: int = 2, process: type[Process] = Process) -> tuple[Rounds, TimedProcess]:
    def start(name: str, *, tf32: bool = False) -> Any:
        assert (name, tf32) == ("oracle", False)
        return process()

    competitor = Multiplies("oracle", start)
    return Rounds([[competitor]], rounds, None, 0.0, lambda *_: None), competitor


def measured(monkeypatch: pytest.MonkeyPatch, busy: list[Busy | None], clock: list[float]) -> None:
    """Let a round find these, before and after it."""
    counts, times = iter(busy), iter(clock)
    monkeypatch.setattr(module, "count_busy", lambda _: next(counts))
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(times)))


def test_a_product_s_process_ends_once_all_have_had_their_turns() -> None:
    """So that it takes no memory from training."""
    run, competitor = course(rounds=3)
    run.run()
    assert competitor.pid is None
    assert competitor.turns == {"float32": [[1.0], [1.0], [1.0]]}


def test_progress_is_told_of_every_step_and_is_full_at_the_end() -> None:
    """Of a product: its preparation, and its turns."""
    steps: list[tuple[int, int, str]] = []
    Rounds([[course()[1]]], 3, None, 0.0, lambda *step: steps.append(step)).run()
    assert steps[0] == (0, 4, "preparing product")
    assert steps[-1] == (4, 4, "measuring product, round 3 of 3")


def test_close_ends_what_an_interruption_left() -> None:
    run, competitor = course()
    competitor.start()
    assert competitor.pid == 7
    run.close()
    assert competitor.pid is None


def test_what_others_took_is_an_average_over_the_seconds_of_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cores for 10 s, and half a core for 5 s."""
    busy: list[Busy | None] = [Busy(100.0, 10.0), Busy(130.0, 20.0), Busy(200.0, 20.0), Busy(207.5, 25.0)]
    measured(monkeypatch, busy, [0.0, 10.0, 20.0, 25.0])
    run, _ = course()
    run.run()
    assert run.others == 1.5


@pytest.mark.parametrize(
    ("busy", "clock"),
    [
        pytest.param([None, Busy(130.0, 20.0)], [0.0, 10.0], id="the system does not say before"),
        pytest.param([Busy(100.0, 10.0), None], [0.0, 10.0], id="the system does not say after"),
        pytest.param([Busy(100.0, 10.0), Busy(130.0, 20.0)], [5.0, 5.0], id="no time has gone by"),
    ],
)
def test_what_others_took_is_not_known_where(
    busy: list[Busy | None], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, busy, clock)
    run, _ = course(rounds=1)
    run.run()
    assert run.others is None


def test_a_row_tells_what_others_took_during_its_own_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 s each: eager's, eager-folded's, and the matrix product's, which has no row."""
    measured(monkeypatch, [Busy(each, 0.0) for each in (0.0, 1.0, 1.0, 16.0, 16.0, 18.0)], [0.0, 10.0] * 3)
    report = quick("eager", "eager-folded", rounds=1, training_batch=None)
    assert [row.others for row in report.rows] == [0.1, 1.5]
    assert report.others == 0.6


def test_a_round_in_which_a_process_ended_tells_nothing_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, [Busy(100.0, 10.0)], [0.0])
    run, competitor = course(rounds=1, process=Ends)
    run.run()
    assert (competitor.status, competitor.message) == ("error", "the process was ended")
    assert run.others is None


@pytest.fixture
def spent() -> Iterator[None]:
    """Some processor time of this process, in user mode."""
    until = os.times().user + 0.1
    while os.times().user < until:
        pass
    yield


@pytest.mark.skipif(not STAT.exists(), reason="the system does not tell what processes took")
@pytest.mark.usefixtures("spent")
def test_own_processor_time_is_what_the_system_tells_of_this_process() -> None:
    """To two of its ticks, of which there are a hundred in a second."""
    before = os.times()
    found = count_busy([])
    after = os.times()
    assert found
    assert before.user + before.system - 0.02 <= found.own <= after.user + after.system + 0.02
    assert found.own <= found.all


@pytest.mark.skipif(not CPUINFO.exists(), reason="the system does not tell what machine it is")
def test_a_machine_is_described_as_the_system_tells_it() -> None:
    machine = describe_machine(3)
    names = re.findall(r"model name\s*: (.*)", CPUINFO.read_text()) or [platform.processor() or platform.machine()]
    assert machine.processor == names[0].strip()
    assert machine.memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert (machine.cores, machine.python) == (3, platform.python_version())
