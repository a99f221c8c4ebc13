"""`check_training`: train the same network in every backend, and compare every tensor with the oracle's."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from isomorph.backends import Unavailable, find_backend
from isomorph.backends.memory import available_memory
from isomorph.backends.oracle.backend import Oracle
from isomorph.backends.process import BackendFailed, BackendProcess
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.memory import Sizes, check_memory, fit_at_once, training_process
from isomorph.conformance.memory import training as oracle_training
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.training.case import draw_training
from isomorph.conformance.training.drawn import DrawnTraining
from isomorph.conformance.training.dropout import DTYPE, DropoutCase
from isomorph.conformance.training.verdict import TrainingVerdict
from isomorph.spec import Architecture, BadInput, count_parameters
from isomorph.tools.checking.report import Status
from isomorph.tools.checking.training_report import TrainedBackend, TrainingReport
from isomorph.tools.designs.titles import title
from isomorph.tools.designs.without_effect import warn_of_plants
from isomorph.tools.subjects.backends import choose_backends, run_side_by_side
from isomorph.tools.subjects.subject import Origin, check_limits, check_request, digest, find_subject

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""

STEPS = 2
"""How many steps are compared: the second one starts with a velocity."""

BATCHES = (1, 10)
"""The numbers of batches after which running statistics are compared."""


def check_training(
    subject: str | Path | Architecture,
    *,
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    size: tuple[int, int] | None = None,
    batch: int = 4,
    seed: int = 0,
    freeze_batch_norm: bool = False,
    plant: Mapping[str, Any] | None = None,
    python: Mapping[str, str] | None = None,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = lambda who, what: None,
    **options: Any,
) -> TrainingReport:
    """Compare how one network learns: gradients, running statistics after one and ten batches, steps of SGD, dropout.

    >>> from isomorph.tools import check_training
    >>> report = check_training("mlperf_tiny/resnet8", backends=["oracle"], size=(16, 16), batch=2)
    >>> report.agree
    True
    >>> for run in report.backends[0].runs[:3]:
    ...     print(f"{run.quantity} in {run.dtype}: {run.verdict}")
    gradients in float64: pass
    statistics after 1 batch in float64: pass
    statistics after 10 batches in float64: pass

    subject: an architecture, a name, or a checkpoint file, which is trained from its own tensors: where those put a
        value close to a kink of an activation, float32's gradients may be undecided. Everything but dropout itself is
        compared without dropout, as every framework draws its own masks.
    arch: the architecture of a checkpoint that cannot tell it.
    key, prefix: which dictionary of the file, and which of its tensors, as `read_checkpoint` takes them.
    tensor_map: a file that says which tensor is which, as `inspect --map` writes it, and all of these.
    backends: names; None takes the installed ones of COMPARED. A named backend that is not installed is bad input.
    device: "auto", "cpu" or "gpu".
    size: height and width of the images, which defaults to the zoo's own. batch: images in each batch.
    seed: what images, labels and weights are drawn from.
    freeze_batch_norm: train with frozen batch norms, as in fine-tuning.
    plant: fields of the convention that the backends get wrong on purpose.
    python: backend -> the interpreter of its environment, where that is not this one.
    memory: bytes that each process may allocate; None: what is free now.
    timeout: seconds that one call to a backend may take.
    progress: called with the name of a backend and what it does.
    options: of the architecture, such as `num_classes` or `output_stride`.

    Gradients and statistics are compared in float64 and float32, steps and dropout in float64, each step from the
    oracle's own state. Backends run side by side as far as memory allows.
    Raises BadInput, before anything is computed where possible. A backend that crashes, hangs or runs out of memory has
    the status "error" in its column.
    """
    started = time.monotonic()
    interpreters = {find_backend(name).name: path for name, path in (python or {}).items()}
    resolved = find_subject(subject, arch, key=key, prefix=prefix, tensor_map=tensor_map, **options)
    names, absent = choose_backends(backends, interpreters)
    if not names:
        raise BadInput("No backend is installed to compare with the oracle; `pip install 'isomorph[all]'` adds three.")
    network = resolved.architecture
    height, width = size or network.convention.preprocessing.size
    check_request(network, (height, width), batch, seed, device, "float32")
    check_limits(timeout, memory)
    check_memory(network, batch, height, width, oracle_training)
    planted = dict(plant or {})
    warn_of_plants(network, planted, training=True)
    built = network.with_options(**planted).undrawn()
    limit = available_memory() if memory is None else int(memory)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(BackendProcess(name, interpreters.get(name, sys.executable), limit, timeout))
            for name in names
        ]
        progress("oracle", "drawing images and labels")
        case = draw_training(network, batch, height, width, seed, freeze_batch_norm, resolved.tensors)
        training, dropout = DrawnTraining(case), DropoutCase(network, height, width, seed)
        progress("oracle", "training")
        training.prepare(BATCHES, STEPS)
        comparison = _Comparison(training, dropout, built, device, progress)
        sizes = Sizes.of(network, batch, height, width)
        at_once = fit_at_once(training_process(sizes), limit, len(names))
        rows = run_side_by_side(comparison.row, processes, at_once)
    return TrainingReport(
        architecture=network.name,
        title=title(network),
        input=case.images.shape,
        seed=seed,
        weights=resolved.origin or Origin(f"drawn, seed {seed}", digest(case.tensors)),
        freeze_batch_norm=freeze_batch_norm,
        parameters=count_parameters(network),
        oracle_version=Oracle().version,
        planted=planted,
        backends=(*rows, *(TrainedBackend(name, None, None, "unavailable", why) for name, why in absent.items())),
        seconds=time.monotonic() - started,
    )


@dataclass(frozen=True)
class _Comparison:
    """A training case, and what the backends build for it: the architecture itself, unless something is planted."""

    training: DrawnTraining
    dropout: DropoutCase
    built: Architecture
    device: str
    progress: Progress

    def row(self, process: BackendProcess) -> TrainedBackend:
        """Return one backend's results; a failure of its process stays in its column."""
        name, version, where, device_name = process.name, None, None, None
        runs: list[TrainingVerdict] = []
        status: Status = "error"
        message = ""
        try:
            self.progress(name, "importing")
            described = process.describe()
            version, where = described["version"], "gpu" if self.device != "cpu" and described["gpu"] else "cpu"
            device_name = described["gpu_name"] if where == "gpu" else None
            for dtype in ("float64", "float32"):
                try:
                    runs += self._run(process, dtype)
                except Unavailable as error:
                    runs.append(TrainingVerdict("gradients", dtype, "unavailable", str(error)))
            runs += self._dropout(process)
            verdicts = {run.verdict for run in runs}
            status = "fail" if "fail" in verdicts else "pass" if "pass" in verdicts else "unavailable"
        except BadInput as error:
            status, message = "fail", str(error)
        except (Unavailable, BackendFailed) as error:
            message = str(error)
        self.progress(name, status)
        return TrainedBackend(name, version, where, status, message, tuple(runs), device_name)

    def _run(self, process: BackendProcess, dtype: str) -> list[TrainingVerdict]:
        """Compare everything in one dtype, without dropout."""
        self.progress(process.name, f"proving {dtype}")
        precision = prove_precision(lambda probe: process.build(probe, self.device, dtype), dtype)
        return [replace(verdict, precision=precision) for verdict in self._verdicts(process, dtype)]

    def _verdicts(self, process: BackendProcess, dtype: str) -> Iterator[TrainingVerdict]:
        self.progress(process.name, f"building in {dtype}")
        frozen = self.training.case.freeze_batch_norm
        without_dropout = self.built.without_dropout()
        network = process.build(without_dropout, self.device, dtype, training=True, freeze_batch_norm=frozen)
        self.progress(process.name, f"gradients in {dtype}")
        yield self.training.gradients(network)
        for batches in BATCHES:
            self.progress(process.name, f"running statistics in {dtype}")
            yield self.training.statistics(network, batches)
        if dtype == "float64":
            self.progress(process.name, "steps")
            yield from islice(self.training.steps(network), STEPS)
        network.discard()

    def _dropout(self, process: BackendProcess) -> list[TrainingVerdict]:
        if not self.dropout.layers:
            return []
        self.progress(process.name, "dropout")
        try:
            network = process.build(self.built, self.device, DTYPE, training=True, freeze_batch_norm=True)
            verdicts = list(self.dropout.verdicts(network))
            network.discard()
        except Unavailable as error:
            return [TrainingVerdict("dropout", DTYPE, "unavailable", str(error))]
        return verdicts
