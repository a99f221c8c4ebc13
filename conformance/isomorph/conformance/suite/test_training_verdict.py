"""How training is judged: by tensor, in the order of the backward pass, zeros on the scale of their unit's largest."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle.training import cross_entropy
from isomorph.backends.process import RemoteNetwork
from isomorph.backends.training import Gradients
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.small_networks import alone, plain_tensors
from isomorph.conformance.suite.training_cases import CASES
from isomorph.conformance.training.case import draw_training
from isomorph.conformance.training.kinks import MARGINS, KinkFreePass, least_move, size_of, two_largest
from isomorph.conformance.training.reference import LOSS, TrainingReference
from isomorph.conformance.training.verdict import Criterion, TensorVerdict, in_noise_floors, within
from isomorph.spec import BadInput, StemConvolution, StemPool, architecture, plan
from isomorph.spec.layers import MaxPool
from isomorph.spec.tensors import BIASES, is_trainable

WANTED = {"b/gamma": np.array([3.0, 4.0]), "b/beta": np.array([0.0]), "a/gamma": np.array([1.0])}


def unit_of(name: str) -> str:
    return name[0]


def test_within_a_limit_zeros_alone_are_on_the_scale_of_their_units_largest() -> None:
    criterion = within(WANTED, 1e-3, unit_of)
    assert criterion.zeros == {"b/beta"}
    assert criterion.scales == {"b/gamma": 5.0, "b/beta": 5.0, "a/gamma": 1.0}
    assert criterion.limits == dict.fromkeys(WANTED, 1e-3)
    assert within(WANTED, 1e-3, unit_of, zeros=["a/gamma"]).zeros == {"a/gamma", "b/beta"}


SHARES = {
    "half of its limit": (2.0, 4.0, 0.5),
    "nothing where nothing may be": (0.0, 0.0, 0.0),
    "something where nothing may be": (1e-300, 0.0, float("inf")),
}


@pytest.mark.parametrize(("error", "limit", "share"), SHARES.values(), ids=SHARES)
def test_a_tensor_takes_up_of_its_limit(error: float, limit: float, share: float) -> None:
    assert TensorVerdict("a/gamma", (1,), error, limit, False).share == share


def moved(**by: float) -> dict[str, Array]:
    return {name: value + by.get(name.replace("/", "_"), 0.0) for name, value in WANTED.items()}


@pytest.fixture(scope="module")
def criteria() -> dict[str, Criterion]:
    noise = moved(b_gamma=5e-6, b_beta=1e-5, a_gamma=1e-7)
    return in_noise_floors(WANTED, [WANTED, noise], unit_of)


def test_what_is_all_noise_is_on_the_scale_of_its_units_largest(criteria: dict[str, Criterion]) -> None:
    criterion = criteria["float32"]
    assert criterion.zeros == {"b/beta"}
    assert criterion.scales == {"b/gamma": 5.0, "b/beta": 5.0, "a/gamma": 1.0}


def test_a_unit_has_the_floor_of_its_noisiest_tensor(criteria: dict[str, Criterion]) -> None:
    limits = criteria["float32"].limits
    assert limits["b/gamma"] == limits["b/beta"] == pytest.approx(8 * 2e-6)
    assert limits["a/gamma"] == pytest.approx(8e-7)


def test_a_unit_that_two_evaluations_agree_on_by_luck_has_the_noise_of_the_others() -> None:
    limits = in_noise_floors(WANTED, [WANTED, WANTED, moved(a_gamma=1e-5)], unit_of)["float32"].limits
    assert limits["a/gamma"] == pytest.approx(8e-5)
    assert limits["b/gamma"] == 8 * 2.0**-24


def test_the_loss_has_the_noise_of_the_answers_that_it_is_of() -> None:
    """To first order what moves the answers moves the loss by no more than the noise that is reckoned with."""
    reference = TrainingReference(draw_training(architecture("mlperf_tiny/resnet8"), 4, 8, 10))
    exact, noisy = reference.network("float64"), reference.network("float32")
    batch = reference.case.batch(0)
    (right, forward), (_, other) = exact.run_back(*batch), noisy.run_back(*batch)
    logits, others = forward.values["logits"], other.values["logits"]
    towards = cross_entropy(logits, batch[1])[1]
    along = towards * np.linalg.norm(others - logits) / np.linalg.norm(towards)
    moved_by = cross_entropy(logits + along, batch[1])[0] - right.loss
    limit = reference.gradients["float32"].limits[LOSS] * right.loss
    assert moved_by == pytest.approx(limit / 8, rel=0.01) or moved_by < limit / 8


def test_float64s_limits_are_float32s_in_the_ratio_of_the_roundoffs(criteria: dict[str, Criterion]) -> None:
    for name, limit in criteria["float32"].limits.items():
        assert criteria["float64"].limits[name] == limit * 2.0**-29


def test_the_first_to_part_is_the_first_in_order(criteria: dict[str, Criterion]) -> None:
    found = moved(a_gamma=1e-3, b_beta=1e-3)
    verdict = criteria["float32"].judge("gradients", "float32", found)
    assert (verdict.verdict, verdict.first_divergence) == ("fail", "b/beta")
    said = "b/beta is the first to differ, by 0.0002 of the largest in its unit; up to 1.6e-05 passes"
    assert verdict.message == said
    assert [tensor.verdict for tensor in verdict.tensors] == ["pass", "fail", "fail"]


@pytest.mark.parametrize("value", [np.array([np.nan]), np.array([1.0, 1.0])], ids=["NaN", "of another shape"])
def test_what_cannot_be_compared_fails(value: Array) -> None:
    verdict = within(WANTED, 1.0, unit_of).judge("gradients", "float64", WANTED | {"a/gamma": value})
    assert verdict.first_divergence == "a/gamma"


def test_a_tensor_that_is_missing_is_named() -> None:
    found = {name: value for name, value in WANTED.items() if name != "b/beta"}
    verdict = within(WANTED, 1.0, unit_of).judge("gradients", "float64", found)
    assert (verdict.verdict, verdict.message) == ("fail", "there is no b/beta")


@pytest.mark.parametrize(("name", "frozen"), [("biased bottlenecks", False), ("frozen batch norms", True)])
def test_biases_in_front_of_a_batch_norm_are_zeros_unless_it_is_frozen(name: str, frozen: bool) -> None:
    case = CASES[name].draw().case
    reference = TrainingReference(case)
    taken_away = {name for name in case.tensors if name.endswith(BIASES)} - {"logits/biases"}
    assert reference.gradients["float64"].zeros == (frozenset() if frozen else taken_away)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("loss", "loss"),
        ("images", "images"),
        ("conv1/weights", "stem"),
        ("block1/unit_1/bottleneck_v1/conv2/BatchNorm/gamma", "block1/unit_1/bottleneck_v1"),
        ("velocity of conv1/weights", "velocity of stem"),
        ("velocity of block1/unit_1/bottleneck_v1/conv2/biases", "velocity of block1/unit_1/bottleneck_v1"),
    ],
)
def test_a_tensor_is_of_the_unit(name: str, unit: str) -> None:
    assert TrainingReference(CASES["biased bottlenecks"].draw().case).unit_of(name) == unit


def test_the_order_is_that_of_the_backward_pass() -> None:
    reference = TrainingReference(CASES["zero channels"].draw().case)
    names = list(reference.gradients["float32"].expected)
    assert names[:3] == ["loss", "logits/biases", "logits/weights"]
    assert names[-2:] == ["conv1/weights", "images"]


def test_a_channel_moves_by_the_least_that_leaves_the_bend_alone() -> None:
    margin = MARGINS[-1]
    assert least_move(np.array([-1.0, 1.0]), [0.0], MARGINS) == 0
    assert least_move(np.array([-1.0, margin / 2, 1.0]), [0.0], (margin,)) == margin
    assert np.isnan(least_move(np.arange(-1000, 1000) * margin, [0.0], (margin,)))


def test_the_second_largest_is_another_value() -> None:
    x = np.array([[3.0, 3.0], [2.0, 1.0]]).reshape(1, 2, 2, 1)
    best, second = two_largest(x, MaxPool("pool1", 1, 2, 2, "valid", -np.inf))
    assert (best.item(), second.item()) == (3, 2)


@pytest.mark.parametrize(
    ("distance", "close"), [(2.0**-14, []), (2.0**-15, ["conv1"])], ids=["by the least margin", "by half of it"]
)
def test_a_pool_may_choose_anew_between_values_that_are_apart(distance: float, close: list[str]) -> None:
    network = alone(StemConvolution("conv1", 1, 1, linear=True), StemPool("pool1", 2, 2), pool_padding="valid")
    tensors = plain_tensors(network, {"conv1": np.ones((1, 1, 1, 1))})
    images = np.array([1.0, 1.0 - distance, 0.0, 0.0]).reshape(1, 2, 2, 1)
    assert KinkFreePass(plan(network), tensors, images, moving=False).near_kinks == close


@pytest.mark.parametrize(
    ("values", "size"),
    [([3.0], 4.0), ([4.0, -4.0], 4.0), ([0.0, 5.0], 4.0), ([0.3], 0.5), ([0.0], 1.0)],
    ids=["three", "four", "five beside nothing", "a fraction", "nothing"],
)
def test_margins_are_of_the_next_power_of_two_above_the_root_mean_square(values: list[float], size: float) -> None:
    assert size_of(np.array(values)) == size


def test_the_same_seed_gives_the_same_case_and_another_one_other_batches() -> None:
    first, again, other = (draw_training(architecture("mlperf_tiny/resnet8"), 2, 8, 8, seed) for seed in (1, 1, 2))
    assert [name for name, value in first.tensors.items() if not np.array_equal(value, again.tensors[name])] == []
    batches = [first.batch(0), first.batch(1), other.batch(0), other.batch(1)]
    assert len({images.tobytes() for images, _ in batches}) == 4


def test_batches_are_of_the_size_that_was_asked_for() -> None:
    case = draw_training(architecture("mlperf_tiny/resnet8"), 2, 8, 10)
    shapes = [tuple(array.shape for array in case.batch(number)) for number in (0, 1)]
    assert shapes == [((2, 8, 10, 3), (2,))] * 2


def test_a_network_without_classes_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^cifar/resnet20 has no classes to learn: it needs num_classes and a pool"):
        draw_training(architecture("cifar/resnet20", num_classes=None), 2, 8, 8)


def test_tensors_that_are_given_stay_and_what_is_close_is_named() -> None:
    """As they are drawn, before any is moved, some values of this network are close to a bend."""
    network = CASES["basic units"].network
    images = draw_images(network, 4, 49, 64)
    given = draw_tensors(network, images)
    case = draw_training(network, 4, 49, 64, tensors=given)
    assert [name for name, value in case.tensors.items() if value is not given[name]] == []
    assert case.near_kinks
    assert CASES["basic units"].draw().case.near_kinks == ()


def test_what_bends_leave_open_is_undecided_in_float32_alone() -> None:
    class Wrong:
        """A network whose gradients are all one."""

        def __init__(self, dtype: str) -> None:
            self.dtype = dtype

        def load(self, tensors: Mapping[str, Array]) -> None:
            self.tensors = tensors

        def gradients(self, images: Array, labels: Array) -> Gradients:
            learned = {name: np.ones_like(x) for name, x in self.tensors.items() if is_trainable(name)}
            return Gradients(1.0, learned, np.ones_like(images))

    drawn = CASES["zero channels"].draw()
    drawn.case = replace(drawn.case, near_kinks=("conv1",))
    decided, undecided = (drawn.gradients(cast(RemoteNetwork, Wrong(dtype))) for dtype in ("float64", "float32"))
    assert (decided.verdict, undecided.verdict) == ("fail", "unavailable")
    assert undecided.message.endswith("; conv1 stands so close to a bend that float32 may take its other side")
