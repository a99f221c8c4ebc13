"""Every bound of every verdict, as a number: 0.99 of it passes, 1.01 of it does not.

The numbers are written out, not computed from what they check: a bound that grows lax fails here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from isomorph.backends.oracle.training import cross_entropy
from isomorph.backends.protocol import Array
from isomorph.backends.training import SGD
from isomorph.conformance.cases import check_decides, check_exercised
from isomorph.conformance.lattice.verdict import judge_lattice
from isomorph.conformance.training.drawn import DrawnTraining, Training
from isomorph.conformance.training.dropout import judge as judge_dropout
from isomorph.conformance.training.dropout import readable
from isomorph.conformance.training.kinks import MARGINS, least_move
from isomorph.conformance.training.verdict import Criterion, TrainingVerdict, in_noise_floors, within
from isomorph.conformance.verdict import EndPoints, judge, noise_floors
from isomorph.spec import Architecture, BadInput, Block, Convention, Head, Stem, StemConvolution
from isomorph.spec.architecture import AuxiliaryHead
from isomorph.spec.layers import Convolution, Dropout

STEM = Stem((StemConvolution("conv1", 4, 3),))
TINY = Training(Architecture("bounds/tiny", STEM, (), Head(3), Convention(convolution_bias=True)), 6, 7, batch=3)
KERNEL, BIASES, VELOCITY = "logits/weights", "conv1/biases", "velocity of logits/weights"

Moves = Mapping[str, float]


def moved(right: Mapping[str, Array], by: Moves) -> dict[str, Array]:
    """The same, with one value of each tensor in `by` moved by so much of that tensor's norm."""
    found = {name: np.array(value, np.float64) for name, value in right.items()}
    for name, part in by.items():
        found[name].flat[0] += part * np.linalg.norm(found[name])
    return found


@pytest.fixture(scope="module")
def tiny() -> DrawnTraining:
    return TINY.draw()


@pytest.mark.parametrize(("off", "verdict"), [(0.99e-11, "pass"), (1.01e-11, "fail")])
@pytest.mark.parametrize("name", [KERNEL, VELOCITY])
def test_a_step_may_end_1e_11_elsewhere(name: str, off: float, verdict: str, tiny: DrawnTraining) -> None:
    step = next(tiny.oracle_steps())
    run = tiny.reference.step_criterion(step).judge("step 1", "float64", moved(step.ends, {name: off}))
    assert (run.verdict, run.first_divergence) == (verdict, None if verdict == "pass" else name)


@pytest.mark.parametrize(("off", "verdict"), [(0.99e-11, "pass"), (1.01e-11, "fail")])
def test_the_velocity_of_what_learns_nothing_is_on_its_units_scale(
    off: float, verdict: str, tiny: DrawnTraining
) -> None:
    """That of a bias in front of a batch norm is zero, and noise is what the unit's largest velocity has."""
    step = next(tiny.oracle_steps())
    name = f"velocity of {BIASES}"
    unit = [value for other, value in step.ends.items() if other.startswith("velocity of conv1/")]
    found = moved(step.ends, {})
    found[name] = np.zeros(4)
    found[name][0] = off * max(np.linalg.norm(value) for value in unit)
    assert tiny.reference.step_criterion(step).judge("step 1", "float64", found).verdict == verdict


class Elsewhere:
    """A network that ends its free run at the given tensors."""

    dtype = "float64"

    def __init__(self, ends: Mapping[str, Array]) -> None:
        self.ends = ends
        self.steps = 0

    def load(self, tensors: object) -> None:
        """It has tensors of its own."""

    def step(self, *_: object) -> tuple[float, dict[str, Array]]:
        self.steps += 1
        return 0.0, {}

    def tensors(self) -> Mapping[str, Array]:
        return self.ends


@pytest.mark.parametrize(("off", "verdict"), [(0.99e-9, "pass"), (1.01e-9, "fail")])
def test_twenty_free_steps_may_end_1e_9_elsewhere(off: float, verdict: str, tiny: DrawnTraining) -> None:
    *_, last = tiny.oracle_steps()
    network: Any = Elsewhere(moved({name: last.ends[name] for name in tiny.case.tensors}, {KERNEL: off}))
    assert tiny.free_run(network).verdict == verdict
    assert network.steps == 20


