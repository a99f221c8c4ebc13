"""Every architecture in every backend: its structure, its tensors bit for bit, its end points in both precisions."""

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess
from isomorph.conformance.drawn_case import DrawnCase
from isomorph.conformance.suite.assertions import assert_agrees, assert_structure, assert_unchanged
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.network_cases import (
    ALIKE,
    CASES,
    DEEP,
    DEEPEST,
    EXHAUSTIVE,
    LACKING,
    NOT_RUN,
    REPRESENTATIVES,
    RUN_AS,
    STRUCTURE_ONLY,
    WITH_OPTIONS,
    some,
)
from isomorph.spec import Architecture, architecture, function, infer, plan, tensor_shapes


def layers_of(network: Architecture) -> set[Hashable]:
    """All kinds of layers that a network has, and in which units, whatever their depth; for inference alone."""
    planned = plan(network.undrawn().with_options(last_gamma=1.0, dropout=0.0))
    found: set[Hashable] = set()
    for kind, layers in (("stem", planned.stem), *((unit.kind, unit.layers) for unit in planned.all_units)):
        for layer in layers:
            kept = {field: value for field, value in vars(layer).items() if field not in ("scope", "depth", "depth_in")}
            kept["groups"] = kept.get("groups", 1) > 1
            found.add((kind, type(layer), *kept.items()))
    return found


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_not_run_is_made_of_what_is(name: str) -> None:
    network, run = architecture(name), CASES[ALIKE[name]].network
    assert layers_of(network) <= layers_of(run)
    if any(layer.batch_norm for layer in plan(network).convolutions):
        assert network.convention.batch_norm_epsilon == run.convention.batch_norm_epsilon


def test_those_that_make_test_runs_have_every_kind_of_layer_and_none_is_there_for_nothing() -> None:
    kinds = {name: layers_of(case.network) for name, case in CASES.items() if name not in EXHAUSTIVE}
    held: Counter[Hashable] = Counter(kind for name in REPRESENTATIVES for kind in kinds[name])
    assert set().union(*kinds.values()) - held.keys() == set()
    alone = {name for name in REPRESENTATIVES for kind in kinds[name] if held[kind] == 1}
    assert {name for name in REPRESENTATIVES - alone if not name.startswith("small: ")} == set()


@pytest.mark.parametrize("name", [name for name, run in RUN_AS.items() if run not in NOT_RUN])
def test_it_is_run_or_another_name_for_what_is(name: str) -> None:
    """In all that the specification says of either."""
    network, run = architecture(name), CASES[RUN_AS[name]].network
    assert function(network) == function(run)
    assert tensor_shapes(network) == tensor_shapes(run)
    assert infer(network).end_points == infer(run).end_points


@pytest.mark.parametrize("name", some(sorted(STRUCTURE_ONLY)))
def test_it_is_built_with_the_specs_tensors(name: str, build: Build) -> None:
    assert_structure(build(architecture(name), "float32").tensors(), architecture(name), "float32")


def is_a_zoos(_backend: str, parameters: Mapping[str, Any]) -> bool:
    """Whether small networks, of all kinds of units, stand for one: in the precision, not in what it is made of."""
    return not parameters["case"].startswith("small: ")


def is_a_zoos_elsewhere(backend: str, parameters: Mapping[str, Any]) -> bool:
    """Whether PyTorch stands for one in Keras and Paddle, and small networks."""
    return backend in ("keras", "paddle") and is_a_zoos(backend, parameters)


def is_made_of_others_elsewhere(backend: str, parameters: Mapping[str, Any]) -> bool:
    """Whether PyTorch stands for one in Keras and Paddle that has no kind of layer of its own."""
    return backend in ("keras", "paddle") and parameters["case"] not in REPRESENTATIVES


@pytest.mark.thorough_where(where=is_a_zoos_elsewhere)
@pytest.mark.exhaustive_where(where=is_made_of_others_elsewhere)
@pytest.mark.parametrize("case", some(CASES), indirect=True)
@pytest.mark.against_the_oracle
def test_in_float64_its_end_points_are_the_oracles_but_for_noise(case: DrawnCase, build: Build) -> None:
    assert_agrees(case, build(case.network, "float64"), "float64")


@pytest.mark.thorough_where(where=is_a_zoos)
@pytest.mark.exhaustive_where(where=is_made_of_others_elsewhere)
@pytest.mark.parametrize(
    "case", some((name for name in CASES if name not in DEEP - DEEPEST), EXHAUSTIVE | WITH_OPTIONS), indirect=True
)
@pytest.mark.against_the_oracle
def test_in_float32_its_end_points_are_the_oracles_but_for_noise(case: DrawnCase, build: Build) -> None:
    network = build(case.network, "float32")
    assert_agrees(case, network, "float32")
    assert_unchanged(network.tensors(), case, "float32")


@pytest.mark.parametrize("case", some(sorted(DEEP - DEEPEST)), indirect=True)
def test_its_tensors_come_back_as_they_were_loaded(case: DrawnCase, build: Build) -> None:
    network = build(case.network, "float32")
    network.load(case.shared[0])
    assert_unchanged(network.tensors(), case, "float32")


# Half precision, where the framework has it: shallow networks, as noise floors of deep ones are wide.
@pytest.mark.parametrize(
    "case", [pytest.param("torchvision/resnet18", marks=pytest.mark.thorough), "cifar/resnet20"], indirect=True
)
@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.thorough)])
@pytest.mark.against_the_oracle
def test_in_half_precision_its_end_points_are_the_oracles_but_for_noise(
    case: DrawnCase, dtype: str, build: Build, process: BackendProcess, device: str
) -> None:
    if (process.name, dtype, device) in LACKING:
        with pytest.raises(Unavailable, match=f"has no {dtype} convolution"):
            build(case.network, dtype)
        return
    _, run = case.run(build(case.network, dtype), dtype)
    assert run.verdict == "pass", run.message
