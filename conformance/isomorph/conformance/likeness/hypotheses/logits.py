"""Diagnose logits alone: mistakes in one layer, and the same one in all layers, run to the end of the network."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array, Images, Tensors
from isomorph.backends.graphs.planned import graph_of
from isomorph.conformance.likeness.finding import Finding
from isomorph.conformance.likeness.hypotheses.hypothesis import Hypothesis
from isomorph.conformance.likeness.hypotheses.of_nodes import hypotheses
from isomorph.conformance.likeness.hypotheses.recorded import prove, tolerance_of
from isomorph.conformance.likeness.hypotheses.segment import Segment
from isomorph.conformance.likeness.noise import distance
from isomorph.spec import Architecture, BadInput, plan

FIELDS: dict[str, tuple[Any, ...]] = {
    "bottleneck_stride": ("conv1", "conv2"),
    "convolution_padding": ("explicit", "same"),
    "depthwise_padding": ("explicit", "same", "after"),
    "pool_padding": ("explicit", "same", "ceil", "valid"),
    "pool_fill": ("lowest", "zero"),
    "activation": ("relu", "relu6"),
    "activation_after": ("convolutions", "joins"),
    "batch_norm_epsilon": (1e-3, 1e-4, 1e-5, 1.001e-5, 2e-5, 1e-6),
    "input_transform": (None,),
    "output_stride": (None, 4, 8, 16),
}
"""Fields of a convention that ports get wrong -> what they write."""

SECONDS = 60.0
"""How long is tried, unless told otherwise."""


@dataclass
class LogitsDiagnosis:
    """What logits are to an architecture.

    apart: how far they are from what the specification gives, in parts of the largest number.
    findings: what would explain it exactly: of several, these images do not tell which.
    differs: whether that is more than noise.
    tried: how many mistakes were evaluated. ended: whether all were, and the time was enough.
    """

    apart: float
    differs: bool
    findings: list[Finding] = field(default_factory=list)
    tried: int = 0
    ended: bool = True


def diagnose_logits(
    architecture: Architecture,
    tensors: Tensors,
    images: Images,
    logits: Array,
    seconds: float = SECONDS,
    progress: Callable[[int], None] = lambda tried: None,
) -> LogitsDiagnosis:
    """Try mistakes until some give these logits: those of a whole convention first, then those of single layers.

    tensors: canonical. images: [N, H, W, C]. logits: [N, classes], of any dtype.
    seconds: how long is tried. progress: called with the number of mistakes that were tried.
    """
    started = time.monotonic()
    tolerance = tolerance_of(logits.dtype)
    images = images.astype(np.float64)
    right = {name: x.astype(np.float64) for name, x in tensors.items()}
    segment = _segment(architecture, images, right)
    plain = segment.plain(segment.target)
    expected = logits.astype(np.float64)
    expected = expected.reshape(plain.shape) if expected.size == plain.size else expected
    apart = distance(plain, expected)
    diagnosis = LogitsDiagnosis(apart, apart > tolerance)
    if not diagnosis.differs:
        return diagnosis
    for found in _conventions(architecture, images, right, expected, tolerance, diagnosis):
        diagnosis.findings.append(found)
    singles = list(hypotheses(segment))
    for each in (*_everywhere(singles), *singles):
        if time.monotonic() - started > seconds:
            diagnosis.ended = False
            break
        diagnosis.tried += 1
        progress(diagnosis.tried)
        proof = prove(segment, each, expected)
        if proof <= tolerance:
            diagnosis.findings.append(Finding(each.cause, each.place, each.says, "", each.field, each.value, proof))
    return diagnosis


def _segment(architecture: Architecture, images: Images, tensors: Tensors) -> Segment:
    """Return the whole network as one segment."""
    graph = graph_of(plan(architecture), images.shape, tensors)
    end = next(iter(graph.outputs.values())).source
    return Segment(graph, {graph.input.number: images}, end)


def _conventions(
    architecture: Architecture,
    images: Images,
    tensors: Tensors,
    expected: Array,
    tolerance: float,
    diagnosis: LogitsDiagnosis,
) -> Iterator[Finding]:
    """Yield the fields of a convention with which the whole network gives what is expected."""
    for name, values in FIELDS.items():
        for value in values:
            try:
                other = architecture.with_options(**{name: value})
                if other == architecture:
                    continue
                segment = _segment(other, images, tensors)
                found = segment.plain(segment.target)
            except (BadInput, ValueError, KeyError):  # no such field here, maps too small, or other tensors
                continue
            diagnosis.tried += 1
            proof = distance(found, expected) if found.shape == expected.shape else np.inf
            if proof <= tolerance:
                said = f"{value:g}" if isinstance(value, float) else value
                yield Finding(name, architecture.name, f"has {name} {said}", "", name, value, proof)


def _everywhere(singles: list[Hypothesis]) -> Iterator[Hypothesis]:
    """Yield each mistake that several layers may have as one that all of them have."""
    alike: dict[tuple[str, str], list[Hypothesis]] = defaultdict(list)
    for each in singles:
        if not each.reads:
            alike[each.cause, each.says.replace(each.place, "")].append(each)
    for several in alike.values():
        if len(several) > 1:
            computed = {number: compute for each in several for number, compute in each.computed.items()}
            says = f"{several[0].says}, as do {len(several) - 1} more layers"
            yield replace(several[0], computed=computed, says=says)
