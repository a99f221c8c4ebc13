"""What the suite checks of its own tables refuses tables that are wrong."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from isomorph.conformance.faults.catalogue import CATALOGUE
from isomorph.conformance.lattice.case import draw_lattice
from isomorph.conformance.suite import test_architectures, test_faults, test_lattice
from isomorph.conformance.suite.assertions import assert_agrees
from isomorph.conformance.suite.network_cases import ALIKE, CASES
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import architecture, infer


def test_a_fault_by_surgery_is_not_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle, on which there is no surgery, could not show that it changes nothing."""
    fault = replace(CATALOGUE["softmax-twice"], place=None)
    monkeypatch.setitem(CATALOGUE, "softmax-twice", fault)
    with pytest.raises(AssertionError, match="could not show to change nothing"):
        test_faults.test_a_fault_is_described_and_planted_somewhere("softmax-twice")


@pytest.mark.parametrize(
    ("name", "run", "refused"),
    [
        pytest.param("keras/ResNet101V2", "keras/ResNet50V2", True, id="of batch norms"),
        pytest.param("torchvision/vgg13", "torchvision/vgg11", False, id="of batch norms that there are not"),
    ],
)
def test_a_network_of_another_epsilon_stands_for_none(
    name: str, run: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES["keras/ResNet50V2"]
    other = replace(case, network=architecture(run, batch_norm_epsilon=0.5))
    monkeypatch.setitem(CASES, "another", other)
    monkeypatch.setitem(ALIKE, name, "another")
    if not refused:
        test_architectures.test_what_is_not_run_is_made_of_what_is(name)
        return
    with pytest.raises(AssertionError):
        test_architectures.test_what_is_not_run_is_made_of_what_is(name)


@pytest.mark.parametrize("constant", [False, True], ids=["that says something", "that says nothing"])
def test_a_lattice_is_refused_for_an_end_point(constant: bool) -> None:
    case = draw_lattice(architecture("mlperf_tiny/resnet8"), 2, 32, 32)
    exact = case.exact | ({"conv1": np.ones_like(case.exact["conv1"])} if constant else {})
    lattice: Any = SimpleNamespace(case=replace(case, exact=exact))
    if not constant:
        test_lattice.test_every_value_is_a_small_integer_and_hardly_a_channel_constant(lattice)
        return
    with pytest.raises(AssertionError, match="an end point that says nothing"):
        test_lattice.test_every_value_is_a_small_integer_and_hardly_a_channel_constant(lattice)


def test_of_parts_run_alone_the_worst_is_named() -> None:
    """A network whose end points agree, but of which two parts, given the oracle's input, do not."""
    drawn: Any = SimpleNamespace(network=architecture("mlperf_tiny/resnet8"), images=np.zeros((1, 32, 32, 3)))
    shapes: Any = infer(drawn.network, 32, 32).shapes(1)
    ratios = dict.fromkeys(shapes, 1.0) | {"conv1": FLOORS, "logits": 2 * FLOORS}
    end_points = [SimpleNamespace(name=name, local_noise_ratio=ratio) for name, ratio in ratios.items()]
    verdict = SimpleNamespace(verdict="pass", message="", end_points=end_points)
    drawn.run = lambda network, dtype: ({name: np.zeros(shape) for name, shape in shapes.items()}, verdict)
    network: Any = None
    with pytest.raises(AssertionError, match=r"^logits, run alone, is 16\.0 noise floors off"):
        assert_agrees(drawn, network, "float32")
    end_points[list(shapes).index("logits")].local_noise_ratio = 0.0
    assert_agrees(drawn, network, "float32")
