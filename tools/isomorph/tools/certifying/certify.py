"""`isomorph conformance run`: run the conformance suite in backends, to certify them."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any

from isomorph.backends import Unavailable
from isomorph.backends.memory import available_memory
from isomorph.backends.process import CORES, BackendEnded, BackendFailed, BackendProcess
from isomorph.backends.protocol import DEVICES
from isomorph.backends.timeouts import SUITE_TIMEOUT
from isomorph.conformance.expected_failures import read_expected_failures
from isomorph.spec import BadInput
from isomorph.tools.certifying.report import CaseResult, CertificateReport, CertifiedBackend
from isomorph.tools.certifying.suite_process import SuiteProcess, check_pytest
from isomorph.tools.subjects.backends import choose_backends

Progress = Callable[[int, int, int, str], None]
"""Called with the numbers of tests that have ended, that are planned and that failed, and the running test."""

JOBS = 2
"""How many runs of the suite share the tests, where cores and memory allow; each has a process per backend."""

TESTS_OF_A_JOB = 50
"""A second run, which collects the whole suite and imports the frameworks again, takes longer than this many tests."""

PROCESS_MEMORY = 2 * 2**30
"""Bytes to allow for each of these processes; on a CPU they took 1.3 GiB on average, and 3.4 GiB in Keras."""

# Pytest's exit statuses, and how it begins to say what is wrong with `-k`.
COLLECTED_NOTHING, BAD_USAGE = 5, 4
WRONG_EXPRESSION = "Wrong expression passed to '-k'"


def certify(
    backends: Sequence[str] | None = None,
    *,
    device: str = "auto",
    jobs: int | None = None,
    every_network: bool = False,
    only: str | None = None,
    expected_failures: str | None = None,
    timeout: float = SUITE_TIMEOUT,
    progress: Progress = lambda *_: None,
    ended: Callable[[CaseResult], None] = lambda _: None,
) -> CertificateReport:
    """Run the conformance suite in `backends`, each in processes of its own; pytest runs in further ones.

    >>> from isomorph.tools import certify
    >>> report = certify(["oracle"], only="max_pool and float64", jobs=1)
    >>> report.certified, len(report.results), report.results[0].group
    (True, 6, "slim's own tests")

    backends: names or aliases, of other packages, too; None takes the oracle and the installed ones of this package.
    device: "auto", which is a GPU where a backend sees one, "cpu" or "gpu".
    jobs: how many processes of pytest share the tests; None: two, where there are a hundred of them, cores and memory
        allow it and no GPU is used.
    every_network: also run networks that others represent, which takes half an hour more.
    only: pytest's `-k`, an expression of words in tests' names, such as "max_pool and not float64".
    expected_failures: a TOML file, see `isomorph.conformance.expected_failures`.
    timeout: seconds that one call to a backend may take.
    progress: called whenever a test begins or ends. ended: called with the result of each test that ends.

    A backend that crashes or hangs fails only the test in which it does. Ctrl-C ends all processes and returns the
    results so far. Raises, before any test runs: BadInput for a backend that is unknown or cannot be imported, for an
    expression that is malformed or fits no test, for expected failures that are malformed or match no test, and where
    pytest is not installed; Unavailable for a backend that cannot be used here, or sees no GPU where device is "gpu";
    BackendEnded if it crashes at once.
    """
    started = time.monotonic()
    check_pytest()
    if device not in DEVICES:
        raise BadInput(f"There is no device {device!r}; there are {', '.join(DEVICES)}.")
    if jobs is not None and jobs < 1:
        raise BadInput(f"{jobs} jobs were asked for; expected one or more.")
    if timeout <= 0:
        raise BadInput(f"A call may take {timeout:g} s; expected more than none.")
    if expected_failures is not None:
        read_expected_failures(expected_failures)
    names, absent = choose_backends(backends)
    if backends is None:
        names.insert(0, "oracle")
    arguments = ["--asking-only", "--device", device, "--call-timeout", str(timeout)]
    arguments += [argument for name in names for argument in ("--backend", name)]
    arguments += ["--every-network"] if every_network else []
    arguments += ["-k", only] if only is not None else []
    arguments += ["--expected-failures", expected_failures] if expected_failures is not None else []

    with ExitStack() as stack:  # the frameworks are imported while pytest collects
        processes = [stack.enter_context(BackendProcess(name)) for name in names]
        planned = _collect(arguments, names, only)
        described = tuple(_describe(process, device) for process in processes)
    if jobs is None:
        jobs = 1 if any(backend.device == "gpu" for backend in described) else _jobs(len(names), planned)

    results: list[CaseResult] = []
    errors: list[str] = []
    interrupted = False
    with closing(SuiteProcess(arguments, jobs)) as suite:
        try:
            _follow(suite, planned, results, errors, progress, ended)
            status = suite.wait()
            if len(results) < planned and not errors:
                errors.append(f"the suite ended with status {status}: {suite.last_words()}")
        except KeyboardInterrupt:
            interrupted = True
            suite.interrupt()
    seconds = time.monotonic() - started
    return CertificateReport(described, absent, planned, tuple(results), tuple(errors), seconds, interrupted)


def _collect(arguments: Sequence[str], names: Sequence[str], only: str | None) -> int:
    """Return the number of tests. Raises BadInput where pytest refuses to run them."""
    with closing(SuiteProcess([*arguments, "--collect-only", "-q"])) as suite:
        lines = list(suite)
        status, words = suite.wait(), suite.last_words()
    collected: list[Any] = next((line["collected"] for line in lines if "collected" in line), [])
    if status == BAD_USAGE and only and words.startswith(WRONG_EXPRESSION):
        raise BadInput(
            f"--only {only!r} is no expression of words of tests' names: {words.rpartition(f'{only}: ')[2]}."
        )
    if status == BAD_USAGE:
        raise BadInput(words)
    if status == COLLECTED_NOTHING or not collected:
        fits = "there is" if only is None else f"fits {only!r}"
        raise BadInput(f"No test for {', '.join(names)} {fits}; expected words of tests' names, such as max_pool.")
    if status:
        raise BadInput(f"The suite cannot be read: {next((line['error'] for line in lines if 'error' in line), words)}")
    return len(collected)


def _describe(process: BackendProcess, device: str) -> CertifiedBackend:
    try:
        described = process.describe()
    except BackendEnded as error:
        error.add_note(f"the backend {process.name} could not be started.")
        raise
    except BackendFailed as error:
        raise BadInput(f"The backend {process.name} cannot be imported: {error}.") from None
    if device == "gpu" and not described["gpu"]:
        raise Unavailable(f"{process.name} sees no GPU here.")
    where = device if device != "auto" else "gpu" if described["gpu"] else "cpu"
    return CertifiedBackend(process.name, described["version"], where)


def _jobs(backends: int, planned: int) -> int:
    memory = available_memory()
    room = JOBS if memory is None else memory // ((backends + 1) * PROCESS_MEMORY)
    return max(1, min(JOBS, CORES, room, planned // TESTS_OF_A_JOB))


def _follow(
    suite: SuiteProcess,
    planned: int,
    results: list[CaseResult],
    errors: list[str],
    progress: Progress,
    ended: Callable[[CaseResult], None],
) -> None:
    """Add what the suite reports to `results` and `errors`, until it ends."""
    failed, runs = 0, ""
    for line in suite:
        if "error" in line:
            errors.append(line["error"])
        elif "started" in line:
            runs = line["started"]
        elif "collected" in line:
            continue
        elif line["backend"] is None:
            errors.append(f"{line['test']}: {line['message']}")
        else:
            results.append(CaseResult(**line))
            failed += line["outcome"] == "failed"
            ended(results[-1])
        progress(len(results), planned, failed, runs)
