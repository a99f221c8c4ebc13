"""The report of `check`: typed, printable, and as JSON."""

import json
import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.conformance.verdict import EndPointVerdict, RunVerdict, explain
from isomorph.tools.subjects.subject import Origin
from isomorph.tools.tables import Report, facts_table, finite, plain_table, printable, remark, short_scope

Status = Literal["pass", "fail", "error", "unavailable"]

STYLES = {"pass": "green", "fail": "bold red", "error": "bold yellow", "unavailable": "dim"}

LEGEND = "The number is the worst end point's error against the oracle, in noise floors;\nup to 8 pass."


class BackendResult(Protocol):
    """The result of one backend."""

    @property
    def status(self) -> Status:
        """The status of the backend as a whole."""


class Comparison(Report):
    """A report on several backends, which agree with the oracle or not."""

    backends: tuple[BackendResult, ...]

    @property
    def agree(self) -> bool | None:
        """True if every backend that ran passes, False if one differs, None if that is undecided."""
        statuses = {backend.status for backend in self.backends} - {"unavailable"}
        if "fail" in statuses:
            return False
        return True if statuses == {"pass"} else None

    @property
    def exit_status(self) -> int:
        """0 all agree, 1 one differs, 3 undecided."""
        return {True: 0, False: 1, None: 3}[self.agree]


@dataclass(frozen=True)
class RecordedIn:
    """The origin of a row that `run` recorded: its file, and what ran there.

    isomorph, python: their versions. system: the operating system and the kind of processor.
    """

    file: str
    isomorph: str
    python: str
    system: str


@dataclass(frozen=True)
class BackendReport:
    """One backend's row.

    parameters: how many values its tensors have, trainable or not; None where it was never built.
    logits_shape: [N, h, w, classes] of its answer; None where there is none.
    message: why it failed as a whole (structure, crash, time, memory) or is unavailable.
    device_name: the GPU's name; None on a CPU.
    recorded: the origin of a recording; None for what ran here.
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
    """The same network on the same images in every backend, compared with the oracle.

    title: the architecture's name with what is not its own, such as a width. input: [N, H, W, C].
    parameters: trainable and total, by the specification.
    other, other_title: the second file, which every backend ran: its architecture and origin; None if one was checked.
    planted: the fields that were changed in the backends' networks, and not in the oracle's.
    seconds: how long it took.
    """

    architecture: str
    title: str
    weights: Origin
    images: Origin
    input: tuple[int, int, int, int]
    parameters: tuple[int, int]
    oracle_version: str
    planted: dict[str, Any]
    backends: tuple[BackendReport, ...]
    seconds: float
    other: tuple[str, Origin] | None = None
    other_title: str | None = None

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        document = {
            "architecture": self.architecture,
            "title": self.title,
            "weights": asdict(self.weights),
            "other": self.other
            and {"architecture": self.other[0], "title": self.other_title, "weights": asdict(self.other[1])},
            "images": asdict(self.images),
            "input": self.input,
            "agree": self.agree,
            "planted": self.planted,
            "seconds": self.seconds,
            "backends": [asdict(backend) for backend in self.backends],
        }
        return json.dumps(finite(document), indent=2, allow_nan=False) + "\n"

    def table(self) -> RenderableType:
        """Return the report for people: one row per backend, then a line for everything that is not a plain pass."""
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
            ("other", self.other and f"{self.other[1].source}, {self.other_title}"),
            ("parameters", f"{trainable:,} and {total - trainable:,} running statistics"),
            ("planted", Text(", ".join(f"{name}={value}" for name, value in self.planted.items()), "yellow")),
            ("gpu", ", ".join(dict.fromkeys(row.device_name for row in self.backends if row.device_name))),
        )
        title, legend = Text(self.title, "bold"), Text(LEGEND, "dim")
        return Group(title, facts_table(facts), Text(), table, Text(), legend, *_remarks(self.backends))

    def end_point_table(self) -> RenderableType:
        """Every end point's error in noise floors, a table per dtype; behind the slash that of its part run alone."""
        runs = [(backend.name, run) for backend in self.backends for run in backend.runs if run.end_points]
        tables: list[RenderableType] = []
        for dtype in dict.fromkeys(run.dtype for _, run in runs):
            columns = [(name, run.end_points) for name, run in runs if run.dtype == dtype]
            names = tuple(name for name, _ in columns)  # a recording may have the name of another row
            table = plain_table(f"in {dtype}", *names, right=names)
            for end_points in zip(*(column for _, column in columns), strict=True):
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
    """Yield where backends were recorded, and why they did not pass: each finding once, with all that found it."""
    found: dict[tuple[Status, Hashable], list[_Sighting]] = {}
    for row, backend in enumerate(backends):
        if (origin := backend.recorded) is not None:
            on = f" on {backend.device_name}" if backend.device_name else ""
            place = f"{backend.name} in {origin.file}{on}, {origin.system}, isomorph {origin.isomorph}"
            yield Text(printable(place), "dim")
        for dtype, finding in _findings(backend):
            kind = (finding.name, finding.origin) if isinstance(finding, EndPointVerdict) else finding
            found.setdefault((backend.status, kind), []).append(_Sighting(row, backend.name, dtype, finding))
    for (status, _), sightings in found.items():
        yield _said_once(sightings, STYLES[status])


class _Sighting(NamedTuple):
    """What one backend found in one dtype; in all of them where that is empty. `row` is its row in the table."""

    row: int
    backend: str
    dtype: str
    finding: str | EndPointVerdict


def _findings(backend: BackendReport) -> Iterator[tuple[str, str | EndPointVerdict]]:
    """Yield each dtype with what was found in it: a sentence, or the end point that is the first to differ."""
    if backend.message:
        yield "", backend.message
    for run in backend.runs:
        if run.message:
            yield run.dtype, run.divergence or run.message
        if run.precision not in (None, run.dtype):
            yield run.dtype, f"the device proved to compute in {run.precision}"


def _said_once(sightings: Sequence[_Sighting], style: str) -> Text:
    """Say a finding of one kind behind all backends and dtypes that have it: `pytorch, keras float64, float32: ...`."""
    dtypes: dict[int, list[str]] = {}
    for each in sightings:
        dtypes.setdefault(each.row, []).append(each.dtype)
    names = {each.row: each.backend for each in sightings}
    together: dict[str, list[str]] = {}  # dtypes -> the backends that have it in just these
    for row, name in names.items():
        together.setdefault(", ".join(dtypes[row]), []).append(name)
    (first_dtypes, first), *others = ((f" {of}" if of else "", ", ".join(who)) for of, who in together.items())
    also = "".join(f"; {who}{of}" for of, who in others)
    divergences = [each.finding for each in sightings if isinstance(each.finding, EndPointVerdict)]
    sentence = explain(divergences) if divergences else str(sightings[0].finding)
    return remark(first, style, f"{first_dtypes}{also}: {sentence}")
