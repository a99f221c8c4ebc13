"""`diagnose`: is a model that somebody else wrote the function of an architecture or a file, and if not, why?"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isomorph.backends.memory import available_memory
from isomorph.backends.process import BackendProcess
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.cases import draw_tensors
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_with
from isomorph.conformance.likeness.mapping import map_tensors, put
from isomorph.spec import Architecture, BadInput
from isomorph.tools.images.images import AnyImages, check_pixels, read_images
from isomorph.tools.models.naming import backend_of
from isomorph.tools.models.opening import OpenedModel, Traced
from isomorph.tools.models.report import DiagnosisReport
from isomorph.tools.subjects.subject import Subject, check_limits, find_subject

Progress = Callable[[str, str], None]
"""Called with the name of a backend and what it does."""


def diagnose(
    subject: str | Path | Architecture,
    model: str | Path,
    *,
    call: Mapping[str, Any] | None = None,
    runs_in: str | None = None,
    weights: str = "theirs",
    training: bool = False,
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    images: Sequence[str] | AnyImages | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    seed: int = 0,
    python: str = sys.executable,
    memory: float | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = lambda who, what: None,
    **options: Any,
) -> DiagnosisReport:
    """Compare a model that somebody else wrote with an architecture or a checkpoint, layer by layer, and say why.

    The model runs once as it is, in a process of its own, and every operation of it is recorded. Layers are found by
    what they read and who reads them, and no name is ever looked at. Each is judged on the model's own values.

    subject: an architecture, its name, or a checkpoint file, whose tensors are compared, too.
    model: "file.py:factory", "package.module:factory", or a saved program: `.onnx`, `.pt`, `.pt2`, `.keras`, a folder.
    call: the factory's arguments.
    runs_in: the backend that opens it, where neither its ending nor its imports tell.
    weights: "theirs", the model as it is; "drawn", trained-like tensors put into it; or a checkpoint to put into it.
    training: compare a model that is left in training mode, as it is.
    arch, key, prefix, tensor_map, options: of the subject, as `check` takes them.
    images: an array [N, H, W, C], or paths, as `check` takes them; None draws `batch` of them of `size`, which is 67x68
        or what the model insists on.
    python: the interpreter of the model's environment.
    memory, timeout: bytes that its process may allocate, and seconds that one call may take.

    Raises BadInput where there is no such model or subject, where the model cannot be run, and where it is random.
    Raises BackendFailed where it crashes, hangs or runs out of memory.
    """
    started = time.monotonic()
    check_limits(timeout, memory)
    known = find_subject(subject, arch, key=key, prefix=prefix, tensor_map=tensor_map, **options)
    name = backend_of(str(model), runs_in)
    pixels = _pixels(images, known.architecture, size)
    limit = available_memory() if memory is None else int(memory)
    with BackendProcess(name, python, limit, timeout) as process:
        opened = OpenedModel(process, str(model), call or {}, training, progress)
        traced = opened.run(pixels, size, batch, seed)
        tensors: Mapping[str, Any] | None = known.tensors
        if weights != "theirs":
            loaded = _tensors_for(known, weights, traced, seed)
            progress(name, f"loading {weights} weights")
            traced = _with_tensors(opened, known.architecture, traced, loaded)
            tensors = tensors or loaded
    progress("oracle", "comparing")
    diagnosis = compare_with(known.architecture, traced.graph, tensors)
    progress("oracle", "done")
    return _report(subject, known, traced, weights, diagnosis, time.monotonic() - started)


def _pixels(images: Sequence[str] | AnyImages | None, network: Architecture, size: tuple[int, int] | None) -> Any:
    """Return the images that were given, [N, H, W, C]; None where they are to be drawn."""
    if images is None:
        return None
    if isinstance(images, np.ndarray):
        return check_pixels(images, "The given array", network, size)
    return read_images(images, network, size)


def _tensors_for(known: Subject, weights: str, traced: Traced, seed: int) -> Mapping[str, Any]:
    """Return the canonical tensors that are to be put into the model."""
    if weights != "drawn":
        return find_subject(weights, known.architecture.name).tensors or {}
    if known.tensors is not None:
        raise BadInput("--weights drawn goes with an architecture; a file has tensors of its own.")
    return draw_tensors(known.architecture, traced.images.astype(np.float32), seed)


def _with_tensors(opened: OpenedModel, network: Architecture, traced: Traced, tensors: Mapping[str, Any]) -> Traced:
    """Put canonical tensors into a model, and trace it again on the same images."""
    images = traced.images
    diagnosis = compare_with(network, traced.graph)
    own = opened.model.tensors()
    opened.model.load(put(list(map_tensors(diagnosis.comparison)), tensors, own))
    again = opened.run(images, None, len(images), 0)
    return Traced(again.name, again.backend, again.version, again.dtype, again.graph, traced.images_source)


def _report(
    subject: str | Path | Architecture,
    known: Subject,
    traced: Traced,
    weights: str,
    diagnosis: Diagnosis,
    seconds: float,
) -> DiagnosisReport:
    return DiagnosisReport(
        subject=known.architecture.name if isinstance(subject, Architecture) else str(subject),
        model=traced.name,
        backend=traced.backend,
        version=traced.version,
        dtype=traced.dtype,
        input=tuple(traced.images.shape),
        images=traced.images_source,
        weights=weights,
        matched=diagnosis.matched,
        layers=diagnosis.layers,
        left_over=diagnosis.left_over,
        is_another=diagnosis.is_another,
        first_divergence=diagnosis.first_divergence,
        causes=tuple(diagnosis.causes),
        before=diagnosis.before,
        proof=diagnosis.proof,
        proved=diagnosis.proved,
        unknown=diagnosis.unknown,
        nearest=(),
        seconds=seconds,
    )
