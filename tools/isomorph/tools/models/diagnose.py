"""`diagnose`: is a model that somebody else wrote the function that it should be, and if not, why?"""

import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Images, Tensors
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.cases import draw_tensors
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_models, compare_with
from isomorph.conformance.likeness.mapping import map_tensors, put
from isomorph.spec import Architecture, BadInput
from isomorph.tools.images.images import AnyImages, check_pixels, read_images
from isomorph.tools.models.naming import is_model
from isomorph.tools.models.opening import OpenedModel, Progress, Traced, opened_model
from isomorph.tools.models.report import DiagnosisReport
from isomorph.tools.subjects.subject import Subject, check_limits, find_subject


def diagnose(
    subject: Any,
    model: Any,
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
    """Compare a model that somebody else wrote with what it should be, layer by layer, and say why they differ.

    >>> from isomorph.tools import diagnose
    >>> report = diagnose("cifar/resnet20", "port.py:make_model")
    >>> print(*report.causes)
    epsilon: block1/unit_1/basic_v1/conv1 has epsilon 0.001, expected 1e-05, in 18 places (theirs: units.0.norms.0, ...)
    >>> report.agree, report.proved, report.first_divergence[0]
    (False, True, 'block1/unit_1/basic_v1/conv1')

    The model runs once as it is, and every operation of it is recorded. Layers are found by what they read and by what
    reads them; no name is ever looked at. Each is judged on the model's own values, so that no fault is inherited.

    subject: what the model should be: an architecture, its name, a checkpoint file, whose tensors are compared, too, or
        another model.
    model: "file.py:factory", "package.module:factory", a saved program (`.onnx`, `.pt`, `.pt2`, `.keras`, the folder of
        a SavedModel), or an object of a framework that this process has imported, which stays as it is.
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
    if not _is_specified(subject) and isinstance(model, Architecture | str | Path) and _is_specified(model):
        subject, model = model, subject
    opened = partial(
        opened_model,
        call=call,
        runs_in=runs_in,
        training=training,
        python=python,
        memory=memory,
        timeout=timeout,
        progress=progress,
    )
    with opened(model) as theirs:
        if _is_specified(subject):
            known = find_subject(subject, arch, key=key, prefix=prefix, tensor_map=tensor_map, **options)
            network = known.architecture
            traced = theirs.run(_pixels(images, network, size), size, batch, seed, network.in_channels)
            diagnosis, traced = _against_specification(known, theirs, traced, weights, seed)
        else:
            if weights != "theirs":
                raise BadInput(f"Two models are compared as they are; leave --weights {weights} out.")
            with opened(subject) as first:
                diagnosis, traced = _against_model(first, theirs, _array(images), size, batch, seed)
    progress("oracle", "done")
    return _report(_name(subject), traced, weights, diagnosis, time.monotonic() - started)


def _is_specified(subject: Any) -> bool:
    """Return whether a subject is an architecture or a checkpoint, and no model."""
    return isinstance(subject, Architecture) or (isinstance(subject, str | Path) and not is_model(str(subject)))


def _name(subject: Any) -> str:
    if isinstance(subject, Architecture):
        return subject.name
    return str(subject) if isinstance(subject, str | Path) else type(subject).__name__


def _against_specification(
    known: Subject, theirs: OpenedModel, traced: Traced, weights: str, seed: int
) -> tuple[Diagnosis, Traced]:
    tensors: Tensors | None = known.tensors
    if weights != "theirs":
        loaded = _tensors_for(known, weights, traced, seed)
        theirs.progress(theirs.backend, f"loading {weights} weights")
        traced = _with_tensors(theirs, known.architecture, traced, loaded)
        tensors = tensors or loaded
    theirs.progress("oracle", "comparing")
    return compare_with(known.architecture, traced.graph, tensors), traced


def _against_model(
    first: OpenedModel,
    theirs: OpenedModel,
    images: Images | None,
    size: tuple[int, int] | None,
    batch: int,
    seed: int,
) -> tuple[Diagnosis, Traced]:
    """Trace both models on the same images, in a dtype that both have, and compare them."""
    if first.dtype != theirs.dtype:
        first.cast("float32")
        theirs.cast("float32")
    expected = first.run(images, size, batch, seed)
    found = theirs.run(expected.images, None, batch, seed)
    theirs.progress("oracle", "comparing")
    source = expected.images_source
    return compare_models(expected.graph, found.graph), found.with_source(source)


def _pixels(
    images: Sequence[str] | AnyImages | None, network: Architecture, size: tuple[int, int] | None
) -> Images | None:
    """Return the images that were given, [N, H, W, C]; None where they are to be drawn."""
    if images is None:
        return None
    if isinstance(images, np.ndarray):
        return check_pixels(images, "The given array", network, size)
    return read_images(images, network, size)


def _array(images: Sequence[str] | AnyImages | None) -> Images | None:
    """Return the images for two models: an array, or a file of one, as nothing says how photographs are prepared."""
    if images is None or isinstance(images, np.ndarray):
        return images
    if len(images) == 1 and str(images[0]).endswith(".npy"):
        return np.asarray(np.load(images[0], allow_pickle=False))
    raise BadInput("Nothing says how photographs are prepared for two models; expected a .npy of [N, H, W, C].")


def _tensors_for(known: Subject, weights: str, traced: Traced, seed: int) -> Tensors:
    """Return the canonical tensors that are to be put into the model."""
    if weights != "drawn":
        return find_subject(weights, known.architecture.name).tensors or {}
    if known.tensors is not None:
        raise BadInput("--weights drawn goes with an architecture; a file has tensors of its own.")
    return draw_tensors(known.architecture, traced.images.astype(np.float32), seed)


def _with_tensors(theirs: OpenedModel, network: Architecture, traced: Traced, tensors: Tensors) -> Traced:
    """Put canonical tensors into a model, and trace it again on the same images."""
    images = traced.images
    comparison = compare_with(network, traced.graph).comparison
    theirs.model.load(put(list(map_tensors(comparison)), tensors, theirs.model.tensors()))
    return theirs.run(images, None, len(images), 0).with_source(traced.images_source)


def _report(subject: str, traced: Traced, weights: str, diagnosis: Diagnosis, seconds: float) -> DiagnosisReport:
    return DiagnosisReport(
        subject=subject,
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