WANTED = {"a/weights": np.array([3.0, 4.0]), "a/zero": np.array([0.0]), "b/weights": np.array([1.0, 0.0])}


def unit_of(name: str) -> str:
    return name[0]


def criteria(noise: Moves) -> dict[str, Criterion]:
    """In noise floors of so much noise, in one of two evaluations."""
    return in_noise_floors(WANTED, [WANTED, moved(WANTED, noise)], unit_of)


def judged(criterion: Criterion, **found: Array) -> TrainingVerdict:
    return criterion.judge("gradients", "float64", WANTED | {name.replace("_", "/"): x for name, x in found.items()})


@pytest.mark.parametrize(
    ("dtype", "off", "verdict"),
    [
        ("float32", 7.92e-5, "pass"),
        ("float32", 8.08e-5, "fail"),
        ("float64", 1.475e-13, "pass"),
        ("float64", 1.506e-13, "fail"),
    ],
)
def test_eight_floors_of_a_unit_pass_in_training(dtype: str, off: float, verdict: str) -> None:
    """A noise of 1e-5 in float32 is one of 1e-5 / 2^29 in float64."""
    criterion = criteria({"a/weights": 1e-5})[dtype]
    assert judged(criterion, a_weights=moved(WANTED, {"a/weights": off})["a/weights"]).verdict == verdict


@pytest.mark.parametrize(
    ("dtype", "off", "verdict"),
    [
        ("float32", 4.72e-7, "pass"),
        ("float32", 4.82e-7, "fail"),
        ("float64", 8.79e-16, "pass"),
        ("float64", 8.98e-16, "fail"),
    ],
)
def test_eight_roundoffs_pass_in_training_where_there_is_no_noise(dtype: str, off: float, verdict: str) -> None:
    """8 * 2^-24 and 8 * 2^-53."""
    assert judged(criteria({})[dtype], b_weights=np.array([1.0, off])).verdict == verdict


@pytest.mark.parametrize(("noise", "is_zero"), [(0.1237, False), (0.125, True), (0.1263, True)])
def test_what_is_noise_by_an_eighth_or_more_counts_as_zero(noise: float, is_zero: bool) -> None:
    """In binary fractions, so that an eighth is one."""
    assert ("a/weights" in criteria({"a/weights": noise})["float32"].zeros) is is_zero


@pytest.mark.parametrize(("value", "verdict"), [(0.0, "pass"), (1e-30, "fail"), (-1e-300, "fail"), (1.0, "fail")])
def test_nothing_but_zero_passes_where_a_whole_unit_is_zero(value: float, verdict: str) -> None:
    wanted = {"a/weights": np.zeros(2), "b/weights": np.ones(2)}
    criterion = within(wanted, 1e-11, unit_of)
    run = criterion.judge("step 1", "float64", wanted | {"a/weights": np.array([0.0, value])})
    assert (run.verdict, run.first_divergence) == (verdict, None if verdict == "pass" else "a/weights")


@pytest.mark.parametrize(
    ("other", "first", "message"),
    [
        ({**WANTED, "c/weights": np.ones(1)}, "c/weights", "there is c/weights, which the oracle does not have"),
        ({"a/weights": WANTED["a/weights"], "a/zero": WANTED["a/zero"]}, "b/weights", "there is no b/weights"),
    ],
    ids=["one too many", "one too few"],
)
def test_as_many_tensors_as_the_oracle_has_pass(other: Mapping[str, Array], first: str, message: str) -> None:
    run = within(WANTED, 1.0, unit_of).judge("gradients", "float64", other)
    assert (run.verdict, run.first_divergence, run.message) == ("fail", first, message)


def test_frozen_statistics_stay_to_the_last_bit() -> None:
    frozen = replace(TINY, freeze_batch_norm=True, sgd=SGD(learning_rate=2.0**-10)).draw()
    criterion = frozen.reference.statistics(1)["float64"]
    name = "conv1/BatchNorm/moving_mean"
    assert criterion.judge("statistics", "float64", criterion.expected).verdict == "pass"
    found = {**criterion.expected, name: np.nextafter(criterion.expected[name], np.inf)}
    assert criterion.judge("statistics", "float64", found).first_divergence == name


