"""`diagnose --end-points` and `--logits`: a model that cannot be run here, told by what it gave alone."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from isomorph.backends.array_forms import Array, Images
from isomorph.conformance.likeness.finding import Finding
from isomorph.conformance.likeness.hypotheses.logits import SECONDS, LogitsDiagnosis, diagnose_logits
from isomorph.conformance.likeness.hypotheses.recorded import Explained, RecordedDiagnosis, diagnose_recorded
from isomorph.spec import Architecture, BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.images.images import AnyImages, check_pixels, read_array, read_images
from isomorph.tools.subjects.subject import Subject, find_subject
from isomorph.tools.tables import Report, by, count, paragraph, plain_table

Progress = Callable[[str, str], None]
"""Called with what works and what it does."""

MOST_SAID = 6
"""Explanations of one end point that the report for people lists: these images tell none of them from the others."""


@dataclass(frozen=True)
class RecordingReport(Report):
    """What recorded answers are to a checkpoint's network.

    subject, recording: as they were given. input: the images' axes.
    matched: end point -> the name of its recording; empty of logits alone. left_over: recordings of no end point.
    explained: the end points that differ, in order, each with the mistakes that give exactly what was recorded.
    tried: how many mistakes were evaluated. ended: whether the time was enough for all.
    """

    subject: str
    architecture: str
    recording: str
    input: tuple[int, ...]
    matched: Mapping[str, str]
    left_over: tuple[str, ...]
    explained: tuple[Explained, ...]
    tried: int
    ended: bool
    seconds: float

    @property
    def agree(self) -> bool:
        """Whether everything that was recorded is what the network gives."""
        return not self.explained

    @property
    def exit_status(self) -> int:
        """0 it is, 1 it is not."""
        return 0 if self.agree else 1

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.agree:
            what = f"all {len(self.matched)} end points" if self.matched else "the logits"
            return f"The same function on these images: {what} agree."
        first = self.explained[0]
        apart = f" ({first.apart:.2g} apart)" if np.isfinite(first.apart) else ""
        if not first.findings:
            more = "" if self.ended else "; the time was up before all were tried"
            return f"It parts at {first.place}{apart}, and none of {count(self.tried)} mistakes explains it{more}."
        causes = list(dict.fromkeys(finding.cause for finding in first.findings))
        told = (
            f"{causes[0]} explains it exactly" if len(causes) == 1 else f"{' or '.join(causes[:3])} explain it exactly"
        )
        which = "" if len(causes) == 1 else "; these images do not tell which"
        return f"It parts at {first.place}{apart}: {told}{which}."

    def to_json(self) -> str:
        """Return the report, as the command line's `--json` writes it."""
        document = {
            "subject": self.subject,
            "architecture": self.architecture,
            "recording": self.recording,
            "input": list(self.input),
            "agree": self.agree,
            "matched": dict(self.matched),
            "left_over": list(self.left_over),
            "differences": [
                {
                    "place": each.place,
                    "apart": each.apart if np.isfinite(each.apart) else None,
                    "explanations": [_document(finding) for finding in each.findings],
                }
                for each in self.explained
            ],
            "tried": self.tried,
            "all_tried": self.ended,
            "verdict": self.verdict,
            "seconds": round(self.seconds, 3),
        }
        return json.dumps(document, indent=2) + "\n"

    def table(self) -> RenderableType:
        """Return the report for people: the verdict, and each end point that differs with what explains it."""
        return Group(*self._lines())

    def _lines(self) -> Iterator[RenderableType]:
        yield paragraph(f"{self.recording} against {self.subject}, {self.architecture}, images {by(*self.input)}")
        yield Text(self.verdict, "green" if self.agree else "bold red")
        if self.left_over:
            yield paragraph(f"Recorded, and no end point of it: {', '.join(self.left_over)}.")
        if self.explained:
            yield Text()
            table = plain_table("end point", "apart", "what explains it exactly", right=("apart",))
            for said, several in groupby(self.explained, key=lambda each: _listed(each.findings)):
                first, *others = several
                place = f"{first.place} and {len(others)} more" if others else first.place
                table.add_row(place, f"{first.apart:.2g}", said)
            yield table


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "field": finding.field,
        "value": finding.value,
        "place": finding.place,
        "says": finding.says,
        "proof": finding.proof,
    }


def _listed(findings: Sequence[Finding]) -> str:
    said = list(dict.fromkeys(f"{finding.cause}: {finding.says}" for finding in findings))
    more = f"; and {len(said) - MOST_SAID} more" if len(said) > MOST_SAID else ""
    return "; or ".join(said[:MOST_SAID]) + more or "nothing that was tried"


