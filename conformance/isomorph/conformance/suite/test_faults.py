"""The catalogue of planted faults: each is well described, and the oracle itself sees it at its place, or nowhere."""

import ast
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from isomorph.conformance.drawn_case import Share
from isomorph.conformance.faults.catalogue import CATALOGUE, SUBJECTS, find_faults
from isomorph.conformance.faults.changes import edit
from isomorph.conformance.faults.fault import LearningSurgery, Surgery
from isomorph.conformance.faults.finding import TierFinding, decide
from isomorph.conformance.faults.networks import CASES
from isomorph.conformance.faults.reference_case import ReferenceCases, seen_by_oracle
from isomorph.conformance.faults.structure import Structure
from isomorph.conformance.faults.surgery import SURGEONS, TRAINERS, surgeon_of, trainer_of
from isomorph.spec import BadInput, plan

SAID = {name: fault for name, fault in CATALOGUE.items() if not isinstance(fault.plant, Surgery)}
CUT = {name: fault.plant for name, fault in CATALOGUE.items() if isinstance(fault.plant, Surgery)}

SOURCE = re.compile(
    r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+"
    r"|(keras 3\.15\.1|paddlepaddle 3\.3\.1|torchvision 0\.28\.0|google-research/tf-slim@1287b1ef|isomorph)"
    r": [\w/]+\.py\b.*"
)


@pytest.fixture(scope="module")
def cases(share: Share) -> ReferenceCases:
    return ReferenceCases(share)


def test_every_fault_has_a_name_of_its_own() -> None:
    assert sum(map(len, SUBJECTS.values())) == len(CATALOGUE)
    assert sum(fault.place is not None for fault in CATALOGUE.values()) >= 40
    assert sum(bool(fault.learned) for fault in CATALOGUE.values()) >= 20


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_fault_is_described_and_planted_somewhere(name: str) -> None:
    fault = CATALOGUE[name]
    assert re.fullmatch(r"[a-z0-9.-]{3,25}", name)
    assert re.fullmatch(r"[A-Z].*[^.]\.", fault.says), "one sentence"
    assert SOURCE.fullmatch(fault.source)
    assert fault.network in CASES
    if fault.is_harmless:
        assert not isinstance(fault.plant, Surgery), "which the oracle could not show to change nothing"
    elif fault.place:
        assert fault.place in plan(fault.case.network).end_points
        assert not fault.learned


def test_every_network_has_a_fault() -> None:
    assert {fault.network for fault in CATALOGUE.values()} == CASES.keys()


@pytest.mark.parametrize("name", SAID)
def test_the_oracle_sees_it_at_its_place_or_nowhere(name: str, cases: ReferenceCases) -> None:
    fault = SAID[name]
    assert seen_by_oracle(fault, cases[fault.network]) == fault.place


def test_the_oracle_sees_what_is_said_to_be_none_and_is_some(cases: ReferenceCases) -> None:
    fault = replace(CATALOGUE["pool-zero-behind-relu"], network="preactivated")
    assert seen_by_oracle(fault, cases["preactivated"]) == "pool1"


def functions(module: str) -> dict[str, str]:
    """The public functions of a file of surgery, with their arguments but the network; the file is not imported."""
    spec = find_spec(module)
    assert spec
    assert spec.origin
    found = [node for node in ast.parse(Path(spec.origin).read_text()).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.unparse(node.args).partition(", ")[2] for node in found if not node.name.startswith("_")}


@pytest.mark.parametrize("backend", SURGEONS)
@pytest.mark.parametrize("modules", [SURGEONS, TRAINERS], ids=["of inference", "of training"])
def test_every_backend_has_the_same_surgery(modules: dict[str, str], backend: str) -> None:
    assert functions(modules[backend]) == functions(modules["pytorch"])


def of(plant: Surgery) -> dict[str, str]:
    """The functions that a plant has to be among."""
    return functions((TRAINERS if isinstance(plant, LearningSurgery) else SURGEONS)["pytorch"])


@pytest.mark.parametrize("name", CUT)
def test_surgery_is_asked_for_by_name_and_arguments(name: str) -> None:
    """All that have no default, and none that there is not."""
    asked = of(CUT[name])[CUT[name].function].split(", ")
    required = {each.partition(":")[0] for each in asked if each and "=" not in each}
    assert required <= CUT[name].arguments.keys() <= {each.partition(":")[0] for each in asked}


