"""What `check` found: typed, printable, and JSON for machines."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.conformance.verdict import RunVerdict
from isomorph.tools.subjects.subject import Origin
from isomorph.tools.tables import Report, facts_table, finite, plain_table, printable, remark, short_scope

Status = Literal["pass", "fail", "error", "unavailable"]

STYLES = {"pass": "green", "fail": "bold red", "error": "bold yellow", "unavailable": "dim"}

LEGEND = "The number is the worst end point's error against the oracle, in noise floors;\nup to 8 pass."


class BackendResult(Protocol):
    """What one backend came to."""

    @property
    def status(self) -> Status:
        """As a whole."""


class Comparison(Report):
    """A report on several backends, which agree or do not."""

    backends: tuple[BackendResult, ...]

    @property
    def agree(self) -> bool | None:
        """True if every backend that was to run passes, False if one parts, None where that is undecided."""
        statuses = {backend.status for backend in self.backends} - {"unavailable"}
        if "fail" in statuses:
            return False
        return True if statuses == {"pass"} else None

    @property
    def exit_status(self) -> int:
        """0 all agree, 1 they do not, 3 undecided."""
        return {True: 0, False: 1, None: 3}[self.agree]


@dataclass(frozen=True)
class RecordedIn:
    """Where a row comes from that was recorded by `run`: its file, and what ran there.

    isomorph, python: their versions. system: the operating system and the processor's kind.
    """

    file: str
    isomorph: str
    python: str
    system: str


@dataclass(frozen=True)
class BackendReport:
    """One backend's row.

    parameters: all its values, trainable or not; None where it was never built.
    logits_shape: [N, h, w, classes] of its answer, likewise.
    message: why it failed as a whole (structure, crash, time, memory) or is unavailable.
    device_name: what the GPU calls itself; None on a CPU.
    recorded: where it ran elsewhere and earlier; None for what ran here and now.
    """

    name: str
    version: str | None
    device: str | None
    status: Status
    message: str = ""
    parameters: int | None = None
    logits_shape: tuple[int, ...] | None = None
    runs: tuple[RunVerdict, ...] = field(default=())
    device_name: str | None = None
    recorded: RecordedIn | None = None


@dataclass(frozen=True)
class CheckReport(Comparison):
    """The same network on the same images in every backend, against the oracle.

    input: [N, H, W, C]. parameters: trainable and total, by the specification.
    other: architecture and origin of the second file, which every backend ran, if two were compared.
    planted: the fields that were changed in what the backends built, and not in the oracle.
    seconds: how long it took.
    """

    architecture: str
    weights: Origin
    images: Origin
    input: tuple[int, int, int, int]
    parameters: tuple[int, int]
    oracle_version: str
    planted: dict[str, Any]
    backends: tuple[BackendReport, ...]
    seconds: float
    other: tuple[str, Origin] | None = None

    def to_json(self) -> str:
        """The report, as the command line's `--json` writes it."""
        document = {
            "architecture": self.architecture,
            "weights": asdict(self.weights),
            "other": self.other and {"architecture": self.other[0], "weights": asdict(self.other[1])},
            "images": asdict(self.images),
            "input": self.input,
            "agree": self.agree,
            "planted": self.planted,
            "seconds": self.seconds,
            "backends": [asdict(backend) for backend in self.backends],
        }
        return json.dumps(finite(document), indent=2, allow_nan=False) + "\n"

    def table(self) -> RenderableType:
        """One row per backend, then a line for everything that is not a plain pass."""
        trainable, total = self.parameters
        dtypes = list(dict.fromkeys(run.dtype for backend in self.backends for run in backend.runs))
        table = plain_table("runs in", "version", "on", *dtypes, "")
        if all(backend.name != "oracle" for backend in self.backends):
            table.add_row("oracle", self.oracle_version, "cpu", *("reference" for _ in dtypes), "")
        for backend in self.backends:
            runs = {run.dtype: run for run in backend.runs}
            cells = [_run_cell(runs.get(dtype)) for dtype in dtypes]
            verdict = Text(backend.status.upper(), STYLES[backend.status])
            table.add_row(backend.name, backend.version or "-", backend.device or "-", *cells, verdict)
        facts = (
            ("input", "x".join(map(str, self.input))),
            ("images", self.images.source),
            ("weights", self.weights.source),
            ("other", self.other and f"{self.other[1].source}, {self.other[0]}"),
            ("parameters", f"{trainable:,} and {total - trainable:,} running statistics"),
            ("planted", Text(", ".join(f"{name}={value}" for name, value in self.planted.items()), "yellow")),
            ("gpu", ", ".join(dict.fromkeys(row.device_name for row in self.backends if row.device_name))),
        )
        title, legend = Text(self.architecture, "bold"), Text(LEGEND, "dim")
        return Group(title, facts_table(facts), Text(), table, Text(), legend, *_remarks(self.backends))

    def end_point_table(self) -> RenderableType:
        """Every end point's error in noise floors, a table for each dtype; behind the slash, its part run alone."""
        runs = [(backend.name, run) for backend in self.backends for run in backend.runs if run.end_points]
        tables: list[RenderableType] = []
        for dtype in dict.fromkeys(run.dtype for _, run in runs):
            own = [(name, run.end_points) for name, run in runs if run.dtype == dtype]
            names = tuple(name for name, _ in own)  # that of a recorded row may come twice
            table = plain_table(f"in {dtype}", *names, right=names)
            for end_points in zip(*(found for _, found in own), strict=True):
                cells = []
                for end_point in end_points:
                    local = "" if end_point.local_noise_ratio is None else f"/{end_point.local_noise_ratio:.2g}"
                    cells.append(Text(f"{end_point.noise_ratio:.2g}{local}", STYLES[end_point.verdict]))
                table.add_row(short_scope(end_points[0].name), *cells)
            tables += [Text(), table]
        return Group(*tables[1:])


def _run_cell(run: RunVerdict | None) -> Text:
    if run is None:
        return Text("-")
    if run.worst is None:
        return Text(run.verdict, STYLES[run.verdict])
    ratio = f" {run.worst.noise_ratio:.3g}" if math.isfinite(run.worst.noise_ratio) else ""
    return Text(run.verdict.upper() + ratio, STYLES[run.verdict])


def _remarks(backends: Iterable[BackendReport]) -> Iterator[Text]:
    """Where a backend was recorded, and why one did not pass: once for all dtypes that say the same."""
    for backend in backends:
        if (there := backend.recorded) is not None:
            on = f" on {backend.device_name}" if backend.device_name else ""
            place = f"{backend.name} in {there.file}{on}, {there.system}, isomorph {there.isomorph}"
            yield Text(printable(place), "dim")
        said: dict[str, list[str]] = {}
        for run in backend.runs:
            for message in _messages(run):
                said.setdefault(message, []).append(run.dtype)
        rows = [f" {', '.join(dtypes)}: {message}" for message, dtypes in said.items()]
        for row in ([f": {backend.message}"] if backend.message else []) + rows:
            yield remark(backend.name, STYLES[backend.status], row)


def _messages(run: RunVerdict) -> Iterator[str]:
    if run.message:
        yield run.message
    if run.precision not in (None, run.dtype):
        yield f"the device proved to compute in {run.precision}"
