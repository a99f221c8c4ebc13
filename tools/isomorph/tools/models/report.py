"""The report of `diagnose` and `check --against`: a verdict, the first divergence, and the causes with their proof."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.conformance.likeness.finding import Cause
from isomorph.tools.tables import Report, by, paragraph, plain_table


@dataclass(frozen=True)
class DiagnosisReport(Report):
    """What a model that somebody else wrote is to a subject.

    subject, model: as they were given. backend, version: in which framework the model ran. dtype: in which it computed.
    input: the images' axes, [N, H, W, C]; images: where they come from. weights: "theirs", "drawn", or a file.
    matched, layers, left_over: the subject's convolutions and dense layers that have a counterpart, all of its, and
        those of the model's that have none.
    first_divergence: the first end point that differs, and by how much, in parts of the largest number there.
    causes: in the order of the network. before, proof: how far the two are apart at the end, and how far with all
        causes applied. unknown: the model's operations that nothing here can judge.
    nearest: the architectures that the model is more like, where it is another network.
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
    nearest: tuple[str, ...]
    seconds: float

    @property
    def agree(self) -> bool:
        """Whether the model is the function of the subject."""
        return not (self.causes or self.first_divergence or self.is_another)

    @property
    def exit_status(self) -> int:
        """0 it is, 1 it is not."""
        return 0 if self.agree else 1

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.is_another:
            like = f" It is most like {' and '.join(self.nearest)}." if self.nearest else ""
            return (
                f"Another network: {self.matched} of {self.layers} layers have a counterpart, and {self.left_over} of"
                f" the model's have none.{like}"
            )
        if self.agree:
            return f"The same function: all {self.layers} layers agree{_apart(self.before)}."
        where = f" First divergence: {self._divergence()}." if self.first_divergence else ""
        if not self.causes:
            return f"The two differ, and nothing says why.{where}"
        many = len(self.causes) > 1
        if self.proved:
            changes = f"these {len(self.causes)} changes" if many else "this change"
            return f"With {changes} the two agree{_apart(self.proof)}.{where}"
        return f"With {'these' if many else 'this'} alone the two do not agree yet.{where}"

    def _divergence(self) -> str:
        assert self.first_divergence
        name, apart = self.first_divergence
        return f"{apart:.2g} at {name}" if apart < float("inf") else f"other axes at {name}"

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        return json.dumps(self.to_document(), indent=2) + "\n"

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
            "first_divergence": self.first_divergence[0] if self.first_divergence else None,
            "causes": [_cause(cause) for cause in self.causes],
            "agrees_with_causes": self.proved,
            "not_judged": list(self.unknown),
            "verdict": self.verdict,
            "seconds": round(self.seconds, 3),
        }

    def table(self) -> RenderableType:
        """Return the report for people: what ran, each cause, and the verdict."""
        return Group(*self._lines())

    def place_table(self) -> RenderableType:
        """Return every place of every cause, with the model's module there and the proof."""
        table = plain_table("cause", "place", "theirs", "proof", right=("proof",))
        for cause in self.causes:
            for finding in cause.findings:
                proof = "" if finding.proof is None else f"{finding.proof:.1g}"
                table.add_row(finding.cause, finding.place, finding.theirs, proof)
        return table

    def _lines(self) -> Iterator[RenderableType]:
        yield paragraph(f"{self.subject} against {self.model}")
        yield paragraph(
            f"{self.backend} {self.version}, {self.dtype}, images {by(*self.input)} ({self.images}), weights"
            f" {self.weights}; {self.matched} of {self.layers} layers matched"
            + (f", {self.left_over} left over" if self.left_over else "")
        )
        yield Text()
        if not self.is_another:
            for cause in self.causes:
                yield paragraph(str(cause))
            if self.causes:
                yield Text()
        if self.unknown:
            yield paragraph(f"Not judged: {', '.join(self.unknown)}.")
        yield Text(self.verdict, "green" if self.agree else "bold red")


def _apart(error: float | None) -> str:
    return "" if error is None else f" ({error:.1g} apart)"


def _cause(cause: Cause) -> dict[str, Any]:
    first = cause.first
    return {
        "cause": first.cause,
        "field": first.field,
        "value": first.value,
        "place": first.place,
        "theirs": first.theirs,
        "places": len(cause.findings),
        "says": first.says,
        "proof": first.proof if first.proof is None or first.proof < float("inf") else None,
        "all_places": [finding.place for finding in cause.findings],
    }
