"""Move tensors until no value is so close to a kink that rounding would take it to the other side.

A gradient jumps where a ReLU changes its side, or a max pool its choice. With a single value closer to that than
float32's error, an honest backend differs from the oracle by a thousand noise floors. Cases are drawn without any, by a
rule:

    inputs of an activation      each channel's bias (beta, where there is a batch norm) moves by the fewest steps that
                                 leave all values as far from each kink as they can be, in powers of two
    inputs of a max pool         each channel's kernel is rolled by one, so that its taps keep their values but not
                                 their places, until no window's second value is within 2^-14 of its first

Both are relative to the map's own size, the power of two above its root mean square. A channel without a bias of its
own is rolled, too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle import operations
from isomorph.backends.oracle.operations import Precision
from isomorph.backends.oracle.training import NodeGradients, TrainingPass
from isomorph.spec import Plan
from isomorph.spec.graph import Join, Node, graph
from isomorph.spec.layers import Activation, BatchNorm, Convolution, MaxPool
from isomorph.spec.tensors import BETA, BIASES, WEIGHTS, tensor_name

MARGINS = tuple(2.0**-exponent for exponent in range(8, 15))
"""Distances from a kink, from the best to the least that is accepted: small maps are deep, and err most."""

STEPS = np.concatenate([[0], np.repeat(np.arange(1, 65), 2) * np.tile([1, -1], 64)])
"""The moves of a channel, in margins, from the least to the largest."""

ROUNDS = 64
"""The most rounds in which a layer's channels are moved or rolled; what is still too close then stays so."""

KINKS: dict[Activation, tuple[float, ...]] = {"relu": (0.0,), "relu6": (0.0, 6.0), None: ()}
"""Activation -> the inputs at which its slope jumps."""


