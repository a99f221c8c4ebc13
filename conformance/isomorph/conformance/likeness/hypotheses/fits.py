"""Mistakes that have a number: the one that fits best is looked for, and counts only if it fits exactly."""

from collections.abc import Callable, Iterator

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.hypotheses.hypothesis import Computation, Hypothesis
from isomorph.conformance.likeness.hypotheses.segment import Segment
from isomorph.spec.operations import BatchNorm, Convolution
from isomorph.spec.tensors import MOVING_VARIANCE

Family = Callable[[float], Hypothesis]
"""A number -> the mistake with it."""

STEPS = 40
"""Steps of a search, each of which halves what is left and more: enough for all digits of a float64."""


def fits(segment: Segment, expected: Array) -> Iterator[Hypothesis]:
    """Yield, for each mistake that has a number, the one with the number that brings the target nearest."""
    for family, start in _families(segment):
        value = _best(lambda x, family=family: _apart(segment, family(x), expected), start)  # type: ignore[misc]
        if value is not None:
            yield family(value)


def _families(segment: Segment) -> Iterator[tuple[Family, float]]:
    """Yield the mistakes that have a number, each with the number that would be right."""
    for number in segment.nodes:
        node = segment.graph.nodes[number]
        if isinstance(node.operation, BatchNorm):
            yield _epsilon(node, node.operation), node.operation.epsilon
            yield _variance_factor(node), 1.0
            yield _variance_offset(node), 0.0
        if isinstance(node.operation, Convolution):
            yield _input_factor(node), 1.0


def _variance_factor(node: Node) -> Family:
    def made(factor: float) -> Hypothesis:
        tensors = node.arrays | {MOVING_VARIANCE: node.arrays[MOVING_VARIANCE] * factor}
        samples = f", n / (n - 1) of n = {1 / (1 - 1 / factor):.0f}" if 1 < factor < 1.1 else ""
        says = f"{node.name}/moving_variance is {factor:.8g} times what it should be{samples}"
        return _hypothesis(node, "times a factor", says, lambda xs: evaluate(node.operation, xs, tensors))

    return made


def _variance_offset(node: Node) -> Family:
    def made(offset: float) -> Hypothesis:
        tensors = node.arrays | {MOVING_VARIANCE: node.arrays[MOVING_VARIANCE] + offset}
        says = f"{node.name}/moving_variance is {offset:+.4g} off"
        return _hypothesis(node, "off by a constant", says, lambda xs: evaluate(node.operation, xs, tensors))

    return made


def _epsilon(node: Node, operation: BatchNorm) -> Family:
    def made(epsilon: float) -> Hypothesis:
        other = BatchNorm(abs(epsilon), operation.batch_statistics)
        says = f"has epsilon {abs(epsilon):.6g}, expected {operation.epsilon:.6g}"
        return _hypothesis(node, "epsilon", says, lambda xs: evaluate(other, xs, node.arrays))

    return made


def _input_factor(node: Node) -> Family:
    def made(factor: float) -> Hypothesis:
        says = f"reads its input times {factor:.6g}"
        return _hypothesis(
            node, "extra factor", says, lambda xs: evaluate(node.operation, [xs[0] * factor], node.arrays)
        )

    return made


def _hypothesis(node: Node, cause: str, says: str, computed: Computation) -> Hypothesis:
    return Hypothesis(cause, node.name, says, {node.number: computed})


def _apart(segment: Segment, hypothesis: Hypothesis, expected: Array) -> float:
    """Return the signed way that is left to the expected value, along that which the hypothesis goes."""
    with np.errstate(all="ignore"):
        found = segment.value(hypothesis)
    plain = segment.plain(segment.target)
    if found.shape != expected.shape or plain.shape != expected.shape:
        return np.nan
    way = (expected - plain).reshape(-1)
    return float((expected - found).reshape(-1) @ way) / max(float(way @ way), 1e-300)


def _best(left: Callable[[float], float], start: float) -> float | None:
    """Return where nothing is left, by the secant method from two numbers near the right one; None if it finds none."""
    step = 1e-3 * (abs(start) or 1e-3)
    a, b = start, start + step
    left_a, left_b = left(a), left(b)
    for _ in range(STEPS):
        if not np.isfinite(left_b) or left_a == left_b:
            return None
        a, b, left_a = b, b - left_b * (b - a) / (left_b - left_a), left_b
        if b == a or not np.isfinite(b):
            break
        left_b = left(b)
        if left_b == 0:
            break
    return b if np.isfinite(b) else None
