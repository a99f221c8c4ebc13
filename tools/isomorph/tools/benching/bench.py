"""`bench`: find the framework, and the way of running it, that is best for a network on this machine."""

import time
from collections.abc import Callable, Sequence
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
from isomorph.tools.benching.curves import Curve, join
from isomorph.tools.benching.defaults import BATCHES, ROUNDS, TRAINING_BATCH
from isomorph.tools.benching.explain import setup_lines
from isomorph.tools.benching.interrupt import heard_once
from isomorph.tools.benching.machine import describe_machine
from isomorph.tools.benching.modes import Mode, choose_modes
from isomorph.tools.benching.plausibility import warned_of_others
from isomorph.tools.benching.quick import QUICK_BATCHES, QUICK_ROUNDS, advised_modes, check_quick
from isomorph.tools.benching.ranking import GOALS, Goal, Ranking
from isomorph.tools.benching.report import BenchReport
from isomorph.tools.benching.results import ModeResult, Turns
from isomorph.tools.benching.rounds import Progress, Rounds
from isomorph.tools.benching.scaling import Scaling, choose_followed
from isomorph.tools.benching.timed_process import Product, TimedProcess
from isomorph.tools.benching.workload import Workload, draw_workload
from isomorph.tools.designs.titles import title
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
    quick: bool = False,
    goal: Goal = "throughput",
    device: str = "auto",
    size: tuple[int, int] | None = None,
    batches: Sequence[int] | None = None,
    training_batch: int | None = TRAINING_BATCH,
    rounds: int | None = None,
    turn: float = TURN,
    scaling: Sequence[str] = (),
    threads: int | None = None,
    seed: int = 0,
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    product: int = PRODUCT,
    progress: Progress = lambda *_: None,
    warn: Callable[[str], None] = lambda sentence: None,
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
    modes: names, see `isomorph.tools.benching.modes`; None takes the usual ones that a backend has.
    quick: measure one mode of each backend alone, the one that its framework's documentation advises, see
        `isomorph.tools.benching.quick`, in fewer rounds and batches, and without training.
    goal: what the report is sorted by: "latency", "throughput", "training" or "memory".
    device: "auto", which is a GPU where a backend sees one, "cpu" or "gpu".
    size: height and width of the images; None is the zoo's own.
    batches: images in a call; single images, which give the latency, are always measured. None: BATCHES of
        `isomorph.tools.benching.defaults`, or QUICK_BATCHES.
    training_batch: images in a training step; None leaves training out.
    rounds: turns of each mode; all take their first turn, then all take their second one. None: ROUNDS of
        `isomorph.tools.benching.defaults`, or QUICK_ROUNDS.
    turn: seconds of timed calls in a turn, of at least one call.
    scaling: some of "batch", "depth" and "resolution", along which time and memory are measured, see `benching.axes`:
        of the named modes, or else of eager execution and each backend's best, and of the zoo's own network.
    threads: of each process; None is one for each core.
    product: rows and columns of the matrices whose product is the limit.
    arch: the architecture of a checkpoint that cannot tell it.
    key, prefix: which dictionary of the file, and which of its tensors, as `read_checkpoint` takes them.
    tensor_map: a file that says which tensor is which, as `inspect --map` writes it, and all of these.
    memory: bytes that each process may allocate; None: what is free now.
    timeout: seconds that one call to a process may take.
    progress: called before and after each step.
    warn: called with a sentence where other processes keep the cores busy before anything is measured.
    options: of the architecture, such as `num_classes`.

    A mode's answers are proved to be the network's own before it is timed. A mode that answers wrongly, is missing or
    crashes loses only its own figures, and a batch that does not fit in memory only the figures of that batch. Ctrl-C
    ends all processes and returns the results so far.
    Raises BadInput, before anything is measured, where no named backend or no named mode is known, for an unknown
    goal, device or size, and where `quick` contradicts what else is asked for.
    """
    started = time.monotonic()
    resolved = find_subject(subject, arch, key=key, prefix=prefix, tensor_map=tensor_map, **options)
    names, chosen_modes, rows = _choose(backends, modes)
    axes = check_axes(scaling)
    check_choice("goal", goal, GOALS)
    network = resolved.architecture
    check_quick(
        quick,
        goal=goal,
        modes=modes,
        rounds=rounds,
        training_batch=None if training_batch == TRAINING_BATCH else training_batch,
        scaling=scaling,
    )
    _check_numbers(batches, training_batch, rounds, threads, product)
    batches, training_batch, rounds = _schedule(network, quick, batches, training_batch, rounds)
    check_request(network, size, max(batches), seed, device, "float32")
    check_limits(timeout, memory)
    threads = threads or CORES
    height, width = size or network.convention.preprocessing.size
    batches = tuple(sorted({1, *batches}))
    room = available_memory() if memory is None else int(memory)
    interrupted = False
    with ExitStack() as stack:
        stack.enter_context(heard_once())
        folder = stack.enter_context(ScratchFolder())
        start = partial(BackendProcess, memory=room, timeout=timeout, worker=WORKER, environment=_environment(threads))
        progress(0, 1, "drawing images and weights" if resolved.tensors is None else "drawing images")
        with warned_of_others(warn, CORES):
            workload = draw_workload(
                network, (height, width), batches, training_batch, seed, folder, room, resolved.tensors
            )
        competitors: list[list[TimedProcess]] = []
        described: list[Described] = []
        curves: list[Curve] = []
        course = Rounds((), rounds, training_batch, turn, progress)
        device_used = device
        turns: Turns = "all"
        try:
            for name in names:
                progress(0, 1, f"asking {name} for its modes")
                wanted = advised_modes(name) if quick else chosen_modes
                described.append(describe(start(name), wanted, device, named=modes is not None, first=quick))
                rows += described[-1].rows
                if described[-1].modes:
                    device_used = described[-1].device
                    competitors.append(
                        [*runners(described[-1], start, workload), *products(described[-1], start, product)]
                    )
            turns, groups = turn_groups(
                competitors, lambda processes: fit_together(workload, processes, training_batch)
            )
            course = Rounds(groups, rounds, training_batch, turn, progress)
            stack.callback(course.close)
            course.run()
            followed = choose_followed(described, Ranking(course.rows(), (), goal), named=modes is not None)
            all_points = points(axes, network, (height, width), max(batches))
            scaling_run = Scaling(all_points, followed, start, partial(_draw, seed, folder, workload), turn, progress)
            curves = scaling_run.curves
            scaling_run.run()
        except KeyboardInterrupt:
            interrupted = True
    limits = [each for each in course.competitors if isinstance(each, Product)]
    return BenchReport(
        network.name,
        title(network),
        resolved.origin or Origin(f"drawn, seed {seed}", digest(workload.tensors)),
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
        tuple(join(curves)),
        turns,
        course.others,
        time.monotonic() - started,
        interrupted,
        setup_lines(
            subject,
            (height, width, network.in_channels),
            _given(arch=arch, key=key, prefix=prefix, tensor_map=tensor_map) | options,
        ),
        quick,
    )


def _given(**arguments: str | Path | None) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _choose(
    backends: Sequence[str] | None, modes: Sequence[str] | None
) -> tuple[list[str], tuple[Mode, ...], list[ModeResult]]:
    """Return the backends that can run, the modes that there are, and rows for named ones of which that is not so."""
    names, absent = choose_some(backends)
    if not names:
        raise BadInput("No backend is installed to be measured; `pip install 'isomorph[all]'` adds three.")
    chosen, unknown = choose_modes(modes)
    rows = [ModeResult(name, "", "unavailable", reason) for name, reason in absent.items() if backends is not None]
    rows += [ModeResult(name, mode, "unavailable", reason) for name in names for mode, reason in unknown.items()]
    return names, chosen, rows


def _schedule(
    network: Architecture, quick: bool, batches: Sequence[int] | None, training_batch: int | None, rounds: int | None
) -> tuple[Sequence[int], int | None, int]:
    """Return the batches, the training batch if any, and the number of rounds: the usual ones where none are given."""
    has_classes = network.head.num_classes is not None and network.head.global_pool  # which can be learnt
    usual_batches, usual_rounds = (QUICK_BATCHES, QUICK_ROUNDS) if quick else (BATCHES, ROUNDS)
    return (
        usual_batches if batches is None else batches,
        training_batch if has_classes and not quick else None,
        usual_rounds if rounds is None else rounds,
    )


def _draw(seed: int, folder: Path, main: Workload, point: Point) -> Workload:
    """Return the workload at a point of an axis, with the weights of the main one if it is the same network."""
    point_folder = folder / f"{point.axis}-{point.x}"
    point_folder.mkdir()
    tensors = main.tensors if point.network == main.architecture else None
    return draw_workload(point.network, point.size, point.batches, None, seed, point_folder, main.room, tensors)


def _check_numbers(
    batches: Sequence[int] | None, training_batch: int | None, rounds: int | None, threads: int | None, product: int
) -> None:
    if batches is not None and (not batches or min(batches) < 1):
        raise BadInput(f"Batches of {', '.join(map(str, batches)) or 'nothing'} were asked for; expected one or more.")
    for name, number in (("training batch", training_batch), ("number of rounds", rounds), ("product", product)):
        if number is not None and number < 1:
            raise BadInput(f"The {name} is {number}; expected one or more.")
    if threads is not None and not 1 <= threads <= CORES:
        raise BadInput(f"{threads} threads were asked for; expected 1 to {CORES}, one for each core.")


def _environment(threads: int) -> dict[str, str]:
    """Return the environment variables of every process: the number of threads, and less logging.

    The other processes are stopped while one works, so that threads may spin while they wait, as a user's do.
    """
    thread_variables = (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        CORES_VARIABLE,
    )
    return dict.fromkeys(thread_variables, str(threads)) | {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "GLOG_minloglevel": "2",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
