"""Where float32 parts from float64 in training, and why: a ReLU whose input rounding has put on the other side of zero.

What a ReLU passes hardly changes there, but the gradient behind it is all or nothing: the weights jump, and what was
some 1e-7 between two trainings is thousands of times as much a few steps later. The oracle shows it, trained twice.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from examples import digits
from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.training import TrainingPass
from isomorph.backends.protocol import Options
from isomorph.backends.training import SGD
from isomorph.spec import plan

LIMIT = 1e-3
"""Of the relative difference from the reference: beyond it a training has parted."""


class Step(NamedTuple):
    """A step of the oracle's trainings in float64 and in float32.

    float64, float32: the loss of each, in nats.
    flips: how many results of its layers are zero in just one of them.
    """

    float64: float
    float32: float
    flips: int


def train(seed: int, epochs: int) -> Iterator[Step]:
    """Train the oracle in both precisions, step by step."""
    wide, narrow = steps(seed, epochs, "float64"), steps(seed, epochs, "float32")
    for (float64, zeros), (float32, others) in zip(wide, narrow, strict=True):
        yield Step(float64, float32, int(np.count_nonzero(zeros != others)))


def relative_differences(losses: digits.Array, reference: digits.Array) -> digits.Array:
    """|losses - reference| / reference, step by step."""
    return np.asarray(np.abs(losses - reference) / reference)


def first_difference(losses: digits.Array, reference: digits.Array, limit: float = LIMIT) -> int | None:
    """The first step, counted from 0, whose loss is off by more than `limit` of the reference's; None if none is."""
    differs = relative_differences(losses, reference) > limit
    return int(np.argmax(differs)) if differs.any() else None


def steps(seed: int, epochs: int, dtype: str, order: int = 0) -> Iterator[tuple[float, digits.Array]]:
    """The loss of each step, and which results of all layers are zero: behind a ReLU, those that pass no gradient.

    order: of summation, as in the oracle's `Precision`.
    """
    network = OracleNetwork(digits.NETWORK, Options(dtype=dtype, training=True), order)
    network.load(digits.start(seed))
    data, _ = digits.read()
    batches = digits.Order(seed)
    sgd, velocity = SGD(digits.LEARNING_RATE, digits.MOMENTUM, l2=0.0), None
    for _ in range(epochs):
        for batch in batches:
            images, labels = data.images[batch].astype(dtype), data.labels[batch]
            forward = TrainingPass(plan(digits.NETWORK), network.tensors(), images, network.native.precision)
            zeros = np.concatenate([(value == 0).ravel() for value in forward.values.values()])
            loss, velocity = network.step(images, labels, sgd, velocity)
            yield loss, zeros
