"""The report of `bench`: typed, printable, and as JSON."""

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.tools.benching.advice import advise
from isomorph.tools.benching.curves import Curve, curve_tables
from isomorph.tools.benching.defaults import BATCHES, ROUNDS
from isomorph.tools.benching.machine import Machine
from isomorph.tools.benching.plausibility import MARK, Doubt, doubts, why_implausible
from isomorph.tools.benching.ranking import GOALS, Goal, Ranking, short
from isomorph.tools.benching.results import ZOO, Limit, ModeResult, Spread, Turns
from isomorph.tools.subjects.subject import Origin
from isomorph.tools.tables import Report, by, facts_table, finite, plain_table

NOISY = 0.1
"""Cores that other processes may take before the report says that figures are noisy."""

TURNS: Mapping[Turns, str] = {
    "all": ", taken in turns",
    "backend": ", in turns within each backend: memory holds no more",
    "none": ", one after the other: memory holds no more",
}

HEADINGS: Mapping[Goal, str] = {
    "latency": "ms for one image",
    "throughput": "images/s",
    "training": "images/s",
    "memory": "GiB",
}


@dataclass(frozen=True)
class BenchReport(Report):
    """Speed and memory of every mode of running a network, in every backend.

    title: the architecture's name with what is not its own, such as a width.
    weights: their origin. input: [height, width, channels]. batches: images in a call.
    threads: of every process. rounds: turns of each mode.
    turns: which processes took turns with one another.
    unlimited: which matrix products could not be measured, and why.
    curves: time and memory along the axes of the scaling study.
    others: how many cores other processes kept busy meanwhile; None where the system does not say.
    interrupted: whether ctrl-C came before everything was measured.
    setting: the lines of Python that come before those of every mode.
    quick: whether one mode of each framework was measured alone, the one that its documentation advises.
    """

    architecture: str
    title: str
    weights: Origin
    input: tuple[int, int, int]
    machine: Machine
    device: str
    threads: int
    batches: tuple[int, ...]
    training_batch: int | None
    rounds: int
    goal: Goal
    rows: tuple[ModeResult, ...]
    limits: tuple[Limit, ...]
    unlimited: tuple[str, ...]
    curves: tuple[Curve, ...]
    turns: Turns
    others: float | None
    seconds: float
    interrupted: bool = False
    setting: str = field(default="", repr=False)
    quick: bool = False

    @property
    def exit_status(self) -> int:
        """0 done, 1 a mode answers wrongly, 3 nothing could be measured or chosen, 130 interrupted."""
        statuses = {row.status for row in self.rows}
        if self.interrupted:
            return 130
        if "wrong answers" in statuses:
            return 1
        measured = any(row.status == "measured" and row.mode != ZOO for row in self.rows)
        return 0 if measured and self.doubt is None else 3

    @property
    def ranking(self) -> Ranking:
        """The results, best first."""
        return self.ranked_for(self.goal)

    def ranked_for(self, goal: Goal) -> Ranking:
        """Return the results, best first for another goal."""
        return Ranking(self.rows, self.limits, goal)

    @property
    def advice(self) -> str:
        """What to choose here and why, and what it costs, in one paragraph; or why nothing can be chosen."""
        return self.doubt or advise(self.ranking)

    @property
    def doubt(self) -> str | None:
        """Why these figures are no basis for a choice, in a sentence; None if they are."""
        return why_implausible(self.ranking, self.device, self.others, self.machine.cores)

    def doubts_for(self, goal: Goal) -> Mapping[str, Doubt]:
        """Return the modes whose figures for a goal are doubted: name of the mode's result -> why."""
        return doubts(self.ranked_for(goal), self.device, self.machine.cores)

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it, with rankings for every goal."""
        document = asdict(self) | {"advice": self.advice, "exit_status": self.exit_status}
        document["rankings"] = {goal: self._ranking_document(goal) for goal in GOALS}
        doubted = self.doubts_for(self.goal)
        for row, written in zip(self.rows, document["rows"], strict=True):
            written["doubt"] = _reason(doubted.get(row.name))
            for timing, entry in zip(row.timings, written["timings"], strict=True):
                entry["images_per_second"] = timing.rates
        return json.dumps(finite(document), indent=2, allow_nan=False) + "\n"

    def _ranking_document(self, goal: Goal) -> list[dict[str, Any]]:
        ranking, doubted = self.ranked_for(goal), self.doubts_for(goal)
        return [
            {
                "backend": row.backend,
                "mode": row.mode,
                "figure": asdict(figure),
                "times_the_zoo": _asdict(ranking.ratio(row)),
                "share_of_the_limit": _asdict(ranking.share(row)),
                "doubt": _reason(doubted.get(row.name)),
            }
            for row, figure in ranking.ranked
        ]

    def table(self) -> RenderableType:
        """Return the report for people: the ranking, then all figures, what has none and why, and the advice."""
        goals = dict.fromkeys((self.goal, "training"))  # training has figures of its own
        parts = [self._facts(), *map(self._ranked, goals), self._rates(), self._costs(), self._limits()]
        parts += [*curve_tables(self.curves), self._notes()]
        spaced = [part for each in parts if each for part in (each, "")]
        return Group(Text(self.title, "bold"), *spaced, Text(self.advice))

    def explanation(self) -> RenderableType:
        """Return the Python lines that give each mode; those of one mode run after the first lines."""
        modes = [row for row in self.rows if row.lines and row.mode != ZOO]
        parts = [Text.assemble((f"# {row.name}\n", "bold"), row.lines, "\n") for row in modes]
        return Group(Text(self.setting + "\n"), *parts)

    def _facts(self) -> RenderableType:
        ended = ", until it was interrupted" if self.interrupted else ""
        training = f", training at {self.training_batch}" if self.training_batch else ""
        facts = (
            ("machine", str(self.machine)),
            ("weights", f"{self.weights.source}, SHA-256 {self.weights.sha256[:16]}"),
            ("on", f"{self.device}, {self.threads} thread{'s' if self.threads > 1 else ''} each"),
            ("input", f"{by(*self.input)}, batches of {', '.join(map(str, self.batches))}{training}"),
            ("quick", self._quick()),
            ("rounds", f"{self.rounds} of each{TURNS[self.turns]}; {self.seconds:.0f} s in all{ended}"),
            ("others", self._others()),
        )
        return facts_table(facts)

    def _quick(self) -> str | None:
        """Say of a quick bench what it measured, and what the full one adds."""
        if not self.quick:
            return None
        modes = ", ".join(row.name for row in self.rows if row.mode not in ("", ZOO) and row.timings)
        full = f"every mode, {ROUNDS} rounds, batches of {', '.join(map(str, BATCHES))} and training"
        return f"{modes or 'no mode'}, as each framework's documentation advises; without --quick: {full}"

    def _others(self) -> str:
        if self.others is None:
            return "what other processes took is not told here"
        warning = "; the figures are noisy" if self.others > NOISY else ""
        return f"other processes kept {self.others:.1f} cores busy meanwhile{warning}"

    def _ranked(self, goal: Goal) -> RenderableType | None:
        ranking = self.ranked_for(goal)
        if not ranking.ranked:
            return None
        heading, ratio = HEADINGS[goal], "of zoo's" if goal == "memory" else "times zoo's"
        limited = any(ranking.share(row) for row, _ in ranking.ranked)
        doubted = self.doubts_for(goal)
        table = plain_table("runs in", "mode", heading, ratio, *(["of limit"] if limited else []))
        for row, figure in ranking.ranked:
            share = ranking.share(row)
            cells = [_marked(_spread(figure), row.name in doubted), _spread(ranking.ratio(row))]
            cells += [f"{100 * share.median:.0f} %" if share else "-"] if limited else []
            table.add_row(row.backend, row.mode, *cells, style="dim" if row.mode == ZOO else "")
        legends = dict.fromkeys(doubt.legend for doubt in doubted.values())
        footnotes = [Text(f"{MARK} {legend}") for legend in legends]
        return Group(Text(f"for {goal}, {ranking.meaning}: median and spread of rounds"), table, *footnotes)

    def _rates(self) -> RenderableType | None:
        rows = [row for row, _ in self.ranking.ranked if row.timings]
        batches = [f"at {batch}" for batch in self.batches]
        right = ("p50 ms", "p95 ms", *batches, "training")
        table = plain_table("runs in", "mode", *right, right=right)
        doubted = self.doubts_for(self.goal)
        for row in rows:
            one = row.timing("inference", 1)
            rates = [_rate(row, "inference", batch) for batch in self.batches]
            trained = _rate(row, "training", self.training_batch or 0)
            latency = (short(1000 * one.p50), short(1000 * one.p95)) if one else ("-", "-")
            table.add_row(row.backend, _marked(row.mode, row.name in doubted), *latency, *rates, trained)
        return Group(Text("single images, and images per second"), table) if rows else None

    def _costs(self) -> RenderableType | None:
        rows = [row for row, _ in self.ranking.ranked]
        right = ("GiB", "trained", "MB disk", "first s", "import", "noise")
        table = plain_table("runs in", "mode", *right, right=right)
        for row in rows:
            cells = (
                _scaled(row.memory, 2**30, 2),
                _scaled(row.training_memory, 2**30, 2),
                _scaled(row.disk, 1e6, 1),
                _scaled(row.first_call, 1, 2),
                _scaled(row.import_seconds, 1, 1),
                _scaled(row.noise_ratio, 1, 1),
            )
            table.add_row(row.backend, row.mode, *cells)
        legend = "memory, file, seconds of first answer and import, error in noise floors (8 pass)"
        return Group(Text(legend), table) if rows else None

    def _limits(self) -> RenderableType | None:
        products = []
        for limit in self.limits:
            rates = sorted(limit.rates)
            most = f"{rates[len(rates) // 2] / 1e9:.0f} GFLOP/s ({rates[0] / 1e9:.0f} to {rates[-1] / 1e9:.0f})"
            products.append(f"{limit.backend} {limit.precision} {most} by {limit.form}")
        size = self.limits[0].size if self.limits else 0
        return Text(f"limit: a {size}x{size} matrix product; {'; '.join(products)}") if products else None

    def _notes(self) -> RenderableType | None:
        """Say what the zoos' networks are, and which modes lack figures and why, grouped by reason."""
        zoos = [f"{row.backend}'s zoo is {row.lines}" for row in self.rows if row.mode == ZOO and row.timings]
        reasons: dict[str, list[str]] = {}
        for row in self.rows:
            reason = ": ".join(filter(None, (row.status.replace("measured", ""), row.message)))
            if reason:
                reasons.setdefault(reason, []).append(row.name)
        notes = [*zoos, *self.unlimited, *(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())]
        return Group(*map(Text, notes)) if notes else None


def _reason(doubt: Doubt | None) -> str | None:
    return doubt.reason if doubt else None


def _marked(text: str, is_doubted: bool) -> str:
    return f"{text} {MARK}" if is_doubted else text


def _asdict(spread: Spread | None) -> dict[str, Any] | None:
    return asdict(spread) if spread else None


def _spread(figure: Spread | None) -> str:
    if figure is None:
        return "-"
    return f"{short(figure.median)} ({short(figure.least)}-{short(figure.most)})"


def _rate(row: ModeResult, work: Any, batch: int) -> str:
    timing = row.timing(work, batch)
    return short(statistics.median(timing.rates)) if timing else "-"


def _scaled(value: float | None, unit: float, digits: int) -> str:
    return "-" if value is None else f"{value / unit:.{digits}f}"
