"""Exactly where a ReLU bends its gradient is zero, in every backend: at 0 and, of ReLU6, at 6.

Other cases of training keep away from bends, as rounding takes values to either side of them. These put values on them
that have no rounding: what a batch norm makes with a gamma of zero is its beta. Networks that begin with such gammas
(Goyal et al., 2017, section 5.1) start right there: behind a unit's sum, where its shortcut is zero, too.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from isomorph.backends.oracle import pullbacks
from isomorph.backends.oracle.pullbacks import Pullback
from isomorph.backends.protocol import Array
from isomorph.conformance.suite import training_cases
from isomorph.conformance.suite.learning import DTYPES, Learning, assert_passes, unless_unavailable
from isomorph.conformance.training.drawn import DrawnTraining, Training
from isomorph.conformance.training.reference import as_named
from isomorph.spec.layers import Activation
from isomorph.spec.tensors import BETA, GAMMA


@dataclass(frozen=True)
class Bent:
    """A case of training that is moved onto bends in its last layer, so that nothing else moves.

    batch_norm: the scope of the last batch norm. betas: of its first channels, whose gammas become zero.
    """

    training: Training
    batch_norm: str
    betas: tuple[float, ...] = field(repr=False)

    def draw(self) -> DrawnTraining:
        """As `Training.draw`."""
        case = self.training.draw().case
        tensors = dict(case.tensors)
        for leaf, values in ((GAMMA, np.zeros(len(self.betas))), (BETA, np.array(self.betas))):
            name = f"{self.batch_norm}/{leaf}"
            tensors[name] = tensors[name].copy()
            tensors[name][: len(values)] = values
        return DrawnTraining(replace(case, tensors=tensors))


SMALL = training_cases.CASES
CASES = {
    "a ReLU behind a batch norm": Bent(SMALL["pre-activated bottlenecks"], "postnorm", (0.0,) * 8),
    "a ReLU6 behind a batch norm": Bent(
        SMALL["separable units"], "block4/unit_2/separable/pointwise/BatchNorm", (0.0, 6.0) * 4
    ),
    "a ReLU behind a sum": Bent(SMALL["cifar/resnet20"], "block3/unit_3/basic_v1/conv2/BatchNorm", (0.0,) * 64),
}
BENDS = {"a ReLU behind a batch norm": 0.0, "a ReLU6 behind a batch norm": 6.0, "a ReLU behind a sum": 0.0}


@pytest.mark.parametrize("training", CASES, indirect=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.against_the_oracle
def test_a_gradient_is_zero_where_its_activation_bends(training: DrawnTraining, learning: Learning, dtype: str) -> None:
    with unless_unavailable():
        assert_passes(training.gradients(learning(dtype)))


@pytest.mark.parametrize(("training", "bend"), BENDS.items(), indirect=["training"])
def test_another_gradient_there_would_part(
    training: DrawnTraining, bend: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    criterion = training.reference.gradients["float32"]
    right = pullbacks.activate

    def passing(x: Array, activation: Activation) -> tuple[Array, Pullback]:
        """One that lets the gradient through at the bend."""
        at = (x == bend) & (activation is not None)
        y, pull = right(x, activation)
        return y, lambda gradient: (pull(gradient)[0] + gradient * at, {})

    monkeypatch.setattr(pullbacks, "activate", passing)
    wrong = training.reference.network("float32").gradients(*training.case.batch(0))
    assert criterion.judge("gradients", "float32", as_named(wrong)).verdict == "fail"
