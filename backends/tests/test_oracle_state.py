"""What the oracle keeps: its own copies of tensors or another's, rounded ones, and running statistics."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import Precision
from isomorph.backends.oracle.training import follow
from isomorph.backends.protocol import Array, Options, Tensors
from isomorph.spec import Architecture, plan, tensor_shapes
from isomorph.spec.architecture import Stem, StemConvolution
from isomorph.spec.families.residual import residual_block

NETWORK = Architecture("mine/net", Stem((StemConvolution("conv1", 4, 3),)), (residual_block(1, "basic", 4, 1, 1),))


def ones() -> Tensors:
    return {name: np.ones(shape, np.float32) for name, shape in tensor_shapes(NETWORK).items()}


def kernel_of(network: OracleNetwork) -> Array:
    """That which the network computes with."""
    return network.native.parametrised["conv1"].tensors["weights"]


def test_what_is_loaded_is_copied_and_what_is_borrowed_is_not() -> None:
    network, tensors = OracleNetwork(NETWORK, Options()), ones()
    kernel = tensors["conv1/weights"]
    network.load(tensors)
    assert not np.shares_memory(kernel_of(network), kernel)
    network.borrow(tensors)
    assert np.shares_memory(kernel_of(network), kernel)
    network.load(tensors)
    assert not np.shares_memory(kernel_of(network), kernel)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_computed_in_its_own_dtype_is_not_rounded(dtype: str) -> None:
    x = np.array([1.1], dtype)
    assert Precision(dtype).round(x) is x


@pytest.mark.parametrize(("dtype", "rounded"), [("bfloat16", 1 + 2**-7), ("float16", 1 + 2**-7 + 2**-10)])
def test_half_precisions_round(dtype: str, rounded: float) -> None:
    found = Precision(dtype).round(np.array([1 + 2**-7 + 2**-10 + 2**-12], np.float32))
    assert (found.tolist(), str(found.dtype)) == ([rounded], "float32")


@pytest.mark.parametrize(("kind", "variance"), [("biased", 8.0), ("unbiased", 10.0)])
def test_running_statistics_go_a_tenth_of_the_way_to_a_batchs(kind: str, variance: float) -> None:
    """Of five values, whose mean is 2 and whose biased variance is 8; no other layer saw any."""
    network = NETWORK.with_options(batch_norm_decay=0.9, running_variance=kind)
    forward: Any = SimpleNamespace(statistics={"conv1": (np.full(4, 2.0), np.full(4, 8.0), 5)})
    followed = follow(plan(network), {name: value.astype(float) for name, value in ones().items()}, forward)
    assert {name: value.tolist() for name, value in followed.items()} == {
        "conv1/BatchNorm/moving_mean": pytest.approx([0.9 * 1 + 0.1 * 2] * 4),
        "conv1/BatchNorm/moving_variance": pytest.approx([0.9 * 1 + 0.1 * variance] * 4),
    }
