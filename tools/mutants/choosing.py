"""Which tests can notice a mutant, those first that are likeliest to, and fast.

What stands in a function is noticed by tests that enter it. What is run at import is noticed by those that enter a
function which says the name that is defined there, or the name of what is defined by it in turn.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from mutants.learnt import Learnt
from mutants.mutant import Mutant
from mutants.places import FUNCTIONS, functions_of
from mutants.tree import FLOORS

_Place = tuple[tuple[bool, float, str, float], str]
"""Whether a file of tests is named for others, what those tests of it take, its path, what the test takes; the test."""

BEHIND = 4
"""Through how many definitions a name is followed."""


class Names:
    """Which functions of a tree say a name, and which definitions at import."""

    def __init__(self, root: Path) -> None:
        self.functions: defaultdict[str, set[str]] = defaultdict(set)
        self.definitions: defaultdict[str, set[str]] = defaultdict(set)
        for floor in FLOORS:
            for path in (root / floor).rglob("*.py"):
                file = str(path.relative_to(root))
                tree = ast.parse(path.read_text())
                for function, name in functions_of(tree):
                    for said in _said(function):
                        self.functions[said].add(f"{file} {name}")
                for node in tree.body:
                    self._read(node)

    def saying(self, mutant: Mutant) -> set[str]:
        """The functions, as "path name", on which a change at import can depend."""
        names = _defined(mutant)
        for _ in range(BEHIND):
            names |= {user for name in names for user in self.definitions[name]}
        return {function for name in names for function in self.functions[name]}

    def _read(self, node: ast.stmt) -> None:
        defined = set(_names_of(node))
        if not isinstance(node, FUNCTIONS):
            for name in _said(node):
                self.definitions[name] |= defined - {name}


def choose(mutant: Mutant, learnt: Mapping[str, Learnt], names: Names, budget: float) -> list[str]:
    """The ids of tests that could notice, in the order in which they are best run; at most `budget` seconds of them.

    Behind those that were seen to enter the function come the others of their files: what an earlier test, or what is
    run at import, has left in a cache or a fixture they do not enter. There the shortest files stand first, which are
    the most that the budget can hold.
    """
    at_import = mutant.function is None
    functions = names.saying(mutant) if at_import else {f"{mutant.file} {mutant.function}"}
    stem = PurePosixPath(mutant.file).stem
    first: list[_Place] = []
    behind: list[_Place] = []
    for file, known in learnt.items():
        hits = {test for test, entered in known.entered.items() if not functions.isdisjoint(entered)}
        if not hits and not (at_import and mutant.file in known.sources):
            continue
        strange = stem not in file  # test_padding.py is likeliest to notice a change of padding.py
        seconds = sum(known.durations.get(test, 0.0) for test in hits)
        all_seconds = sum(known.durations.values())
        for test, duration in known.durations.items():
            if test in hits:
                first.append(((strange, seconds, file, duration), test))
            else:
                behind.append(((strange, all_seconds, file, duration), test))
    ordered: list[str] = []
    for (_, _, _, duration), test in [*sorted(first), *sorted(behind)]:
        budget -= duration
        if budget < 0 and ordered:
            break
        ordered.append(test)
    return ordered


def split(tests: list[str], learnt: Mapping[str, Learnt], seconds: float) -> Iterator[list[str]]:
    """The tests in two parts, the first of which takes at most some seconds: most mutants are noticed there."""
    taken = 0.0
    for place, test in enumerate(tests):
        taken += learnt[test.partition("::")[0]].durations[test]
        if place and taken > seconds:
            yield tests[:place]
            yield tests[place:]
            return
    yield tests


def _said(node: ast.AST) -> set[str]:
    """The identifiers in a node, but for those in strings."""
    said: set[str] = set()
    for inner in ast.walk(node):
        match inner:
            case ast.Name():
                said.add(inner.id)
            case ast.Attribute():
                said.add(inner.attr)
            case ast.keyword() if inner.arg:
                said.add(inner.arg)
    return said


def _names_of(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Assign():
            yield from (
                inner.id for target in node.targets for inner in ast.walk(target) if isinstance(inner, ast.Name)
            )
        case ast.AnnAssign() | ast.AugAssign() if isinstance(node.target, ast.Name):
            yield node.target.id


def _defined(mutant: Mutant) -> set[str]:
    """The names that a change at import defines: a constant, a class and its field, a function with its defaults."""
    names: set[str] = set()
    statements: Iterable[ast.stmt] = ast.parse(mutant.source).body
    while statements:
        around = next((s for s in statements if s.lineno <= mutant.line <= (s.end_lineno or s.lineno)), None)
        if around is None:
            break
        names |= set(_names_of(around))
        statements = around.body if isinstance(around, ast.ClassDef) else ()
    return names
