"""What `check` does with end points that were recorded elsewhere: read, matched, and judged as if they ran here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isomorph.conformance.cases import last_answer
from isomorph.conformance.reference import Reference
from isomorph.spec import Architecture, BadInput
from isomorph.tools.checking.report import BackendReport, RecordedIn
from isomorph.tools.recording.npz import read_record
from isomorph.tools.recording.record import Array, Record, check_architecture, check_case, identify
from isomorph.tools.subjects.subject import Case


@dataclass(frozen=True)
class Recording:
    """A file that `run` wrote. end_points: name -> [N, h, w, C], in network order, mapped from the file."""

    path: str
    record: Record
    end_points: Mapping[str, Array] = field(repr=False)


def read_recordings(
    paths: Sequence[str | Path], architecture: Architecture, other: str | Path | None
) -> list[Recording]:
    """Read them. Raises BadInput for one that cannot be read, is of another architecture, or goes with two files."""
    if paths and other is not None:
        raise BadInput(f"{paths[0]} was recorded of one network; compare it with one checkpoint, not with two.")
    recordings = []
    for path in paths:
        record, end_points = read_record(path)
        check_architecture(record, path, architecture)
        recordings.append(Recording(str(path), record, end_points))
    return recordings


def check_recordings(recordings: Sequence[Recording], case: Case) -> None:
    """Raise BadInput for one that was recorded with other weights or on other images than these."""
    if not recordings:
        return
    weights, images = identify(case)
    for recording in recordings:
        check_case(recording.record, recording.path, weights, images, case.images.shape)


def judge_recording(recording: Recording, reference: Reference) -> BackendReport:
    """Its row: the verdict that the same end points would have here. No part was run alone, so none is local."""
    record = recording.record
    run = reference.judge(reference.tier(record.dtype), record.precision, recording.end_points, None)
    return BackendReport(
        name=f"{record.backend}, recorded",
        version=record.version,
        device=record.device,
        status=run.verdict,
        logits_shape=last_answer(recording.end_points).shape,
        runs=(run,),
        device_name=record.device_name,
        recorded=RecordedIn(recording.path, record.isomorph, record.python, record.system),
    )
