"""`diagnose`: is a model that somebody else wrote the function that it should be, and if not, why?"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Images, Tensors
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.cases import draw_tensors
from isomorph.conformance.likeness.diagnosis import ALIKE, Diagnosis, compare_models, compare_with
from isomorph.conformance.likeness.mapping import map_tensors, put
from isomorph.conformance.likeness.ranking import nearest_architectures
from isomorph.spec import Architecture, BadInput, architecture, architectures, tensor_shapes
from isomorph.spec.tensors import match_exactly
from isomorph.tools.designs.lookup import is_architecture
from isomorph.tools.images.images import AnyImages, check_pixels, is_array, read_array, read_images
from isomorph.tools.models.naming import is_model
from isomorph.tools.models.opening import OpenedModel, Progress, Traced, opened_model
from isomorph.tools.models.report import DiagnosisReport
from isomorph.tools.subjects.subject import check_drawn, check_limits, find_subject


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
    python: Mapping[str, str] | None = None,
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
    arch, key, prefix, tensor_map, options: of the subject, as `check` takes them; where that is an architecture, key,
        prefix and tensor_map are of the checkpoint that is put into the model.
    images: an array [N, H, W, C], or paths, as `check` takes them; None draws `batch` of them of `size`, which is 67x68
        or what the model insists on.
    python: backend -> the interpreter of its environment, where that is not this one.
    memory, timeout: bytes that its process may allocate, and seconds that one call may take.

    Raises BadInput where there is no such model or subject, where the model cannot be run, and where it is random.
    Raises BackendFailed where it crashes, hangs or runs out of memory.
    """
    started = time.monotonic()
    check_limits(timeout, memory)
    check_drawn(batch, seed)
    if not _is_specified(subject) and _is_specified(model):
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
    told = {"key": key, "prefix": prefix, "tensor_map": tensor_map}
    if _is_specified(subject):
        request = _Request(subject, arch, told, options, weights, images, size, batch, seed)
        with opened(model) as theirs:
            diagnosis, traced = request.diagnose(theirs)
    else:
        _refuse_beside_two_models({"arch": arch, **told, **options}, weights)
        pixels = _array(images, size)
        with opened(model) as theirs, opened(subject) as first:
            diagnosis, traced = _against_model(first, theirs, pixels, size, batch, seed)
        if pixels is not None:
            traced = traced.with_source(_images_source(images))
    progress("oracle", "done")
    return _report(_name(subject), traced, weights, diagnosis, time.monotonic() - started)


def _is_specified(subject: Any) -> bool:
    """Return whether a subject is an architecture or a checkpoint, and no model."""
    return isinstance(subject, Architecture) or (isinstance(subject, str | PathLike) and not is_model(str(subject)))


def _name(subject: Any) -> str:
    if isinstance(subject, Architecture):
        return subject.name
    return str(subject) if isinstance(subject, str | PathLike) else type(subject).__name__