class KinkFreePass(TrainingPass):
    """A forward pass that moves its tensors away from kinks; it cannot be pulled back.

    moving: False leaves the tensors as they are, and only finds results that are near a kink.
    tensors, images, frozen: as for TrainingPass, in float64. Moved values are rounded to float32, like all drawn ones.

    Attributes:
        moved_tensors: canonical name -> tensor, in float64.
        near_kinks: the names of the results that stay near a kink.
    """

    def __init__(
        self, plan: Plan, tensors: Mapping[str, Array], images: Array, frozen: bool = False, moving: bool = True
    ) -> None:
        self.moved_tensors = dict(tensors)
        self.near_kinks: list[str] = []
        self._moving = moving
        self._nodes = {node.name: node for node in graph(plan)}
        super().__init__(plan, self.moved_tensors, images, Precision("float64"), frozen)

    def _forward(self, node: Node) -> tuple[Array, Callable[[Array], NodeGradients]]:
        for number in range(ROUNDS):
            moves = self._moves(node, MARGINS if self._moving and not number else MARGINS[-1:])
            y, pull = super()._forward(node)
            moves = np.broadcast_to(moves, y.shape[3])
            crowded = np.isnan(moves) | self._crowded_pools(node.name, y)
            if not (moves.any() or crowded.any()):
                return y, pull
            if not self._moving:
                break
            for owner, channels in self._owners(node):
                self._change(owner, moves[channels], crowded[channels])
                if owner is not node:
                    self.values[owner.name], _ = super()._forward(owner)
        self.near_kinks.append(node.name)
        return super()._forward(node)

    def _moves(self, node: Node, margins: tuple[float, ...]) -> Array:
        """Return by how much each channel of an activation's input has to move, [C]; NaN where no move is enough."""
        operation = node.operation
        if not isinstance(operation, Join | Convolution | BatchNorm) or operation.activation is None:
            return np.zeros(1)
        bare, _ = super()._forward(replace(node, operation=replace(operation, activation=None)))
        size = size_of(bare)
        kinks = [kink / size for kink in KINKS[operation.activation]]
        channels = np.sort(bare.reshape(-1, bare.shape[3]), axis=0).T / size
        return np.array([least_move(channel, kinks, margins) for channel in channels]) * size

    def _crowded_pools(self, name: str, y: Array) -> Array:
        """Return the channels, [C] bool, in which a max pool of the result `name`, or of that pool, may choose anew."""
        crowded = np.zeros(y.shape[3], bool)
        for node in self._nodes.values():
            if isinstance(node.operation, MaxPool) and node.reads == (name,):
                best, second = two_largest(y, node.operation)
                crowded |= np.any(best - second < MARGINS[-1] * size_of(y), axis=(0, 1, 2))
                crowded |= self._crowded_pools(node.name, best)
        return crowded

    def _owners(self, node: Node) -> Iterator[tuple[Node, slice]]:
        """Yield the layers that can move a result's channels, each with its channels; for a sum, the last layer."""
        if not isinstance(node.operation, Join):
            yield node, slice(None)
            return
        sources = [self._nodes[name] for name in node.reads if name in self._nodes]
        if not node.operation.concatenated:
            yield sources[-1], slice(None)
            return
        first = 0
        for each in sources:
            last = first + self.values[each.name].shape[3]
            yield each, slice(first, last)
            first = last

    def _change(self, owner: Node, moves: Array, crowded: Array) -> None:
        """Move the biases of a layer, and roll the kernels of its crowded channels."""
        layer = owner.operation
        if not isinstance(layer, Convolution | BatchNorm):
            return
        biases = tensor_name(layer, BETA if isinstance(layer, BatchNorm) or layer.batch_norm else BIASES)
        if biases in self.moved_tensors:
            self.moved_tensors[biases] = _as_drawn(self.moved_tensors[biases] + np.nan_to_num(moves))
        else:
            crowded = crowded | (moves != 0)
        if isinstance(layer, Convolution):
            kernels = self.moved_tensors[tensor_name(layer, WEIGHTS)].copy()
            for channel in np.flatnonzero(np.broadcast_to(crowded, layer.depth)):
                kernels[..., channel] = np.roll(kernels[..., channel], 1)
            self.moved_tensors[tensor_name(layer, WEIGHTS)] = kernels


def least_move(values: Array, kinks: list[float], margins: tuple[float, ...]) -> float:
    """Return the least move of sorted `values` that keeps the first possible margin from all `kinks`; NaN if none does.

    >>> least_move(np.array([-1.0, 0.001, 1.0]), kinks=[0.0], margins=(2.0**-8,))
    0.00390625
    """
    for margin in margins:
        moves = STEPS * margin
        near = np.zeros(len(moves), int)
        for kink in kinks:
            near += np.searchsorted(values, kink - moves + margin) - np.searchsorted(values, kink - moves - margin)
        free = np.flatnonzero(near == 0)
        if free.size:
            return float(moves[free[0]])
    return float("nan")


def two_largest(x: Array, pool: MaxPool) -> tuple[Array, Array]:
    """Return the largest value of each window, and the largest of those below it, [N, h, w, C].

    Equal values are either zeros of a ReLU, through which no gradient passes whichever is chosen, or one value that an
    earlier pool has copied to several places.
    """
    best = operations.max_pool(x, pool)
    seen = operations.windows(x, pool.kernel, pool.stride, 1, pool.padding, pool.fill)
    second = np.full_like(best, -np.inf)
    for row, column in np.ndindex(pool.kernel, pool.kernel):
        cell = seen[..., row, column, :]
        np.maximum(second, np.where(cell < best, cell, -np.inf), out=second)
    return best, second


def size_of(x: Array) -> float:
    """Return the power of two above the root mean square of a map, 1 if that is zero: the same on every machine."""
    root = np.sqrt(np.mean(x * x))
    return float(2.0 ** np.ceil(np.log2(root))) if root else 1.0


def _as_drawn(x: Array) -> Array:
    return x.astype(np.float32).astype(np.float64)
