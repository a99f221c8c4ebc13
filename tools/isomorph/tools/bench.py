"""`bench`: which framework, and which way of running it, is best for a network on this machine."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from isomorph.backends import Unavailable
from isomorph.backends.options import Options
from isomorph.backends.process import (
    CORES,
    CORES_VARIABLE,
    TIMEOUT,
    BackendFailed,
    BackendProcess,
    available_memory,
)
from isomorph.spec import Architecture, BadInput, infer
from isomorph.tools.benching.case import Case, draw_case
from isomorph.tools.benching.contestant import Contestant, Product, Start
from isomorph.tools.benching.machine import describe_machine
from isomorph.tools.benching.modes import Mode, choose_modes
from isomorph.tools.benching.ranking import GOALS, Goal
from isomorph.tools.benching.report import BenchReport
from isomorph.tools.benching.results import Row
from isomorph.tools.benching.rounds import Progress, Rounds
from isomorph.tools.benching.runner import ModeRunner, ZooRunner
from isomorph.tools.benching.yardsticks import find_yardstick
from isomorph.tools.own import find_architecture
from isomorph.tools.side_by_side import choose_backends
from isomorph.tools.subject import check_choice, check_limits, check_request

WORKER = "isomorph.backends.speed.worker"
BATCHES = (1, 8, 32)
TRAINING_BATCH = 8
ROUNDS = 11
PRODUCT = 4096
"""Rows and columns of the matrices whose product is the limit."""


@dataclass(frozen=True)
class Described:
    """What a backend says of the modes.

    device: "cpu" or "gpu", where they run.
    modes: those it has, with what their options come to; no two of them come to the same.
    rows: those that were asked for and that it lacks, with the reason.
    """

    device: str
    modes: tuple[tuple[Mode, Options], ...]
    rows: tuple[Row, ...]


def bench(
    subject: str | Architecture,
    *,
    backends: Sequence[str] | None = None,
    modes: Sequence[str] | None = None,
    goal: Goal = "throughput",
    device: str = "auto",
    size: tuple[int, int] | None = None,
    batches: Sequence[int] = BATCHES,
    training_batch: int | None = TRAINING_BATCH,
    rounds: int = ROUNDS,
    threads: int | None = None,
    seed: int = 0,
    timeout: float = TIMEOUT,
    product: int = PRODUCT,
    progress: Progress = lambda *_: None,
    **options: Any,
) -> BenchReport:
    """Measure a network in every mode of every backend, each in a process of its own, with the same weights.

    subject: an architecture, or its name, or a `.toml` file with one.
    backends: names; None takes the installed ones of pytorch, keras and paddle.
    modes: names, see `isomorph.tools.benching.modes`; None takes the usual ones, as far as a backend has them.
    goal: what the report is sorted by: "latency", "throughput", "training" or "memory".
    device: "auto", which is a GPU where a backend sees one, "cpu" or "gpu".
    size: height and width of the images; None is the zoo's own.
    batches: images in a call; single ones, whose latency counts, are measured in any case.
    training_batch: images in a training step; None leaves training out.
    rounds: turns of each mode; all take the first one, then all take the second one.
    threads: of each process; None is one for each core.
    product: rows and columns of the matrices whose product is the limit.
    timeout: seconds that one call to a process may take.
    progress: called before and after each step.
    options: of the architecture, such as `num_classes`.

    A mode's answers are proved to be the network's own before it is timed. One that answers wrongly, that a backend
    lacks, or that crashes costs its row and no more. Ctrl-C ends all processes and returns what is known by then.
    Raises BadInput for an unknown backend, mode, goal, device or size, before anything is measured.
    """
    started = time.monotonic()
    names, _ = choose_backends(backends)
    if not names:
        raise BadInput("No backend is installed to be measured; `pip install 'isomorph[all]'` adds three.")
    asked = choose_modes(modes)
    check_choice("goal", goal, GOALS)
    network = find_architecture(subject, **options) if isinstance(subject, str) else subject.with_options(**options)
    _check_numbers(batches, training_batch, rounds, threads, product)
    check_request(network, size, max(batches), seed, device, "float32")
    check_limits(timeout)
    threads = threads or CORES
    height, width = size or network.convention.preprocessing.size
    batches = tuple(sorted({1, *batches}))
    if network.head.num_classes is None or not network.head.global_pool:
        training_batch = None  # there are no classes to learn
    rows: list[Row] = []
    interrupted = False
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="isomorph-")))
        start = partial(
            BackendProcess,
            memory=available_memory(),
            timeout=timeout,
            worker=WORKER,
            environment=_environment(threads),
        )
        progress(0, 1, "drawing weights and images")
        case = draw_case(network, (height, width), batches, training_batch or 1, seed, folder)
        heats: list[list[Contestant]] = []
        course = Rounds((), rounds, training_batch, progress)
        device_used = device
        try:
            for name in names:
                progress(0, 1, f"asking {name} for its modes")
                described = _describe(start(name), asked, device, named=modes is not None)
                rows += described.rows
                if not described.modes:
                    continue
                device_used = described.device
                heats.append(_contestants(name, start, case, described, product))
            for contestant in (each for heat in heats for each in heat):
                stack.callback(contestant.close)
            fits = _fit_together(case, sum(map(len, heats)), max(batches), training_batch)
            heats = [[each for heat in heats for each in heat]] if fits else heats
            course = Rounds(heats, rounds, training_batch, progress)
            course.run()
        except KeyboardInterrupt:
            interrupted = True
    products = [each for each in course.contestants if isinstance(each, Product)]
    return BenchReport(
        network.name,
        (height, width, network.in_channels),
        describe_machine(CORES),
        device_used,
        threads,
        batches,
        training_batch,
        rounds,
        goal,
        (*(runner.row() for runner in course.runners), *rows),
        tuple(limit for each in products for limit in each.limits()),
        tuple(f"{each.name}: {each.message}" for each in products if each.message),
        len(course.heats) < 2,
        course.others,
        time.monotonic() - started,
        interrupted,
    )


def _contestants(name: str, start: Start, case: Case, described: Described, product: int) -> list[Contestant]:
    """All of one backend: its modes, its framework's own zoo where there is such, and its matrix product."""
    runners: list[Contestant] = [ModeRunner(name, start, case, *mode) for mode in described.modes]
    yardstick = find_yardstick(name, case.architecture)
    if yardstick or name == "pytorch":
        runners.append(ZooRunner(name, start, case, yardstick, described.device))
    precisions = tuple(dict.fromkeys(options.precision for _, options in described.modes))
    return [*runners, Product(name, start, product, precisions, described.device)]


