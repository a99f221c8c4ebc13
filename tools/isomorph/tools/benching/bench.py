"""`bench`: which framework, and which way of running it, is best for a network on this machine."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from isomorph.backends.memory import available_memory
from isomorph.backends.process import CORES, CORES_VARIABLE, BackendProcess
from isomorph.backends.scratch import ScratchFolder
from isomorph.backends.speed.clock import TURN
from isomorph.backends.timeouts import TIMEOUT
from isomorph.spec import Architecture, BadInput
from isomorph.tools.benching.axes import Point, check_axes, points
from isomorph.tools.benching.competitors import Described, describe, fit_together, products, runners, turn_groups
from isomorph.tools.benching.curves import Curve, joined
from isomorph.tools.benching.defaults import BATCHES, ROUNDS, TRAINING_BATCH
from isomorph.tools.benching.explain import setting
from isomorph.tools.benching.interrupt import heard_once
from isomorph.tools.benching.machine import describe_machine
from isomorph.tools.benching.modes import choose_modes
from isomorph.tools.benching.ranking import GOALS, Goal, Ranking
from isomorph.tools.benching.report import BenchReport
from isomorph.tools.benching.results import ModeResult, Turns
from isomorph.tools.benching.rounds import Progress, Rounds
from isomorph.tools.benching.scaling import Scaling, followed
from isomorph.tools.benching.timed_process import Product, TimedProcess
from isomorph.tools.benching.workload import Workload, draw_workload
from isomorph.tools.subjects.backends import choose_some
from isomorph.tools.subjects.subject import Origin, check_choice, check_limits, check_request, digest, find_subject

WORKER = "isomorph.backends.speed.worker"
PRODUCT = 4096
"""Rows and columns of the matrices whose product is the limit."""


def bench(
    subject: str | Path | Architecture,
    *,
    backends: Sequence[str] | None = None,
    modes: Sequence[str] | None = None,
    goal: Goal = "throughput",
    device: str = "auto",
    size: tuple[int, int] | None = None,
    batches: Sequence[int] = BATCHES,
    training_batch: int | None = TRAINING_BATCH,
    rounds: int = ROUNDS,
    turn: float = TURN,
    scaling: Sequence[str] = (),
    threads: int | None = None,
    seed: int = 0,
    arch: str | None = None,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    product: int = PRODUCT,
    progress: Progress = lambda *_: None,
    **options: Any,
) -> BenchReport:
    """Measure a network in every mode of every backend, each in a process of its own, with the same weights.

    >>> from isomorph.tools import bench
    >>> report = bench("mlperf_tiny/resnet8", backends=["oracle"], modes=["eager", "eager-folded"], size=(16, 16),
    ...                batches=[1], training_batch=None, rounds=1, turn=0.0, product=64)
    >>> [(row.mode, row.status) for row in report.rows]
    [('eager', 'measured'), ('eager-folded', 'measured')]
    >>> report.rows[0].timings[0].rates[0] > 0  # images per second
    True

    subject: an architecture, its name, a `.toml` file with one, or a checkpoint, whose tensors are then used.
    backends: names; None takes the installed ones of pytorch, keras and paddle.
    modes: names, see `isomorph.tools.benching.modes`; None takes the usual ones, as far as a backend has them.
    goal: what the report is sorted by: "latency", "throughput", "training" or "memory".
    device: "auto", which is a GPU where a backend sees one, "cpu" or "gpu".
    size: height and width of the images; None is the zoo's own.
    batches: images in a call; single ones, whose latency counts, are measured in any case.
    training_batch: images in a training step; None leaves training out.
    rounds: turns of each mode; all take the first one, then all take the second one.
    turn: seconds of timed calls in a turn; there is one call at least.
    scaling: some of "batch", "depth" and "resolution", along which time and memory are followed, see `benching.axes`:
        in the modes that were named, or else in eager execution and each backend's best, and of the zoo's own.
    threads: of each process; None is one for each core.
    product: rows and columns of the matrices whose product is the limit.
    arch: the architecture of a checkpoint that cannot tell.
    memory: bytes that each process may allocate; None: what is free now.
    timeout: seconds that one call to a process may take.
    progress: called before and after each step.
    options: of the architecture, such as `num_classes`.

    A mode's answers are proved to be the network's own before it is timed. One that answers wrongly, that a backend
    lacks, that there is not, or that crashes costs its row and no more, a batch that does not fit in memory its
    figures. Ctrl-C ends all processes and returns what is known by then.
    Raises BadInput where no backend or no mode of those named is known, and for an unknown goal, device or size, before
    anything is measured.
    """
    started = time.monotonic()
    names, rows = _choose(backends)
    asked, unknown = choose_modes(modes)
    rows += [ModeResult(name, mode, "unavailable", reason) for name in names for mode, reason in unknown.items()]
    axes = check_axes(scaling)
    check_choice("goal", goal, GOALS)
    found = find_subject(subject, arch, **options)
    network = found.architecture
    _check_numbers(batches, training_batch, rounds, threads, product)
    check_request(network, size, max(batches), seed, device, "float32")
    check_limits(timeout, memory)
    threads = threads or CORES
    height, width = size or network.convention.preprocessing.size
    batches = tuple(sorted({1, *batches}))
    if network.head.num_classes is None or not network.head.global_pool:
        training_batch = None  # there are no classes to learn
    room = available_memory() if memory is None else int(memory)
    interrupted = False
    with ExitStack() as stack:
        stack.enter_context(heard_once())
        folder = stack.enter_context(ScratchFolder())
        start = partial(BackendProcess, memory=room, timeout=timeout, worker=WORKER, environment=_environment(threads))
        progress(0, 1, "drawing images and weights" if found.tensors is None else "drawing images")
        workload = draw_workload(network, (height, width), batches, training_batch, seed, folder, room, found.tensors)
        entered: list[list[TimedProcess]] = []
        described: list[Described] = []
        curves: list[Curve] = []
        course = Rounds((), rounds, training_batch, turn, progress)
        device_used = device
        turns: Turns = "all"
        try:
            for name in names:
                progress(0, 1, f"asking {name} for its modes")
                described.append(describe(start(name), asked, device, named=modes is not None))
                rows += described[-1].rows
                if described[-1].modes:
                    device_used = described[-1].device
                    entered.append([*runners(described[-1], start, workload), *products(described[-1], start, product)])
            turns, apart = turn_groups(entered, lambda processes: fit_together(workload, processes, training_batch))
            course = Rounds(apart, rounds, training_batch, turn, progress)
            stack.callback(course.close)
            course.run()
            chosen = followed(described, Ranking(course.rows(), (), goal), named=modes is not None)
            places = points(axes, network, (height, width), max(batches))
            along = Scaling(places, chosen, start, partial(_draw, seed, folder, workload), turn, progress)
            curves = along.curves
            along.run()
        except KeyboardInterrupt:
            interrupted = True
    limits = [each for each in course.competitors if isinstance(each, Product)]
    return BenchReport(
        network.name,
        found.origin or Origin(f"drawn, seed {seed}", digest(workload.tensors)),
        (height, width, network.in_channels),
        describe_machine(CORES),
        device_used,
        threads,
        batches,
        training_batch,
        rounds,
        goal,
        (*course.rows(), *rows),
        tuple(limit for each in limits for limit in each.limits()),
        tuple(f"{each.name}: {each.message}" for each in limits if each.message),
        tuple(joined(curves)),
        turns,
        course.others,
        time.monotonic() - started,
        interrupted,
        setting(subject, (height, width, network.in_channels), arch, options),
    )


def _choose(backends: Sequence[str] | None) -> tuple[list[str], list[ModeResult]]:
    """The backends that can run, and rows of those that were named and cannot."""
    names, absent = choose_some(backends)
    if not names:
        raise BadInput("No backend is installed to be measured; `pip install 'isomorph[all]'` adds three.")
    return names, [
        ModeResult(name, "", "unavailable", reason) for name, reason in absent.items() if backends is not None
    ]


def _draw(seed: int, folder: Path, given: Workload, point: Point) -> Workload:
    """What runs at a place of an axis: with the weights that were given, where it is the network itself."""
    own = folder / f"{point.axis}-{point.x}"
    own.mkdir()
    tensors = given.tensors if point.network == given.architecture else None
    return draw_workload(point.network, point.size, point.batches, None, seed, own, given.room, tensors)


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
