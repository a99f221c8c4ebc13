"""Networks that learn: gradients, running statistics and steps are the oracle's, in every backend that can learn."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import pytest

from isomorph.conformance.suite.learning import DTYPES, Learning, assert_passes, unless_unavailable
from isomorph.conformance.suite.selection import but_in_pytorch
from isomorph.conformance.suite.training_cases import CASES as SMALL
from isomorph.conformance.suite.training_cases import DEEP
from isomorph.conformance.training.drawn import DrawnTraining
from isomorph.spec.units import KINDS

TWENTY, FROZEN = "cifar/resnet20", "frozen batch norms"
CASES = SMALL | DEEP
EVERY_TIME = (TWENTY, "zero channels", "basic units", "bottlenecks at output stride 8", "inceptions", FROZEN)
"""Ten batches and twenty steps of others are left to `isomorph conformance run`."""

REPRESENTATIVES = (TWENTY,)
"""Those of which `make test` runs float32, ten batches and, in PyTorch, twenty steps."""


def some(names: Iterable[str], marked: Callable[[str], pytest.MarkDecorator | None]) -> list[Any]:
    """Return the names as parameters of a test, each with the mark that `marked` gives it."""
    return [pytest.param(name, marks=mark) if (mark := marked(name)) else name for name in names]


def by_length(name: str) -> pytest.MarkDecorator | None:
    if name not in EVERY_TIME:
        return pytest.mark.exhaustive
    return None if name in REPRESENTATIVES else pytest.mark.thorough


def is_stood_for(backend: str, parameters: Mapping[str, Any]) -> bool:
    """Whether float64 stands for a case in float32; or PyTorch, for one in Keras or Paddle."""
    if parameters["training"] in REPRESENTATIVES:
        return False
    return parameters["dtype"] == "float32" or but_in_pytorch("training", FROZEN)(backend, parameters)


NAMES = some(CASES, lambda name: pytest.mark.exhaustive if name in DEEP else None)
LONG = some(SMALL, by_length)
MANY_BATCHES = some(CASES, by_length)
SHORT = [name for name in SMALL if name not in REPRESENTATIVES]


def test_every_kind_of_unit_is_trained() -> None:
    trained = {block.unit for case in SMALL.values() for block in case.network.blocks}
    assert KINDS.keys() - trained == set()


@pytest.mark.parametrize("training", NAMES, indirect=True)
def test_no_value_is_close_to_a_bend(training: DrawnTraining) -> None:
    assert training.case.near_kinks == ()


@pytest.mark.thorough_where(where=is_stood_for)
@pytest.mark.parametrize("training", NAMES, indirect=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.against_the_oracle
def test_gradients_are_the_oracles(training: DrawnTraining, learning: Learning, dtype: str) -> None:
    with unless_unavailable():
        assert_passes(training.gradients(learning(dtype)))


@pytest.mark.thorough_where(where=but_in_pytorch("training", FROZEN))
@pytest.mark.parametrize("training", SHORT, indirect=True)
@pytest.mark.against_the_oracle
def test_running_statistics_follow_one_batch(training: DrawnTraining, learning: Learning) -> None:
    with unless_unavailable():
        assert_passes(training.statistics(learning("float64"), 1))


@pytest.mark.thorough_where(where=is_stood_for)
@pytest.mark.parametrize("training", MANY_BATCHES, indirect=True)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.against_the_oracle
def test_running_statistics_follow_by_the_zoos_rule(training: DrawnTraining, learning: Learning, dtype: str) -> None:
    with unless_unavailable():
        network = learning(dtype)
        for batches in (1, 10):
            assert_passes(training.statistics(network, batches))


@pytest.mark.thorough_where(where=but_in_pytorch("training", FROZEN))
@pytest.mark.parametrize("training", SHORT, indirect=True)
@pytest.mark.against_the_oracle
def test_each_of_three_steps_ends_where_the_oracles_does(training: DrawnTraining, learning: Learning) -> None:
    with unless_unavailable():
        for verdict in islice(training.steps(learning("float64")), 3):
            assert_passes(verdict)


@pytest.mark.thorough_where(where=but_in_pytorch("training"))
@pytest.mark.parametrize("training", LONG, indirect=True)
@pytest.mark.against_the_oracle
def test_each_of_twenty_steps_ends_where_the_oracles_does(training: DrawnTraining, learning: Learning) -> None:
    with unless_unavailable():
        for verdict in training.steps(learning("float64")):
            assert_passes(verdict)


@pytest.mark.thorough_where(where=but_in_pytorch("training"))
@pytest.mark.parametrize("training", [TWENTY], indirect=True)
@pytest.mark.against_the_oracle
def test_twenty_steps_on_their_own_end_where_the_oracles_do(training: DrawnTraining, learning: Learning) -> None:
    with unless_unavailable():
        assert_passes(training.free_run(learning("float64")))
