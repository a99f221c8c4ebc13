"""Images and weights for a comparison: drawn by a documented rule that gives the same bits on every machine.

The rule. A tensor's values are the stream of Philox (4x64-10, the counter-based generator of Salmon et al., 2011, as
NumPy's bit generator gives it) under the key (seed, CRC-32 of the tensor's name), 32 bits a value, the upper 24 of
which are a number u in -1 .. 1 in steps of 2^-23. Nothing but products and square roots, which IEEE 754 rounds
correctly, makes them:

    kernels          u * sqrt(3 / inputs that one output sees)     so that their variance is 1 / fan_in; twice that
                     where an activation follows and no batch norm, as it lets half of the variance through
    gamma            1 + u / 2, a quarter of that in the last convolution of a unit, as training leaves it small
    beta, biases     u / 4
    moving averages  what the oracle finds on the images themselves, rounded to a sixteenth of the standard deviation
                     (mean) and to four significant bits (variance): too coarse for the order of a sum to matter

Calibrated so, every layer's output is of order one on these images, nothing dies and nothing explodes, at any depth.
"""

import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Options
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import Architecture, BadInput, plan, tensor_shapes
from isomorph.spec.tensors import BETA, BIASES, GAMMA, STATISTICS, WEIGHTS, split, tensor_name

Array = npt.NDArray[Any]
T = TypeVar("T")


def uniform(seed: int, name: str, shape: tuple[int, ...]) -> Array:
    """float64 numbers in -1 .. 1, multiples of 2^-23, the same on every machine."""
    size = int(np.prod(shape))
    stream = np.random.Philox(key=[seed, zlib.crc32(name.encode())]).random_raw((size + 1) // 2)
    bits = stream.astype("<u8").view("<u4")[:size] >> 8
    return np.asarray((bits / 2.0**23 - 1.0).reshape(shape))


def draw_images(architecture: Architecture, batch: int, height: int, width: int, seed: int = 0) -> Array:
    """[batch, height, width, in_channels] float32 images of order one: noise, an offset and slow ramps in each channel.

    Every image and channel has its own offset and ramps, so that a network's answers to them differ.
    """
    shape = (batch, height, width, architecture.in_channels)
    noise = uniform(seed, "images", shape)
    offset, down, across = (
        uniform(seed, f"images/{name}", (batch, 1, 1, shape[3])) for name in ("offset", "down", "across")
    )
    rows, columns = np.arange(height).reshape(1, -1, 1, 1) / height, np.arange(width).reshape(1, 1, -1, 1) / width
    return (noise + offset + 2 * down * rows + 2 * across * columns).astype(np.float32)


def draw_tensors(architecture: Architecture, images: Array, seed: int = 0) -> dict[str, Array]:
    """Trained-like canonical tensors in float32, their running statistics calibrated on `images`."""
    small, halved = small_gammas(architecture), halved_kernels(architecture)
    tensors = {
        name: _draw(name, shape, seed, name in small, name in halved)
        for name, shape in tensor_shapes(architecture).items()
    }
    oracle = OracleNetwork(architecture, Options(dtype="float64"))
    oracle.load(tensors)
    statistics = oracle.calibrate(images, coarse_statistics)
    return tensors | {name: value.astype(np.float32) for name, value in statistics.items()}


def small_gammas(architecture: Architecture) -> set[str]:
    """The names of those that training leaves small: each unit's last, where it ends in batch norm."""
    last = {tensor_name(unit.parametrised[-1], GAMMA) for unit in plan(architecture).units if unit.parametrised}
    return last & tensor_shapes(architecture).keys()


def halved_kernels(architecture: Architecture) -> set[str]:
    """The names of those that an activation follows, at once or behind a concatenation, and no batch norm."""
    planned = plan(architecture)
    rectified = [layer for layer in planned.convolutions if layer.activation]
    for unit in planned.units:
        if unit.wiring.concatenated and unit.wiring.activation:
            rectified += [unit.layer(name) for name in unit.wiring.joined]
    return {tensor_name(layer, WEIGHTS) for layer in rectified if not layer.batch_norm}


def _draw(name: str, shape: tuple[int, ...], seed: int, small: bool, halved: bool) -> Array:
    _, leaf = split(name)
    if leaf in STATISTICS:
        return np.ones(shape, np.float32)
    values = uniform(seed, name, shape)
    if leaf == GAMMA:
        values = (1 + values / 2) / (4 if small else 1)
    elif leaf in (BETA, BIASES):
        values = values / 4
    else:
        values = values * np.sqrt((6 if halved else 3) / np.prod(shape[:-1]))
    return values.astype(np.float32)


def coarse_statistics(x: Array) -> tuple[Array, Array]:
    """Per channel of [N, H, W, C]: mean, to a sixteenth of the deviation, and variance, to four significant bits."""
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    # A map of one cell, or a constant one, has no variance to normalise by; one keeps it as it is.
    variance = np.where(variance > 1e-6, variance, 1.0)
    mantissa, exponent = np.frexp(variance)
    _, half = np.frexp(np.sqrt(variance))
    step = np.ldexp(1.0, half - 5)
    return np.round(mean / step) * step, np.ldexp(np.round(mantissa * 16) / 16, exponent)


def check_tensors(tensors: Mapping[str, Array], source: str) -> None:
    """Raise BadInput for a tensor that no comparison can use: one with NaN or infinity, or a negative variance.

    Frameworks do not agree on what NaN does: Paddle's ReLU makes it zero, so that finite logits prove nothing.
    """
    for name, value in tensors.items():
        finite = np.isfinite(value)
        if not finite.all():
            bad = int(value.size - np.count_nonzero(finite))
            values = "1 value" if bad == 1 else f"{bad} values"
            verb = "is" if bad == 1 else "are"
            raise BadInput(f"{source} holds {values} in {name} that {verb} NaN or infinite; expected numbers.")
        if name.endswith(STATISTICS[1]) and (value < 0).any():
            raise BadInput(f"{source} holds a negative variance in {name}; expected none below zero.")


def check_images(images: Array, source: str) -> None:
    """Raise BadInput for images that hold NaN or infinity."""
    if not np.isfinite(images).all():
        raise BadInput(f"{source} holds pixels that are NaN or infinite; expected numbers.")


def check_decides(network: Architecture, dtype: str, floor: float) -> None:
    """Raise BadInput where an answer of nothing but zeros would pass for noise.

    floor: the answer's noise floor in `dtype`. Batch norms that were calibrated on a map of one cell come to this.
    """
    if FLOORS * floor >= 1:
        raise BadInput(
            f"In {dtype} the noise of {network.name}'s answer is {floor:.2g} times that answer, so that agreement would"
            " mean nothing; larger images, other weights or another dtype are needed."
        )


def check_exercised(network: OracleNetwork, images: Array, answer: Array, floor: float) -> None:
    """Raise BadInput if the network's answer, its last map before the softmax, does not depend on its input.

    network: the oracle in any dtype, whose end points are asked for once more, on the images' negative.
    answer: its own answer to `images`. floor: that answer's noise floor.
    """
    other = last_answer(network.end_points(-images))
    moved = float(np.linalg.norm(other - answer) / np.linalg.norm(answer))
    if moved <= 8 * floor:
        raise BadInput(
            f"The answer of {network.architecture.name} does not depend on these images, so that agreement would mean"
            " nothing; other images or weights are needed."
        )


def last_answer(end_points: Mapping[str, T]) -> T:
    """What belongs to the logits, or to the last end point of a network without any."""
    return end_points["logits"] if "logits" in end_points else list(end_points.values())[-1]
