"""The suite's pytest plugin: its options, expected failures, and properties of every test's report.

`pytest_entry.py` registers it, or `-p isomorph.conformance.suite.plugin`. The fixtures are in conftest.py.
"""

import os
from collections.abc import Generator, Mapping
from typing import Any

import pytest

from isomorph.backends.process import BackendEnded, DiskFull
from isomorph.backends.scratch import end_with_owner
from isomorph.backends.timeouts import SUITE_TIMEOUT
from isomorph.conformance.expected_failures import ExpectedFailures, read_expected_failures
from isomorph.conformance.suite.selection import (
    AGAINST_THE_ORACLE,
    DEFAULT,
    WHERE,
    backend_of,
    id_of,
    under_test,
)
from isomorph.conformance.suite.stream import Stream
from isomorph.spec import BadInput

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

MARKERS = (
    "thorough: what others stand for in `make test`; `make test-all` runs it",
    "exhaustive: what others stand for there, too; `isomorph conformance run` runs it",
    f"{AGAINST_THE_ORACLE}: what holds a network against the oracle, and is not asked of it",
    *(
        f"{mark}(where): {meant} where the function says so of a backend and a test's parameters"
        for mark, meant in WHERE.items()
    ),
)

REFUSED = "isomorph_refused"
EXPECTED = pytest.StashKey[ExpectedFailures]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options that select backends, their device, and tests."""
    group = parser.getgroup("isomorph")
    group.addoption(
        "--backend", action="append", metavar="NAME", help=f"certify this one; default {', '.join(DEFAULT)}"
    )
    group.addoption("--device", choices=["auto", "cpu", "gpu"], default="cpu", help="where; default cpu")
    group.addoption("--every-network", action="store_true", help="also those that others stand for; half an hour")
    group.addoption("--asking-only", action="store_true", help="leave out the tests that ask no backend anything")
    group.addoption("--expected-failures", metavar="FILE", help="a TOML file: backend, test id, reason; strict")
    group.addoption(
        "--call-timeout",
        type=float,
        default=SUITE_TIMEOUT,
        metavar="S",
        help=f"seconds that one call to a backend may take; default {SUITE_TIMEOUT:g}",
    )
    group.addoption("--stream", type=int, metavar="FD", help="write what happens to this file descriptor, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse unknown backends and a malformed list of expected failures before anything is collected.

    The workers of pytest-xdist and the backends' processes share the cores: each takes one thread. It is set before
    workers start, as NumPy reads it once, at its import.
    """
    end_with_owner()
    if config.getoption("numprocesses", default=None):
        os.environ |= {name: "1" for name in THREADS if name not in os.environ}
    under_test(config)
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    descriptor = config.getoption("--stream")
    if descriptor is not None and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(Stream(descriptor))
    path = config.getoption("--expected-failures")
    if path is not None:
        try:
            config.stash[EXPECTED] = read_expected_failures(path)
        except BadInput as error:
            raise pytest.UsageError("; ".join([str(error), *getattr(error, "__notes__", ())])) from None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Record each test's backend and id in its report, and mark expected failures, before `-k` deselects any."""
    asking = [(item, backend, id_of(item)) for item in items if (backend := backend_of(item))]
    for item, backend, test in asking:
        item.user_properties += [("backend", backend), ("test", test)]
        for name, meant in WHERE.items():
            if any(mark.kwargs["where"](backend, _parameters(item)) for mark in item.iter_markers(name)):
                item.add_marker(meant)
    if config.getoption("--asking-only"):
        config.hook.pytest_deselected(items=[item for item in items if not backend_of(item)])
        items[:] = [item for item, *_ in asking]
    if expected := config.stash.get(EXPECTED, None):
        try:
            for name in under_test(config):
                expected.check(name, [test for _, backend, test in asking if backend == name])
        except BadInput as error:
            _refuse(config, items, str(error))
        for item, backend, test in asking:
            if reason := expected.reason(backend, test):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def _parameters(item: Any) -> Mapping[str, Any]:
    return {name: value for name, value in item.callspec.params.items() if name != "process"}


def _refuse(config: pytest.Config, items: list[pytest.Item], message: str) -> None:
    """Run nothing, and report why; a worker of pytest-xdist leaves the report to its controller."""
    if not hasattr(config, "workeroutput"):
        raise pytest.UsageError(message)
    config.workeroutput[REFUSED] = message
    items.clear()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Report why a worker of pytest-xdist refused to run."""
    if message := getattr(node, "workeroutput", {}).get(REFUSED):
        raise pytest.UsageError(message)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mark in the report a test that decided nothing: its backend's process ended, or a disk was full."""
    report = yield
    if call.excinfo and isinstance(call.excinfo.value, BackendEnded | DiskFull):
        report.user_properties.append(("crashed", True))
    return report
