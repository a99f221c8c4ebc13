"""`check`: run the same weights in every backend, and compare every end point with the oracle's, in every tier."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any, overload

from isomorph.backends import Unavailable, find_backend
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.memory import available_memory
from isomorph.backends.oracle.backend import Oracle
from isomorph.backends.process import BackendFailed, BackendProcess, RemoteNetwork
from isomorph.backends.scratch import ScratchFolder
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.cases import last_answer
from isomorph.conformance.memory import backend_process, fit_at_once, judging
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.reference import Reference
from isomorph.conformance.verdict import RunVerdict
from isomorph.spec import Architecture, BadInput, count_parameters, plan
from isomorph.spec.tensors import match_exactly
from isomorph.tools.checking.recordings import check_recordings, judge_recording, read_recordings
from isomorph.tools.checking.report import BackendReport, CheckReport, Status
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.designs.lookup import is_architecture
from isomorph.tools.designs.titles import title
from isomorph.tools.designs.without_effect import warn_of_plants
from isomorph.tools.images.images import AnyImages
from isomorph.tools.models.diagnose import diagnose
from isomorph.tools.models.report import AgainstReport
from isomorph.tools.subjects.backends import choose_backends, run_side_by_side
from isomorph.tools.subjects.subject import Case, Subject, check_limits, check_request, find_subject, make_case

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""


@overload
def check(
    subject: str | Path | Architecture,
    other: str | Path | None = None,
    *,
    against: None = None,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    dtype: str = "float32",
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    images: Sequence[str] | AnyImages | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    seed: int = 0,
    plant: Mapping[str, Any] | None = None,
    python: Mapping[str, str] | None = None,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    references: Sequence[str | Path] = (),
    parts: bool = False,
    progress: Progress = lambda who, what: None,
    **options: Any,
) -> CheckReport: ...


@overload
def check(subject: Any, *, against: Any, **settings: Any) -> AgainstReport: ...


def check(
    subject: Any,
    other: str | Path | None = None,
    *,
    against: Any = None,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    dtype: str = "float32",
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    images: Sequence[str] | AnyImages | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    seed: int = 0,
    plant: Mapping[str, Any] | None = None,
    python: Mapping[str, str] | None = None,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    references: Sequence[str | Path] = (),
    parts: bool = False,
    progress: Progress = lambda who, what: None,
    **options: Any,
) -> CheckReport | AgainstReport:
    """Compare one network across backends, two files as functions, or a model of your own with what it should be.

    >>> from isomorph.tools import check
    >>> report = check("mlperf_tiny/resnet8", backends=["oracle"], size=(16, 16))
    >>> report.agree
    True
    >>> [(run.dtype, run.verdict) for run in report.backends[0].runs]
    [('float64', 'pass'), ('float32', 'pass')]

    A planted fault shows where a wrong port differs first:

    >>> wrong = check("mlperf_tiny/resnet8", backends=["oracle"], size=(16, 16), plant={"batch_norm_epsilon": 0.01})
    >>> wrong.agree, wrong.backends[0].runs[0].first_divergence
    (False, 'conv1')

    subject: an architecture, its name, or a checkpoint file.
    against: a model that somebody else wrote, as `diagnose` takes it; then the model alone runs, and the report says
        what that of `diagnose` says, whose settings go with it. Either of the two may be the model, and both.
    other: a second checkpoint: every backend runs it, and is compared with the oracle on the first one's weights.
    backends: names; None takes the installed ones of COMPARED. A named backend that is not installed is bad input.
    device: "auto", "cpu" or "gpu".
    dtype: the precision that users run; float64, which shows differences in meaning, is always compared, too.
    arch: the architecture of files that cannot tell it.
    key, prefix: which dictionary of the first file, and which of its tensors, as `read_checkpoint` takes them.
    tensor_map: a file that says which tensor is which, as `inspect --map` writes it, and all of these.
    images: an array [N, H, W, C], or paths of photographs or of one `.npy`; None draws `batch` of them from `seed`, of
        `size` (height, width), which defaults to the zoo's own.
    plant: fields of the convention that the backends get wrong on purpose, to see where that shows.
    python: backend -> the interpreter of its environment, where that is not this one.
    memory: bytes that each process may allocate; None: what is free now.
    timeout: seconds that one call to a backend may take.
    references: files that `run` recorded elsewhere, on the same images with the same weights: each is judged beside the
        backends, in the dtype in which it ran, and no backend has to be installed.
    parts: also run every part alone where all end points agree. Where some do not, parts always run: they tell where an
        error arises.
    progress: called with the name of a backend and what it does.
    options: of the architecture, such as `num_classes` or `output_stride`.

    Raises BadInput, before anything is computed where possible. A backend that crashes, hangs or runs out of memory has
    the status "error" in its row.
    """
    if against is not None:
        beside: dict[str, Any] = {"a second file": other, "backends": backends, "plant": plant, "reference": references}
        beside |= {"device": device != "auto", "dtype": dtype != "float32", "parts": parts}
        if stray := next((name for name, value in beside.items() if value), None):
            raise BadInput(f"A model is compared with one subject, in its own framework; leave {stray} out.")
        diagnosis = diagnose(
            subject,
            against,
            arch=arch,
            key=key,
            prefix=prefix,
            tensor_map=tensor_map,
            images=images,
            size=size,
            batch=batch,
            seed=seed,
            python=python,
            memory=memory,
            timeout=timeout,
            progress=progress,
            **options,
        )
        return AgainstReport(**vars(diagnosis))
    started = time.monotonic()
    interpreters = {find_backend(name).name: path for name, path in (python or {}).items()}
    first = find_subject(subject, arch, key=key, prefix=prefix, tensor_map=tensor_map, **options)
    names, absent = _choose(backends, interpreters, recorded=bool(references))
    planted = dict(plant or {})
    second = _find_other(first, other, arch, options)
    warn_of_plants((second or first).architecture, planted)
    built = (second or first).architecture.with_options(**planted).undrawn()
    check_request(first.architecture, size, batch, seed, device, dtype)
    check_limits(timeout, memory)
    recordings = read_recordings(references, first.architecture, other)
    limit = available_memory() if memory is None else int(memory)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(BackendProcess(name, interpreters.get(name, sys.executable), limit, timeout))
            for name in names
        ]
        progress("oracle", "drawing images and weights" if first.tensors is None else "reading images")
        case = make_case(first, images, size, batch, seed, partial(judging, dtype=dtype))
        check_recordings(recordings, case)
        with ScratchFolder() as folder:
            loaded = second.tensors if second and second.tensors is not None else case.tensors
            comparison = _Comparison(case, built, loaded, device, dtype, parts, folder, progress)
            at_once = fit_at_once(backend_process(case.sizes), limit, len(names))
            rows = run_side_by_side(comparison.row, processes, at_once)
            rows += [judge_recording(recording, comparison.reference) for recording in recordings]
    return CheckReport(
        architecture=first.architecture.name,
        title=title(first.architecture),
        weights=case.weights_origin,
        images=case.images_origin,
        other=(second.architecture.name, second.origin) if second and second.origin else None,
        other_title=title(second.architecture) if second else None,
        input=tuple(case.images.shape),
        parameters=count_parameters(first.architecture),
        oracle_version=Oracle().version,
        planted=planted,
        backends=(*rows, *absent),
        seconds=time.monotonic() - started,
    )


def _find_other(
    first: Subject, other: str | Path | None, arch: str | None, options: Mapping[str, Any]
) -> Subject | None:
    """Read the second file. Raises BadInput where the first is no file, or has other end points or input channels."""
    if other is None:
        return None
    if first.tensors is None or is_architecture(other):
        raise BadInput("Two checkpoint files can be compared as functions; `isomorph compare` compares architectures.")
    second = find_subject(other, arch, **options)
    names, other_names = (plan(each.architecture).end_points for each in (first, second))
    if names != other_names:
        differing = [name for name in (*names, *other_names) if (name in names) != (name in other_names)]
        raise BadInput(
            f"{first.architecture.name} and {second.architecture.name} have different end points, the first of them"
            f" {differing[0] if differing else 'in another order'}; `isomorph compare` says how the designs differ."
        )
    channels, other_channels = first.architecture.in_channels, second.architecture.in_channels
    if channels != other_channels:
        raise BadInput(f"{other} takes images of {other_channels} channels; expected {channels}, as the first.")
    return second


def _choose(
    backends: Sequence[str] | None, python: Mapping[str, str], recorded: bool
) -> tuple[list[str], list[BackendReport]]:
    """Return the backends to run and, if none is named, rows for those that are not installed here.

    recorded: whether there are recordings to compare, so that no backend is needed.
    """
    names, absent = choose_backends(backends, python)
    if not (names or recorded):
        raise BadInput("No backend is installed to compare with the oracle; `pip install 'isomorph[all]'` adds three.")
    if backends is not None and (stray := sorted(python.keys() - set(names))):
        raise BadInput(f"An interpreter was given for {stray[0]}, which is not among the backends to compare.")
    return names, [BackendReport(name, None, None, "unavailable", reason) for name, reason in absent.items()]


class _Comparison:
    """A case, what the backends build and load for it, and the oracle's reference for their answers.

    built, loaded: the architecture that the backends build, and its tensors: the case's own, unless something is
        planted or a second file is compared.
    """

    def __init__(
        self,
        case: Case,
        built: Architecture,
        loaded: Tensors,
        device: str,
        dtype: str,
        parts: bool,
        folder: Path,
        progress: Progress,
    ) -> None:
        self.case = case
        self.built = built
        self.loaded = loaded
        self.device = device
        self.parts = parts
        self.progress = progress
        self.reference = Reference(case.architecture, case.tensors, case.images)
        self.tensors = SharedArrays.write(folder / "tensors", loaded)
        self.images = SharedArrays.write(folder / "images", {"images": case.images})
        self.dtypes = list(dict.fromkeys(("float64", dtype)))
        for each in self.dtypes:
            progress("oracle", f"evaluating {each} and its noise")
            self.reference.floors(each)
        progress("oracle", "done")
        self._folder = folder
        self._inputs: dict[str, SharedArrays] = {}
        self._lock = Lock()

    def row(self, process: BackendProcess) -> BackendReport:
        """Return one backend's row; a failure of its process stays in its row."""
        name, version = process.name, None
        device, device_name, parameters, logits_shape = None, None, None, None
        runs: list[RunVerdict] = []
        status: Status = "pass"
        message = ""
        try:
            self.progress(name, "importing")
            described = process.describe()
            version = described["version"]
            for dtype in self.dtypes:
                try:
                    network = self._build(process, dtype)
                except Unavailable as error:
                    runs.append(RunVerdict(dtype, None, "unavailable", str(error)))
                    continue
                device = network.device
                device_name = described["gpu_name"] if device == "gpu" else None
                parameters = self._check_structure(network, dtype)
                run, logits_shape = self._run(process, network, dtype)
                runs.append(run)
        except BadInput as error:
            status, message = "fail", str(error)
        except (Unavailable, BackendFailed) as error:
            status, message = "error", str(error)
        else:
            verdicts = [run.verdict for run in runs]
            status = "fail" if "fail" in verdicts else verdicts[-1]  # the last dtype is the one that the user named
        self.progress(name, status)
        return BackendReport(name, version, device, status, message, parameters, logits_shape, tuple(runs), device_name)

    def _build(self, process: BackendProcess, dtype: str) -> RemoteNetwork:
        self.progress(process.name, f"building in {dtype}")
        network = process.build(self.built, self.device, dtype)
        network.load(self.tensors)
        return network

    def _check_structure(self, network: RemoteNetwork, dtype: str) -> int:
        """Return how many values its tensors have. Raises BadInput unless they are those that were loaded."""
        shapes, others = network.compare(self.tensors)
        expected = {name: tuple(value.shape) for name, value in self.loaded.items()}
        match_exactly(expected, shapes, self.built.name)
        if others:
            raise BadInput(f"{others[0]} came back from {dtype} with other values than it was given.")
        return sum(map(prod, shapes.values()))

    def _run(self, process: BackendProcess, network: RemoteNetwork, dtype: str) -> tuple[RunVerdict, tuple[int, ...]]:
        self.progress(process.name, f"proving {dtype}")
        precision = prove_precision(lambda probe: process.build(probe, self.device, dtype), dtype)
        self.progress(process.name, f"running in {dtype}")
        end_points = network.end_points(self.images)
        run = self.reference.judge(dtype, precision, end_points)
        if run.end_points and (self.parts or run.verdict == "fail"):
            self.progress(process.name, f"running each part in {dtype}")
            run = self.reference.judge(dtype, precision, end_points, network.parts(self._inputs_of_parts(dtype)))
        network.discard()
        return run, last_answer(end_points).shape

    def _inputs_of_parts(self, dtype: str) -> SharedArrays:
        """Return the oracle's input to each part, evaluated for the first backend that needs them."""
        with self._lock:
            if dtype not in self._inputs:
                self.progress("oracle", f"evaluating each part in {dtype} and its noise")
                inputs = self.reference.parts(dtype).inputs
                self._inputs[dtype] = SharedArrays.write(self._folder / f"inputs-{dtype}", inputs)
                self.progress("oracle", "done")
            return self._inputs[dtype]
