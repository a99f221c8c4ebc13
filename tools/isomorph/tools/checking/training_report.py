"""The report of `check_training`: typed, printable, and as JSON."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from isomorph.conformance.training.verdict import TensorVerdict, TrainingVerdict
from isomorph.tools.checking.report import STYLES, Comparison, Status
from isomorph.tools.subjects.subject import Origin
from isomorph.tools.tables import facts_table, finite, plain_table, remark, short_scope

LEGEND = "The number is the worst tensor's error against the oracle, as a share of its\ntolerance: up to 1 passes."


@dataclass(frozen=True)
class TrainedBackend:
    """One backend's results.

    message: why it failed as a whole (structure, crash, time, memory) or is unavailable.
    runs: one for each quantity and dtype, in the order in which they were compared.
    device_name: the GPU's name; None on a CPU.
    """

    name: str
    version: str | None
    device: str | None
    status: Status
    message: str = ""
    runs: tuple[TrainingVerdict, ...] = field(default=())
    device_name: str | None = None


@dataclass(frozen=True)
class TrainingReport(Comparison):
    """The same training in every backend, compared with the oracle.

    title: as in `CheckReport`. input: [N, H, W, C] of each batch.
    seed: what images, labels and drawn weights were drawn from.
    weights: their origin. freeze_batch_norm: whether batch norms were frozen.
    parameters: trainable and total, by the specification.
    planted: the fields that were changed in the backends' networks, and not in the oracle's.
    seconds: how long it took.
    """

    architecture: str
    title: str
    input: tuple[int, ...]
    seed: int
    weights: Origin
    freeze_batch_norm: bool
    parameters: tuple[int, int]
    oracle_version: str
    planted: dict[str, Any]
    backends: tuple[TrainedBackend, ...]
    seconds: float

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        backends = [asdict(backend) | {"runs": [_document(run) for run in backend.runs]} for backend in self.backends]
        names = ("input", "seed", "freeze_batch_norm", "parameters", "agree", "planted", "seconds")
        facts = {name: getattr(self, name) for name in ("architecture", "title", *names)}
        document = facts | {"weights": asdict(self.weights), "backends": backends}
        return json.dumps(finite(document), indent=2, allow_nan=False) + "\n"

    def table(self) -> RenderableType:
        """Return the report for people: quantities and dtypes down, backends across, then what is not a plain pass."""
        trainable, total = self.parameters
        facts = (
            ("input", "x".join(map(str, self.input))),
            *self._origins(),
            ("batch norms", "frozen" if self.freeze_batch_norm else ""),
            ("parameters", f"{trainable:,} and {total - trainable:,} running statistics"),
            ("planted", Text(", ".join(f"{name}={value}" for name, value in self.planted.items()), "yellow")),
            ("oracle", self.oracle_version),
            *((row.name, f"{row.version or '-'} on {row.device_name or row.device or '-'}") for row in self.backends),
        )
        title, legend = Text(f"training {self.title}", "bold"), Text(LEGEND, "dim")
        return Group(title, facts_table(facts), Text(), self._quantities(), Text(), legend, *self._remarks())

    def _origins(self) -> tuple[tuple[str, str], ...]:
        if self.weights.source.startswith("drawn"):
            return (("drawn", f"images, labels and weights, seed {self.seed}"),)
        return ("weights", self.weights.source), ("drawn", f"images and labels, seed {self.seed}")

    def tensor_table(self) -> RenderableType:
        """Every tensor's error as a share of the tolerance, a table per quantity and dtype, a column per backend."""
        tables: list[RenderableType] = []
        for quantity, dtype in self._rows():
            runs = {
                row.name: run
                for row in self.backends
                for run in row.runs
                if (run.quantity, run.dtype) == (quantity, dtype) and run.tensors
            }
            if not runs:
                continue
            table = plain_table(f"{quantity} in {dtype}", *runs, right=tuple(runs))
            for tensors in zip(*(run.tensors for run in runs.values()), strict=True):
                table.add_row(short_scope(tensors[0].name), *(_cell(tensor) for tensor in tensors))
            tables += [Text(), table]
        return Group(*tables[1:])

    def _quantities(self) -> Table:
        table = plain_table("", "in", *(backend.name for backend in self.backends))
        for quantity, dtype in self._rows():
            cells = []
            for backend in self.backends:
                runs = {(run.quantity, run.dtype): run for run in backend.runs}
                cells.append(_run_cell(runs.get((quantity, dtype))))
            table.add_row(quantity, dtype, *cells)
        table.add_row("", "", *(Text(backend.status.upper(), STYLES[backend.status]) for backend in self.backends))
        return table

    def _rows(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((run.quantity, run.dtype) for backend in self.backends for run in backend.runs))

    def _remarks(self) -> Iterator[Text]:
        for backend in self.backends:
            if backend.message:
                yield remark(backend.name, STYLES[backend.status], f": {backend.message}")
            places: dict[str, list[str]] = {}  # message -> quantities and dtypes
            for run in backend.runs:
                if run.message:
                    places.setdefault(run.message, []).append(f"{run.quantity} in {run.dtype}")
            for dtype, precision in {run.dtype: run.precision for run in backend.runs if run.precision}.items():
                if precision != dtype:
                    places.setdefault(f"the device proved to compute in {precision}", []).append(dtype)
            for message, where in places.items():
                yield remark(backend.name, STYLES[backend.status], f" {', '.join(where)}: {message}")


def _document(run: TrainingVerdict) -> dict[str, Any]:
    tensors = [asdict(tensor) | {"verdict": tensor.verdict} for tensor in run.tensors]
    return asdict(run) | {"tensors": tensors}


def _run_cell(run: TrainingVerdict | None) -> Text:
    if run is None:
        return Text("-")
    share = f" {run.worst.share:.2g}" if run.worst and math.isfinite(run.worst.share) else ""
    words = run.verdict if run.verdict == "unavailable" else run.verdict.upper() + share
    return Text(words, STYLES[run.verdict])


def _cell(tensor: TensorVerdict) -> Text:
    return Text(f"{tensor.share:.2g}", STYLES[tensor.verdict])
