"""Diagnose end points that somebody recorded: which is which, where they part from the specification, and why."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from isomorph.backends.array_forms import Array, Images, Tensors
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.graphs.planned import graph_of
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.finding import Finding
from isomorph.conformance.likeness.hypotheses.fits import fits
from isomorph.conformance.likeness.hypotheses.hypothesis import Hypothesis
from isomorph.conformance.likeness.hypotheses.matching import like, match
from isomorph.conformance.likeness.hypotheses.of_nodes import hypotheses
from isomorph.conformance.likeness.hypotheses.segment import Segment
from isomorph.conformance.likeness.noise import PASSING, distance
from isomorph.spec import Architecture, plan

FITTED = 2.0**-22
"""How far a mistake with a number may be: tensors with another factor are rounded to float32 once more."""


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
    planned = plan(architecture)
    right_tensors = {name: x.astype(np.float64) for name, x in tensors.items()}
    right_graph = graph_of(planned, images.shape, right_tensors)
    ends = _ends(right_graph)
    right = _evaluated(right_graph, images)
    matched = match(ends, right, recorded)
    values = {ends[name]: like(right[ends[name]], recorded[theirs]) for name, theirs in matched.items()}
    graph = graph_of(planned, images.shape, right_tensors, {number: x.shape for number, x in values.items()})
    tolerance = max(tolerance_of(x.dtype) for x in recorded.values())
    known = {graph.input.number: images} | values
    aliases = planned.block_ends
    left_over = [name for name in recorded if name not in matched.values() and name not in aliases]
    diagnosis = RecordedDiagnosis(matched, left_over)
    for name in matched:
        target = ends[name]
        segment = Segment(graph, {number: x for number, x in known.items() if number != target}, target)
        apart = _apart(segment, known[target])
        if apart > tolerance:
            found, tried = explain(segment, known[target], tolerance)
            diagnosis.tried += tried
            diagnosis.explained.append(
                Explained(name, apart, [_finding(hypothesis, matched[name], proof) for hypothesis, proof in found])
            )
    return diagnosis


def explain(segment: Segment, expected: Array, tolerance: float) -> tuple[list[tuple[Hypothesis, float]], int]:
    """Return the mistakes that give what is expected, each with how far it is from that, and how many were tried.

    Mistakes that have a number are tried where no other one fits.
    """
    found, tried = [], 0
    for each in hypotheses(segment):
        tried += 1
        proof = prove(segment, each, expected)
        if proof <= tolerance:
            found.append((each, proof))
    if not found:
        with suppress(ValueError):
            for each in fits(segment, expected):
                tried += 1
                proof = prove(segment, each, expected)
                if proof <= max(tolerance, FITTED):
                    found.append((each, proof))
    return nearest(found), tried


def nearest(found: list[tuple[Hypothesis, float]]) -> list[tuple[Hypothesis, float]]:
    """Return mistakes, the best first, without those that are so much worse that noise does not explain it."""
    if not found:
        return []
    best = max(min(proof for _, proof in found), 2.0**-50)
    return sorted((pair for pair in found if pair[1] <= PASSING * best), key=lambda pair: pair[1])


def _finding(hypothesis: Hypothesis, theirs: str, proof: float) -> Finding:
    each = hypothesis
    return Finding(each.cause, each.place, each.says, theirs, each.field, each.value, proof)


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


def _apart(segment: Segment, expected: Array) -> float:
    """Return how far the target is without a mistake."""
    try:
        return distance(segment.plain(segment.target), expected)
    except ValueError:
        return float("inf")


def prove(segment: Segment, hypothesis: Hypothesis, expected: Array) -> float:
    """Return how far the target is with a mistake."""
    with np.errstate(all="ignore"):
        try:
            return distance(segment.value(hypothesis), expected)
        except ValueError:
            return float("inf")


def tolerance_of(dtype: np.dtype[np.generic]) -> float:
    """Return how far a recording of a dtype may be from what is computed in float64: its own arithmetic's noise."""
    return PASSING * (2.0**-40 if dtype == np.float64 else 2.0**-21)
