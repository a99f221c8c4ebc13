"""Networks that learn: gradients, running statistics and steps are the oracle's, in every backend that can learn."""

from itertools import islice

import pytest

from isomorph.conformance.suite.learning import DTYPES, Learning, assert_passes, unless_unavailable
from isomorph.conformance.suite.training_cases import CASES as SMALL
from isomorph.conformance.suite.training_cases import DEEP
from isomorph.conformance.training.drawn import DrawnTraining
from isomorph.spec.units import KINDS

TWENTY, FROZEN = "cifar/resnet20", "frozen batch norms"
CASES = SMALL | DEEP
EVERY_TIME = (TWENTY, "zero channels", "basic units", "bottlenecks at output stride 8", "inceptions", FROZEN)
"""Ten batches and twenty steps of others are for the whole suite."""

NAMES = [*SMALL, *(pytest.param(name, marks=pytest.mark.thorough) for name in DEEP)]
SOME = [*(pytest.param(name, marks=pytest.mark.thorough) for name in CASES if name not in EVERY_TIME), *EVERY_TIME]
LONG = [*(pytest.param(name, marks=pytest.mark.thorough) for name in SMALL if name not in EVERY_TIME), *EVERY_TIME]
SHORT = [name for name in SMALL if name not in EVERY_TIME]


def test_every_kind_of_unit_is_trained() -> None:
    trained = {block.unit for case in SMALL.values() for block in case.network.blocks}
    assert KINDS.keys() - trained == set()


@pytest.mark.parametrize("training", NAMES, indirect=True)
def test_no_value_is_close_to_a_bend(training: DrawnTraining) -> None:
    assert training.case.near_kinks == ()


@pytest.mark.parametrize("training", NAMES, indirect=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.against_the_oracle
def test_gradients_are_the_oracles(training: DrawnTraining, learning: Learning, dtype: str) -> None:
    with unless_unavailable():
        assert_passes(training.gradients(learning(dtype)))


@pytest.mark.parametrize("training", SHORT, indirect=True)
@pytest.mark.against_the_oracle
def test_running_statistics_follow_one_batch(training: DrawnTraining, learning: Learning) -> None:
    with unless_unavailable():
        assert_passes(training.statistics(learning("float64"), 1))


@pytest.mark.parametrize("training", SOME, indirect=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.against_the_oracle
def test_running_statistics_follow_by_the_zoos_rule(training: DrawnTraining, learning: Learning, dtype: str) -> None:
    with unless_unavailable():
        network = learning(dtype)
        for batches in (1, 10):
            assert_passes(training.statistics(network, batches))


@pytest.mark.parametrize("training", SHORT, indirect=True)
@pytest.mark.against_the_oracle
def test_each_of_three_steps_ends_where_the_oracles_does(training: DrawnTraining, learning: Learning) -> None:
    with unless_unavailable():
        for verdict in islice(training.steps(learning("float64")), 3):
            assert_passes(verdict)


@pytest.mark.parametrize("training", LONG, indirect=True)
@pytest.mark.against_the_oracle
def test_each_of_twenty_steps_ends_where_the_oracles_does(training: DrawnTraining, learning: Learning) -> None:
    with unless_unavailable():
        for verdict in training.steps(learning("float64")):
            assert_passes(verdict)


@pytest.mark.parametrize("training", [TWENTY], indirect=True)
@pytest.mark.against_the_oracle
def test_twenty_steps_on_their_own_end_where_the_oracles_do(training: DrawnTraining, learning: Learning) -> None:
    with unless_unavailable():
        assert_passes(training.free_run(learning("float64")))
