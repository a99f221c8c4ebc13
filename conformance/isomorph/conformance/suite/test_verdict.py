"""The verdict itself: distances, noise floors, the boundary of eight, and where an error was born."""

import re
from collections.abc import Callable

import ml_dtypes
import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.reference import Reference
from isomorph.conformance.small_networks import slim_small
from isomorph.conformance.verdict import (
    FLOORS,
    UNIT_ROUNDOFF,
    EndPoints,
    RunVerdict,
    judge,
    noise_floors,
    noise_ratios,
    relative_l2,
)
from isomorph.spec import BadInput

ONES = np.ones((1, 2, 2, 4))  # of norm 4


def off_by(error: float) -> Array:
    """ONES but for one value, `error` away from them in relative L2."""
    array = ONES.copy()
    array[0, 1, 0, 2] += 4 * error
    return array


def decide(found: Array, floor: float = 1e-7, local: float | None = None) -> RunVerdict:
    """A run of two end points: `first`, which is exact, and `second`."""
    reference = {"first": ONES, "second": ONES}
    local_ratios = {} if local is None else {"second": local}
    floors = {"first": floor, "second": floor}
    return judge("float32", "float32", {"first": ONES, "second": found}, reference, floors, local_ratios)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_the_distance_is_relative_l2_in_float64(dtype: type[np.generic]) -> None:
    """3 and 4 away from values of norm 50, whatever dtype they come in."""
    reference = np.array([30.0, 40.0]).reshape(1, 1, 1, 2)
    found = np.array([33.0, 44.0]).reshape(1, 1, 1, 2).astype(dtype)
    assert relative_l2(found, reference) == 0.1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=["NaN", "infinity", "negative infinity"])
def test_what_is_not_finite_is_infinitely_far(bad: float) -> None:
    found = off_by(0)
    found[0, 0, 0, 0] = bad
    assert relative_l2(found, ONES) == np.inf
    run = decide(found)
    assert (run.verdict, run.first_divergence) == ("fail", "second")
    assert run.end_points[1].max_abs == np.inf


def test_what_is_too_large_to_be_squared_is_infinitely_far() -> None:
    assert relative_l2(off_by(1e200), ONES) == np.inf


@pytest.mark.parametrize("shape", [(1, 2, 2, 3), (1, 2, 2, 4, 1), (1, 1, 1, 4), (2, 2, 2, 4)])
def test_another_shape_is_infinitely_far_even_if_it_could_be_broadcast(shape: tuple[int, ...]) -> None:
    run = decide(np.ones(shape))
    assert (run.verdict, run.first_divergence) == ("fail", "second")
    assert run.message == f"second is {'x'.join(map(str, shape))}, the oracle's is 1x2x2x4"
    assert run.end_points[1].rel_l2 == np.inf


@pytest.mark.parametrize(("floors_away", "verdict"), [(0.0, "pass"), (7.999, "pass"), (8.001, "fail"), (300.0, "fail")])
def test_eight_noise_floors_pass_and_no_more(floors_away: float, verdict: str) -> None:
    run = decide(off_by(floors_away * 1e-7))
    assert run.verdict == verdict
    assert run.end_points[1].noise_ratio == pytest.approx(floors_away, rel=1e-6)
    assert run.end_points[1].max_abs == pytest.approx(4 * floors_away * 1e-7, rel=1e-6)
    assert FLOORS == 8


def test_the_first_end_point_that_parts_is_named_and_the_worst_is_found() -> None:
    reference = dict.fromkeys("abcd", ONES)
    found = {"a": ONES, "b": off_by(1e-6), "c": off_by(1e-3), "d": off_by(1e-8)}
    run = judge("float32", None, found, reference, dict.fromkeys("abcd", 1e-7), {})
    assert [end_point.verdict for end_point in run.end_points] == ["pass", "fail", "fail", "pass"]
    assert run.first_divergence == "b"
    assert run.worst
    assert run.worst.name == "c"


@pytest.mark.parametrize(
    ("local", "says"),
    [
        (500.0, r"on the oracle's own input by 500: the error is born there$"),
        (8.0, r"by 8: the error is inherited$"),
        (1.5, r"by 1.5: the error is inherited$"),
    ],
    ids=["born", "inherited, at the most that passes", "inherited"],
)
def test_the_message_says_whether_the_error_was_born_there(local: float, says: str) -> None:
    message = decide(off_by(1e-4), local=local).message
    assert re.search(rf"^second is the first to differ, by 1e\+03 noise floors; .*{says}", message), message


def test_a_part_that_was_not_run_alone_is_not_blamed() -> None:
    run = decide(off_by(1e-4))
    assert run.message == "second is the first to differ, by 1e+03 noise floors"
    assert run.end_points[1].local_noise_ratio is None


