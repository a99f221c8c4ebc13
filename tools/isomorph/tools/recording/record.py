"""Record a backend's end points with everything that they depend on, to compare them on another machine."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.protocol import as_dtype
from isomorph.spec import Architecture, BadInput, function
from isomorph.spec.document import to_document
from isomorph.tools.designs.field_by_field import compact, compare_fields
from isomorph.tools.subjects.subject import Case, Origin, digest
from isomorph.tools.tables import by
from isomorph.tools.writing import new_file

EndPoint = npt.NDArray[Any]
"""[N, h, w, C] in the dtype of the run."""

RECORD = "isomorph.record"
"""The name of the array in the `.npz` that holds the record as text; all other arrays are end points."""

FORMAT = 1
"""The version of the record's text; another version's record is refused."""


@dataclass(frozen=True)
class Record:
    """Which network ran where, in what, on which images.

    weights, images: their sources, and the SHA-256 of the canonical tensors and of the images, whatever files they came
        in, see `isomorph.tools.subjects.subject.digest`.
    input: [N, H, W, C].
    version: of the framework. device: "cpu" or "gpu". device_name: the GPU's name; None on a CPU.
    precision: the precision in which the device proved to compute.
    isomorph, python: their versions. system: the operating system and the processor's kind.
    """

    architecture: Architecture
    weights: Origin
    images: Origin
    input: tuple[int, ...]
    backend: str
    version: str
    device: str
    device_name: str | None
    dtype: str
    precision: str
    isomorph: str
    python: str
    system: str

    def to_json(self) -> str:
        """Return the text of the array RECORD."""
        facts = {field: getattr(self, field) for field in self.__dataclass_fields__}
        origins = {"weights": asdict(self.weights), "images": asdict(self.images)}
        document = facts | origins | {"format": FORMAT, "architecture": to_document(self.architecture)}
        return json.dumps(document)


def identify(case: Case) -> tuple[Origin, Origin]:
    """Return the sources and the digests of a case's weights and images."""
    return (
        Origin(case.weights_origin.source, digest({name: case.tensors[name] for name in sorted(case.tensors)})),
        Origin(case.images_origin.source, digest({"images": case.images})),
    )


def make_record(
    case: Case, backend: str, described: Mapping[str, Any], device: str, dtype: str, precision: str
) -> Record:
    """Return the record of one run.

    described: what `BackendProcess.describe` returned.
    precision: the precision in which the device proved to compute.
    """
    weights, images = identify(case)
    return Record(
        architecture=case.architecture,
        weights=weights,
        images=images,
        input=tuple(case.images.shape),
        backend=backend,
        version=described["version"],
        device=device,
        device_name=described["gpu_name"] if device == "gpu" else None,
        dtype=dtype,
        precision=precision,
        isomorph=_own_version(),
        python=described["python"],
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
    )


def write_end_points(path: str | Path, end_points: Mapping[str, EndPoint], record: Record | None = None) -> None:
    """Write end points under their names, and the record under RECORD, to an `.npz`; whole or not at all.

    >>> import numpy as np
    >>> from isomorph.tools import run, write_end_points
    >>> report = run("mlperf_tiny/resnet8", backend="oracle", size=(16, 16))
    >>> write_end_points("recorded.npz", report.end_points, report.record)
    >>> with np.load("recorded.npz") as arrays:
    ...     arrays["conv1"].shape
    (2, 16, 16, 16)

    bfloat16, which NumPy's format lacks, is written as float32, which holds it exactly. Nothing is compressed, so that
    the arrays can be mapped.
    """
    arrays = {
        name: value.astype(np.float32) if value.dtype == as_dtype("bfloat16") else value
        for name, value in end_points.items()
    }
    text = {RECORD: np.array(record.to_json())} if record else {}
    with new_file(path) as file:
        np.savez(file, **arrays, **text)  # type: ignore[arg-type]  # NumPy's stub takes any keyword for allow_pickle


def check_architecture(record: Record, path: str | Path, architecture: Architecture) -> None:
    """Raise BadInput unless the recorded architecture has the same name and is the same function."""
    recorded = record.architecture
    if recorded.name != architecture.name:
        raise BadInput(
            f"{path} was recorded of {recorded.name}, not of {architecture.name}; name that one, or record it again."
        )
    if function(recorded) != function(architecture):
        differing, _ = compare_fields(recorded, architecture)
        field = next((each for each in differing if each.affects == "inference"), None)
        what = f"{field.name} {compact(field.first)} there and {compact(field.second)} here" if field else "blocks"
        raise BadInput(
            f"{path} was recorded of another {recorded.name}: {what}; give the same options, or record it again."
        )


def check_case(record: Record, path: str | Path, weights: Origin, images: Origin, shape: tuple[int, ...]) -> None:
    """Raise BadInput unless these are the recorded weights and images.

    weights, images: what `identify` returns. shape: of the images, [N, H, W, C].
    """
    there, here = by(*record.input), by(*shape)
    if record.images.sha256 != images.sha256:
        raise BadInput(
            f"{path} was recorded on other images ({record.images.source}, {there}) than these ({images.source},"
            f" {here}); give the same seed and size, or the same files."
        )
    if record.weights.sha256 != weights.sha256:
        raise BadInput(
            f"{path} was recorded with other weights ({record.weights.source}) than these ({weights.source}); give the"
            " same seed, or the same file."
        )


def _own_version() -> str:
    try:
        return version("isomorph")
    except PackageNotFoundError:
        return "not installed"  # run from its source tree