def test_an_auxiliary_head_counts_three_tenths() -> None:
    network = Architecture(
        "bounds/auxiliary",
        STEM,
        (Block("block1", "inception", ((2, 2, 2, 2, 2, 2),)),),
        Head(3),
        Convention(),
        auxiliary=(AuxiliaryHead("aux1", "block1", 1, pool=None, depth=5, hidden=4),),
    )
    reference = Training(network, 6, 7, batch=3).draw().reference
    images, labels = reference.case.batch(0)
    _, forward = reference.network("float64").run_back(images, labels)
    main, auxiliary = (cross_entropy(forward.values[name], labels)[0] for name in ("logits", "aux1/logits"))
    assert float(reference.gradients["float64"].expected["loss"]) == pytest.approx(main + 0.3 * auxiliary, rel=1e-12)


READ, BIAS = np.linspace(0.5, 2.0, 64).reshape(1, 1, 64), np.linspace(-1.0, 1.0, 8)
DROPPING = Convolution("fc", 64, 8, dropout=Dropout(0.2))


def dropout_of(masks: Array, scale: float = 1.25, read: Array = READ) -> TrainingVerdict:
    """On gradients under masks [batches, values] of ones and zeros. The right scale is 1.25."""
    kernels = [(scale * mask * read)[..., None] * BIAS for mask in masks]
    return judge_dropout(replace(DROPPING, depth_in=read.size), read, [(kernel, BIAS) for kernel in kernels])


def masks_of(dropped: int, batches: int = 8) -> Array:
    """Of `batches` of 64 values, so many are dropped, no two batches alike."""
    flat = np.ones(64 * batches)
    flat[np.random.default_rng(0).permutation(flat.size)[:dropped]] = 0
    return flat.reshape(batches, 64)


@pytest.mark.parametrize(
    ("off", "verdict"), [(4.72e-7, "pass"), (4.82e-7, "fail"), (-4.72e-7, "pass"), (-4.82e-7, "fail")]
)
def test_dropout_may_scale_by_eight_float32_roundoffs_more_or_less(off: float, verdict: str) -> None:
    assert dropout_of(masks_of(100), 1.25 * (1 + off)).verdict == verdict


@pytest.mark.parametrize(("left", "verdict"), [(4.72e-7, "pass"), (4.82e-7, "fail")])
def test_of_what_is_dropped_eight_float32_roundoffs_may_be_left(left: float, verdict: str) -> None:
    masks = masks_of(100)
    assert dropout_of(np.where(masks == 0, left, masks)).verdict == verdict


@pytest.mark.parametrize(("dropped", "verdict"), [(44, "pass"), (43, "fail"), (170, "pass"), (171, "fail")])
def test_a_share_of_dropped_values_passes_unless_one_in_2_to_the_40_would_be_so(dropped: int, verdict: str) -> None:
    """Of 512 values a fifth is dropped: the binomial tail at 43 and 44 is 4.1e-13 and 1.1e-12, 2^-40 is 9.1e-13."""
    assert dropout_of(masks_of(dropped)).verdict == verdict


@pytest.mark.parametrize(("values", "verdict"), [(71, "pass"), (72, "fail")])
def test_one_mask_twice_passes_unless_one_in_2_to_the_40_would_be_so(values: int, verdict: str) -> None:
    """Two masks of 71 and 72 values are alike by chance once in 0.68^-71 and 0.68^-72 times: 1.3e-12 and 8.7e-13."""
    mask = np.ones(values)
    mask[::5] = 0
    assert (
        dropout_of(np.stack([mask, mask]), read=np.linspace(0.5, 2.0, values).reshape(1, 1, values)).verdict == verdict
    )


@pytest.mark.parametrize(("value", "tells"), [(0.000966, False), (0.000987, True)])
def test_values_of_a_thousandth_of_the_largest_tell_what_becomes_of_them(value: float, tells: bool) -> None:
    """2^-10."""
    assert readable(np.array([1.0, -value])).tolist() == [True, tells]