def diagnose_recording(
    subject: str | Path,
    *,
    end_points: str | Path | Mapping[str, Array] | None = None,
    logits: str | Path | Array | None = None,
    images: Sequence[str] | AnyImages | None = None,
    arch: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    tensor_map: str | Path | None = None,
    size: tuple[int, int] | None = None,
    seconds: float = SECONDS,
    progress: Progress = lambda who, what: None,
    **options: Any,
) -> RecordingReport:
    """Explain what a model gave that cannot be run here: in another language, on another machine, or lost.

    >>> from isomorph.tools import diagnose_recording
    >>> report = diagnose_recording("resnet8.safetensors", end_points="recorded.npz", images=["images.npy"])
    >>> print(report.verdict)
    It parts at conv1 (0.12 apart): epsilon or off by a constant explain it exactly; these images do not tell which.

    subject: the checkpoint that the model has; arch, key, prefix, tensor_map, size, options: of it, as `check` takes
        them.
    end_points: arrays by name, or an `.npz` of them, of any dtype, maps with their channels last or second. Names are
        free: which is which is told by axes and values.
    logits: an array [N, classes], or a `.npy` of it, where nothing else was recorded.
    images: those that the model was given, an array [N, H, W, C] or paths, as `check` takes them.
    seconds: how long mistakes are tried on logits alone.

    Raises BadInput where files cannot be read, and where nothing fits.
    """
    started = time.monotonic()
    if (end_points is None) == (logits is None):
        raise BadInput("Either end points or logits are diagnosed; give one of the two.")
    if images is None:
        raise BadInput("The images are needed that the model was given; --images names them.")
    known = find_subject(subject, arch, key=key, prefix=prefix, tensor_map=tensor_map, **options)
    if known.tensors is None:
        raise BadInput(f"{subject} is an architecture, without the tensors of the model; expected its checkpoint.")
    pixels = _pixels(images, known.architecture, size)
    if logits is not None:
        answers, source = _logits(logits)
        _check_count(len(answers), pixels, source)
        diagnosis = diagnose_logits(
            known.architecture, known.tensors, pixels, answers, seconds, lambda tried: _tell(progress, tried)
        )
        return _of_logits(str(subject), known, source, pixels, diagnosis, time.monotonic() - started)
    assert end_points is not None
    recorded, source = _recorded(end_points)
    for name, value in recorded.items():
        _check_count(len(value), pixels, f"{name} of {source}")
    progress("oracle", "trying mistakes")
    told = diagnose_recorded(known.architecture, known.tensors, pixels, recorded)
    if not told.matched:
        raise BadInput(f"None of the {len(recorded)} arrays of {source} has the axes of an end point of {subject}.")
    return _of_end_points(str(subject), known, source, pixels, told, time.monotonic() - started)


def _tell(progress: Progress, tried: int) -> None:
    if tried % 100 == 0:
        progress("oracle", f"tried {count(tried)} mistakes")


def _pixels(images: Sequence[str] | AnyImages, network: Architecture, size: tuple[int, int] | None) -> Images:
    if isinstance(images, np.ndarray):
        return check_pixels(images, "The given array", network, size)
    return read_images(images, network, size)


def _recorded(end_points: str | Path | Mapping[str, Array]) -> tuple[dict[str, Array], str]:
    """Return the arrays of a recording that may be end points, and what it is called."""
    if isinstance(end_points, Mapping):
        arrays, source = dict(end_points), "the given arrays"
    else:
        arrays, source = dict(read_checkpoint(end_points).tensors), str(end_points)
    found = {name: np.asarray(x) for name, x in arrays.items() if x.ndim in (2, 3, 4) and x.dtype.kind == "f"}
    if not found:
        raise BadInput(f"{source} holds no arrays of floats with two to four axes; expected end points by name.")
    return found, source


def _logits(logits: str | Path | Array) -> tuple[Array, str]:
    source = "The given array" if isinstance(logits, np.ndarray) else str(logits)
    array = logits if isinstance(logits, np.ndarray) else read_array(Path(logits))
    if array.ndim != 2 or array.dtype.kind != "f":
        axes = "x".join(map(str, array.shape))
        raise BadInput(f"{source} is {axes} of {array.dtype}; expected logits, floats of [images, classes].")
    return array, source


def _check_count(found: int, images: Images, source: str) -> None:
    if found != len(images):
        raise BadInput(f"{source} is of {found} images, and {len(images)} are given; expected as many.")


def _of_end_points(
    subject: str, known: Subject, source: str, images: Images, told: RecordedDiagnosis, seconds: float
) -> RecordingReport:
    return RecordingReport(
        subject,
        known.architecture.name,
        source,
        tuple(images.shape),
        told.matched,
        tuple(told.left_over),
        tuple(told.explained),
        told.tried,
        True,
        seconds,
    )


def _of_logits(
    subject: str, known: Subject, source: str, images: Images, told: LogitsDiagnosis, seconds: float
) -> RecordingReport:
    explained = (Explained("logits", told.apart, told.findings),) if told.differs else ()
    name = known.architecture.name
    return RecordingReport(
        subject, name, source, tuple(images.shape), {}, (), explained, told.tried, told.ended, seconds
    )
