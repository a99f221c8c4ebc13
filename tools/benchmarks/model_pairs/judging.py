"""What is said of two networks, held against what is known of them."""

import re
from dataclasses import dataclass

from benchmarks.model_pairs.networks.fault import Fault
from benchmarks.model_pairs.traces import Network, Traces
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_models


@dataclass(frozen=True)
class Judged:
    """What is said of a network with a mistake, held against one without.

    placed: whether a finding is where the mistake is. named: whether a sentence says it. alone: and nothing else.
    proved: whether the two agree with all that is said applied.
    """

    placed: bool
    named: bool
    alone: bool
    proved: bool
    said: tuple[str, ...]


def judge(traces: Traces, first: Network, second: Network, fault: Fault) -> Judged:
    """Compare two networks of which the second has a mistake."""
    diagnosis = compare_models(traces.graph(first), traces.graph(second))
    said = tuple(map(str, diagnosis.causes))
    findings = [finding for cause in diagnosis.causes for finding in cause.findings]
    places = [f"{finding.place} {finding.theirs}".replace("/", ".") for finding in findings]
    named = any(re.search(fault.says, each, re.IGNORECASE) for each in said)
    return Judged(
        any(re.search(fault.place, place) for place in places),
        named,
        named and len(said) == 1,
        diagnosis.proved is True,
        said,
    )


def false_alarms(traces: Traces, first: Network, second: Network) -> list[str]:
    """Return all that is said of two networks that are the same function, and nodes of either that are not paired."""
    return _alarms(compare_models(traces.graph(first), traces.graph(second)))


def _alarms(diagnosis: Diagnosis) -> list[str]:
    comparison = diagnosis.comparison
    paired = len(comparison.pairs.of)
    alone = [len(graph.nodes) - paired for graph in (comparison.one, comparison.other)]
    alarms = list(map(str, diagnosis.causes)) + [f"{each} is not judged" for each in diagnosis.unknown]
    if any(alone):
        alarms.append(f"{alone[0]} and {alone[1]} nodes have no counterpart")
    if diagnosis.first_divergence is not None or not diagnosis.proved:
        alarms.append(f"they are {diagnosis.proof} apart, first at {diagnosis.first_divergence}")
    return alarms
