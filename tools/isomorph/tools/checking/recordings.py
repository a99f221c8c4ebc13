"""Compare end points that were recorded elsewhere: read, match and judge them as if they ran here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isomorph.conformance.cases import last_answer
from isomorph.conformance.reference import Reference
from isomorph.spec import Architecture, BadInput
from isomorph.tools.checking.report import BackendReport, RecordedIn
from isomorph.tools.recording.npz import read_record
from isomorph.tools.recording.record import EndPoint, Record, check_architecture, check_case, identify
from isomorph.tools.subjects.subject import Case


@dataclass(frozen=True)
class Recording:
    """A file that `run` wrote.

    end_points: by name, in network order, mapped from the file.
    """

    path: str
    record: Record
    end_points: Mapping[str, EndPoint] = field(repr=False)


def read_recordings(
    paths: Sequence[str | Path], architecture: Architecture, other: str | Path | None
) -> list[Recording]:
    """Read recordings. Raises BadInput for a bad file, another architecture, or where two checkpoints are compared."""
    if paths and other is not None:
        raise BadInput(f"{paths[0]} was recorded of one network; compare it with one checkpoint, not with two.")
    recordings = []
    for path in paths:
        record, end_points = read_record(path)
        check_architecture(record, path, architecture)
        recordings.append(Recording(str(path), record, end_points))
    return recordings


def check_recordings(recordings: Sequence[Recording], case: Case) -> None:
    """Raise BadInput for a recording with other weights or images than the case's."""
    if not recordings:
        return
    weights, images = identify(case)
    for recording in recordings:
        check_case(recording.record, recording.path, weights, images, case.images.shape)


def judge_recording(recording: Recording, reference: Reference) -> BackendReport:
    """Return a recording's row: the verdict that its end points would have here, without local errors of parts."""
    record = recording.record
    run = reference.judge(record.dtype, record.precision, recording.end_points)
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
