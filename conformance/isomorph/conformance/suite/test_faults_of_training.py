"""Faults of training: what each tier has to name, and that the oracle itself, with the fault, is named there."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import Precision
from isomorph.backends.oracle.training import TrainingPass
from isomorph.backends.protocol import Options
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.faults.catalogue import CATALOGUE, SUBJECTS
from isomorph.conformance.faults.fault import Fault, Retrain, Surgery
from isomorph.conformance.faults.finding import INFERENCE, TRAINING, TierFinding, decide
from isomorph.conformance.faults.kinks import CHANNEL
from isomorph.conformance.faults.learning import TrainingReferenceCase
from isomorph.conformance.faults.networks import CASES, FROZEN
from isomorph.conformance.faults.reference_case import ReferenceCases
from isomorph.conformance.training.reference import LOSS, VELOCITY
from isomorph.spec import is_trainable, plan, tensor_shapes

LEARNED = {name: fault for name, fault in CATALOGUE.items() if fault.learned}
# Without what the oracle has none of: native objects, and dropout in training.
SAID = {
    name: fault
    for name, fault in LEARNED.items()
    if not isinstance(fault.plant, Surgery) and fault not in SUBJECTS["dropout"]
}


@pytest.fixture(scope="module")
def cases(share: Share) -> ReferenceCases:
    return ReferenceCases(share)


def named(fault: Fault, reference_case: TrainingReferenceCase, dtype: str = "float64") -> dict[str, str | None]:
    """What each tier of training names of the oracle with the fault in it; tiers that see or ask nothing do not."""
    options = Options(dtype=dtype, training=True, freeze_batch_norm=fault.network in FROZEN)
    network = OracleNetwork(fault.architecture.without_dropout(), options)
    found = reference_case.ask(network, fault.plant if isinstance(fault.plant, Retrain) else Retrain())
    return {tier.tier: tier.first for tier in found if tier.caught}


@pytest.mark.parametrize("name", LEARNED)
def test_a_fault_of_training_is_named_by_tensors_that_there_are(name: str) -> None:
    fault = LEARNED[name]
    tensors = tensor_shapes(fault.case.network)
    assert fault.place is None
    assert fault.learned.keys() <= {*TRAINING}
    if place := fault.learned.get("gradients"):
        dropping = {layer.scope for layer in plan(fault.case.network).convolutions if layer.dropout}
        assert place in {LOSS, *filter(is_trainable, tensors), *dropping}
    if place := fault.learned.get("statistics"):
        assert place in tensors
        assert not is_trainable(place)
    if place := fault.learned.get("steps"):
        assert place.removeprefix(VELOCITY) in tensors


@pytest.mark.parametrize("name", SAID)
def test_the_oracle_with_it_is_named_where_it_is_planted_and_nowhere_else(name: str, cases: ReferenceCases) -> None:
    assert named(SAID[name], cases.training(SAID[name].network)) == SAID[name].learned


@pytest.mark.parametrize("network", sorted({fault.network for fault in LEARNED.values()}))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_oracle_without_it_passes(network: str, dtype: str, cases: ReferenceCases) -> None:
    none = Fault("none", "", "", network, None, Retrain())
    assert named(none, cases.training(network), dtype) == {}


def test_training_is_on_four_images_of_the_cases_size(cases: ReferenceCases) -> None:
    assert cases.training("two units").case.images.shape == (4, 49, 64, 3)


@pytest.mark.parametrize(
    ("verdicts", "finding"),
    [
        pytest.param(["pass", "pass"], TierFinding("gradients", False), id="pass"),
        pytest.param(["pass", "fail"], TierFinding("gradients", True, "fc7", None, "told"), id="of which one fails"),
        pytest.param(["unavailable", "fail"], TierFinding("gradients", None, message="told"), id="that cannot be had"),
    ],
)
def test_what_gradients_show_of_dropout_by_verdicts(verdicts: list[str], finding: TierFinding) -> None:
    reference_case: Any = SimpleNamespace(
        dropout=SimpleNamespace(
            verdicts=lambda _: [
                SimpleNamespace(verdict=verdict, first_divergence="fc7", message="told") for verdict in verdicts
            ]
        )
    )
    network: Any = None
    assert TrainingReferenceCase.ask_dropout(reference_case, network) == finding


def test_steps_are_asked_of_float64_alone(cases: ReferenceCases) -> None:
    fault = LEARNED["l2-left-out"]
    assert named(fault, cases.training(fault.network), "float32") == {}


@pytest.mark.parametrize(("network", "bend"), [("two units", 0.0), ("two units, with ReLU6", 6.0)])
def test_one_channel_is_exactly_on_a_bend(network: str, bend: float, cases: ReferenceCases) -> None:
    case = cases.training(network).case
    forward = TrainingPass(
        plan(case.architecture),
        {name: value.astype(np.float64) for name, value in case.tensors.items()},
        case.images.astype(np.float64),
        Precision("float64"),
    )
    on_it = [name for name, y in forward.values.items() if np.all(y[..., CHANNEL] == bend)]
    assert on_it == ["units/unit_2/basic_v1/conv1"]


def test_frozen_networks_are_cases() -> None:
    assert CASES.keys() >= FROZEN


# What the tiers of training name, None where they see nothing, "-" where they are not run; of a fault that gradients
# have to name at "loss" and steps at "conv1/weights".
@pytest.mark.parametrize(
    ("gradients", "statistics", "steps", "outcome"),
    [
        ("loss", None, "conv1/weights", "caught"),
        ("loss", None, "-", "caught"),
        ("loss", None, None, "elsewhere"),
        ("images", None, "conv1/weights", "elsewhere"),
        ("loss", "conv1/BatchNorm/moving_mean", "conv1/weights", "elsewhere"),
        (None, None, None, "missed"),
        (None, None, "-", "undecided"),
        ("-", "-", "-", "no training"),
    ],
)
def test_what_the_tiers_of_training_say_comes_to(
    gradients: str | None, statistics: str | None, steps: str | None, outcome: str
) -> None:
    told = [finding(*each) for each in zip(TRAINING, (gradients, statistics, steps), strict=True)]
    silent = [finding(tier, None) for tier in INFERENCE]
    learned = {"gradients": "loss", "steps": "conv1/weights"}
    assert decide("fault", None, (*silent, *told), learned).outcome == outcome


@pytest.mark.parametrize("trained", ["loss", "-"])
def test_a_fault_of_training_that_inference_sees_is_another(trained: str) -> None:
    tiers = (finding("float64", "conv1"), *(finding(tier, trained) for tier in TRAINING))
    assert decide("fault", None, tiers, dict.fromkeys(TRAINING, "loss")).outcome == "elsewhere"


def finding(tier: str, first: str | None) -> TierFinding:
    return TierFinding(tier, None) if first == "-" else TierFinding(tier, first is not None, first)
