"""Mistakes of an operation, in the backend's own process."""

from dataclasses import replace
from typing import Any

import numpy as np

from isomorph.backends.oracle import layers, pullbacks
from isomorph.backends.oracle.operations import activate, convolve, subsample
from isomorph.backends.protocol import Array
from isomorph.spec.layers import Activation, Convolution

from .honest import rounded

pulled_back = pullbacks.activate  # as it is before through_the_bend stands in its place


def through_the_bend(x: Array, activation: Activation) -> tuple[Array, pullbacks.Pullback]:
    """A pullback that lets the gradient through where the activation bends."""
    y, pull = pulled_back(x, activation)
    at = ((x == 0) | (x == 6)) & (activation is not None)
    return y, lambda gradient: (pull(gradient)[0] + gradient * at, {})


def of_float32(x: Array, weights: Array, layer: Convolution, *order: Any) -> Array:
    """A convolution that rounds to float32, whatever it is asked for."""
    return convolve(x.astype(np.float32), weights.astype(np.float32), layer, *order).astype(x.dtype)


def of_bfloat16(x: Array, weights: Array, layer: Convolution, *order: Any) -> Array:
    """A convolution whose operands are rounded to bfloat16."""
    return convolve(rounded(x), rounded(weights), layer, *order)


def without_rate(x: Array, weights: Array, layer: Convolution, *order: Any) -> Array:
    """A convolution that leaves its rate out."""
    return convolve(x, weights, replace(layer, rate=1), *order)


def last_pixels(x: Array, stride: int) -> Array:
    """What subsamples, but begins with the last pixel of a cell where there is one."""
    return subsample(np.concatenate([x[:, 1:], x[:, -1:]], axis=1), stride)


def activated(x: Array, activation: Activation) -> Array:
    """ReLU6 for ReLU."""
    return activate(x, activation and "relu6")


OPERATIONS: dict[str, tuple[object, str, object]] = {
    "float32": (layers, "convolve", of_float32),
    "bfloat16": (layers, "convolve", of_bfloat16),
    "rate": (layers, "convolve", without_rate),
    "subsampling": (layers, "subsample", last_pixels),
    "relu6": (layers, "activate", activated),
    "bend": (pullbacks, "activate", through_the_bend),
}
"""Mistake -> the module, the name of its operation, and what stands there instead."""