class _Request:
    """What a model should be, the tensors that are put into it, and its images: all that is known before it is opened.

    Raises BadInput for what is none of these, so that no framework is imported in vain.
    """

    def __init__(
        self,
        subject: Any,
        arch: str | None,
        told: Mapping[str, Any],
        options: Mapping[str, Any],
        weights: str,
        images: Sequence[str] | AnyImages | None,
        size: tuple[int, int] | None,
        batch: int,
        seed: int,
    ) -> None:
        is_drawn = weights in ("theirs", "drawn")
        is_file = not (isinstance(subject, Architecture) or is_architecture(subject))
        of_subject = told if is_file or is_drawn else {}
        self.known = find_subject(subject, arch, **of_subject, **options)
        self.network = self.known.architecture
        if weights == "drawn" and self.known.tensors is not None:
            raise BadInput("--weights drawn goes with an architecture; a file has tensors of its own.")
        self.weights = weights
        self.loaded = None if is_drawn else self._read(subject, {} if is_file else told, {} if is_file else options)
        self.pixels = _pixels(images, self.network, size)
        self.source = "" if images is None else _images_source(images)
        self.size, self.batch, self.seed = size, batch, seed

    def _read(self, subject: Any, told: Mapping[str, Any], options: Mapping[str, Any]) -> Tensors:
        """Return a checkpoint's tensors. Raises BadInput where they are another network's."""
        name = str(subject) if isinstance(subject, str | PathLike) else self.network.name
        if self.known.tensors is not None and Path(name) == Path(self.weights):
            return self.known.tensors
        arch = name if is_architecture(name) and not told.get("tensor_map") else None
        if is_architecture(self.weights):
            raise BadInput(f"--weights {self.weights} is an architecture; expected theirs, drawn, or a checkpoint.")
        tensors = find_subject(self.weights, arch, **told, **(options if arch else {})).tensors or {}
        found = {name: tuple(value.shape) for name, value in tensors.items()}
        match_exactly(tensor_shapes(self.network), found, self.network.name, self.weights)
        return tensors

    def diagnose(self, theirs: OpenedModel) -> tuple[Diagnosis, Traced]:
        """Trace the model, with other tensors in it if they are asked for, and compare it."""
        traced = theirs.run(self.pixels, self.size, self.batch, self.seed, self.network)
        if self.source:
            traced = traced.with_source(self.source)
        loaded = self.loaded
        if self.weights == "drawn":
            loaded = draw_tensors(self.network, traced.images.astype(np.float32), self.seed)
        if loaded is not None:
            theirs.progress(theirs.backend, f"loading {self.weights} weights")
            traced = self._with_tensors(theirs, traced, loaded)
        theirs.progress("oracle", "comparing")
        tensors = self.known.tensors if self.known.tensors is not None else loaded
        return compare_with(self.network, traced.graph, tensors), traced

    def _with_tensors(self, theirs: OpenedModel, traced: Traced, tensors: Tensors) -> Traced:
        """Put canonical tensors into a model, and trace it again on the same images.

        Raises BadInput where the model has no place for one of them.
        """
        images = traced.images
        diagnosis = compare_with(self.network, traced.graph)
        if diagnosis.is_another:
            return traced
        rows = list(map_tensors(diagnosis.comparison))
        places = {row.canonical: row.layout.size for row in rows if row.theirs is not None}
        if homeless := [name for name, value in tensors.items() if places.get(name) != value.size]:
            more = f" and {len(homeless) - 1} more" if len(homeless) > 1 else ""
            raise BadInput(
                f"{theirs.name} stores no tensor for {homeless[0]}{more} to be put into; leave --weights out, and it"
                " is compared as it is."
            )
        theirs.load(put(rows, tensors, theirs.tensors()))
        return theirs.run(images, None, len(images), 0).with_source(traced.images_source)


def _refuse_beside_two_models(settings: Mapping[str, Any], weights: str) -> None:
    if weights != "theirs":
        raise BadInput(f"Two models are compared as they are; leave --weights {weights} out.")
    if stray := next((name for name, value in settings.items() if value is not None), None):
        raise BadInput(f"Two models are compared as they are; leave --{stray.removeprefix('tensor_')} out.")


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
    if expected.graph.ends_before:
        raise BadInput(
            f"{first.name} cannot be run beyond {expected.graph.ends_before[0]}, and nothing can be held against a part"
            " of a model; name it second."
        )
    if first.dtype != theirs.dtype:  # it takes no images of float64
        theirs.cast(first.dtype)
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


def _array(images: Sequence[str] | AnyImages | None, size: tuple[int, int] | None) -> Images | None:
    """Return the images for two models: an array, or a file of one, as nothing says how photographs are prepared."""
    if images is None:
        return None
    if size is not None:
        raise BadInput("Images that are given have a size; leave --input out.")
    source = "The given array"
    if not isinstance(images, np.ndarray):
        if not is_array(images):
            raise BadInput("Nothing says how photographs are prepared for two models; expected a .npy of [N, H, W, C].")
        source, images = str(images[0]), read_array(Path(images[0]))
    if images.dtype.kind not in "fiub" or images.ndim != 4 or 0 in images.shape:
        raise BadInput(
            f"{source} is of {images.dtype} and of shape {list(images.shape)}; expected numbers,"
            " [batch, height, width, channels]."
        )
    pixels = np.asarray(images, np.float32)
    if not np.isfinite(pixels).all():
        raise BadInput(f"{source} holds numbers that are not finite in float32.")
    return pixels


def _images_source(images: Sequence[str] | AnyImages | None) -> str:
    """Return where given images come from, as `check` says it."""
    if images is None or isinstance(images, np.ndarray):
        return "given"
    return ", ".join(Path(path).name for path in images)


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
        rounded=tuple(diagnosis.rounded),
        ends_before=diagnosis.ends_before,
        nearest=_nearest(diagnosis),
        is_folded=diagnosis.is_folded,
        seconds=seconds,
    )


def _nearest(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return the architectures that the model is most like, where it is another network."""
    if not diagnosis.is_another:
        return ()
    known = (architecture(name) for name in architectures())
    return tuple(each.name for each in nearest_architectures(diagnosis.comparison.other, known, ALIKE))
