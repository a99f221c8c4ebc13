"""Batch norms folded into convolutions: against numbers worked out by hand, and against the oracle."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import load_backend
from isomorph.backends.folding import fold
from isomorph.spec import Architecture, Block, Head, Stem, StemConvolution, tensor_shapes
from isomorph.spec.convention import Convention

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Close = Callable[[Any, Any, float], None]

# A stem of one pixel and one channel; an epsilon that float32 holds.
NETWORK = Architecture(
    "mine/net",
    Stem((StemConvolution("conv1", 1, 1),)),
    (Block("block1", "basic", ((1, 1, 1),)),),
    Head(1),
    Convention(batch_norm_epsilon=1.0),
    in_channels=1,
)

# 6 / sqrt(3 + 1) = 3 times what the convolution gives, less the mean, and 5.
BATCH_NORM = {"gamma": 6.0, "beta": 5.0, "moving_mean": 7.0, "moving_variance": 3.0}


def tensors(network: Architecture, **values: float) -> dict[str, Array]:
    """Tensors that hold `values` by the last part of their names, and 2 where there is none."""
    shapes = tensor_shapes(network)
    return {name: np.full(shape, values.get(name.rpartition("/")[2], 2.0)) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("options", "weights", "biases"),
    [
        pytest.param({}, 3 * 2, 5 - 3 * 7, id="a convolution without bias"),
        pytest.param({"convolution_bias": True}, 3 * 2, 5 + 3 * (4 - 7), id="a biased convolution"),
        pytest.param({"batch_norm": False}, 2, 0, id="a convolution without batch norm or bias"),
        pytest.param({"batch_norm": False, "convolution_bias": True}, 2, 4, id="a biased one without batch norm"),
    ],
)
def test_folded(options: dict[str, Any], weights: float, biases: float) -> None:
    network = NETWORK.with_options(**options)
    folded = fold(network, tensors(network, biases=4.0, **BATCH_NORM))
    for scope in ("conv1", "block1/unit_1/basic_v1/conv1", "block1/unit_1/basic_v1/conv2"):
        assert (folded[f"{scope}/weights"] == weights).all(), scope
        assert (folded[f"{scope}/biases"] == biases).all(), scope
    assert (folded["logits/weights"].item(), folded["logits/biases"].item()) == (2, 4)


def test_each_channel_is_scaled_by_its_own() -> None:
    network = Architecture("mine/net", Stem((StemConvolution("conv1", 2, 3),)), NETWORK.blocks, Head(None))
    given = tensors(network) | {"conv1/BatchNorm/gamma": np.array([1.0, -2.0])}
    folded = fold(network, given)["conv1/weights"]
    np.testing.assert_array_equal(folded[..., 1], -2 * folded[..., 0])


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
def test_folded_are_float64_and_what_was_given_stays(dtype: str) -> None:
    given = {name: value.astype(dtype) for name, value in tensors(NETWORK, **BATCH_NORM).items()}
    before = {name: value.copy() for name, value in given.items()}
    folded = fold(NETWORK, given)
    assert {value.dtype for value in folded.values()} == {np.dtype("float64")}
    assert [name for name in before if not np.array_equal(given[name], before[name])] == []


@pytest.mark.parametrize("convolution_bias", [False, True], ids=["unbiased", "biased"])
def test_folded_tensors_are_those_of_the_folded_network(
    convolution_bias: bool, design: Architecture, weights: Weights
) -> None:
    network = design.with_options(convolution_bias=convolution_bias)
    found = {name: value.shape for name, value in fold(network, weights(network)).items()}
    assert list(found.items()) == list(tensor_shapes(network.folded()).items())


@pytest.mark.parametrize("convolution_bias", [False, True], ids=["unbiased", "biased"])
def test_the_folded_network_has_the_same_end_points(
    convolution_bias: bool, design: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    network = design.with_options(convolution_bias=convolution_bias)
    nominal, folded = (
        load_backend("oracle").build(network, dtype="float64", fold_batch_norm=choice) for choice in (False, True)
    )
    for one in (nominal, folded):
        one.load(weights(network))
    found, expected = folded.end_points(images), nominal.end_points(images)
    assert list(found) == list(expected)
    for name, value in found.items():
        assert_close(value, expected[name], 1e-14)
