"""Which of an area's mutants are planted: the same ones for the same seed, whatever else changes in their files."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from mutants.mutant import Mutant
from mutants.operators import mutants_of


def mutants_in(root: Path, files: Iterable[str]) -> list[Mutant]:
    """All mutants of some files."""
    return [mutant for file in files for mutant in mutants_of((root / file).read_text(), file)]


def sample(mutants: Iterable[Mutant], count: int | None, seed: int) -> list[Mutant]:
    """Some mutants, of each operator in turn: tables would else offer little but strings and numbers.

    None takes all. Each mutant's lot is drawn by its own text, so that an edit elsewhere leaves it in.
    """
    lots: defaultdict[str, list[tuple[bytes, Mutant]]] = defaultdict(list)
    for mutant in mutants:
        lot = hashlib.sha256(f"{seed} {mutant.key}".encode()).digest()
        lots[mutant.operator].append((lot, mutant))
    drawn: list[Mutant] = []
    for mutant in _in_turn([sorted(lot, key=lambda pair: pair[0]) for _, lot in sorted(lots.items())]):
        if count is not None and len(drawn) >= count:
            break
        if mutant.is_a_program:
            drawn.append(mutant)
    return drawn


def _in_turn(lots: list[list[tuple[bytes, Mutant]]]) -> Iterator[Mutant]:
    for place in range(max(map(len, lots), default=0)):
        yield from (lot[place][1] for lot in lots if place < len(lot))
