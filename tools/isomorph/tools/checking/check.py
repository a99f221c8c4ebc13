"""`check`: the same weights in every backend, compared with the oracle at every end point, in every tier."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends import Unavailable, find_backend
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.memory import available_memory
from isomorph.backends.oracle.backend import Oracle
from isomorph.backends.process import BackendFailed, BackendProcess, RemoteNetwork
from isomorph.backends.scratch import ScratchFolder
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.memory import backend_process, fit_at_once, judging
from isomorph.conformance.precision import prove_precision
from isomorph.conformance.reference import Reference, Tier
from isomorph.conformance.verdict import RunVerdict
from isomorph.spec import Architecture, BadInput, count_parameters, plan
from isomorph.spec.tensors import match_exactly
from isomorph.tools.checking.recordings import check_recordings, judge_recording, read_recordings
from isomorph.tools.checking.report import BackendReport, CheckReport, Status
from isomorph.tools.designs.lookup import is_architecture
from isomorph.tools.designs.without_effect import warn_of_plants
from isomorph.tools.subjects.backends import choose_backends, run_side_by_side
from isomorph.tools.subjects.subject import Case, Subject, check_limits, check_request, find_subject, make_case

Array = npt.NDArray[Any]
Progress = Callable[[str, str], None]


def check(
    subject: str | Path | Architecture,
    other: str | Path | None = None,
    *,
    backends: Sequence[str] | None = None,
    device: str = "auto",
    dtype: str = "float32",
    arch: str | None = None,
    images: Sequence[str] | Array | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    seed: int = 0,
    plant: Mapping[str, Any] | None = None,
    python: Mapping[str, str] | None = None,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    references: Sequence[str | Path] = (),
    progress: Progress = lambda who, what: None,
    **options: Any,
) -> CheckReport:
    """Compare one network across backends, or two files as functions, with the float64 oracle.

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
    other: a second checkpoint: every backend runs it, and is held against the oracle with the first one's weights.
    backends: names; None takes the installed ones of COMPARED. One that is named and not installed is bad input.
    device: "auto", "cpu" or "gpu".
    dtype: the precision people run; float64, which decides on meaning, is always compared too.
    arch: the architecture of a file that cannot tell; of both.
    images: an array [N, H, W, C], or paths of photographs or of one `.npy`; None draws them from `seed`, `batch` of
        `size` (height, width), which defaults to the zoo's own.
    plant: fields of the convention that the backends get wrong on purpose, to see where and how that shows.
    python: backend -> the interpreter of the environment it lives in, where that is not this one.
    memory: bytes that each process may allocate; None: what is free now.
    timeout: seconds that one call to a backend may take.
    references: what `run` recorded elsewhere, on the same images with the same weights: each is judged beside the
        backends, in the dtype in which it ran, and no backend has to be installed.
    progress: called with who is at work and at what.
    options: of the architecture, such as `num_classes` or `output_stride`.

    Raises BadInput, before anything is computed where that can be told. A backend that crashes, hangs or runs out of
    memory becomes its row's "error".
    """
    started = time.monotonic()
    interpreters = {find_backend(name).name: path for name, path in (python or {}).items()}
    names, absent = _choose(backends, interpreters, recorded=bool(references))
    found = find_subject(subject, arch, **options)
    planted = dict(plant or {})
    second = _find_other(found, other, arch, options)
    warn_of_plants((second or found).architecture, planted)
    built = (second or found).architecture.with_options(**planted).undrawn()
    check_request(found.architecture, size, batch, seed, device, dtype)
    check_limits(timeout, memory)
    recordings = read_recordings(references, found.architecture, other)
    limit = available_memory() if memory is None else int(memory)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(BackendProcess(name, interpreters.get(name, sys.executable), limit, timeout))
            for name in names
        ]
        progress("oracle", "drawing images and weights" if found.tensors is None else "reading images")
        case = make_case(found, images, size, batch, seed, partial(judging, dtype=dtype))
        check_recordings(recordings, case)
        with ScratchFolder() as folder:
            given = second.tensors if second and second.tensors is not None else case.tensors
            comparison = _Comparison(case, built, given, device, dtype, folder, progress)
            at_once = fit_at_once(backend_process(case.sizes), limit, len(names))
            rows = run_side_by_side(comparison.row, processes, at_once)
            rows += [judge_recording(recording, comparison.reference) for recording in recordings]
    return CheckReport(
        architecture=found.architecture.name,
        weights=case.weights_origin,
        images=case.images_origin,
        other=(second.architecture.name, second.origin) if second and second.origin else None,
        input=tuple(case.images.shape),
        parameters=count_parameters(found.architecture),
        oracle_version=Oracle().version,
        planted=planted,
        backends=(*rows, *absent),
        seconds=time.monotonic() - started,
    )


def _find_other(
    found: Subject, other: str | Path | None, arch: str | None, options: Mapping[str, Any]
) -> Subject | None:
    """The second file. Raises BadInput where there is no first one, or one that has other end points or inputs."""
    if other is None:
        return None
    if found.tensors is None or is_architecture(other):
        raise BadInput("Two checkpoint files can be compared as functions; `isomorph compare` compares architectures.")
    second = find_subject(other, arch, **options)
    one, another = (plan(each.architecture).end_points for each in (found, second))
    if one != another:
        first = next((name for name in (*one, *another) if (name in one) != (name in another)), "in another order")
        raise BadInput(
            f"{found.architecture.name} and {second.architecture.name} have different end points, the first of them"
            f" {first}; `isomorph compare` says how the designs differ."
        )
    channels, others = found.architecture.in_channels, second.architecture.in_channels
    if channels != others:
        raise BadInput(f"{other} takes images of {others} channels; expected {channels}, as the first.")
    return second


def _choose(
    backends: Sequence[str] | None, python: Mapping[str, str], recorded: bool
) -> tuple[list[str], list[BackendReport]]:
    """The backends to run, and rows for those that nobody named and that are not installed here.

    recorded: whether there is something recorded to compare, so that there need be none.
    """
    names, absent = choose_backends(backends, python)
    if not (names or recorded):
        raise BadInput("No backend is installed to compare with the oracle; `pip install 'isomorph[all]'` adds three.")
    if backends is not None and (stray := sorted(python.keys() - set(names))):
        raise BadInput(f"An interpreter was given for {stray[0]}, which is not among the backends to compare.")
    return names, [BackendReport(name, None, None, "unavailable", reason) for name, reason in absent.items()]


class _Comparison:
    """One case, and what each backend's answers to it are held against.

    built, given: the architecture that the backends build, and its tensors: the case's own, unless something is planted
        or another file is held against it.
    """

    def __init__(
        self,
        case: Case,
        built: Architecture,
        given: Mapping[str, Array],
        device: str,
        dtype: str,
        folder: Path,
        progress: Progress,
    ) -> None:
        self.case = case
        self.built = built
        self.given = given
        self.device = device
        self.progress = progress
        self.reference = Reference(case.architecture, case.tensors, case.images)
        self.tensors = SharedArrays.write(folder / "tensors", given)
        self.images = SharedArrays.write(folder / "images", {"images": case.images})
        self.tiers: list[Tier] = []
        self.inputs: dict[str, SharedArrays] = {}
        for tier in dict.fromkeys(("float64", dtype)):
            progress("oracle", f"evaluating {tier} and its noise")
            self.tiers.append(self.reference.tier(tier))
            self.inputs[tier] = SharedArrays.write(folder / f"inputs-{tier}", self.tiers[-1].inputs)
        progress("oracle", "done")

    def row(self, process: BackendProcess) -> BackendReport:
        """One backend's row; what goes wrong in its process stays in its row."""
        name, version = process.name, None
        device, device_name, parameters, logits_shape = None, None, None, None
        runs: list[RunVerdict] = []
        status: Status = "pass"
        message = ""
        try:
            self.progress(name, "importing")
            described = process.describe()
            version = described["version"]
            for tier in self.tiers:
                try:
                    network = self._build(process, tier.dtype)
                except Unavailable as error:
                    runs.append(RunVerdict(tier.dtype, None, "unavailable", str(error)))
                    continue
                device = network.device
                device_name = described["gpu_name"] if device == "gpu" else None
                parameters = self._check_structure(network, tier.dtype)
                run, logits_shape = self._run(process, network, tier)
                runs.append(run)
        except BadInput as error:
            status, message = "fail", str(error)
        except (Unavailable, BackendFailed) as error:
            status, message = "error", str(error)
        else:
            verdicts = [run.verdict for run in runs]
            status = "fail" if "fail" in verdicts else verdicts[-1]  # the last dtype is the one asked for
        self.progress(name, status)
        return BackendReport(name, version, device, status, message, parameters, logits_shape, tuple(runs), device_name)

    def _build(self, process: BackendProcess, dtype: str) -> RemoteNetwork:
        self.progress(process.name, f"building in {dtype}")
        network = process.build(self.built, self.device, dtype)
        network.load(self.tensors)
        return network

    def _check_structure(self, network: RemoteNetwork, dtype: str) -> int:
        """Names, shapes and values of its tensors are those it was given. Returns how many values there are."""
        held = network.tensors()
        shapes = {name: tuple(value.shape) for name, value in held.items()}
        expected = {name: tuple(value.shape) for name, value in self.given.items()}
        match_exactly(expected, shapes, self.built.name)
        for name, value in held.items():
            if not np.array_equal(value, np.asarray(self.given[name]).astype(value.dtype)):
                raise BadInput(f"{name} came back from {dtype} with other values than it was given.")
        return sum(value.size for value in held.values())

    def _run(self, process: BackendProcess, network: RemoteNetwork, tier: Tier) -> tuple[RunVerdict, tuple[int, ...]]:
        self.progress(process.name, f"proving {tier.dtype}")
        precision = prove_precision(lambda probe: process.build(probe, self.device, tier.dtype), tier.dtype)
        self.progress(process.name, f"running in {tier.dtype}")
        found = network.end_points(self.images)
        self.progress(process.name, f"running each part in {tier.dtype}")
        parts = network.parts(self.inputs[tier.dtype])
        network.discard()
        answer = found.get("logits", list(found.values())[-1])
        return self.reference.judge(tier, precision, found, parts), answer.shape
