"""Recorded end points, without a framework: the catalogue's mistakes, made by the oracle, are placed and explained."""

from functools import cache

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.faults.catalogue import CATALOGUE
from isomorph.conformance.faults.fault import Fault, Redesign, Retensor
from isomorph.conformance.faults.networks import CASES
from isomorph.conformance.likeness.hypotheses.logits import diagnose_logits
from isomorph.conformance.likeness.hypotheses.recorded import RecordedDiagnosis, diagnose_recorded

INFERENCE = {
    name: fault
    for name, fault in CATALOGUE.items()
    if not fault.learned and isinstance(fault.plant, Redesign | Retensor)
}
"""The mistakes that the oracle can make: another architecture, and other tensors."""

NOT_EXPLAINED = {
    "classes-1001": "its logits have other axes, and no counterpart",
    "shortcuts-left-out": "a recorded shortcut is of no layer there",
    "projection-for-zeros": "a convolution that nothing else knows gives it",
    "weight-off-by-1e-3": "one value of many is another, whichever",
    "dense-map-not-pooled": "the logits are a map there",
    "auxiliary-pool-fixed": "the pool of a head is another kind of pool",
}
"""What end points alone do not tell, and why."""

NOT_BY_LOGITS = {
    *NOT_EXPLAINED,
    "pool-zero-for-lowest",
    "pool-lowest-for-zero",
    "variance-unbiased",
    "variance-less-epsilon",
    "batch-norms-swapped",
    "units-swapped",
    "weights-tied",
    "stride-in-first-unit",
    "rate-ignored",
    "rate-too-early",
    "identity-behind-preact",
    "projection-before-preact",
    "projection-not-normed",
    "dropout-scaled",
    "inception-3x3-for-5x5",
    "unit-skipped",
}


@cache
def drawn(name: str) -> tuple[Array, dict[str, Array]]:
    case = CASES[name]
    images = draw_images(case.network, 2, case.height, case.width)
    return images, draw_tensors(case.network, images)


@cache
def recorded(name: str) -> dict[str, Array]:
    """What a network with a mistake gives."""
    fault = INFERENCE[name]
    images, right = drawn(fault.network)
    network = OracleNetwork(fault.architecture, Options(dtype="float64"))
    network.load(fault.tensors(right), partial=True)
    with np.errstate(all="ignore"):
        end_points = network.end_points(images)
    return {name: value for name, value in end_points.items() if name != "predictions"}


def diagnosed(fault: Fault, end_points: dict[str, Array]) -> RecordedDiagnosis:
    images, right = drawn(fault.network)
    return diagnose_recorded(CASES[fault.network].network, right, images, end_points)


@pytest.mark.parametrize("name", INFERENCE)
def test_a_mistake_is_placed_and_explained(name: str) -> None:
    fault = INFERENCE[name]
    found = diagnosed(fault, recorded(name))
    if fault.place is None:
        assert not found.explained
        return
    if name == "classes-1001":
        assert (found.left_over, found.explained) == (["logits"], [])
        return
    first = found.explained[0]
    if name not in ("input-not-transformed", "auxiliary-relu-missing"):
        assert first.place == fault.place
    assert bool(first.findings) == (name not in NOT_EXPLAINED), NOT_EXPLAINED.get(name)


def _as_in_pytorch(x: Array) -> Array:
    """A map [N, C, h, w], and a vector [N, C], in float32."""
    return (x.transpose(0, 3, 1, 2) if x.shape[1] > 1 else x[:, 0, 0]).astype(np.float32)


def test_names_and_axes_of_others_are_matched_by_value() -> None:
    fault = INFERENCE["epsilon-1e-3"]
    right = recorded("epsilon-1e-3")
    scrambled = {f"activation_{number}": _as_in_pytorch(value) for number, value in enumerate(right.values())}
    found = diagnosed(fault, scrambled)
    assert [each.cause for each in found.explained[0].findings] == ["epsilon"]
    assert found.explained[0].findings[0].theirs == found.matched[found.explained[0].place]
    assert found.matched["conv1"] == "activation_0"


def test_without_a_mistake_nothing_is_said() -> None:
    images, right = drawn("bottlenecks")
    network = OracleNetwork(CASES["bottlenecks"].network, Options(dtype="float32"))
    network.load(right)
    found = diagnose_recorded(CASES["bottlenecks"].network, right, images, network.end_points(images))
    assert not found.explained
    assert len(found.matched) > 20


@pytest.mark.parametrize("name", ["epsilon-1e-3", "gamma-beta-swapped", "bgr-for-rgb", "same-for-explicit"])
def test_logits_alone_tell(name: str) -> None:
    fault = INFERENCE[name]
    images, right = drawn(fault.network)
    found = diagnose_logits(CASES[fault.network].network, right, images, recorded(name)["logits"])
    assert found.apart > 1e-9
    assert found.findings


def test_of_logits_that_are_right_nothing_is_said() -> None:
    images, right = drawn("bottlenecks")
    network = OracleNetwork(CASES["bottlenecks"].network, Options(dtype="float64"))
    network.load(right)
    found = diagnose_logits(CASES["bottlenecks"].network, right, images, network.end_points(images)["logits"])
    assert (found.findings, found.tried) == ([], 0)


@pytest.mark.thorough
def test_logits_alone_tell_most() -> None:
    told = {}
    for name, fault in INFERENCE.items():
        if fault.place is None or fault.place.startswith("aux") or "logits" not in recorded(name):
            continue
        images, right = drawn(fault.network)
        logits = recorded(name)["logits"]
        told[name] = bool(diagnose_logits(CASES[fault.network].network, right, images, logits).findings)
    assert {name for name, is_told in told.items() if not is_told} <= NOT_BY_LOGITS
    assert sum(told.values()) >= 0.7 * len(told)