def test_the_noise_floor_is_the_oracles_larger_error_and_never_below_roundoff() -> None:
    reference = {"noisy": ONES, "exact": ONES}
    runs = [{"noisy": off_by(1e-5), "exact": ONES}, {"noisy": off_by(3e-5), "exact": ONES}]
    assert noise_floors(reference, runs, "float32") == pytest.approx({"noisy": 3e-5, "exact": 2.0**-24})
    assert noise_floors(reference, runs, "bfloat16") == {"noisy": 2.0**-8, "exact": 2.0**-8}
    assert noise_ratios(runs[0], reference, {"noisy": 1e-6, "exact": 1.0}) == pytest.approx({"noisy": 10, "exact": 0})


def test_an_end_point_of_zeros_is_an_error_of_the_case() -> None:
    reference = {"alive": ONES, "dead": np.zeros((1, 1, 1, 4))}
    with pytest.raises(
        BadInput, match=r"^The network answers nothing but zeros at dead, so that agreement there would"
    ):
        noise_floors(reference, [reference], "float32")


NETWORK = slim_small()


@pytest.fixture(scope="module")
def reference() -> Reference:
    images = draw_images(NETWORK, 2, 49, 64)
    return Reference(NETWORK, draw_tensors(NETWORK, images), images)


def oracle(reference: Reference, dtype: str, **changed: Array) -> OracleNetwork:
    network = OracleNetwork(NETWORK, Options(dtype=dtype))
    network.load({**reference.tensors, **changed})
    return network


def judged(reference: Reference, dtype: str, network: OracleNetwork) -> RunVerdict:
    inputs = reference.parts(dtype).inputs
    parts = {name: y for part, x in inputs.items() for name, y in network.part(part, x).items()}
    return reference.judge(dtype, dtype, network.end_points(reference.images), parts)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_oracle_agrees_with_itself(reference: Reference, dtype: str) -> None:
    run = judged(reference, dtype, oracle(reference, dtype))
    assert run.verdict == "pass", run.message
    assert run.worst
    assert run.worst.noise_ratio <= 1
    assert all((end_point.local_noise_ratio or 0) <= 1 for end_point in run.end_points)


def test_float64_has_the_floors_of_float32_in_the_ratio_of_their_roundoffs(reference: Reference) -> None:
    """By parts too, and of the answer alone: 2^-29, written out."""
    single, double = reference.floors("float32"), reference.floors("float64")
    for wide, narrow in ((double, single), (reference.parts("float64").floors, reference.parts("float32").floors)):
        assert wide == {name: floor * 1.862645149230957e-09 for name, floor in narrow.items()}
    assert reference.answer_floor("float64") == reference.answer_floor("float32") * 1.862645149230957e-09
    assert min(single.values()) >= UNIT_ROUNDOFF["float32"]
    assert max(double.values()) < 1e-12


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_wrong_tensor_is_born_in_its_unit_and_inherited_behind_it(reference: Reference, dtype: str) -> None:
    name = "block2/unit_2/bottleneck_v1/conv2/weights"
    run = judged(reference, dtype, oracle(reference, dtype, **{name: reference.tensors[name] * np.float32(1.001)}))
    assert run.first_divergence == "block2/unit_2/bottleneck_v1/conv2"
    assert run.message.endswith("the error is born there")
    parted = {end_point.name for end_point in run.end_points if end_point.verdict == "fail"}
    born = {end_point.name for end_point in run.end_points if (end_point.local_noise_ratio or 0) > FLOORS}
    assert {"block2/unit_3/bottleneck_v1", "block3", "block4", "logits"} <= parted
    assert born <= {f"block2/unit_2/bottleneck_v1{end}" for end in ("", "/conv2", "/conv3")}


def test_a_network_that_answers_zeros_is_no_reference(reference: Reference) -> None:
    zeros = {name: np.zeros_like(value) for name, value in reference.tensors.items() if name.startswith("logits/")}
    with pytest.raises(BadInput, match="answers nothing but zeros at logits"):
        Reference(NETWORK, {**reference.tensors, **zeros}, reference.images).floors("float32")


def test_a_network_that_ignores_its_images_is_no_reference(reference: Reference) -> None:
    """Its logits are its biases alone."""
    deaf = {"logits/weights": np.zeros_like(reference.tensors["logits/weights"])}
    with pytest.raises(BadInput, match=r"^The answer of slim/resnet does not depend on these images"):
        Reference(NETWORK, {**reference.tensors, **deaf}, reference.images).floors("float32")


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (lambda found: {name: found[name] for name in found if name != "b"}, "b"),
        (lambda found: found | {"c": found["b"]}, "c"),
        (lambda found: dict(reversed(found.items())), "a"),
    ],
    ids=["one too few", "one too many", "another order"],
)
def test_end_points_that_are_not_the_oracles_fail_by_name(change: Callable[..., EndPoints], first: str) -> None:
    reference = {"a": np.ones((1, 2, 2, 3)), "b": np.ones((1, 1, 1, 3))}
    run = judge("float32", "float32", change(reference), reference, dict.fromkeys(reference, 1e-7), {})
    assert (run.verdict, run.first_divergence) == ("fail", first)
    assert run.message.startswith("its end points are not the oracle's: ")