def _fit_together(case: Case, processes: int, batch: int, training_batch: int | None) -> bool:
    """Whether the processes of all backends fit in memory at once, so that all can take turns with one another.

    Each needs its framework (0.6 GB was the most measured), its weights three times over, as gradients and momentum are
    of their size, and in float32 three of the largest maps of `batch` images, or all maps of those that are trained on,
    twice over: before batch norm and behind it.
    """
    memory = available_memory()
    values = sum(int(np.prod(value.shape)) for value in case.tensors.values())
    shapes = infer(case.architecture, *case.size).shapes(1).values()
    cells = [int(np.prod([extent or 1 for extent in shape])) for shape in shapes]
    maps = max(3 * max(cells) * batch, 2 * sum(cells) * (training_batch or 0))
    return memory is None or processes * (600e6 + 4 * (3 * values + maps)) <= memory


def _check_numbers(
    batches: Sequence[int], training_batch: int | None, rounds: int, threads: int | None, product: int
) -> None:
    if not batches or min(batches) < 1:
        raise BadInput(f"Batches of {', '.join(map(str, batches)) or 'nothing'} were asked for; expected one or more.")
    for what, found in (("training batch", training_batch), ("number of rounds", rounds), ("product", product)):
        if found is not None and found < 1:
            raise BadInput(f"The {what} is {found}; expected one or more.")
    if threads is not None and not 1 <= threads <= CORES:
        raise BadInput(f"{threads} threads were asked for; expected 1 to {CORES}, one for each core.")


def _environment(threads: int) -> dict[str, str]:
    """What every process is told: how many threads to take, and nothing else that its users would not have.

    While one works the others are stopped, so that their threads may spin while they wait, as a user's own do.
    """
    counted = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", CORES_VARIABLE)
    return dict.fromkeys(counted, str(threads)) | {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "GLOG_minloglevel": "2",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


def _describe(process: BackendProcess, modes: Sequence[Mode], device: str, named: bool) -> Described:
    """Ask a backend what the modes come to there; what goes wrong with it as a whole is a row of its own.

    named: whether they were asked for by name; else those go that have another compiler or layout than there is.
    """
    found: dict[Options, Mode] = {}
    rows: list[Row] = []
    where = device
    with process:
        try:
            offered = process.call("choices", device=device)
            where, choices = offered["device"], offered["choices"]
            for mode in modes:
                lacking = (name for name in choices.keys() & mode.options if mode.options[name] not in choices[name])
                if not named and next(lacking, None):
                    continue
                try:
                    options = Options(**process.call("resolve", options={"device": where, **mode.options}))
                except (Unavailable, BadInput) as error:
                    rows.append(Row(process.name, mode.name, "unavailable", str(error)))
                    continue
                found.setdefault(options, mode)
        except (Unavailable, BackendFailed) as error:
            rows.append(Row(process.name, modes[0].name, "error", str(error)))
    return Described(where, tuple((mode, options) for options, mode in found.items()), tuple(rows))
