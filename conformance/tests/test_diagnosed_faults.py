"""Planted faults that are diagnosed in the oracle's own graph, auxiliary heads and all.

Nothing in it depends on a framework or on its tracer: what is missed here is missed by the diagnosis.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.graphs.planned import graph_of
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.backends.process import BackendProcess
from isomorph.conformance.cases import draw_tensors
from isomorph.conformance.drawn_case import DrawnCase
from isomorph.conformance.faults import planted
from isomorph.conformance.faults.catalogue import CATALOGUE
from isomorph.conformance.faults.causes import CAUSES, WITHOUT_HEADS, place_in
from isomorph.conformance.faults.diagnosed import judge, words_of
from isomorph.conformance.faults.diagnosing import Diagnosing
from isomorph.conformance.faults.fault import Fault, Retensor, Surgery, Tensors
from isomorph.conformance.faults.networks import CASES
from isomorph.conformance.faults.reference_case import ReferenceCases
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_with
from isomorph.spec import Architecture, plan
from isomorph.spec.operations import Input
from isomorph.spec.tensors import split

INFERENCE = {name: fault for name, fault in CATALOGUE.items() if not fault.learned}
SAID = {name: fault for name, fault in INFERENCE.items() if not isinstance(fault.plant, Surgery)}
RETENSORED = {name: fault for name, fault in INFERENCE.items() if isinstance(fault.plant, Retensor) and fault.place}

EPSILON = CATALOGUE["epsilon-1e-3"]

NOT_A_NUMBER = {"mean-variance-swapped": "behind the root of a negative variance nothing is compared"}


def but_for(reasons: Mapping[str, str], names: Iterable[str]) -> list[object]:
    """Parameters of a test that cannot pass yet for some of them, each with its reason."""
    return [
        pytest.param(name, marks=pytest.mark.xfail(reason=reasons[name])) if name in reasons else name for name in names
    ]


def heads(network: str) -> frozenset[str]:
    return frozenset(head.scope for head in CASES[network].network.auxiliary)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> ReferenceCases:
    folder, numbers = tmp_path_factory.mktemp("cases"), count()
    return ReferenceCases(lambda arrays: SharedArrays.write(folder / str(next(numbers)), arrays))


def graph_with(network: Architecture, tensors: Tensors, images: Array) -> Graph:
    """The graph of a network with its auxiliary heads, as the oracle computes it in float64."""
    graph = graph_of(plan(network), images.shape, {name: x.astype(np.float64) for name, x in tensors.items()})
    for node in graph.nodes.values():
        inputs = [graph.take(read) for read in node.reads]
        is_images = isinstance(node.operation, Input)
        node.value = images.astype(np.float64) if is_images else evaluate(node.operation, inputs, node.arrays)
    return graph


def diagnosed(fault: Fault, drawn: DrawnCase) -> Diagnosis:
    """The diagnosis of the oracle's graph with a fault; tensors that do not fit the redesign are drawn."""
    others = draw_tensors(fault.architecture, drawn.images) if fault.architecture != drawn.network else {}
    with np.errstate(invalid="ignore"):  # a variance may be negative now
        graph = graph_with(fault.architecture, {**others, **fault.tensors(drawn.tensors)}, drawn.images)
        return compare_with(drawn.network, graph, drawn.tensors)


def test_every_fault_of_inference_has_causes_that_name_it_or_nothing_to_name() -> None:
    assert list(CAUSES) == list(INFERENCE)
    assert [name for name, causes in CAUSES.items() if not causes] == [
        name for name, fault in INFERENCE.items() if fault.is_harmless
    ]


def test_a_fault_that_has_another_place_without_heads_is_in_one() -> None:
    for name, place in WITHOUT_HEADS.items():
        fault = INFERENCE[name]
        assert place_in(fault, heads(fault.network)) == fault.place
        assert place_in(fault, frozenset()) == place
        assert place in plan(fault.case.network).end_points


@pytest.mark.parametrize("network", sorted({fault.network for fault in INFERENCE.values()}))
def test_nothing_is_said_of_the_oracles_graph_without_a_fault(network: str, cases: ReferenceCases) -> None:
    assert words_of(diagnosed(planted.without_fault(network), cases.drawn(network))) == ""


@pytest.mark.parametrize("name", SAID)
def test_a_fault_in_the_oracles_graph_is_named_at_its_place_and_nothing_else(name: str, cases: ReferenceCases) -> None:
    fault = SAID[name]
    finding = judge(fault, diagnosed(fault, cases.drawn(fault.network)), heads(fault.network))
    assert finding.outcome == ("named" if fault.place else "harmless"), finding.message
    assert finding.proved


@pytest.mark.parametrize("name", but_for(NOT_A_NUMBER, RETENSORED))
def test_tensors_are_named_in_every_layer_whose_tensors_are_changed_and_in_no_other(
    name: str, cases: ReferenceCases
) -> None:
    fault = RETENSORED[name]
    right = cases.drawn(fault.network).tensors
    wrong = fault.tensors(right)
    causes = diagnosed(fault, cases.drawn(fault.network)).causes
    assert {finding.place for cause in causes for finding in cause.findings} == {
        split(tensor)[0] for tensor in right if not np.array_equal(right[tensor], wrong[tensor])
    }


# What is wrong in the table, or is said besides, shows.


@pytest.mark.parametrize(
    ("causes", "outcome"),
    [
        (("stride", "rate"), "named"),
        (("stride",), "named +"),
        (("rate", "stride"), "elsewhere"),
        (("stride", "rate", "padding"), "elsewhere"),
    ],
)
def test_of_several_causes_all_are_said_and_the_first_at_its_place(
    causes: tuple[str, ...], outcome: str, cases: ReferenceCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = INFERENCE["rate-for-stride"]
    diagnosis = diagnosed(fault, cases.drawn(fault.network))
    monkeypatch.setitem(CAUSES, fault.name, causes)
    finding = judge(fault, diagnosis, frozenset())
    assert finding.outcome == outcome
    assert (finding.message == "") == (outcome == "named")


def test_what_is_taken_for_another_network_is_not_named(cases: ReferenceCases) -> None:
    diagnosis = diagnosed(EPSILON, cases.drawn(EPSILON.network))
    finding = judge(EPSILON, replace(diagnosis, matched=3, alike=3), frozenset())
    assert finding.outcome == "elsewhere"
    assert finding.message.startswith("another network: 3 of 26 layers have a counterpart")


@pytest.mark.parametrize(
    ("said", "ran", "outcome"), [(False, False, "not run"), (True, False, "false alarm"), (True, True, "named")]
)
def test_a_fault_in_a_head_is_named_where_the_head_runs(
    said: bool, ran: bool, outcome: str, cases: ReferenceCases
) -> None:
    fault = INFERENCE["auxiliary-heads-swapped"]
    drawn = cases.drawn(fault.network)
    diagnosis = diagnosed(fault if said else planted.without_fault(fault.network), drawn)
    assert judge(fault, diagnosis, heads(fault.network) if ran else frozenset()).outcome == outcome


@pytest.mark.parametrize(
    ("name", "outcome", "said"),
    [
        ("epsilon-1e-3", "no tracing", "oracle opens no models of others."),
        ("tf32-left-on", "no surgery", "There is no surgery for oracle."),
    ],
)
def test_a_backend_is_not_diagnosed_that_traces_nothing_or_has_no_surgery(
    name: str, outcome: str, said: str, cases: ReferenceCases
) -> None:
    with BackendProcess("oracle") as process:
        finding = Diagnosing(process, "cpu", cases).find(INFERENCE[name])
    assert (finding.outcome, finding.message) == (outcome, said)
