"""Keras's other engines, keras:jax and keras:torch, in the one precision that they have: the oracle but for noise."""

import pytest

from isomorph.backends import Unavailable
from isomorph.conformance.drawn_case import Case, DrawnCase
from isomorph.conformance.small_networks import KIN, shortened
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import architecture

pytestmark = pytest.mark.thorough  # Keras on TensorFlow stands for its other engines

BACKENDS = ["keras:jax", "keras:torch"]

# JAX compiles every operation for every shape that it meets: few units, few shapes.
CASES = {
    "bottlenecks that stride in conv1": Case(shortened(KIN["bottlenecks that stride in conv1"]), 49, 64),
    "slim's small network": Case(shortened(KIN["slim's bottlenecks"]), 49, 64),
    "slim's small network with dense logits at output stride 8": Case(
        shortened(KIN["slim's bottlenecks"]).with_options(output_stride=8, global_pool=False), 49, 64
    ),
    "cifar/resnet20": Case(shortened(architecture("cifar/resnet20")), 27, 35),
}


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_in_float32_its_end_points_and_answer_are_the_oracles_but_for_noise(case: DrawnCase, build: Build) -> None:
    network = build(case.network, "float32")
    _, run = case.run(network, "float32")
    assert run.verdict == "pass", run.message
    ratio = case.reference.answer_ratio(network.answer(case.images), "float32")
    assert ratio <= FLOORS, f"the answer is {ratio:.3g} noise floors off"


def test_float64_is_not_available_and_it_says_why(build: Build) -> None:
    with pytest.raises(Unavailable, match=r"^Keras on (jax|torch) computes parts of float64 in float32\.$"):
        build(CASES["cifar/resnet20"].network, "float64")
