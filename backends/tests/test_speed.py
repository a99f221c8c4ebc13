"""The child's side of `isomorph bench`, on the oracle: clocks, turns, pauses, and what is asked of a framework."""

import gc
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from isomorph.backends import Unavailable, load_backend
from isomorph.backends.oracle.speed import OracleFramework
from isomorph.backends.process import CORES_VARIABLE, BackendFailed, BackendProcess
from isomorph.backends.protocol import Backend
from isomorph.backends.speed import clock
from isomorph.backends.speed.worker import SpeedWorker
from isomorph.spec import Architecture

WORKER = "isomorph.backends.speed.worker"


def pretend(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> list[float]:
    """Calls take so long, one after the other, and the last of them for ever; returns those that are left."""
    left = list(seconds)
    monkeypatch.setattr(clock, "seconds_of", lambda _work: left.pop(0) if len(left) > 1 else left[0])
    return left


@pytest.mark.parametrize(
    ("seconds", "calls"),
    [
        pytest.param((9.0, 1.0, 1.0, 1.0), 4, id="two calls that are no better than the best"),
        pytest.param((1.0, 1.0, 1.0), 3, id="three at least"),
        pytest.param((0.9, 0.4, 0.5, 0.2, 0.1, 0.097, 0.12), 7, id="better ones start it anew, noise does not"),
        pytest.param(tuple(0.9**power for power in range(40)), clock.MOST_CALLS, id="twenty at most"),
        pytest.param((30.0, 12.0, 6.0), 3, id="ten seconds at most"),
    ],
)
def test_warm_up_ends_when_calls_are_stable(
    seconds: tuple[float, ...], calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, *seconds)
    assert len(clock.warm_up(lambda: None)) == calls


@pytest.mark.parametrize(
    ("seconds", "calls"),
    [pytest.param(3.0, 1, id="one long call"), pytest.param(0.1, 2, id="as many as fit in a quarter of a second")],
)
def test_a_turn_is(seconds: float, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, seconds)
    assert clock.take_turn(lambda: None, expected=seconds) == [seconds] * calls


def test_short_work_is_called_once_untimed_at_the_start_of_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 0.2)
    called: list[None] = []
    clock.take_turn(lambda: called.append(None), expected=0.01)
    assert len(called) == 1


def test_the_peak_is_that_since_it_was_reset() -> None:
    gc.collect()  # what other tests left is not given back while this one looks
    clock.reset_peak()
    before = clock.peak_memory()
    held = np.ones(200_000_000, np.uint8)
    assert clock.peak_memory() - before > 0.9 * held.size


@pytest.fixture
def process() -> Iterator[BackendProcess]:
    environment = {"OPENBLAS_NUM_THREADS": "1", CORES_VARIABLE: "1"}
    with BackendProcess("oracle", timeout=60, worker=WORKER, environment=environment) as process:
        yield process


def test_a_network_is_answered_warmed_up_and_timed_in_its_process(process: BackendProcess, tiny: Architecture) -> None:
    network = process.build(tiny, "cpu")
    images = process.share({"images": np.ones((2, 9, 8, 3))}).to_document()
    given = {"images": images, "batch": 3}  # the first image once more
    first = process.call("prepare_answers", key=network.key, work="both", out=process.new_file(), **given)
    assert first["seconds"] > 0
    assert first["arrays"]["index"]["answer"][1] == [3, 4]
    assert len(process.call("warm_up", work="both")) >= clock.LEAST_CALLS
    assert all(0 < seconds < math.inf for seconds in process.call("turn", work="both", turn=0.01))
    assert process.call("peak") > 0
    assert process.call("threads") == 1


def test_options_are_resolved_without_building(process: BackendProcess) -> None:
    assert process.call("resolve", options={"device": "auto", "fold_batch_norm": True}) == {
        "device": "cpu",
        "dtype": "float32",
        "training": False,
        "layout": "NHWC",
        "compiled": None,
        "fold_batch_norm": True,
        "freeze_batch_norm": False,
        "autocast": None,
    }
    with pytest.raises(Unavailable, match=r"^oracle computes in NHWC on the cpu, not in NCHW\.$"):
        process.call("resolve", options={"layout": "NCHW"})


def test_the_fastest_form_of_a_matrix_product_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def form(name: str, seconds: float) -> tuple[str, Callable[[], None]]:
        def product() -> None:
            calls.append(name)
            time.sleep(seconds)

        return name, product

    forms = form("slow", 0.05), form("fast", 0), form("slower", 0.1)
    monkeypatch.setattr(OracleFramework, "products", lambda *_: iter(forms))
    worker = SpeedWorker(load_backend("oracle"))
    assert worker.prepare_product("product", 2, "float32", "cpu") == "fast"
    calls.clear()
    worker.turn("product", 0.1)
    assert set(calls) == {"fast"}


def test_a_framework_without_a_zoo_says_so(process: BackendProcess) -> None:
    with pytest.raises(Unavailable, match=r"^NumPy has no zoo\.$"):
        process.call("build_zoo", key=0, name="resnet50", classes=10, size=(8, 8, 3), device="cpu")


def test_a_backend_that_does_not_say_has_no_training_step() -> None:
    with pytest.raises(Unavailable, match=r"^isomorph bench knows no training step and no matrix product of oracle\.$"):
        Backend.framework(load_backend("oracle"))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc, which tells a process's state")
def test_a_paused_process_is_stopped_and_goes_on(process: BackendProcess) -> None:
    process.describe()
    process.pause()
    deadline = time.monotonic() + PATIENCE
    while state(process.pid) != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.resume()
    assert process.call("peak") > 0


PATIENCE = 300.0
"""Seconds until a test is taken to wait for ever; no machine is so busy."""


def state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs a system that can keep processes to cores")
def test_a_process_keeps_to_its_cores(process: BackendProcess) -> None:
    process.describe()
    assert len(os.sched_getaffinity(process.pid)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which ends processes with their parent")
def test_a_paused_process_ends_with_its_parent() -> None:
    script = (
        "import os, sys; from isomorph.backends.process import BackendProcess\n"
        f"process = BackendProcess('oracle', worker='{WORKER}', environment={{}})\n"
        "process.describe(); process.pause(); print(process.pid, flush=True); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{done.stdout.strip()}").exists() and state(int(done.stdout)) != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_call_that_fails_does_not_end_the_process(process: BackendProcess) -> None:
    with pytest.raises(BackendFailed, match="KeyError"):
        process.call("turn", work="nothing", turn=0.01)
    assert process.call("peak") > 0


@pytest.mark.parametrize(
    ("told", "threads"), [("3", 3), (None, 0)], ids=["as many as it was told", "unknown otherwise"]
)
def test_the_oracle_has_the_threads_of_its_blas(
    told: str | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if told:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", told)
    assert OracleFramework().threads() == threads
