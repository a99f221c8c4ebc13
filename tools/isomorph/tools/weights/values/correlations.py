"""How well a batch norm's running mean correlates, over its channels, with the predicted one."""

from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
import numpy.typing as npt

from isomorph.tools.weights.values.signals import Channels

FEWEST = 8
"""The channels of the narrowest layer that is compared: of fewer, chance makes any correlation."""

SPREAD = 0.02
"""How far the means of channels have to differ, in deviations of a channel, for their correlation to tell anything.

Behind a batch norm without activation, as MobileNetV2 has one before each 1x1 that widens, training does not move beta:
the next batch norm takes every mean away. What is recorded there is noise of thousandths.
"""

LEAST = 0.8
"""The correlation below which a layer does not agree: the lowest in trained files here is 0.88."""

VARIATION = 0.1
"""How far the means that a kernel reads have to differ, beside their size, for a low correlation to tell anything.

In files trained to the end they differ by 0.17 and more; after a hundred steps, when gammas and betas are nearly those
of a new network, by 0.003 to 0.1, and small effects that are not worked out here show beside that.
"""

CLOSEST = 1e-3
"""The share of a variance that is left unexplained below which less is no better."""


@dataclass(frozen=True)
class Correlation:
    """A correlation over channels.

    value: from -1 to 1. channels: how many.
    """

    value: float
    channels: int

    @property
    def likelihood(self) -> float:
        """The logarithm, in nats for each channel, of how much likelier the prediction makes what was recorded.

        Of normal values a linear regression leaves 1 - r^2 of the variance: minus half of its logarithm. It is not
        multiplied by the channels, whose deviations from the prediction are of the same causes.
        """
        explained = max(self.value, 0.0) ** 2
        return -0.5 * log(max(1 - explained, CLOSEST))


@dataclass(frozen=True, eq=False)
class Prediction:
    """The mean that the tensors before a batch norm make of its input, and what the norm recorded.

    predicted: [S, C], for each share of `mean_behind`; NaN where the tensors cannot tell.
    recorded: [C], the running mean. deviation: [C], of its input, epsilon included.
    alive: [C], whether a channel is more than constant.
    variation: the deviation of the means that it follows from, over channels, beside their root mean square.

    >>> recorded = np.arange(8.0)
    >>> Prediction(2 * recorded[np.newaxis] + 1, recorded, np.ones(8), np.ones(8, bool), 0.5).correlation
    Correlation(value=1.0, channels=8)
    """

    predicted: npt.NDArray[np.float64]
    recorded: Channels
    deviation: Channels
    alive: npt.NDArray[np.bool_]
    variation: float

    @cached_property
    def correlation(self) -> Correlation | None:
        """The best correlation of a row that is predicted with what was recorded; None where that cannot be told.

        It cannot where too few channels are known and more than constant, or where their means hardly differ; nor
        where a low one may come of a network that is hardly trained.
        """
        known = self.alive & np.isfinite(self.predicted).all(axis=0) & np.isfinite(self.recorded)
        channels = int(np.count_nonzero(known))
        if channels < FEWEST:
            return None
        rows, recorded = _centred(self.predicted[:, known]), _centred(self.recorded[known])
        spreads = np.array([rows[0], recorded]) / self.deviation[known]
        if (spreads**2).mean(axis=1).max() < SPREAD**2:
            return None
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(recorded)
        if not lengths.all() or not np.isfinite(lengths).all():
            return None
        value = float((rows @ recorded / lengths).max())
        return None if value < LEAST and self.variation < VARIATION else Correlation(value, channels)


def _centred(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(values - values.mean(axis=-1, keepdims=True))
