"""Every small change of meaning that a source file offers: one number, comparison, argument or statement at a time.

    >>> for mutant in mutants_of("limit = 8.0 if x <= y else 0.5", "verdict.py"):
    ...     print(mutant.operator, "->", mutant.after)
    number -> limit = 8.16 if x <= y else 0.5
    condition -> limit = 8.0 if not (x <= y) else 0.5
    comparison -> limit = 8.0 if x < y else 0.5
    number -> limit = 8.0 if x <= y else 0.51

A change is a replacement of text, so that all other lines keep their numbers. What says nothing to a computer is left
alone: docstrings, annotations, sentences, and what is raised.
"""

import ast
from collections import Counter

from mutants.edits import edits_at
from mutants.mutant import Mutant
from mutants.places import Text, functions_of, place_of
from mutants.silence import says_nothing


def mutants_of(source: str, file: str) -> list[Mutant]:
    """All mutants of one file, in the order of their lines."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    silent = {inner for node in ast.walk(tree) for part in says_nothing(node, parents) for inner in ast.walk(part)}
    text, functions = Text(source), dict(functions_of(tree))
    seen: Counter[tuple[str, str, str, str]] = Counter()
    mutants = []
    edits = {edit for node in ast.walk(tree) if node not in silent for edit in edits_at(node, text, parents)}
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end, edit.operator)):
        before, after = text.lines(edit.start, edit.end, edit.text)
        scope, function = place_of(edit.node, parents, functions)
        place = (edit.operator, scope, before, after)
        line = source.count("\n", 0, edit.start) + 1
        mutants.append(Mutant(file, line, *place, seen[place], function, source, edit.start, edit.end, edit.text))
        seen[place] += 1
    return [mutant for mutant in mutants if mutant.before != mutant.after]