@pytest.mark.parametrize(("distance", "moves"), [(6.04e-5, True), (6.17e-5, False)])
def test_values_stand_a_16384th_from_where_an_activation_bends(distance: float, moves: bool) -> None:
    assert bool(least_move(np.array([-1.0, distance, 1.0]), [0.0], MARGINS[-1:])) is moves


@pytest.mark.parametrize(("off", "passes"), [(0.1237, True), (-0.1237, True), (0.1263, False), (-0.1263, False)])
def test_an_eighth_of_a_lattices_step_passes(off: float, passes: bool) -> None:
    exact = np.arange(4).reshape(1, 1, 1, 4)
    assert judge_lattice({"conv1": exact + off}, {"conv1": exact}, {"conv1": 1}).passed is passes  # type: ignore[dict-item]


@pytest.mark.parametrize(("off", "verdict"), [(7.92e-7, "pass"), (8.08e-7, "fail")])
def test_eight_noise_floors_pass_at_inference(off: float, verdict: str) -> None:
    right = np.array([1.0, 0.0]).reshape(1, 1, 1, 2)
    found = {"conv1": right + np.array([0.0, off])}
    assert judge("float32", "float32", found, {"conv1": right}, {"conv1": 1e-7}, {}).verdict == verdict


@pytest.mark.parametrize(("local", "says"), [(7.92, "inherited"), (8.0, "inherited"), (8.08, "born there")])
def test_an_error_of_eight_noise_floors_is_inherited(local: float, says: str) -> None:
    right = np.ones((1, 1, 1, 2))
    run = judge("float32", "float32", {"conv1": 2 * right}, {"conv1": right}, {"conv1": 1e-7}, {"conv1": local})
    assert run.message.endswith(says)


@pytest.mark.parametrize(
    ("dtype", "floor"),
    [
        ("float64", 1.1102230246251565e-16),
        ("float32", 5.9604644775390625e-08),
        ("float16", 0.00048828125),
        ("bfloat16", 0.00390625),
    ],
)
def test_a_noise_floor_is_never_below_the_unit_roundoff(dtype: str, floor: float) -> None:
    right: EndPoints = {"conv1": np.ones((1, 1, 1, 2))}
    assert noise_floors(right, [right, right], dtype) == {"conv1": floor}


@pytest.mark.parametrize(("floor", "decides"), [(0.1237, True), (0.1263, False)])
def test_noise_of_an_eighth_of_the_answer_decides_nothing(floor: float, decides: bool) -> None:
    if decides:
        check_decides(TINY.network, "float32", floor)
        return
    with pytest.raises(BadInput, match="the noise of bounds/tiny's answer is"):
        check_decides(TINY.network, "float32", floor)


class Answers:
    """A network that answers the same to all images, but for so much to the negative ones."""

    architecture = TINY.network

    def __init__(self, by: float) -> None:
        self.by = by

    def end_points(self, images: object) -> dict[str, Array]:
        return {"logits": np.array([[1.0, self.by]])}


@pytest.mark.parametrize("answers", [[[1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]], ids=["one", "two alike"])
@pytest.mark.parametrize(("by", "depends"), [(8.08e-7, True), (7.92e-7, False)])
def test_an_answer_depends_on_images_that_move_it_by_more_than_eight_floors(
    by: float, depends: bool, answers: list[list[float]]
) -> None:
    network: Any = Answers(by)
    given = network, np.ones((len(answers), 1, 1, 3)), np.array(answers), 1e-7
    if depends:
        check_exercised(*given)
        return
    with pytest.raises(BadInput, match="does not depend on these images"):
        check_exercised(*given)


@pytest.mark.parametrize(("apart", "depends"), [(8.08e-7, True), (7.92e-7, False)])
def test_an_answer_depends_on_images_of_a_batch_whose_answers_are_apart(apart: float, depends: bool) -> None:
    """By more than eight floors of both together; then no other images are needed."""
    network: Any = Answers(0)
    answer = np.array([[1.0, 0.0], [1.0, apart]])
    given = network, np.ones((2, 1, 1, 3)), answer, 1e-7 / np.sqrt(2)
    if depends:
        check_exercised(*given)
        return
    with pytest.raises(BadInput, match="does not depend on these images"):
        check_exercised(*given)
