"""The reviewed list of mutants that mean the same as what they change, each with its reason.

A change listed in `equivalents.toml` is not planted. An entry that no mutant matches any longer is an error, as the
line that it excuses is another one.
"""

import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path

from mutants.mutant import Mutant

LIST = Path(__file__).with_name("equivalents.toml")
FIELDS = {"file", "before", "after", "reason"}

Change = tuple[str, str, str]
"""A file, and the lines before and after."""


def read_equivalents(path: Path = LIST) -> dict[Change, str]:
    """Reasons by change. ValueError for an entry that lacks a field, or has no reason."""
    equivalents: dict[Change, str] = {}
    for entry in tomllib.loads(path.read_text()).get("equivalent", ()):
        if entry.keys() != FIELDS or not all(entry.values()):
            raise ValueError(f"{path.name} has an entry {entry}; expected {', '.join(sorted(FIELDS))}.")
        equivalents[entry["file"], entry["before"], entry["after"]] = entry["reason"]
    return equivalents


def change_of(mutant: Mutant) -> Change:
    """What an entry of the list has to say of a mutant."""
    return mutant.file, mutant.before, mutant.after


def unmatched(equivalents: Collection[Change], mutants: Iterable[Mutant]) -> list[Change]:
    """The entries that are the change of none of the mutants, of those of their files."""
    changes = {change_of(mutant) for mutant in mutants}
    return sorted(set(equivalents) - changes)
