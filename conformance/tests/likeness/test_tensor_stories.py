"""What happened to a tensor is told from its values, the simplest that explains them first."""

from collections.abc import Callable

import ml_dtypes
import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.conformance.likeness.causes.tensors import story

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(3, 3, 8, 8))
DEPTHWISE = RANDOM.normal(size=(3, 3, 1, 8))
RGB = RANDOM.normal(size=(3, 3, 3, 8))
DENSE = RANDOM.normal(size=(12, 12))
FLAT = RANDOM.normal(size=(2, 3, 4, 5))
VECTOR = RANDOM.uniform(0.5, 2, size=16)


def cast(dtype: str) -> Callable[[Array], Array]:
    return lambda x: x.astype(dtype).astype(np.float64)


def one_off(x: Array) -> Array:
    changed = x.copy()
    changed.flat[3] += 1e-3
    return changed


STORIES: dict[str, tuple[Array, Callable[[Array], Array], str]] = {
    "rounded to float32": (KERNEL, cast("float32"), "cast"),
    "rounded to float16": (KERNEL, cast("float16"), "cast"),
    "rounded to bfloat16": (KERNEL, lambda x: x.astype(ml_dtypes.bfloat16).astype(np.float64), "cast"),
    "zeros": (KERNEL, np.zeros_like, "not loaded"),
    "ones": (VECTOR, np.ones_like, "not loaded"),
    "inputs for outputs": (KERNEL, lambda x: x.swapaxes(2, 3), "transposed"),
    "of a dense layer": (DENSE, np.transpose, "transposed"),
    "rows for columns": (KERNEL, lambda x: x.swapaxes(0, 1), "transposed in space"),
    "turned": (KERNEL, lambda x: x[::-1, ::-1], "flipped"),
    "upside down": (KERNEL, lambda x: x[::-1], "flipped in rows"),
    "mirrored": (KERNEL, lambda x: x[:, ::-1], "flipped in columns"),
    "blue first": (RGB, lambda x: x[:, :, ::-1], "BGR"),
    "outputs backward": (KERNEL, lambda x: x[..., ::-1], "outputs reversed"),
    "one class more in front": (KERNEL, lambda x: np.roll(x, 1, 3), "outputs shifted"),
    "groups": (
        KERNEL,
        lambda x: x.reshape(3, 3, 8, 2, 4).swapaxes(-1, -2).reshape(x.shape),
        "groups interleaved",
    ),
    "reshaped": (DEPTHWISE, lambda x: x.transpose(3, 2, 0, 1).reshape(x.shape), "reshaped"),
    "flattened otherwise": (FLAT, lambda x: x.reshape(4, 2, 3, 5).transpose(1, 2, 0, 3), "flatten order"),
    "one value": (KERNEL, one_off, "few values"),
    "twice": (VECTOR, lambda x: 2 * x, "times a factor"),
    "plus one": (VECTOR, lambda x: x + 1, "off by a constant"),
    "folded": (KERNEL, lambda x: x * np.arange(1.0, 9.0), "scaled by output"),
    "shuffled": (VECTOR, RANDOM.permutation, "outputs permuted"),
    "trained on": (KERNEL, lambda x: x + 0.1 * RANDOM.normal(size=x.shape), "other values"),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told(name: str) -> None:
    right, change, cause = STORIES[name]
    told = story("weights" if right.ndim > 1 else "gamma", change(right), right, {}, {})
    assert told is not None
    assert told[0] == cause


def test_the_right_tensor_has_no_story() -> None:
    assert story("weights", KERNEL.copy(), KERNEL, {}, {}) is None


def test_a_place_that_is_taken_by_the_same_layers_other_tensor() -> None:
    told = story("beta", VECTOR, VECTOR[::-1] * 3, {"gamma": VECTOR}, {"elsewhere/gamma": VECTOR})
    assert told == ("beta and gamma exchanged", "holds gamma")


def test_a_place_that_is_taken_by_another_layers_tensor() -> None:
    told = story("weights", KERNEL, KERNEL * 3 + 1, {}, {"conv2/weights": KERNEL})
    assert told == ("another layer's tensors", "holds conv2/weights")


def test_a_variance_of_a_sample_is_told_with_its_number() -> None:
    told = story("moving_variance", VECTOR * 50 / 49, VECTOR, {}, {})
    assert told is not None
    assert told[1].endswith("n / (n - 1) of n = 50")


SHUFFLED = [3, 1, 2, 0, 5, 4, 7, 6]
WIDE = RANDOM.normal(size=(5, 16))

ORDERS: dict[str, tuple[str, Array, list[int], str, str]] = {
    "backward": ("weights", KERNEL, list(range(8))[::-1], "outputs reversed", "has its outputs reversed"),
    "one more in front": ("biases", KERNEL[0, 0, 0], [7, *range(7)], "outputs shifted", "has its outputs shifted by 1"),
    "one less in front": (
        "weights",
        KERNEL,
        [*range(1, 8), 0],
        "outputs shifted",
        "has its outputs shifted by -1",
    ),
    "in any order": (
        "weights",
        KERNEL,
        SHUFFLED,
        "outputs permuted",
        "has its outputs in another order: 3, 1, 2, 0, 5, 4, 7, 6",
    ),
    "many in any order": (
        "weights",
        WIDE,
        [*SHUFFLED, *range(8, 16)],
        "outputs permuted",
        "has its outputs in another order: 3, 1, 2, 0, 5, 4, 7, 6, ...",
    ),
    "a scale of blue first": ("scale", VECTOR[:3], [2, 1, 0], "BGR", "has its channels reversed, BGR for RGB"),
    "a shift of blue first": ("shift", VECTOR[:3], [2, 1, 0], "BGR", "has its channels reversed, BGR for RGB"),
    "three biases backward": ("biases", VECTOR[:3], [2, 1, 0], "outputs reversed", "has its outputs reversed"),
    "two": ("biases", VECTOR[:2], [1, 0], "another order", "has the right values in another order"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_outputs_in_another_order_are_told_with_their_order(name: str) -> None:
    leaf, right, order, cause, says = ORDERS[name]
    assert story(leaf, right[..., order], right, {}, {}) == (cause, says)


def test_outputs_of_which_one_is_there_twice_are_in_no_order() -> None:
    told = story("gamma", VECTOR[[0, 0, 2, 3]], VECTOR[:4] * [1, 2, 1, 1], {}, {})
    assert told is not None
    assert not told[0].startswith("outputs")


def test_outputs_that_are_packed_of_several_layers_are_told() -> None:
    """Queries, keys and values: head by head in one model, and one after the other in another."""
    layers = {f"{name}/weights": RANDOM.normal(size=(5, 4)) for name in ("queries", "keys", "values")}
    packed = np.concatenate([part[:, :2] for part in layers.values()], 1)
    expected = np.concatenate(list(layers.values()), 1)[:, :6]
    says = "holds outputs of 3 layers, packed in another order"
    assert story("weights", packed, expected, {}, layers) == ("outputs of several layers", says)
    biases = {name: x[0] for name, x in layers.items()}
    assert story("biases", packed[0], expected[0], {}, biases) == ("outputs of several layers", says)


def test_outputs_of_which_one_is_nobodys_are_other_values() -> None:
    layers = {f"{name}/weights": RANDOM.normal(size=(5, 4)) for name in ("queries", "keys")}
    packed = np.concatenate([part[:, :2] for part in layers.values()], 1)
    packed[2, 1] += 1
    expected = RANDOM.normal(size=(5, 4))
    told = story("weights", packed, expected, {}, layers)
    assert told is not None
    assert told[0] == "other values"


def test_outputs_of_one_other_layer_are_of_several_to_nobody() -> None:
    told = story("weights", DENSE[:, [0, 2, 1]], RANDOM.normal(size=(12, 3)), {}, {"elsewhere/weights": DENSE})
    assert told is not None
    assert told[0] == "other values"


def test_outputs_of_layers_with_other_kernels_are_nobodys() -> None:
    layers = {f"{name}/weights": RANDOM.normal(size=(3, 1, 2, 4)) for name in ("queries", "keys")}
    packed = np.concatenate([part[..., :2] for part in layers.values()], -1).reshape(1, 3, 2, 4)
    told = story("weights", packed, RANDOM.normal(size=(1, 3, 2, 4)), {}, layers)
    assert told is not None
    assert told[0] == "other values"
