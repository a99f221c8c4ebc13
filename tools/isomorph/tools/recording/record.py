"""End points that a backend gave elsewhere, kept with all that they depend on: they join machines that cannot meet."""

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

Array = npt.NDArray[Any]

RECORD = "isomorph.record"
"""The array of the `.npz` that holds, as one text, what ran where on what; all others are end points."""

FORMAT = 1
"""Of the record's text. Another number is another isomorph's, and nothing here is sure to understand it."""


@dataclass(frozen=True)
class Record:
    """What ran where on what.

    weights, images: where they came from, and the SHA-256 of the canonical tensors and of the images themselves,
        whatever files they came in, see `isomorph.tools.subjects.subject.digest`.
    input: [N, H, W, C].
    version: of the framework. device: "cpu" or "gpu", and device_name what the GPU calls itself.
    precision: the one that the device proved to compute in.
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
        """The text of RECORD."""
        facts = {field: getattr(self, field) for field in self.__dataclass_fields__}
        origins = {"weights": asdict(self.weights), "images": asdict(self.images)}
        document = facts | origins | {"format": FORMAT, "architecture": to_document(self.architecture)}
        return json.dumps(document)


def identify(case: Case) -> tuple[Origin, Origin]:
    """Weights and images of a case, each with where they came from and the digest of what they are."""
    return (
        Origin(case.weights_origin.source, digest({name: case.tensors[name] for name in sorted(case.tensors)})),
        Origin(case.images_origin.source, digest({"images": case.images})),
    )


def make_record(
    case: Case, backend: str, described: Mapping[str, Any], device: str, dtype: str, precision: str
) -> Record:
    """What one run depends on.

    described: as the backend's process told, see `BackendProcess.describe`.
    precision: the one that it proved to compute in.
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


def write_end_points(path: str | Path, end_points: Mapping[str, Array], record: Record | None = None) -> None:
    """Write an `.npz` of arrays under their names, and of the record under RECORD; whole, by rename, or not at all.

    bfloat16, which NumPy's format does not know, is written as float32, which holds it exactly. Nothing is compressed,
    so that who reads it maps it.
    """
    known = {
        name: value.astype(np.float32) if value.dtype == as_dtype("bfloat16") else value
        for name, value in end_points.items()
    }
    noted = {RECORD: np.array(record.to_json())} if record else {}
    with new_file(path) as file:
        np.savez(file, **known, **noted)  # type: ignore[arg-type]  # NumPy's stub takes any keyword for allow_pickle


def check_architecture(record: Record, path: str | Path, architecture: Architecture) -> None:
    """Raise BadInput unless this is what was recorded: of that name, and the same function."""
    recorded = record.architecture
    if recorded.name != architecture.name:
        raise BadInput(
            f"{path} was recorded of {recorded.name}, not of {architecture.name}; name that one, or record it again."
        )
    if function(recorded) != function(architecture):
        differing, _ = compare_fields(recorded, architecture)
        told = [difference for difference in differing if difference.affects == "inference"]
        what = f"{told[0].name} {compact(told[0].first)} there and {compact(told[0].second)} here" if told else "blocks"
        raise BadInput(
            f"{path} was recorded of another {recorded.name}: {what}; give the same options, or record it again."
        )


def check_case(record: Record, path: str | Path, weights: Origin, images: Origin, shape: tuple[int, ...]) -> None:
    """Raise BadInput unless these, as `identify` tells them, are the weights and the images on which it was recorded.

    shape: of the images, [N, H, W, C].
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
