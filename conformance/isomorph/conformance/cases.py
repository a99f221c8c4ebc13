"""Draw images and weights for a comparison, by a documented rule that gives the same bits on every machine.

The rule. A tensor's values are the stream of Philox (4x64-10, the counter-based generator of Salmon et al., 2011, as
NumPy's bit generator gives it) under the key (seed, CRC-32 of the tensor's name), 32 bits a value, the upper 24 of
which are a number u in -1 .. 1 in steps of 2^-23. They are scaled by products and square roots alone, which IEEE 754
rounds correctly:

    kernels          u * sqrt(3 / inputs that one output sees)     so that their variance is 1 / fan_in; twice that
                     where an activation follows and no batch norm, as it passes half of the variance
    gamma            1 + u / 2, a quarter of that in the last convolution of a unit, as training leaves it small
    beta, biases     u / 4
    moving averages  the oracle's own on these images, rounded to a sixteenth of the standard deviation (mean) and to
                     four significant bits (variance): too coarse for the order of a sum to matter

So every layer's output is of order one on these images, at any depth; none vanishes or explodes.
"""

import zlib
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import Architecture, BadInput, plan, tensor_shapes
from isomorph.spec.tensors import BETA, BIASES, GAMMA, STATISTICS, WEIGHTS, split, tensor_name

T = TypeVar("T")


def uniform(seed: int, name: str, shape: tuple[int, ...]) -> Array:
    """Return float64 numbers in -1 .. 1, multiples of 2^-23, the same on every machine.

    >>> uniform(0, "conv1/weights", (2,))
    array([-0.01626933,  0.42329872])
    """
    size = int(np.prod(shape))
    stream = np.random.Philox(key=[seed, zlib.crc32(name.encode())]).random_raw((size + 1) // 2)
    bits = stream.astype("<u8").view("<u4")[:size] >> 8
    return np.asarray((bits / 2.0**23 - 1.0).reshape(shape))


def draw_images(architecture: Architecture, batch: int, height: int, width: int, seed: int = 0) -> Array:
    """Draw float32 images [batch, height, width, in_channels] of order one: noise, an offset and ramps.

    Every image and channel has its own offset and ramps, so that a network's answers to the images differ.

    >>> from isomorph.spec import architecture
    >>> draw_images(architecture("cifar/resnet20"), batch=2, height=32, width=32).shape
    (2, 32, 32, 3)
    """
    return draw_pixels(batch, height, width, architecture.in_channels, seed)


def draw_pixels(batch: int, height: int, width: int, channels: int, seed: int = 0) -> Array:
    """Draw images as `draw_images` does, of any number of channels.

    >>> draw_pixels(batch=2, height=32, width=48, channels=1).shape
    (2, 32, 48, 1)
    """
    shape = (batch, height, width, channels)
    noise = uniform(seed, "images", shape)
    offset, down, across = (
        uniform(seed, f"images/{name}", (batch, 1, 1, shape[3])) for name in ("offset", "down", "across")
    )
    rows, columns = np.arange(height).reshape(1, -1, 1, 1) / height, np.arange(width).reshape(1, 1, -1, 1) / width
    return (noise + offset + 2 * down * rows + 2 * across * columns).astype(np.float32)


def draw_tensors(architecture: Architecture, images: Array, seed: int = 0) -> dict[str, Array]:
    """Draw canonical tensors in float32, like those of a trained network, with running statistics of `images`."""
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
    """Return the names of the gammas that training leaves small: each unit's last, where it ends in batch norm."""
    last = {tensor_name(unit.parametrised[-1], GAMMA) for unit in plan(architecture).units if unit.parametrised}
    return last & tensor_shapes(architecture).keys()


def halved_kernels(architecture: Architecture) -> set[str]:
    """Return the names of kernels that an activation follows, at once or behind a concatenation, and no batch norm."""
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
    """Return each channel's mean, to a sixteenth of the deviation, and variance, to four significant bits.

    x: [N, H, W, C].
    """
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    # A map of one cell, or a constant one, has no variance to normalise by; a variance of one leaves it as it is.
    variance = np.where(variance > 1e-6, variance, 1.0)
    mantissa, exponent = np.frexp(variance)
    _, half = np.frexp(np.sqrt(variance))
    step = np.ldexp(1.0, half - 5)
    return np.round(mean / step) * step, np.ldexp(np.round(mantissa * 16) / 16, exponent)


def check_tensors(tensors: Mapping[str, Array], source: str) -> None:
    """Raise BadInput for a tensor that no comparison can use: one with NaN or infinity, or a negative variance.

    Frameworks treat NaN in different ways: Paddle's ReLU makes it zero, so that finite logits prove nothing.
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
    """Raise BadInput where an answer of zeros alone would pass as noise.

    floor: the answer's noise floor in `dtype`. It is so large where batch norms were calibrated on a map of one cell.
    """
    if FLOORS * floor >= 1:
        raise BadInput(
            f"In {dtype} the noise of {network.name}'s answer is {floor:.2g} times that answer, so that agreement would"
            " mean nothing; larger images, other weights or another dtype are needed."
        )


def check_exercised(network: OracleNetwork, images: Array, answer: Array, floor: float) -> None:
    """Raise BadInput if the network's answer, its last map before the softmax, does not depend on its input.

    It does where the answers to the first and the last image differ; if not, the network is evaluated once more, on the
    negative images.

    network: the oracle in any dtype.
    answer: its own answer to `images`. floor: that answer's noise floor.
    """
    smallest = 8 * floor * np.linalg.norm(answer)
    if np.linalg.norm(answer[0] - answer[-1]) > smallest:
        return
    if np.linalg.norm(last_answer(network.end_points(-images)) - answer) <= smallest:
        raise BadInput(
            f"The answer of {network.architecture.name} does not depend on these images, so that agreement would mean"
            " nothing; other images or weights are needed."
        )


def last_answer(end_points: Mapping[str, T]) -> T:
    """Return the value of the logits, or of the last end point of a network without any.

    >>> last_answer({"conv1": 1, "logits": 2, "predictions": 3})
    2
    """
    return end_points["logits"] if "logits" in end_points else list(end_points.values())[-1]
