"""Diagnose end points that somebody recorded: which is which, where they part from the specification, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.array_forms import Array, Images, Tensors
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.graphs.planned import graph_of
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.finding import Finding
from isomorph.conformance.likeness.hypotheses.hypothesis import Hypothesis
from isomorph.conformance.likeness.hypotheses.of_nodes import hypotheses
from isomorph.conformance.likeness.hypotheses.segment import Segment
from isomorph.conformance.likeness.noise import PASSING, distance
from isomorph.spec import Architecture, plan


@dataclass
class Explained:
    """An end point that is not what the specification makes of those before it.

    place: its name. apart: how far, in parts of the largest number.
    findings: what would explain it exactly; more than one where these images do not tell them apart.
    """

    place: str
    apart: float
    findings: list[Finding]


@dataclass
class RecordedDiagnosis:
    """What recorded end points are to an architecture.

    matched: end point -> the name under which it was recorded. left_over: recordings that are no end point.
    explained: in network order. tried: how many hypotheses were evaluated.
    """

    matched: dict[str, str]
    left_over: list[str]
    explained: list[Explained] = field(default_factory=list)
    tried: int = 0


def diagnose_recorded(
    architecture: Architecture, tensors: Tensors, images: Images, recorded: Mapping[str, Array]
) -> RecordedDiagnosis:
    """Compare recorded end points with a specification.

    tensors: canonical. images: [N, H, W, C]. recorded: name -> a map in any order of axes, or logits, of any dtype.
    """
    images = images.astype(np.float64)
    graph = graph_of(plan(architecture), images.shape, {name: x.astype(np.float64) for name, x in tensors.items()})
    ends = _ends(graph)
    right = _evaluated(graph, images)
    matched = _match(ends, right, recorded)
    tolerance = max(_tolerance(x.dtype) for x in recorded.values())
    known = {graph.input.number: images}
    known |= {ends[name]: _like(right[ends[name]], recorded[theirs]) for name, theirs in matched.items()}
    diagnosis = RecordedDiagnosis(matched, [name for name in recorded if name not in matched.values()])
    for name in matched:
        target = ends[name]
        before = {number: value for number, value in known.items() if number != target}
        segment = Segment(graph, before, target)
        found = _plain(segment)
        apart = float("inf") if found is None else distance(found, known[target])
        if apart > tolerance:
            explained = Explained(name, apart, [])
            for each in hypotheses(segment):
                diagnosis.tried += 1
                proof = _proof(segment, each, known[target])
                if proof <= tolerance:
                    explained.findings.append(
                        Finding(each.cause, each.place, each.says, matched[name], each.field, each.value, proof)
                    )
            diagnosis.explained.append(explained)
    return diagnosis


def _ends(graph: Graph) -> dict[str, int]:
    """Return the number of the last node of each end point."""
    return {
        node.name: number for number, node in graph.nodes.items() if node.name and node.number != graph.input.number
    }


def _evaluated(graph: Graph, images: Images) -> dict[int, Array]:
    values = {graph.input.number: images}
    for node in graph.nodes.values():
        if node.reads:
            values[node.number] = evaluate(
                node.operation, [graph.take(read, values) for read in node.reads], node.arrays
            )
    return values


def _plain(segment: Segment) -> Array | None:
    try:
        return segment.plain(segment.target)
    except ValueError:
        return None


def _proof(segment: Segment, hypothesis: Hypothesis, expected: Array) -> float:
    with np.errstate(all="ignore"):
        try:
            return distance(segment.value(hypothesis), expected)
        except ValueError:
            return float("inf")


def _tolerance(dtype: np.dtype[np.generic]) -> float:
    """Return how far a recording of a dtype may be from what is computed in float64: its own arithmetic's noise."""
    return PASSING * (2.0**-40 if dtype == np.float64 else 2.0**-18)


def _match(ends: Mapping[str, int], right: Mapping[int, Array], recorded: Mapping[str, Array]) -> dict[str, str]:
    """Return which recording is which end point: by name, by value, and else in their order by likeness."""
    matched = {name: name for name in ends if name in recorded and _fits(right[ends[name]], recorded[name])}
    names = [name for name in ends if name not in matched]
    others = [name for name in recorded if name not in matched.values()]
    scores = np.zeros((len(names), len(others)))
    for row, name in enumerate(names):
        for column, other in enumerate(others):
            if _fits(right[ends[name]], recorded[other]):
                scores[row, column] = 1 + _likeness(right[ends[name]], _like(right[ends[name]], recorded[other]))
    for row, column in _in_order(scores):
        matched[names[row]] = others[column]
    return {name: matched[name] for name in ends if name in matched}


def _in_order(scores: Array) -> list[tuple[int, int]]:
    """Return the pairs, both in their order, whose scores add up to most."""
    rows, columns = scores.shape
    best = np.zeros((rows + 1, columns + 1))
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            paired = scores[row, column] + best[row + 1, column + 1] if scores[row, column] else 0
            best[row, column] = max(paired, best[row + 1, column], best[row, column + 1])
    pairs, row, column = [], 0, 0
    while row < rows and column < columns:
        if scores[row, column] and best[row, column] == scores[row, column] + best[row + 1, column + 1]:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif best[row + 1, column] >= best[row, column + 1]:
            row += 1
        else:
            column += 1
    return pairs


def _fits(expected: Array, recorded: Array) -> bool:
    """Return whether a recording can be an end point: as many numbers, channels last or second."""
    return recorded.size == expected.size and len(recorded) == len(expected)


def _like(expected: Array, recorded: Array) -> Array:
    """Return a recording with the axes of an end point; of several orders the one that is most like it."""
    recorded = recorded.astype(np.float64)
    candidates = [recorded.reshape(expected.shape)]
    if recorded.ndim == 4 and expected.ndim == 4 and recorded.shape[1] == expected.shape[3]:
        candidates.append(recorded.transpose(0, 2, 3, 1).reshape(expected.shape))
    return max(candidates, key=lambda x: _likeness(expected, x))


def _likeness(first: Array, second: Array) -> float:
    """Return the correlation of two values, 0 where one is constant."""
    a, b = first.reshape(-1) - first.mean(), second.reshape(-1) - second.mean()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return abs(float(a @ b)) / norms if norms and np.isfinite(norms) else 0.0
