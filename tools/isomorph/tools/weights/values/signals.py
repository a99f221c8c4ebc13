"""What is known of the values that flow through a network, channel by channel, from its tensors alone.

A batch norm gives each channel the mean beta and the deviation gamma. What follows from that is worked out as if every
channel were normally distributed and independent of those that it is added to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import erf, pi, sqrt

import numpy as np
import numpy.typing as npt

from isomorph.spec.layers import Activation, MaxPool

Channels = npt.NDArray[np.float64]
"""[C]: a number for each channel; NaN where it is not known."""

LARGEST_OF = {2: (0.85, 0.56), 3: (1.03, 0.49)}
"""Kernel of a max pool -> by how many deviations the mean of its maxima is larger, and what factor their variance has.

Neighbours are alike: a window of 2x2 counts as three independent normal values, one of 3x3 as four, of which these are
the order statistics (Harter, 1961). Correlations between channels hardly depend on them.
"""

SMALLEST = 1e-12
"""A deviation that stands for zero."""


@dataclass(frozen=True, eq=False)
class Signal:
    """Values of a network: of a normal distribution in each channel, with an activation behind it.

    mean, variance: [C], before the activation.
    recorded: the part of the mean, [C], that a batch norm before has recorded of the very same values.

    >>> rectified = Signal(np.zeros(1), np.ones(1), "relu").settled
    >>> rectified.mean.round(3).tolist(), rectified.variance.round(3).tolist()
    ([0.399], [0.341])
    """

    mean: Channels
    variance: Channels
    activation: Activation = None
    recorded: Channels | float = 0.0

    @cached_property
    def settled(self) -> "Signal":
        """The mean and variance of what comes out of the activation."""
        if self.activation is None:
            return self
        first, second = _above(self, 0.0)
        if self.activation == "relu6":
            beyond, squared = _above(self, 6.0)
            first, second = first - beyond, second - squared - 12 * beyond
        return Signal(first, np.maximum(second - first**2, 0.0))

    def activated(self, activation: Activation) -> "Signal":
        """Return these values behind one more activation, of which none undoes another."""
        if activation is None or activation == self.activation:
            return self
        before = replace(self, activation=None) if self.activation == "relu" else self.settled
        return Signal(before.mean, before.variance, activation)

    def pooled(self, pool: MaxPool) -> "Signal":
        """Return the maxima of windows: of the normal values, as no activation changes which one is the largest."""
        shift, factor = LARGEST_OF[min(max(pool.kernel, 2), 3)] if pool.kernel > 1 else (0.0, 1.0)
        return Signal(self.mean + shift * np.sqrt(self.variance), factor * self.variance, self.activation)

    def scaled(self, scale: Channels | float, shift: Channels | float = 0.0) -> "Signal":
        """Return each value times `scale`, plus `shift`."""
        values = self.settled
        return Signal(values.mean * scale + shift, values.variance * scale**2)

    def padded(self, before: int, after: int) -> "Signal":
        """Return the same channels between channels of zeros."""
        values = self.settled
        return Signal(np.pad(values.mean, (before, after)), np.pad(values.variance, (before, after)))


def unknown(depth: int) -> Signal:
    """Return values of which nothing is known."""
    return Signal(np.full(depth, np.nan), np.full(depth, np.nan))


def added(signals: Sequence[Signal]) -> Signal:
    """Return the sum of several results.

    >>> ones = Signal(np.ones(2), np.ones(2))
    >>> added([ones, ones]).variance.tolist()
    [2.0, 2.0]
    """
    if len(signals) == 1:
        return signals[0]
    values = [signal.settled for signal in signals]
    mean, variance = (np.sum([getattr(each, name) for each in values], axis=0) for name in ("mean", "variance"))
    return Signal(mean, variance, recorded=sum((each.recorded for each in values), 0.0))


def concatenated(signals: Sequence[Signal]) -> Signal:
    """Return all channels of several results."""
    activations = {signal.activation for signal in signals}
    values = signals if len(activations) == 1 else [signal.settled for signal in signals]
    mean, variance = (np.concatenate([getattr(each, name) for each in values]) for name in ("mean", "variance"))
    return Signal(mean, variance, values[0].activation)


def _above(signal: Signal, least: float) -> tuple[Channels, Channels]:
    """Return the means of max(x - least, 0) and of its square, of normal values x."""
    deviation = np.maximum(np.sqrt(signal.variance), SMALLEST)
    excess = signal.mean - least
    ratio = excess / deviation
    share = 0.5 + 0.5 * np.fromiter(map(erf, (ratio / sqrt(2)).tolist()), np.float64, ratio.size)
    density = deviation * np.exp(-0.5 * ratio**2) / sqrt(2 * pi)
    return excess * share + density, (excess**2 + deviation**2) * share + excess * density
