"""The reports of `diagnose` and `check --against`: a verdict, the first divergence, and the causes with their proof."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.conformance.likeness.finding import Cause
from isomorph.tools.tables import Report, by, facts_table, paragraph, plain_table, printable


@dataclass(frozen=True)
class DiagnosisReport(Report):
    """What a model that somebody else wrote is to a subject.

    subject, model: as they were given. backend, version: in which framework the model ran. dtype: in which it computed.
    input: the images' axes, [N, H, W, C]; images: where they come from. weights: "theirs", "drawn", or a file.
    matched, layers, left_over: the subject's convolutions and dense layers that have a counterpart, all of its, and
        those of the model's that have none.
    first_divergence: the first end point that differs, and by how much, in parts of the largest number there.
    causes: in the order of the network. before, proof: how far the two are apart at the end, and how far with all
        causes applied. unknown: the model's operations that nothing here can judge. rounded: what a framework rounds to
        float32 whatever it computes in, which is no mistake.
    nearest: the architectures that the model is most like, where it is another network.
    ends_before: operations of the model that nothing here can run, up to which it was compared.
    is_folded: whether the model's batch norms are folded into its convolutions, and the subject's were for it.
    """

    subject: str
    model: str
    backend: str
    version: str
    dtype: str
    input: tuple[int, ...]
    images: str
    weights: str
    matched: int
    layers: int
    left_over: int
    is_another: bool
    first_divergence: tuple[str, float] | None
    causes: tuple[Cause, ...]
    before: float | None
    proof: float | None
    proved: bool | None
    unknown: tuple[str, ...]
    rounded: tuple[Cause, ...]
    nearest: tuple[str, ...]
    seconds: float
    is_folded: bool = False
    ends_before: tuple[str, ...] = ()

    @property
    def agree(self) -> bool:
        """Whether the model is the function of the subject."""
        return not (self.differs or self.ends_before)

    @property
    def differs(self) -> bool:
        """Whether the model, as far as it could be run, is another function."""
        return bool(self.causes or self.first_divergence or self.is_another)

    @property
    def exit_status(self) -> int:
        """0 it is, 1 it is not, 2 it is up to an operation that nothing can run."""
        if self.differs:
            return 1
        return 2 if self.ends_before else 0

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.is_another:
            *others, last = self.nearest or ("",)
            like = f" It is most like {', '.join(others)}{' and ' if others else ''}{last}." if last else ""
            return (
                f"Another network: {self.matched} of {self.layers} layers have a counterpart, and {self.left_over} of"
                f" the model's have none.{like}"
            )
        if not self.differs and self.ends_before:
            what = _agreeing(self.layers, " before it") + _apart(self.before, self.rounded)
            return (
                f"The same function up to {', '.join(self.ends_before)}, which nothing here can run: {what}, and what"
                " is behind it is not judged."
            )
        if self.agree:
            return f"The same function: {_agreeing(self.layers)}{_apart(self.before, self.rounded)}."
        if self.first_divergence is None:
            return f"Another function: {_counted(len(self.causes), 'difference')}, none of which shows on these images."
        name, apart = self.first_divergence
        first = f"{apart:.2g} apart" if math.isfinite(apart) else "other axes"
        return f"Another function: {first} at {name}, the first that differs."

    @property
    def conclusion(self) -> str:
        """What the causes explain of it, in a sentence; empty where there is nothing to explain."""
        if not self.differs or self.is_another:
            return ""
        if not self.causes:
            return "Nothing says why."
        changes = "this change" if len(self.causes) == 1 else f"these {len(self.causes)} changes"
        if self.proved:
            return f"With {changes} the two agree{_apart(self.proof)}."
        if self.proved is None:
            return f"The network as a whole cannot be evaluated with {changes}."
        return f"With {changes} alone the two do not agree yet{_apart(self.proof)}."

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        return json.dumps(self.to_document(), indent=2, allow_nan=False) + "\n"

    def to_document(self) -> dict[str, Any]:
        """Return the report as what JSON can carry."""
        return {
            "subject": self.subject,
            "model": self.model,
            "backend": self.backend,
            "version": self.version,
            "dtype": self.dtype,
            "input": list(self.input),
            "images": self.images,
            "weights": self.weights,
            "agree": self.agree,
            "layers": {"matched": self.matched, "of": self.layers, "left_over": self.left_over},
            "another_network": self.is_another,
            "nearest": list(self.nearest),
            "folded": self.is_folded,
            "first_divergence": self.first_divergence[0] if self.first_divergence else None,
            "causes": [_cause(cause) for cause in self.causes],
            "before": _plain(self.before),
            "proof": _plain(self.proof),
            "agrees_with_causes": self.proved,
            "not_judged": list(self.unknown),
            "ends_before": list(self.ends_before),
            "rounded_to_float32": {
                cause.first.cause: [finding.place for finding in cause.findings] for cause in self.rounded
            },
            "verdict": " ".join(filter(None, (self.verdict, self.conclusion))),
            "seconds": round(self.seconds, 3),
        }

    def table(self) -> RenderableType:
        """Return the report for people: the verdict, what ran, and each cause."""
        return Group(*self._head(), *self._facts(), *self._causes())

    def place_table(self, most: int | None = None) -> RenderableType:
        """Return the places of every cause, with the model's module there and the proof: all, or as many of each."""
        table = plain_table("cause", "place", "theirs", "proof", right=("proof",))
        for cause in self.causes:
            for finding in cause.findings[:most]:
                proof = "-" if finding.proof is None else f"{finding.proof:.1g}"
                table.add_row(finding.cause, finding.place, finding.theirs, proof)
            if most and len(cause.findings) > most:
                table.add_row("", f"... and {len(cause.findings) - most} more", "", "")
        return table

    def _head(self) -> Iterator[RenderableType]:
        yield Text(printable(f"{self.subject} against {self.model}"), "bold")
        yield Text()
        yield _styled("PASS" if self.agree else "FAIL" if self.differs else "PART", self.verdict)

    def _facts(self) -> Iterator[RenderableType]:
        left_over = f", {self.left_over} of the model's left over" if self.left_over else ""
        facts = (
            ("runs in", f"{self.backend} {self.version}, {self.dtype}"),
            ("input", by(*self.input)),
            ("images", self.images),
            ("weights", self.weights),
            ("layers", f"{self.matched} of {self.layers} matched{left_over}"),
            ("folded", "batch norms into convolutions, in both" if self.is_folded else ""),
            ("not judged", ", ".join(self.unknown)),
            ("ends before", ", ".join(self.ends_before)),
            ("rounded", f"{_places(self.rounded)}, to float32, which is no mistake" if self.rounded else ""),
        )
        yield Text()
        yield facts_table(facts)

    def _causes(self) -> Iterator[RenderableType]:
        if self.is_another or not self.differs:
            return
        yield Text()
        for cause in self.causes:
            yield paragraph(str(cause))
        if self.causes:
            yield Text()
        yield paragraph(self.conclusion)


