"""How noise is measured: in as many orders of summation as it takes, so that no floor is next to nothing by luck."""

from collections.abc import Iterator

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.primitives import shuffled
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.reference import Reference
from isomorph.conformance.small_networks import slim_small
from isomorph.conformance.verdict import noise, relative_l2, values_in
from isomorph.spec import Architecture, Head, Stem, StemConvolution

SIZE = 128


class Evaluations:
    """Ones, so many of which are off by so much; more of them are made as long as they are asked for."""

    def __init__(self, off: dict[str, tuple[int, float]]) -> None:
        self.off = off
        self.taken = 0

    def __iter__(self) -> Iterator[dict[str, Array]]:
        while self.taken < 8:
            self.taken += 1
            yield {name: np.where(np.arange(SIZE) < count, 1 + by, 1.0) for name, (count, by) in self.off.items()}


def taken(bounded: tuple[str, ...] = (), **off: tuple[int, float]) -> int:
    """How many evaluations are made of tensors `unit_name`, so many of whose values are off by so much."""
    evaluations = Evaluations(off)
    noise({name: np.ones(SIZE) for name in off}, evaluations, lambda name: name[0], bounded)
    return evaluations.taken


@pytest.mark.parametrize(
    ("count", "evaluations"), [(128, 2), (64, 2), (32, 2), (31, 3), (22, 3), (21, 4), (11, 6), (8, 8), (1, 8)]
)
def test_errors_of_64_values_in_all_tell_how_large_noise_is(count: int, evaluations: int) -> None:
    assert taken(a_kernel=(count, 1e-7)) == evaluations


def test_an_exact_map_of_many_values_has_no_noise_to_wait_for() -> None:
    assert taken(a_kernel=(0, 0.0)) == 2


def test_the_unit_with_the_fewest_values_decides() -> None:
    assert taken(a_kernel=(128, 1e-7), b_kernel=(16, 1e-7)) == 4


def test_a_unit_has_the_values_of_its_tensor_of_the_most() -> None:
    assert taken(a_kernel=(128, 1e-7), a_beta=(1, 1e-7)) == 2


def test_there_is_no_luck_in_what_is_moved_as_far_as_noise_can_take_it() -> None:
    assert taken(bounded=("b_loss",), a_kernel=(128, 1e-7), b_loss=(1, 1e-7)) == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_noise_that_is_not_finite_is_infinite_and_nothing_is_waited_for(bad: float) -> None:
    evaluations = Evaluations({"a": (128, bad)})
    assert noise({"a": np.ones(SIZE)}, evaluations) == {"a": np.inf}
    assert evaluations.taken == 2


@pytest.mark.parametrize(
    ("error", "values"),
    [([0, 0, -3, 0], 1), ([1, -1, 0, 0], 2), ([2, 2, 2, -2], 4), ([0, 0, 0, 0], 4), ([3, 1, 0, 0], 100 / 82)],
)
def test_an_error_is_of_as_many_values_as_make_it(error: list[float], values: float) -> None:
    assert values_in(np.array(error, np.float32).reshape(1, 2, 2, 1)) == pytest.approx(values, rel=1e-12)


def normal(evaluation: int, size: int) -> Array:
    """Normal numbers, the same on every machine."""
    uniform = (np.random.Philox(key=[evaluation, size]).random_raw(2 * size) >> np.uint64(11)) / 2.0**53
    return np.asarray(np.sqrt(-2 * np.log(1 - uniform[:size])) * np.cos(2 * np.pi * uniform[size:]))


@pytest.mark.parametrize(("evaluations", "luck"), [(2, True), (8, False)])
def test_no_error_of_one_value_stands_above_eight_floors_by_luck(evaluations: int, luck: bool) -> None:
    """Of 3,000, drawn as the oracle's own are; with floors from two evaluations alone one in a hundred does."""
    names = [str(number) for number in range(3000)]
    error, *others = (dict(zip(names, 1e-7 * normal(number, 3000), strict=True)) for number in range(1 + evaluations))
    exact = {name: np.ones(1) for name in names}
    measured = noise(exact, ({name: np.ones(1) + x for name, x in other.items()} for other in others))
    above = [name for name in names if abs(error[name]) > 8 * measured[name]]
    assert (len(above) > 10) if luck else not above


NETWORK = slim_small()


WIDE = Architecture("noise/wide", Stem((StemConvolution("conv1", 512, 3),)), (), Head(None))


@pytest.mark.parametrize(
    ("network", "orders"),
    [pytest.param(NETWORK, 8, id="eight for maps of few values"), pytest.param(WIDE, 2, id="two for maps of many")],
)
def test_floors_are_the_largest_error_in_several_orders(network: Architecture, orders: int) -> None:
    images = draw_images(network, 1, 32, 32)
    reference = Reference(network, draw_tensors(network, images), images)
    runs = [evaluated(reference, order) for order in range(orders)]
    expected = {
        name: max(2.0**-24, *(relative_l2(run[name], wanted) for run in runs))
        for name, wanted in reference.end_points.items()
    }
    assert reference.floors("float32") == expected


def test_the_floor_of_an_answer_is_measured_in_as_many_orders_as_it_takes_alone() -> None:
    images = draw_images(NETWORK, 1, 32, 32)
    reference = Reference(NETWORK, draw_tensors(NETWORK, images), images)
    errors = [relative_l2(evaluated(reference, order)["logits"][:, 0, 0], reference.answer) for order in range(8)]
    assert reference.answer_floor("float32") == max(errors)


def evaluated(reference: Reference, order: int) -> dict[str, Array]:
    network = OracleNetwork(reference.architecture, Options(dtype="float32"), order)
    network.load(reference.tensors)
    return network.end_points(reference.images)


def test_every_order_of_summation_rounds_otherwise() -> None:
    """In each unit that sums more than two terms, a single channel's 3x3 too."""
    images = draw_images(NETWORK, 1, 32, 32)
    reference = Reference(NETWORK, draw_tensors(NETWORK, images), images)
    runs = [evaluated(reference, order) for order in range(8)]
    for name in ("conv1", "block1/unit_1/bottleneck_v1/conv2", "global_pool", "logits", "predictions"):
        assert len({run[name].tobytes() for run in runs}) >= 7, name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_order_of_summation_gives_the_same_function(dtype: str) -> None:
    images = draw_images(NETWORK, 1, 32, 32)
    tensors = draw_tensors(NETWORK, images)
    answers = []
    for order in range(8):
        network = OracleNetwork(NETWORK, Options(dtype=dtype), order)
        network.load(tensors)
        answers.append(network.end_points(images)["logits"])
    for answer in answers[1:]:
        assert relative_l2(answer, answers[0].astype(np.float64)) < (1e-12 if dtype == "float64" else 1e-3)


@pytest.mark.parametrize("size", [1, 2, 9, 576])
@pytest.mark.parametrize("order", [2, 7])
def test_terms_are_shuffled_and_none_is_lost(size: int, order: int) -> None:
    sequence = shuffled(size, order)
    assert sorted(sequence.tolist()) == list(range(size))
    assert size < 9 or sequence.tolist() != list(range(size))


def test_the_sequence_is_the_same_on_every_machine() -> None:
    assert shuffled(9, 2).tolist() == [1, 2, 3, 0, 5, 6, 8, 4, 7]
