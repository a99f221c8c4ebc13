"""Runs tests in a copy of the tree, each request in a fork of a process that has imported what all tests import.

    python -m mutants.running TEMPORARY    requests and answers are lines of JSON

{"tests": [ids or files], "ordered": true, "seconds": 100, "trace": folder or null}
{"status": 1, "noticed": "spec/tests/test_padding.py::test_x[same]", "message": "assert 1 == 2", "seconds": 0.8,
 "durations": {id: seconds}, "failed": {id: message}}

The fork imports isomorph anew, so that each request sees the sources as they are at that moment.
"""

import contextlib
import importlib
import io
import json
import math
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mutants import trace
from mutants.hiding import hide_frameworks
from mutants.tree import Tree

PRELOADED = (
    "_pytest.assertion.rewrite",
    "numpy.testing",
    "ml_dtypes",
    "safetensors.numpy",
    "h5py",
    "google_crc32c",
    "PIL.Image",
    "pooch",
    "rich.table",
    "rich.progress",
    "tomllib",
    "asyncio",
    "multiprocessing",
)
"""What is imported before the first fork; never a framework, and nothing of isomorph."""

MEMORY = 8 * 2**30
"""Bytes of data that a process may have: a changed size may ask for all there is."""

_HERE = [str(Path(__file__).parents[1])]  # behind the copy, which has this package, too, where it is one of ours

SUITE = "conformance/isomorph"
"""Where the tests stand that ask backends; here they ask the oracle alone."""

QUICK = ("-m", "not thorough and not exhaustive")
"""The tests of `make test`: the others say of more of the same what these say of some of it."""

TIMED_OUT = -1
"""The status of a run that was stopped: a changed loop may never end."""

SLACK = 60
"""Seconds by the clock for each of a core that tests may take, on machines that do much else."""


class Runner:
    """The other end of such a process, in a process group of its own. Close it, and all that it started ends.

    It ends as well where this process is killed: it sees that its stdin has closed, whatever it is in.
    """

    def __init__(self, tree: Tree, temporary: Path) -> None:
        self.tree = tree
        temporary.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mutants.running", str(temporary)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=tree.environment(temporary) | {"PYTHONPATH": os.pathsep.join([*tree.paths, *_HERE])},
            cwd=tree.root,
            text=True,
            start_new_session=True,
        )

    def run(self, tests: Sequence[str], seconds: float, ordered: bool = False, folder: Path | None = None) -> Any:
        """The answer for some tests, in their order or in pytest's.

        seconds: of a core, after which they are stopped. folder: where a trace is written.
        """
        assert self._process.stdin
        assert self._process.stdout
        request = {"tests": list(tests), "ordered": ordered, "seconds": seconds, "trace": folder and str(folder)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the process that runs the tests has ended")
        return json.loads(answer)

    def close(self) -> None:
        """End it, asked as often as it takes: Python drops what a signal raises within the hooks of a fork."""
        while self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if pipe:
                    pipe.close()


class _Notes:
    """A pytest plugin: puts tests in order, and keeps what became of them."""

    def __init__(self, tests: Sequence[str], ordered: bool, traced: bool) -> None:
        self.order = {test: place for place, test in enumerate(tests)} if ordered else None
        self.traced = traced
        self.number = 0
        self.durations: dict[str, float] = {}
        self.failed: dict[str, str] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave the tests that are asked for, in that order."""
        if self.order is None:
            return
        order = self.order
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in order])
        items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Number the tests, for the trace."""
        self.number += 1
        self.durations[nodeid] = 0.0
        if self.traced:
            trace.running(self.number)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what failed, and the time."""
        self.durations[report.nodeid] = self.durations.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self._keep(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep files that cannot be imported."""
        if report.failed:
            self._keep(report)

    def _keep(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        crash = getattr(report.longrepr, "reprcrash", None)
        lines = (crash.message if crash else str(report.longrepr)).strip().splitlines()
        self.failed.setdefault(report.nodeid, (lines[-1 if not crash else 0] if lines else "")[:200])


def main(temporary: str) -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    assert not [name for name in sys.modules if name.partition(".")[0] == "isomorph"]
    for line in sys.stdin:
        print(json.dumps(_in_a_fork(json.loads(line), temporary)), flush=True)


def _in_a_fork(request: dict[str, Any], temporary: str) -> dict[str, Any]:
    started = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setpgid(0, 0)
            os.close(reading)
            answer = _tested(request, temporary)
            with os.fdopen(writing, "w") as pipe:
                json.dump(answer, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        received = _received(reading, SLACK * request["seconds"])
    finally:
        for end in (os.killpg, os.kill):  # it may not have a group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if received is None or (not received and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        answer = {"status": TIMED_OUT, "message": f"no answer in {request['seconds']:.0f} s"}
    else:
        answer = json.loads(received) if received else {"status": 1, "message": "the tests' process ended"}
    return {"noticed": "", "durations": {}, "failed": {}} | answer | {"seconds": time.monotonic() - started}


def _received(reading: int, seconds: float) -> bytes | None:
    """All that is written until the other end closes; None where that takes too long.

    Ends this process where nobody waits for the answer any more: who asked was killed, and stdin with it.
    """
    until = time.monotonic() + seconds
    data = io.BytesIO()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while ready := select.select([pipe, sys.stdin], [], [], max(0.0, until - time.monotonic()))[0]:
            if pipe not in ready:
                sys.exit(1)
            piece = pipe.read(1 << 16)
            if not piece:
                return data.getvalue()
            data.write(piece)
    return None


def _tested(request: dict[str, Any], temporary: str) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    patience = math.ceil(request["seconds"])
    resource.setrlimit(resource.RLIMIT_CPU, (patience, patience + 1))
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.environ["PYTHONPATH"] += os.pathsep + str(Path(__file__).with_name("startup"))
    hide_frameworks()
    traced = request["trace"] is not None
    if traced:
        os.environ |= {trace.FOLDER: request["trace"], trace.ROOT: str(Path.cwd())}
        trace.start()
    notes = _Notes(request["tests"], request["ordered"], traced)
    files = list(dict.fromkeys(test.partition("::")[0] for test in request["tests"]))
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={temporary}/pytest", *QUICK]
    if any(file.startswith(SUITE) for file in files):
        options += ["--backend", "oracle"]
    if request["ordered"]:
        options.append("--exitfirst")
    started = time.monotonic()
    status = pytest.main([*options, *files], plugins=[notes])
    sys.settrace(None)
    share = min(1.0, _processor_time() / (time.monotonic() - started))
    noticed = next(iter(notes.failed), "")
    return {
        "status": int(status),
        "noticed": noticed,
        "message": notes.failed.get(noticed, ""),
        "durations": {test: share * seconds for test, seconds in notes.durations.items()},
        "failed": notes.failed,
    }


def _processor_time() -> float:
    """Seconds that this process and those that it started took of a core: on a busy machine the clock says more."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