@dataclass(frozen=True)
class AgainstReport(DiagnosisReport):
    """What `check --against` says of a model: the verdict, the first divergence and the causes."""

    def to_document(self) -> dict[str, Any]:
        """Return the report as what JSON can carry."""
        return {"against": super().to_document()}

    def table(self) -> RenderableType:
        """Return the report for people: the verdict, and each cause."""
        return Group(*self._head(), *self._causes(), *self._not_judged())

    def _not_judged(self) -> Iterator[RenderableType]:
        if self.unknown:
            yield paragraph(f"Not judged, as nothing here knows the operation: {', '.join(self.unknown)}.")


def _styled(status: str, sentence: str) -> Text:
    text = paragraph(f"{status}  {sentence}")
    text.stylize({"PASS": "green", "PART": "yellow"}.get(status, "bold red"), 0, len(status))
    return text


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _agreeing(layers: int, where: str = "") -> str:
    return f"its one layer{where} agrees" if layers == 1 else f"all {layers} layers{where} agree"


def _apart(error: float | None, rounded: Sequence[Cause] = ()) -> str:
    if error is None or not math.isfinite(error):
        return ""
    *others, last = [cause.first.cause for cause in rounded] or [""]
    what = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    return f" ({error:.1g} apart{f', as {what} rounded to float32' if rounded else ''})"


def _places(causes: Sequence[Cause]) -> str:
    """Return "GELU in 12 places, resize in 1"."""
    counts = [(cause.first.cause, len(cause.findings)) for cause in causes]
    return ", ".join(f"{what} in {count} place{'' if count == 1 else 's'}" for what, count in counts)


def _cause(cause: Cause) -> dict[str, Any]:
    first = cause.first
    return {
        "cause": first.cause,
        "field": first.field,
        "value": _plain(first.value),
        "place": first.place,
        "theirs": first.theirs,
        "places": len(cause.findings),
        "says": first.says,
        "proof": _plain(first.proof),
        "all_places": [finding.place for finding in cause.findings],
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON can carry it: null for what is no finite number."""
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case float():
            return value if math.isfinite(value) else None
        case None | bool() | int() | str():
            return value
        case tuple() | list():
            return [_plain(each) for each in value]
    return str(value)
