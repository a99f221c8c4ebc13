"""The kernels of a lattice network: each output channel adds and subtracts a few values of its window, its taps.

Channels and positions are dealt from shuffled decks, so that a few consecutive seeds read every input channel and every
position of the window, if there are enough outputs. The stream of `cases.uniform` shuffles the decks.
"""

from dataclasses import dataclass, replace

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle.operations import seen_by
from isomorph.conformance.cases import uniform
from isomorph.spec.layers import Convolution


@dataclass(frozen=True)
class Taps:
    """The taps of a convolution: the T values that each output channel sums.

    positions: [depth, T], a cell of the window, row by row. channels: [depth, T], of the input channels that the output
    sees. signs: [depth, T], 1 or -1; 0 where two taps of an output would have the same position and channel.
    """

    layer: Convolution
    positions: Array
    channels: Array
    signs: Array

    def sums(self, x: Array) -> Array:
        """Return the convolution without its bias, [N, H, W, depth_in] -> [N, h, w, depth]."""
        layer = self.layer
        seen = seen_by(layer, x)
        rows, columns = np.divmod(self.positions, layer.kernel)
        group = np.arange(layer.depth)[:, None] // (layer.depth // layer.groups)
        channels = group * layer.depth_seen + self.channels
        total = np.zeros((*seen.shape[:3], layer.depth), x.dtype)
        for tap in range(self.signs.shape[1]):
            total += self.signs[:, tap] * seen[:, :, :, rows[:, tap], columns[:, tap], channels[:, tap]]
        return total

    def kernel(self) -> Array:
        """Return the kernel, [k, k, I, depth] float64: ones, minus ones, and zeros elsewhere."""
        layer = self.layer
        kernel = np.zeros((layer.kernel**2, layer.depth_seen, layer.depth))
        outputs = np.broadcast_to(np.arange(layer.depth)[:, None], self.signs.shape)
        np.add.at(kernel, (self.positions, self.channels, outputs), self.signs)
        return kernel.reshape(layer.kernel, layer.kernel, layer.depth_seen, layer.depth)

    def with_others(self, others: "Taps", where: Array) -> "Taps":
        """Return the taps, with those of `others` for the outputs `where`, a boolean for each."""
        is_other = where[:, None]
        mixed = {
            name: np.where(is_other, getattr(others, name), getattr(self, name))
            for name in ("positions", "channels", "signs")
        }
        return replace(self, **mixed)


def deal_taps(layer: Convolution, seed: int, name: str, least: int, active: Array) -> Taps:
    """Deal taps for `layer`; they differ for each seed and name.

    least: the number of an output's taps, where the fan-in allows as many. active: [depth] of booleans, the outputs
    that later layers see; they are dealt first, from where the seed before stopped.
    """
    outputs, cells = layer.depth // layer.groups, layer.kernel**2
    taps = min(cells * layer.depth_seen, least)
    shape = (layer.depth, taps)
    first = taps * int(np.count_nonzero(active))
    dealt_to = np.argsort(~active.reshape(layer.groups, outputs), axis=1, kind="stable")
    order = (dealt_to + outputs * np.arange(layer.groups)[:, None]).reshape(-1)
    positions, channels = np.empty(shape, np.int64), np.empty(shape, np.int64)
    positions[order] = deal(seed, f"{name}/positions", 1, layer.depth * taps, cells, first).reshape(shape)
    channels[order] = deal(
        seed, f"{name}/channels", layer.groups, outputs * taps, layer.depth_seen, first // layer.groups
    ).reshape(shape)
    places = positions * layer.depth_seen + channels
    signs = np.where(uniform(seed, f"{name}/signs", shape) < 0, -1, 1)
    if not (layer.batch_norm or layer.bias):
        signs = signs[:, :1] * (-1) ** np.arange(taps)  # without a bias to centre the sum, signs alternate
    for tap in range(1, taps):
        signs[:, tap] *= ~(places[:, :tap] == places[:, tap : tap + 1]).any(axis=1)
    return Taps(layer, positions, channels, signs)


def deal(seed: int, name: str, groups: int, count: int, size: int, first: int) -> Array:
    """Deal `count` numbers of 0 .. size - 1 to each group, from shuffled decks of its own: [groups, count] int64.

    The first deck is the same for all seeds, but each takes its `first` numbers where the seed before stopped, so that
    consecutive seeds deal all of it. The other decks are the seed's own.
    """
    (common,) = _shuffled(0, name, 1, groups, size)
    of_seed = _shuffled(seed, f"{name}/own", count // size, groups, size)
    decks = [np.roll(common, -((seed * first) % size), axis=1), *of_seed]
    return np.concatenate(decks, axis=1)[:, :count]


def _shuffled(seed: int, name: str, decks: int, groups: int, size: int) -> Array:
    return np.argsort(uniform(seed, name, (decks, groups, size)), axis=2, kind="stable")
