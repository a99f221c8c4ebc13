"""`check_training`: the same training in every backend, compared with the oracle's tensor by tensor."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Any

from isomorph.backends import Unavailable, find_backend
from isomorph.backends.oracle.backend import Oracle
from isomorph.backends.process import TIMEOUT, BackendFailed, BackendProcess, available_memory
from isomorph.conformance.training.case import draw_training
from isomorph.conformance.training.drawn import DrawnTraining
from isomorph.conformance.training.verdict import TrainingVerdict
from isomorph.spec import Architecture, BadInput, count_parameters
from isomorph.tools.reports import Status
from isomorph.tools.side_by_side import choose_backends, run_side_by_side
from isomorph.tools.subject import check_limits, check_request, find_subject
from isomorph.tools.training_report import TrainedBackend, TrainingReport

Progress = Callable[[str, str], None]

STEPS = 2
"""How many steps are compared: the second one starts with a velocity."""


def check_training(
    architecture: str | Architecture,
    *,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    size: tuple[int, int] | None = None,
    batch: int = 4,
    seed: int = 0,
    plant: Mapping[str, Any] | None = None,
    python: Mapping[str, str] | None = None,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = lambda who, what: None,
    **options: Any,
) -> TrainingReport:
    """Compare how one network learns: gradients, running statistics after one and ten batches, steps of SGD.

    architecture: one of one's own, or a name. It is trained without dropout, whose masks are every framework's own.
    backends: names; None takes the installed ones of COMPARED. One that is named and not installed is bad input.
    device: "auto", "cpu" or "gpu".
    size: height and width of the images, which defaults to the zoo's own. batch: how many are in each batch.
    seed: what images, labels and weights are drawn from.
    plant: fields of the convention that the backends get wrong on purpose.
    python: backend -> the interpreter of the environment it lives in, where that is not this one.
    memory: bytes that each process may allocate; None: what is free now.
    timeout: seconds that one call to a backend may take.
    progress: called with who is at work and at what.
    options: of the architecture, such as `num_classes` or `output_stride`.

    Gradients and statistics are compared in float64 and float32, steps in float64, each from the oracle's own state.
    Raises BadInput, before anything is computed where that can be told. A backend that crashes, hangs or runs out of
    memory becomes its column's "error".
    """
    started = time.monotonic()
    interpreters = {find_backend(name).name: path for name, path in (python or {}).items()}
    names, absent = choose_backends(backends, interpreters)
    if not names:
        raise BadInput("No backend is installed to compare with the oracle; `pip install 'isomorph[all]'` adds three.")
    found = find_subject(architecture, **options)
    if found.tensors is not None:
        raise BadInput(f"Training draws its own weights, and {architecture} holds others; expected an architecture.")
    network = found.architecture
    height, width = size or network.convention.preprocessing.size
    check_request(network, (height, width), batch, seed, device, "float32")
    check_limits(timeout, memory)
    planted = dict(plant or {})
    network.with_options(**planted)
    limit = available_memory() if memory is None else int(memory)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(BackendProcess(name, interpreters.get(name, sys.executable), limit, timeout))
            for name in names
        ]
        progress("oracle", "drawing images, labels and weights")
        training = DrawnTraining(draw_training(network, batch, height, width, seed))
        built = training.case.architecture.with_options(**planted).undrawn()
        rows = run_side_by_side(lambda process: _row(process, training, built, device, progress), processes, 1)
    return TrainingReport(
        architecture=network.name,
        input=training.case.images.shape,
        seed=seed,
        parameters=count_parameters(network),
        oracle_version=Oracle().version,
        planted=planted,
        backends=(*rows, *(TrainedBackend(name, None, None, "unavailable", why) for name, why in absent.items())),
        seconds=time.monotonic() - started,
    )


def refuse_beside_training(
    other: str | None,
    arch: str | None,
    images: Sequence[str] | None,
    references: Sequence[str] | None,
    dtype: str,
) -> None:
    """Raise BadInput for what `check` takes and training has no use for."""
    given = {"a second file": other, "--arch": arch, "--images": images, "--reference": references}
    if stray := next((name for name, value in given.items() if value), None):
        raise BadInput(f"--training draws its own images and weights; leave {stray} out.")
    if dtype != "float32":
        raise BadInput(f"--training compares float64 and float32; leave --dtype {dtype} out.")


def _row(
    process: BackendProcess, training: DrawnTraining, built: Architecture, device: str, progress: Progress
) -> TrainedBackend:
    """One backend's results; what goes wrong in its process stays there."""
    name, version, where, device_name = process.name, None, None, None
    runs: list[TrainingVerdict] = []
    status: Status = "error"
    message = ""
    try:
        progress(name, "importing")
        described = process.describe()
        version, where = described["version"], "gpu" if device != "cpu" and described["gpu"] else "cpu"
        device_name = described["gpu_name"] if where == "gpu" else None
        for dtype in ("float64", "float32"):
            try:
                runs += _run(process, training, built, device, dtype, progress)
            except Unavailable as error:
                runs.append(TrainingVerdict("gradients", dtype, "unavailable", str(error)))
        verdicts = {run.verdict for run in runs}
        status = "fail" if "fail" in verdicts else "pass" if "pass" in verdicts else "unavailable"
    except BadInput as error:
        status, message = "fail", str(error)
    except (Unavailable, BackendFailed) as error:
        message = str(error)
    progress(name, status)
    return TrainedBackend(name, version, where, status, message, tuple(runs), device_name)


def _run(
    process: BackendProcess,
    training: DrawnTraining,
    built: Architecture,
    device: str,
    dtype: str,
    progress: Progress,
) -> Iterator[TrainingVerdict]:
    """All that is compared in one dtype."""
    progress(process.name, f"building in {dtype}")
    network = process.build(built, device, dtype, training=True)
    progress(process.name, f"gradients in {dtype}")
    yield training.gradients(network)
    for batches in (1, 10):
        progress(process.name, f"running statistics in {dtype}")
        yield training.statistics(network, batches)
    if dtype == "float64":
        progress(process.name, "steps")
        yield from islice(training.steps(network), STEPS)
    network.discard()
