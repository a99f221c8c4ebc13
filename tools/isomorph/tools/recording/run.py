"""`run`: compute one backend's end points on some images, and record everything that they depend on."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from isomorph.backends import find_backend
from isomorph.backends.process import BackendProcess
from isomorph.backends.timeouts import TIMEOUT
from isomorph.conformance.memory import drawing, drawing_images
from isomorph.conformance.precision import prove_precision
from isomorph.spec import Architecture, BadInput
from isomorph.tools.designs.titles import title
from isomorph.tools.images.images import AnyImages
from isomorph.tools.recording.record import EndPoint, Record, make_record
from isomorph.tools.subjects.backends import COMPARED
from isomorph.tools.subjects.subject import Origin, check_limits, check_request, find_subject, make_case
from isomorph.tools.tables import Report


@dataclass(frozen=True)
class RunReport(Report):
    """One network in one backend, and its end points by name, [N, h, w, C] each, in network order.

    title: the architecture's name with what is not its own, such as a width.
    precision: the precision in which the device proved to compute.
    record: everything that the end points depend on, to be written beside them.
    """

    architecture: str
    title: str
    backend: str
    version: str
    device: str
    device_name: str | None
    dtype: str
    precision: str
    weights: Origin
    images: Origin
    end_points: Mapping[str, EndPoint] = field(repr=False)
    record: Record = field(repr=False)

    def table(self) -> RenderableType:
        """Return one line: which network ran where."""
        on = f"{self.device} ({self.device_name})" if self.device_name else self.device
        proved = "" if self.precision == self.dtype else f", which proved to be {self.precision}"
        return f"{self.title} in {self.backend} {self.version} on {on}, {self.dtype}{proved}"

    def to_json(self) -> str:
        """The report, as the command line's `--json` writes it, with the shapes of end points and not their values."""
        shapes = {name: value.shape for name, value in self.end_points.items()}
        facts = asdict(replace(self, end_points={})) | {"end_points": shapes}
        del facts["record"]  # it repeats these facts, and spells out the architecture
        return json.dumps(facts, indent=2) + "\n"

    @property
    def last(self) -> dict[str, EndPoint]:
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
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    images: Sequence[str] | AnyImages | None = None,
    size: tuple[int, int] | None = None,
    batch: int = 2,
    seed: int = 0,
    python: str = sys.executable,
    timeout: float = TIMEOUT,
    progress: Callable[[str, str], None] = lambda who, what: None,
    **options: Any,
) -> RunReport:
    """Run one network in one backend, in a process of its own, and return its end points.

    >>> from isomorph.tools import run
    >>> report = run("mlperf_tiny/resnet8", backend="oracle", size=(16, 16))
    >>> report.end_points["conv1"].shape
    (2, 16, 16, 16)
    >>> {name: values.shape for name, values in report.last.items()}
    {'logits': (2, 1, 1, 10), 'predictions': (2, 1, 1, 10)}

    backend: its name; None takes the first that is installed, or else the oracle.
    python: the interpreter of the backend's environment, where that is not this one.
    All other arguments are as in `check`.
    Raises BadInput, Unavailable for a device or dtype that the backend lacks, BackendFailed if it crashes.
    """
    name = find_backend(backend).name if backend else _first_installed()
    if python == sys.executable and (reason := find_backend(name).why_not()):
        raise BadInput(f"The backend {name} is not available: {reason}")
    resolved = find_subject(subject, arch, key=key, prefix=prefix, tensor_map=tensor_map, **options)
    check_request(resolved.architecture, size, batch, seed, device, dtype)
    check_limits(timeout)
    with BackendProcess(name, python, timeout=timeout) as process:
        progress(name, "drawing images and weights" if resolved.tensors is None else "reading images")
        evaluates = resolved.tensors is None or name == "oracle"
        case = make_case(resolved, images, size, batch, seed, drawing if evaluates else drawing_images)
        progress(name, f"building in {dtype}")
        network = process.build(resolved.architecture.undrawn(), device, dtype)
        network.load(case.tensors)
        progress(name, "running")
        end_points = network.end_points(case.images)
        progress(name, f"proving {dtype}")
        precision = prove_precision(lambda probe: process.build(probe, device, dtype), dtype)
        record = make_record(case, name, process.describe(), network.device, dtype, precision)
        return RunReport(
            resolved.architecture.name,
            title(resolved.architecture),
            name,
            record.version,
            record.device,
            record.device_name,
            dtype,
            precision,
            case.weights_origin,
            case.images_origin,
            end_points,
            record,
        )


def _first_installed() -> str:
    return next((name for name in COMPARED if find_backend(name).why_not() is None), "oracle")
