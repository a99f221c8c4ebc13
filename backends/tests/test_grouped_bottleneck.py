"""The three forms of ResNeXt's block that its paper calls equal are equal (Xie et al., 2017, figure 3).

(a) transforms in 32 paths of their own and sums them, (b) concatenates the paths before the last 1x1, (c) is one
bottleneck with a grouped 3x3, which is what the units here are. (a) and (b) are built by hand from the same tensors; as
section 4 has it, (a)'s last batch norm comes behind the sum of the paths and before that with the shortcut.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import load_backend
from isomorph.backends.oracle.operations import convolve
from isomorph.spec import Architecture, Block, Head, Stem, plan
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import BETA, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, tensor_name
from isomorph.spec.zoos import torchvision

Array = npt.NDArray[Any]
Tensors = dict[str, Array]

CARDINALITY = 32

# Three convolutions in a row, whose longest sums are of 256 terms: rounding walks at random, half a unit in the last
# place at each term.
LIMIT = 3 * 256**0.5 * 2.0**-53

# (depth, depth_bottleneck, stride, groups) behind so many channels: the first block of figure 3 and those around it
UNITS = {
    "an identity": (256, (256, 128, 1, CARDINALITY)),
    "a projection": (64, (256, 128, 1, CARDINALITY)),
    "a projection that strides": (256, (512, 256, 2, CARDINALITY)),
}


class ByHand:
    """One ResNeXt unit, [N, H, W, depth_in] -> [N, H / stride, W / stride, depth], in paths.

    channels: path -> which channels of the two convolutions inside it are its own.
    """

    def __init__(self, network: Architecture, tensors: Tensors, channels: Callable[[int, int], slice]) -> None:
        (self.unit,) = plan(network).units
        self.epsilon = plan(network).epsilon
        self.tensors = tensors
        self.channels = channels

    def split_transform_sum(self, x: Array) -> Array:
        """Form (a)."""
        layer, weights = self.layer("conv3")
        paths = [
            convolve(y, weights[:, :, ours], replace(layer, depth_in=y.shape[-1])) for ours, y in self.transformed(x)
        ]
        return self.joined(x, np.sum(paths, axis=0))

    def concatenated(self, x: Array) -> Array:
        """Form (b)."""
        layer, weights = self.layer("conv3")
        gathered = np.empty((*self.transformed(x)[0][1].shape[:3], layer.depth_in))
        for ours, y in self.transformed(x):
            gathered[..., ours] = y
        return self.joined(x, convolve(gathered, weights, layer))

    def transformed(self, x: Array) -> list[tuple[slice, Array]]:
        """Each path's channels, and what its 1x1 and its 3x3 make of `x`."""
        (first, reduces), (second, transforms) = self.layer("conv1"), self.layer("conv2")
        width = first.depth // CARDINALITY
        paths = []
        for path in range(CARDINALITY):
            ours = self.channels(path, width)
            y = convolve(x, reduces[..., ours], replace(first, depth=width))
            y = np.maximum(self.batch_norm("conv1", y, ours), 0)
            y = convolve(y, transforms[..., ours], replace(second, depth_in=width, depth=width, groups=1))
            paths.append((ours, np.maximum(self.batch_norm("conv2", y, ours), 0)))
        return paths

    def joined(self, x: Array, residual: Array) -> Array:
        """Behind the last 1x1: batch norm, shortcut, ReLU."""
        shortcut = x
        if self.unit.shortcut:
            layer, weights = self.layer("shortcut")
            shortcut = self.batch_norm("shortcut", convolve(x, weights, layer))
        return np.asarray(np.maximum(self.batch_norm("conv3", residual) + shortcut, 0))

    def batch_norm(self, name: str, x: Array, ours: slice = slice(None)) -> Array:
        layer, _ = self.layer(name)
        gamma, beta, mean, variance = (
            self.tensors[tensor_name(layer, leaf)][ours] for leaf in (GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE)
        )
        return np.asarray((x - mean) / np.sqrt(variance + self.epsilon) * gamma + beta)

    def layer(self, name: str) -> tuple[Convolution, Array]:
        layer = self.unit.layer(name)
        return layer, self.tensors[tensor_name(layer, WEIGHTS)]


def side_by_side(path: int, width: int) -> slice:
    """A path's channels stand together, as those of a group do."""
    return slice(path * width, (path + 1) * width)


def interleaved(path: int, width: int) -> slice:
    """Every 32nd channel."""
    return slice(path, None, CARDINALITY)


@pytest.fixture(params=UNITS)
def network(request: pytest.FixtureRequest) -> Architecture:
    depth_in, args = UNITS[request.param]
    block = Block("block1", "grouped_bottleneck", (args,))
    head = Head(None, global_pool=False)
    return Architecture("mine/resnext", Stem(()), (block,), head, torchvision.CONVENTION, in_channels=depth_in)


@pytest.fixture
def maps(network: Architecture) -> Array:
    """[2, 9, 8, depth_in], as a ReLU leaves them."""
    return np.maximum(np.random.default_rng(1).normal(size=(2, 9, 8, network.in_channels)), 0)


@pytest.fixture
def grouped(network: Architecture, maps: Array, weights: Callable[[Architecture], Tensors]) -> Array:
    """Form (c): what the oracle answers."""
    built = load_backend("oracle").build(network, dtype="float64")
    built.load(weights(network))
    return built.end_points(maps)["block1"]


def error(found: Array, expected: Array) -> float:
    """Relative L2."""
    assert found.shape == expected.shape
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("form", [ByHand.split_transform_sum, ByHand.concatenated])
def test_the_grouped_unit_is_the_same_as(
    form: Callable[[ByHand, Array], Array],
    network: Architecture,
    maps: Array,
    grouped: Array,
    weights: Callable[[Architecture], Tensors],
) -> None:
    by_hand = ByHand(network, weights(network), side_by_side)
    assert error(form(by_hand, maps), grouped) <= LIMIT


def test_paths_of_other_channels_are_another_function(
    network: Architecture, maps: Array, grouped: Array, weights: Callable[[Architecture], Tensors]
) -> None:
    by_hand = ByHand(network, weights(network), interleaved)
    assert error(by_hand.split_transform_sum(maps), by_hand.concatenated(maps)) <= LIMIT
    assert error(by_hand.concatenated(maps), grouped) > 0.01