def test_all_surgery_is_asked_for() -> None:
    asked = {(surgery.function, isinstance(surgery, LearningSurgery)) for surgery in CUT.values()}
    assert {name for name, learning in asked if not learning} == functions(SURGEONS["pytorch"]).keys()
    assert {name for name, learning in asked if learning} == functions(TRAINERS["pytorch"]).keys()


def test_keras_has_one_surgeon_for_all_its_engines_and_the_oracle_none() -> None:
    assert surgeon_of("keras:jax") == surgeon_of("keras") == SURGEONS["keras"]
    assert trainer_of("keras:jax") == trainer_of("keras") == TRAINERS["keras"]
    assert surgeon_of("oracle") is trainer_of("oracle") is None


def test_faults_are_found_by_name_in_the_catalogues_order() -> None:
    assert [fault.name for fault in find_faults(["tf32-left-on", "epsilon-1e-3"])] == ["epsilon-1e-3", "tf32-left-on"]
    assert find_faults(None) == tuple(CATALOGUE.values())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("epsilon-1e3", "There is no fault 'epsilon-1e3'; did you mean epsilon-1e-3 or "),
        ("zzz", "There is no fault 'zzz'; `isomorph conformance faults --list` shows all."),
    ],
)
def test_a_fault_that_there_is_not_is_refused(name: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        find_faults([name])
    assert str(caught.value).startswith(said)


def test_what_is_changed_leaves_the_right_tensors_alone() -> None:
    right = {"a/weights": np.ones(3, np.float32), "b/weights": np.ones(2, np.float32)}
    wrong = edit("a/weights", lambda value: value * 2).change(right)
    assert wrong["a/weights"].tolist() == [2, 2, 2]
    assert wrong["a/weights"].dtype == np.float32
    assert wrong["b/weights"] is right["b/weights"]
    assert right["a/weights"].tolist() == [1, 1, 1]


# caught, first end point, born there: of two tiers; and what they come to for a fault at "conv1", or one that is none
SAW, MISSED, NOT_RUN = (True, "conv1", True), (False, None, None), (None, None, None)
ELSEWHERE, INHERITED = (True, "pool1", True), (True, "conv1", False)
Told = tuple[bool | None, str | None, bool | None]


@pytest.mark.parametrize(
    ("place", "told", "outcome"),
    [
        ("conv1", (SAW, SAW), "caught"),
        ("conv1", (SAW, MISSED), "caught"),
        ("conv1", (NOT_RUN, SAW), "caught"),
        ("conv1", (SAW, ELSEWHERE), "elsewhere"),
        ("conv1", (MISSED, INHERITED), "elsewhere"),
        ("conv1", (MISSED, MISSED), "missed"),
        ("conv1", (MISSED, NOT_RUN), "undecided"),
        (None, (MISSED, MISSED), "harmless"),
        (None, (MISSED, SAW), "false alarm"),
    ],
)
def test_what_the_tiers_say_comes_to(place: str | None, told: tuple[Told, Told], outcome: str) -> None:
    tiers = tuple(TierFinding(tier, *each) for tier, each in zip(("float64", "float32"), told, strict=True))
    assert decide("fault", place, tiers).outcome == outcome


@pytest.mark.parametrize(
    ("options", "first", "said", "comparable"),
    [
        ({}, None, None, True),
        ({"bottleneck_stride": "conv1"}, "block1/unit_3/bottleneck_v1/conv1", "2x7x8x2 stands where", True),
        ({"num_classes": 3}, "logits", "logits 2x1x1x3 stands where logits 2x1x1x10 was expected", False),
        (
            {"shortcut_batch_norm": False},
            "block1/unit_1/bottleneck_v1/shortcut",
            "shortcut/BatchNorm/gamma is not there, expected 8",
            False,
        ),
        ({"shortcut": "none"}, "block1/unit_1/bottleneck_v1/shortcut", "shortcut 2x13x16x8 was expected", False),
        ({"num_classes": None}, "logits", "nothing stands where logits 2x1x1x10 was expected", False),
    ],
)
def test_a_structure_differs_first_where_a_name_or_a_shape_does(
    options: dict[str, object], first: str | None, said: str | None, comparable: bool
) -> None:
    case = CASES["bottlenecks"]
    right = Structure.of(case.network, case.height, case.width)
    other = Structure.of(case.network.with_options(**options), case.height, case.width)
    found = right.first_difference(other)
    assert right.is_comparable(other) is comparable
    assert (found and found[0]) == first
    assert found is None or (said and said in found[1])
