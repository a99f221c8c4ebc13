"""Faults of inference planted in native objects that are traced: a diagnosis names each at its place, and nothing else.

`isomorph conformance faults --diagnose` shows them as a table.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.faults.catalogue import CATALOGUE
from isomorph.conformance.faults.causes import place_in
from isomorph.conformance.faults.changes import edit_all
from isomorph.conformance.faults.diagnosing import Diagnosing
from isomorph.conformance.faults.planted import UNCHANGED
from isomorph.conformance.faults.reference_case import ReferenceCases
from isomorph.conformance.likeness import diagnosis
from isomorph.conformance.likeness.causes import attributes
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.suite.selection import but_in_pytorch

BACKENDS = ["pytorch", "keras", "paddle"]

INFERENCE = [name for name, fault in CATALOGUE.items() if not fault.learned]


EPSILON = CATALOGUE["epsilon-1e-3"]

NOT_A_NUMBER = "a ReLU or a pool that drops what is not a number is not told from others"
FLATTENED = "an adaptive pool in other operations, that is flattened in another order, is told as more layers"
BEHIND_PADDING = "numbers that are rounded between a layer of padding and its convolution are not told"
NO_REPAIR = "kernels that no operation rounds are not rounded in the proof"

NOT_YET: dict[str, dict[str, str]] = {
    "pytorch": {},
    "keras": {
        "dense-flattened-nchw": FLATTENED,
        **dict.fromkeys(("tf32-left-on", "bfloat16-left-on", "float32-for-float64"), BEHIND_PADDING),
    },
    "paddle": {
        "mean-variance-swapped": NOT_A_NUMBER,
        **dict.fromkeys(("tf32-left-on", "bfloat16-left-on"), NO_REPAIR),
    },
}
"""Backend -> fault -> what a diagnosis cannot do yet, in its native objects."""


def but_in_pytorch_alone(backend: str, _parameters: Mapping[str, Any]) -> bool:
    """Whether PyTorch stands for a backend: of what is made of a diagnosis, whatever was traced."""
    return backend != "pytorch"


@pytest.fixture(scope="module")
def cases(share: Share) -> ReferenceCases:
    return ReferenceCases(share)


@pytest.fixture(scope="module")
def all_diagnosing() -> dict[str, Diagnosing]:
    """By backend: what is right is tried once in each."""
    return {}


@pytest.fixture
def diagnosing(
    process: BackendProcess, cases: ReferenceCases, all_diagnosing: dict[str, Diagnosing], pytestconfig: pytest.Config
) -> Diagnosing:
    device = pytestconfig.getoption("--device", default="cpu")
    return all_diagnosing.setdefault(process.name, Diagnosing(process, device, cases))


@pytest.mark.thorough_where(
    where=but_in_pytorch("name", "explicit-for-same", "relu-before-batch-norm", "identity-behind-preact")
)
@pytest.mark.parametrize("name", INFERENCE)
def test_a_planted_fault_is_named_at_its_place_and_nothing_else_is_said(
    name: str, diagnosing: Diagnosing, request: pytest.FixtureRequest
) -> None:
    """One in an auxiliary head is not run, unless it is somewhere else, too."""
    if reason := NOT_YET[diagnosing.process.name].get(name):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    fault = CATALOGUE[name]
    finding = diagnosing.find(fault)
    place = place_in(fault, frozenset())
    assert finding.outcome == ("harmless" if fault.is_harmless else "named" if place else "not run"), finding.message
    assert finding.place == place
    assert finding.proved is (None if name == "dropout-left-on" else True), "what is dropped is drawn anew each time"


@pytest.mark.thorough_where(where=but_in_pytorch_alone)
def test_nothing_is_named_without_explanations(diagnosing: Diagnosing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "explain", Explanation)
    finding = diagnosing.find(EPSILON)
    assert (finding.outcome, finding.message) == ("missed", "conv1 differs, and nothing says why")


@pytest.mark.thorough_where(where=but_in_pytorch_alone)
def test_a_diagnosis_that_fails_costs_its_fault_alone(diagnosing: Diagnosing, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosing.find(EPSILON)  # and with it the control
    with monkeypatch.context() as patch:
        patch.setattr(diagnosis, "explain", lambda _: 1 // 0)
        finding = diagnosing.find(EPSILON)
    assert finding.outcome == "error"
    assert finding.message.startswith("The diagnosis failed: ZeroDivisionError: integer division")
    assert diagnosing.find(EPSILON).outcome == "named"


@pytest.mark.thorough_where(where=but_in_pytorch_alone)
def test_a_fault_is_not_named_whose_own_explanation_is_left_out(
    diagnosing: Diagnosing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attributes, "_attributes", lambda *_: iter(()))
    finding = diagnosing.find(EPSILON)
    assert (finding.outcome, [cause.cause for cause in finding.causes]) == ("elsewhere", ["unexplained"])


@pytest.mark.thorough_where(where=but_in_pytorch_alone)
@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param({"place": "pool1"}, "elsewhere", id="said to be elsewhere"),
        pytest.param({"plant": UNCHANGED}, "missed", id="that is none"),
        pytest.param({"place": None}, "false alarm", id="said to be none"),
        pytest.param({"name": "epsilon-1e-5"}, "named", id="of the same cause"),
        pytest.param({"name": "stride-on-first-1x1"}, "elsewhere", id="of another cause"),
    ],
)
def test_a_fault(change: Mapping[str, Any], outcome: str, diagnosing: Diagnosing) -> None:
    assert diagnosing.find(replace(EPSILON, **change)).outcome == outcome


@pytest.mark.thorough_where(where=but_in_pytorch_alone)
def test_nothing_is_decided_where_the_network_is_diagnosed_without_the_fault(
    diagnosing: Diagnosing, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = edit_all("gamma", lambda value: value * 1.5)
    monkeypatch.setattr("isomorph.conformance.faults.planted.UNCHANGED", wrong)
    fresh = Diagnosing(diagnosing.process, diagnosing.networks.device, diagnosing.cases)
    finding = fresh.find(CATALOGUE["unit-skipped"])
    assert finding.outcome == "unfit"
    assert finding.message.startswith("Without the fault bottlenecks is diagnosed, too: times a factor: conv1")


@pytest.mark.thorough_where(where=but_in_pytorch_alone)
def test_a_backend_without_float64_is_diagnosed_in_float32(
    diagnosing: Diagnosing, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, trace, traced_in = BackendProcess.build, RemoteNetwork.trace, set()

    def build_float32(process: BackendProcess, *arguments: Any, **options: Any) -> RemoteNetwork:
        if "float64" in arguments:
            raise Unavailable("There is no float64.")
        return build(process, *arguments, **options)

    def traced(network: RemoteNetwork, images: Any) -> Graph:
        traced_in.add((network.dtype, images.dtype.name))
        return trace(network, images)

    monkeypatch.setattr(BackendProcess, "build", build_float32)
    monkeypatch.setattr(RemoteNetwork, "trace", traced)
    fresh = Diagnosing(diagnosing.process, diagnosing.networks.device, diagnosing.cases)
    assert fresh.find(EPSILON).outcome == "named"
    assert traced_in == {("float32", "float32")}
