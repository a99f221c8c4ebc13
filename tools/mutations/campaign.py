"""One format's run: broken files, read by isomorph and, where it can, by the format's own reader."""

import collections
import random
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mutations.comparison import as_noted, difference, known
from mutations.formats import FORMATS, Format
from mutations.process import Reader
from mutations.rules import mutated
from mutations.seeds import Seed
from mutations.structure import restructured

_BATCH = 256


@dataclass
class Result:
    """What came of a format's files.

    Attributes:
        files: how many were read.
        refused: by one sentence.
        equal: read, as the own reader reads them.
        explained: read, where the own reader differs for a listed reason; by reason.
        findings: everything else, by kind, with the numbers of the files.
        own_crashes: times that the own reader's process ended or hung.
        slowest: milliseconds of the processor that the slowest file took.
        memory: most bytes that a file took beyond its own size.
    """

    files: int = 0
    refused: int = 0
    equal: int = 0
    explained: collections.Counter[str] = field(default_factory=collections.Counter)
    findings: dict[str, list[int]] = field(default_factory=dict)
    own_crashes: int = 0
    slowest: float = 0.0
    memory: int = 0


Progress = Callable[[Result], None]
"""Is told what has come of a format's files so far."""


def broken(form: str, seeds: Mapping[str, Seed], number: int, how: str) -> tuple[str, Seed]:
    """File `number` of a format, and the name of its seed; always the same.

    how: by "bytes" or by "structure".
    """
    chance = random.Random(f"{form} {number}" if how == "bytes" else f"{form} {how} {number}")
    name, other = chance.choice(sorted(seeds)), chance.choice(sorted(seeds))
    if how == "structure":
        return name, restructured(form, chance, seeds[name], seeds[other])
    files = dict(seeds[name])
    suffix = next(iter(files)) if chance.random() < 0.8 else chance.choice(list(files))
    counterpart = seeds[other].get(suffix, files[suffix])
    behind = FORMATS[form].behind if suffix == FORMATS[form].suffix else mutated
    mutation = behind if chance.random() < FORMATS[form].share else mutated
    files[suffix] = mutation(chance, files[suffix], counterpart)
    return name, files


def run(
    form: str,
    seeds: Mapping[str, Seed],
    numbers: range,
    how: str,
    ours: Reader,
    own: Reader,
    progress: Progress = lambda _: None,
) -> Result:
    """Read the files of these numbers on both sides, and compare; `progress` is told what has come of them so far."""
    result, crashed = Result(), len(own.crashes)
    with tempfile.TemporaryDirectory() as whole:  # which an interruption that leaves a batch's folder removes with it
        for start in range(numbers.start, numbers.stop, _BATCH):
            batch = range(start, min(numbers.stop, start + _BATCH))
            with tempfile.TemporaryDirectory(dir=whole) as folder:
                _batch(Path(folder), form, seeds, batch, how, ours, own, result)
            progress(result)
    result.own_crashes = len(own.crashes) - crashed
    return result


def _batch(
    folder: Path,
    form: str,
    seeds: Mapping[str, Seed],
    numbers: range,
    how: str,
    ours: Reader,
    own: Reader,
    result: Result,
) -> None:
    written = [_write(folder, FORMATS[form], number, *broken(form, seeds, number, how)) for number in numbers]
    answers = list(ours.read([(path, seed) for path, seed, _ in written]))
    for number, answer, (_, _, size) in zip(numbers, answers, written, strict=True):
        result.files += 1
        result.slowest = max(result.slowest, 1000 * answer.get("seconds", 0))
        result.memory = max(result.memory, answer.get("memory", 0) - size)
        outcome = answer.get("outcome", f"the process ended: {answer.get('crash')}")
        if outcome == "refused":
            result.refused += 1
        elif outcome != "read":
            result.findings.setdefault(_kind(outcome), []).append(number)
    readable = [index for index, answer in enumerate(answers) if answer.get("outcome") == "read"]
    theirs = list(own.read([written[index][:2] for index in readable]))
    for index, answer in zip(readable, theirs, strict=True):
        if "crash" in answer:
            continue
        found = difference(answers[index], answer)
        if found and not known(form, found) and FORMATS[form].notes_layers:
            found = as_noted(answers[index], own.noted(written[index][0])) or found
        if reason := known(form, found):
            result.explained[reason] += 1
        elif found:
            result.findings.setdefault(_kind(found), []).append(numbers[index])
        else:
            result.equal += 1


def _write(folder: Path, form: Format, number: int, seed: str, files: Seed) -> tuple[Path, str, int]:
    """The path that readers are given, the seed's name, and the bytes of all files."""
    for suffix, content in files.items():
        path = folder / f"{number}{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder / f"{number}{form.suffix}", seed, sum(map(len, files.values()))


def _kind(found: str) -> str:
    """A finding less the names and numbers in it, which are others in every file."""
    return re.sub(r"b?'[^']*'|b?\"[^\"]*\"|0x\w+|\d+", "*", found)[:200].replace("\n", " ")
