"""Tensors under which no value stands so close to a bend that rounding would take it to the other side.

A gradient jumps where a ReLU changes its side, or a max pool its choice. One value closer to that than float32's error
makes an honest backend part from the oracle by a thousand noise floors. Cases are drawn without any, by a rule:

    what an activation follows       each channel's bias (beta, where there is a batch norm) moves by the fewest steps
                                     that leave all values as far from each bend as they can be, in powers of two
    what a max pool chooses from     each channel's kernel is rolled by one, so that its taps keep their values but not
                                     their places, until no window's second value is within 2^-14 of its first

both as parts of the map's own size, the power of two above its root mean square. A channel without a bias of its own is
rolled, too.
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
"""Distances from a bend, from the one that is best to the one that has to do: small maps are deep, and err most."""

STEPS = np.concatenate([[0], np.repeat(np.arange(1, 65), 2) * np.tile([1, -1], 64)])
"""How many margins a channel may move, from the least to the most."""

ROUNDS = 64
"""How often a layer's channels are moved or rolled before what is too close is left as it is."""

BENDS: dict[Activation, tuple[float, ...]] = {"relu": (0.0,), "relu6": (0.0, 6.0), None: ()}


class ClearPass(TrainingPass):
    """A forward pass that moves its tensors out of the way of bends; it is not to be pulled back.

    moving: False leaves the tensors as they are, and only finds what is close.
    tensors, images, frozen: as for TrainingPass, in float64. What is moved is rounded to float32, as all that is drawn.

    Attributes:
        cleared: canonical name -> tensor, in float64.
        close: the names of the results that could not be cleared, or were not to be.
    """

    def __init__(
        self, plan: Plan, tensors: Mapping[str, Array], images: Array, frozen: bool = False, moving: bool = True
    ) -> None:
        self.cleared = dict(tensors)
        self.close: list[str] = []
        self._moving = moving
        self._nodes = {node.name: node for node in graph(plan)}
        super().__init__(plan, self.cleared, images, Precision("float64"), frozen)

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
        self.close.append(node.name)
        return super()._forward(node)

    def _moves(self, node: Node, margins: tuple[float, ...]) -> Array:
        """By how much each channel of what an activation follows has to move, [C]; NaN where no move is enough."""
        operation = node.operation
        if not isinstance(operation, Join | Convolution | BatchNorm) or operation.activation is None:
            return np.zeros(1)
        bare, _ = super()._forward(replace(node, operation=replace(operation, activation=None)))
        size = size_of(bare)
        bends = [bend / size for bend in BENDS[operation.activation]]
        channels = np.sort(bare.reshape(-1, bare.shape[3]), axis=0).T / size
        return np.array([clear_move(channel, bends, margins) for channel in channels]) * size

    def _crowded_pools(self, name: str, y: Array) -> Array:
        """Channels, [C] bool, in which a max pool of the result `name`, or of such a pool's, may choose anew."""
        crowded = np.zeros(y.shape[3], bool)
        for node in self._nodes.values():
            if isinstance(node.operation, MaxPool) and node.reads == (name,):
                best, second = two_largest(y, node.operation)
                crowded |= np.any(best - second < MARGINS[-1] * size_of(y), axis=(0, 1, 2))
                crowded |= self._crowded_pools(node.name, best)
        return crowded

    def _owners(self, node: Node) -> Iterator[tuple[Node, slice]]:
        """The layers that can move a result's channels, and which channels each can; of a sum's, the last one."""
        if not isinstance(node.operation, Join):
            yield node, slice(None)
            return
        read = [self._nodes[name] for name in node.reads if name in self._nodes]
        if not node.operation.concatenated:
            yield read[-1], slice(None)
            return
        first = 0
        for each in read:
            last = first + self.values[each.name].shape[3]
            yield each, slice(first, last)
            first = last

    def _change(self, owner: Node, moves: Array, crowded: Array) -> None:
        """Move the biases of a layer, and roll the kernels of the channels that are crowded."""
        layer = owner.operation
        if not isinstance(layer, Convolution | BatchNorm):
            return
        biases = tensor_name(layer, BETA if isinstance(layer, BatchNorm) or layer.batch_norm else BIASES)
        if biases in self.cleared:
            self.cleared[biases] = _as_drawn(self.cleared[biases] + np.nan_to_num(moves))
        else:
            crowded = crowded | (moves != 0)
        if isinstance(layer, Convolution):
            kernels = self.cleared[tensor_name(layer, WEIGHTS)].copy()
            for channel in np.flatnonzero(np.broadcast_to(crowded, layer.depth)):
                kernels[..., channel] = np.roll(kernels[..., channel], 1)
            self.cleared[tensor_name(layer, WEIGHTS)] = kernels


def clear_move(values: Array, bends: list[float], margins: tuple[float, ...]) -> float:
    """The least move that leaves all `values`, sorted, the first margin that can be had from all `bends`; or NaN."""
    for margin in margins:
        moves = STEPS * margin
        near = np.zeros(len(moves), int)
        for bend in bends:
            near += np.searchsorted(values, bend - moves + margin) - np.searchsorted(values, bend - moves - margin)
        clear = np.flatnonzero(near == 0)
        if clear.size:
            return float(moves[clear[0]])
    return float("nan")


def two_largest(x: Array, pool: MaxPool) -> tuple[Array, Array]:
    """The largest value of each window, and the largest of those below it, [N, h, w, C].

    Equal values are either zeros of a ReLU, through which nothing passes whichever is chosen, or one and the same value
    that an earlier pool has put into several places.
    """
    best = operations.max_pool(x, pool)
    seen = operations.windows(x, pool.kernel, pool.stride, 1, pool.padding, pool.fill)
    second = np.full_like(best, -np.inf)
    for row, column in np.ndindex(pool.kernel, pool.kernel):
        cell = seen[..., row, column, :]
        np.maximum(second, np.where(cell < best, cell, -np.inf), out=second)
    return best, second


def size_of(x: Array) -> float:
    """The power of two above the root mean square of a map, 1 if that is zero: the same on every machine."""
    root = np.sqrt(np.mean(x * x))
    return float(2.0 ** np.ceil(np.log2(root))) if root else 1.0


def _as_drawn(x: Array) -> Array:
    return x.astype(np.float32).astype(np.float64)
