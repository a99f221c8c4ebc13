"""`run`: one backend's end points on some images, written to an `.npz`."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import RenderableType

from isomorph.backends import find_backend
from isomorph.backends.process import TIMEOUT, BackendProcess
from isomorph.backends.protocol import as_dtype
from isomorph.spec import Architecture, BadInput
from isomorph.tools.side_by_side import COMPARED
from isomorph.tools.subject import Origin, check_limits, check_request, find_subject, make_case
from isomorph.tools.tables import Report
from isomorph.tools.writing import new_file

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class RunReport(Report):
    """What ran where, and its end points by name, [N, h, w, C] each, in network order."""

    architecture: str
    backend: str
    version: str
    device: str
    dtype: str
    weights: Origin
    images: Origin
    end_points: Mapping[str, Array]

    def table(self) -> RenderableType:
        """One line: what ran where."""
        return f"{self.architecture} in {self.backend} {self.version} on {self.device}, {self.dtype}"

    def to_json(self) -> str:
        """What ran where on what, and the end points' shapes; their values are for an `.npz`."""
        shapes = {name: value.shape for name, value in self.end_points.items()}
        return json.dumps(asdict(replace(self, end_points={})) | {"end_points": shapes}, indent=2) + "\n"

    @property
    def last(self) -> dict[str, Array]:
        """The logits and predictions, or the last end point of a network without any."""
        names = [name for name in ("logits", "predictions") if name in self.end_points] or list(self.end_points)[-1:]
        return {name: self.end_points[name] for name in names}


def run(
    subject: str | Path | Architecture,
    *,
    backend: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    arch: str | None = None,
    images: Sequence[str] | Array | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    seed: int = 0,
    python: str = sys.executable,
    timeout: float = TIMEOUT,
    progress: Callable[[str, str], None] = lambda who, what: None,
    **options: Any,
) -> RunReport:
    """Run one network in one backend, in a process of its own.

    backend: its name; None takes the first that is installed, the oracle at last.
    python: the interpreter of the environment it lives in, where that is not this one. The rest as in `check`.
    Raises BadInput, Unavailable for a device or dtype that the backend lacks, BackendFailed if it crashes.
    """
    name = find_backend(backend).name if backend else _first_installed()
    if python == sys.executable and (reason := find_backend(name).why_not()):
        raise BadInput(f"The backend {name} is not available: {reason}")
    found = find_subject(subject, arch, **options)
    check_request(found.architecture, size, batch, seed, device, dtype)
    check_limits(timeout)
    with BackendProcess(name, python, timeout=timeout) as process:
        progress(name, "drawing images and weights" if found.tensors is None else "reading images")
        case = make_case(found, images, size, batch, seed)
        progress(name, f"building in {dtype}")
        network = process.build(found.architecture.undrawn(), device, dtype)
        network.load(case.tensors)
        progress(name, "running")
        end_points = network.end_points(case.images)
        return RunReport(
            found.architecture.name,
            name,
            process.describe()["version"],
            network.device,
            dtype,
            case.weights_origin,
            case.images_origin,
            end_points,
        )


def write_end_points(path: str | Path, end_points: Mapping[str, Array]) -> None:
    """Write an `.npz` of arrays under their names; the file appears whole, by rename, or not at all.

    bfloat16, which NumPy's format does not know, is written as float32, which holds it exactly.
    """
    known = {
        name: value.astype(np.float32) if value.dtype == as_dtype("bfloat16") else value
        for name, value in end_points.items()
    }
    with new_file(path) as file:
        np.savez(file, **known)  # type: ignore[arg-type]  # NumPy's stub takes any keyword for allow_pickle


def _first_installed() -> str:
    return next((name for name in COMPARED if find_backend(name).why_not() is None), "oracle")
