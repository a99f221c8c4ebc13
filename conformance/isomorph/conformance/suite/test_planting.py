"""Faults planted in every backend: some of each subject and all kinds of surgery, each caught at its own place.

`isomorph conformance faults` plants them all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess, RemoteNetwork
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.faults.catalogue import CATALOGUE, SUBJECTS
from isomorph.conformance.faults.changes import edit_all
from isomorph.conformance.faults.fault import Retensor, Surgery
from isomorph.conformance.faults.finding import INFERENCE, TRAINING, Finding
from isomorph.conformance.faults.planting import Planting
from isomorph.conformance.faults.reference_case import ReferenceCases
from isomorph.conformance.faults.surgery import surgeon_of
from isomorph.conformance.suite.selection import but_in_pytorch, not_the_oracle

# Which tiers see it. The lattice sees no rounding, as small integers stand it; float32 sees no thousandth of epsilon.
# What is wrong in training alone no tier of inference can see.
ALL, VALUES, FLOATS = INFERENCE, ("lattice", "float64", "float32"), ("float64", "float32")
BACKWARDS, FOLLOWING, STEPPING = ("gradients", "steps"), ("statistics", "steps"), ("steps",)
SEEN_BY = {
    "stride-on-first-1x1": ALL,
    "same-for-explicit": VALUES,
    "unit-skipped": ("structure",),
    "epsilon-2e-5": VALUES,
    "epsilon-1.001e-5": ("float64",),
    "dense-flattened-nchw": VALUES,
    "weight-off-by-1e-3": FLOATS,
    "pool-zero-behind-relu": (),
    "relu6-for-relu": VALUES,
    "dropout-scaled": VALUES,
    "rate-not-multiplied": VALUES,
    "relu-missing-in-stem": VALUES,
    "relu-missing-behind-sum": VALUES,
    "relu-before-sum": VALUES,
    "relu-before-batch-norm": VALUES,
    "identity-behind-preact": VALUES,
    "projection-before-preact": VALUES,
    "softmax-twice": VALUES,
    "dropout-left-on": VALUES,
    "batch-norm-in-training": VALUES,
    "tf32-left-on": FLOATS,
    "float32-for-float64": ("float64",),
    "decay-for-momentum": FOLLOWING,
    "running-variance-biased": FOLLOWING,
    "statistics-follow-twice": FOLLOWING,
    "frozen-yet-following": FOLLOWING,
    "moved-at-inference": ("statistics",),
    "frozen-unasked": TRAINING,
    "relu-slope-half-at-0": BACKWARDS,
    "relu6-slope-1-at-6": BACKWARDS,
    "statistics-as-constants": BACKWARDS,
    "auxiliary-head-detached": BACKWARDS,
    "dropout-keeps-its-share": ("gradients",),
    "dropout-never-scaled": ("gradients",),
    "dropout-scaled-twice": ("gradients",),
    "loss-summed": BACKWARDS,
    "softmax-before-loss": BACKWARDS,
    "auxiliary-loss-weighs-0.4": BACKWARDS,
    "momentum-dampened": STEPPING,
    "nesterov": STEPPING,
    "velocity-forgotten": STEPPING,
    "decay-decoupled": STEPPING,
    "l2-on-all-tensors": STEPPING,
}


def surgery(names: Iterable[str]) -> set[str]:
    """The functions that faults are planted by."""
    return {plant.function for name in names if isinstance(plant := CATALOGUE[name].plant, Surgery)}


def test_all_subjects_and_all_surgery_are_among_them() -> None:
    assert all(SEEN_BY.keys() & {fault.name for fault in faults} for faults in SUBJECTS.values())
    assert surgery(SEEN_BY) == surgery(CATALOGUE)


@pytest.fixture(scope="module")
def cases(share: Share) -> ReferenceCases:
    return ReferenceCases(share)


@pytest.fixture(scope="module")
def plantings() -> dict[str, Planting]:
    """By backend: what is right is tried once in each."""
    return {}


@pytest.fixture
def planting(
    process: BackendProcess,
    cases: ReferenceCases,
    plantings: dict[str, Planting],
    pytestconfig: pytest.Config,
) -> Planting:
    device = pytestconfig.getoption("--device", default="cpu")
    return plantings.setdefault(process.name, Planting(process, device, cases))


def without_surgery(backend: str, parameters: Mapping[str, Any]) -> bool:
    """Whether the oracle stands for a backend: of faults in the specification or in the tensors, not in its object."""
    return not_the_oracle(backend, parameters) and not isinstance(CATALOGUE[parameters["name"]].plant, Surgery)


@pytest.mark.thorough_where(where=without_surgery)
@pytest.mark.thorough_where(
    where=but_in_pytorch("name", "relu-missing-in-stem", "moved-at-inference", "momentum-dampened")
)
@pytest.mark.parametrize("name", SEEN_BY)
def test_a_planted_fault_is_caught_at_its_place_by_the_tiers_that_can_see_it(
    name: str, planting: Planting, process: BackendProcess
) -> None:
    fault = CATALOGUE[name]
    finding = planting.find(fault)
    if isinstance(fault.plant, Surgery) and surgeon_of(process.name) is None:
        assert finding.outcome == "no surgery"
        return
    if fault.learned and not _run(finding) & {*TRAINING}:
        assert finding.outcome == "no training"
        return
    told = "; ".join(f"{tier.tier} at {tier.first}: {tier.message}" for tier in finding.tiers if tier.caught)
    seen_by = tuple(tier for tier in SEEN_BY[name] if tier in _run(finding))
    assert tuple(tier.tier for tier in finding.tiers if tier.caught) == seen_by, told or finding.message
    assert finding.outcome == ("caught" if seen_by else "harmless" if fault.is_harmless else "undecided"), told


def _run(finding: Finding) -> set[str]:
    """The tiers that were run: some backends have no float64."""
    return {tier.tier for tier in finding.tiers if tier.caught is not None}


def test_a_fault_planted_elsewhere_than_it_is_said_to_be_is_told_apart(planting: Planting) -> None:
    fault = replace(CATALOGUE["same-for-explicit"], place="pool1")
    assert planting.find(fault).outcome == "elsewhere"


def test_a_fault_that_is_none_is_missed_where_it_is_said_to_be_some(planting: Planting) -> None:
    fault = replace(CATALOGUE["same-for-explicit"], plant=Retensor(lambda tensors: tensors))
    assert planting.find(fault).outcome == "missed"


def test_a_fault_of_training_that_another_tier_should_see_is_told_apart(planting: Planting) -> None:
    fault = CATALOGUE["decay-for-momentum"]
    finding = planting.find(replace(fault, learned={"gradients": "loss"}))
    assert finding.outcome == ("elsewhere" if _run(finding) & {*TRAINING} else "no training")


def test_a_backend_that_cannot_be_trained_has_no_faults_of_training(
    planting: Planting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RemoteNetwork, "gradients", untrained)
    monkeypatch.setattr(RemoteNetwork, "observe", untrained)
    monkeypatch.setattr(RemoteNetwork, "step", untrained)
    fresh = Planting(planting.process, planting.networks.device, planting.cases)
    assert fresh.find(CATALOGUE["decay-for-momentum"]).outcome == "no training"


def untrained(*_: object) -> NoReturn:
    raise Unavailable("It cannot be trained by way of the protocol.")


def test_nothing_is_decided_where_the_network_does_not_pass_without_the_fault(
    planting: Planting, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = edit_all("weights", lambda value: value * 1.5)
    monkeypatch.setattr("isomorph.conformance.faults.planted.UNCHANGED", wrong)
    fresh = Planting(planting.process, planting.networks.device, planting.cases)
    finding = fresh.find(CATALOGUE["same-for-explicit"])
    assert finding.outcome == "unfit"
    assert finding.message.startswith("Without the fault bottlenecks fails, too, by its lattice: conv1 is the first")
