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
