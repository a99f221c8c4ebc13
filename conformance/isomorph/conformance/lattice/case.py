"""Networks on a lattice: weights, statistics and images for which every value in the network is a small integer.

The rule, applied layer by layer to the images' values, from the first layer to the last:

    kernels     taps of 1 and -1, see `taps`: two for each output; more where a narrow layer would leave inputs unread
                that it alone reads. Outputs that are constant on all images and cells are dealt other ones
    means       the median of the channel on the images, an integer, so that half of it passes a ReLU
    beta        0, or 1 in a third of the channels; 3 before a ReLU6, so that 6 is exceeded
    biases      -1 to 1 before a batch norm; without one they are its beta less its mean
    sums        the last layer of a unit that is added to a shortcut keeps a fourth of its channels, by gamma or else by
                the kernel, other ones with the next seed: four seeds in a row cover all. The beta of the others is -1
                to 1. So sums stay small at any depth
    images      -3 to 3

Batch norm's scale. Variance and epsilon together are s * s, for the least power of two `s` whose square exceeds
epsilon, and gamma is `s`. Without gamma, the kernel's taps are, and mean and bias are multiples of it. Variances of
1 - epsilon would not do: float32 holds none of them, and in float64 no sum would be 1. This sum is s * s in float32,
whatever epsilon is, and as epsilon is much of it, another epsilon moves the values themselves:

    1e-5, 1.001e-5      s = 2^-8; the sum is exact in float64, too
    1e-3                s = 2^-4; in float64 float32's variance leaves the sum off by a 2^-25th, 1e-8 of each value

The exact end points are the oracle's own in float64, with the variance in float64, too: integers below 2^53, sums of a
few integers, and products with powers of two, none of which rounds. Means are rounded to their lattice.
"""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import activate
from isomorph.backends.protocol import Array, Options
from isomorph.conformance.cases import uniform
from isomorph.conformance.lattice.steps import lattice_steps
from isomorph.conformance.lattice.taps import Taps, deal, deal_taps
from isomorph.spec import Architecture, BadInput, plan
from isomorph.spec.layers import BatchNorm, Convolution, Parametrised, name_of
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS, split
from isomorph.spec.units import Unit

REDRAWS = 16
"""The most times that constant channels are dealt other taps."""

LIVING = 4
"""One in so many channels of a unit's last layer is kept, where it is added to a shortcut."""

MANY = 32
"""With more units than these that are added to a shortcut, such a layer has half as many taps, as sums grow."""

ALIVE = 0.9
"""The least share of a network's channels that are not constant."""

ABOVE_SIX = 0.01
"""The least share of the values before a network's ReLU6 that exceed 6."""

LARGEST = {"float64": 2.0**53, "float32": 2.0**24, "tf32": 2.0**11, "bfloat16": 2.0**8}
"""The integer up to which each dtype, and TF32, holds all integers. Float16 cannot hold such small variances."""


@dataclass(frozen=True)
class LatticeCase:
    """A network that computes with integers, its tensors and images, and the exact end points.

    images: [N, H, W, C] float32. tensors: canonical, float32.
    exact: the end points but for `predictions`, int64, in steps. steps: the step of each.
    largest: the largest value anywhere, in steps, also in results of convolutions before their batch norm.
    alive: the share of channels that are not constant on the images, by the scope of the layer.
    above_six: the share of values before all ReLU6 that exceed 6; None in a network without any.
    """

    architecture: Architecture
    images: Array = field(repr=False)
    tensors: dict[str, Array] = field(repr=False)
    exact: dict[str, Array] = field(repr=False)
    steps: dict[str, Fraction] = field(repr=False)
    largest: float
    alive: dict[str, float] = field(repr=False)
    above_six: float | None

    def exact_in(self, dtype: str) -> bool:
        """Return whether `dtype`, one of LARGEST, holds all values; below float32, steps must be powers of two."""
        is_dyadic = all(step.denominator & (step.denominator - 1) == 0 for step in self.steps.values())
        return self.largest <= LARGEST[dtype] and (is_dyadic or dtype in ("float64", "float32"))


def draw_lattice(architecture: Architecture, batch: int, height: int, width: int, seed: int = 0) -> LatticeCase:
    """Draw a lattice for `architecture` on [batch, height, width, in_channels] images; the same on every machine.

    Raises BadInput where agreement would mean little: too many channels are constant, values hardly reach a ReLU6's
    bound, or they are too large for float32; and for images that are too small for the network.
    """
    steps = lattice_steps(architecture, height, width)
    twin = architecture.with_options(input_transform=None, dropout_mode="upscale_in_train")
    shape = (batch, height, width, architecture.in_channels)
    integers = np.rint(uniform(seed, "images", shape) * 3.49)
    unscaled = {"input_transform": Fraction(1)} | lattice_steps(twin, height, width)
    oracle, draw = OracleNetwork(twin, Options(dtype="float64")), _Draw(twin, unscaled, seed)
    end_points = {"input_transform": integers} | oracle.draw(integers, draw)
    counted = {name: _count(end_points[name], unscaled[name], name) for name in steps}
    scales = {name: float(step / unscaled[name]) for name, step in steps.items()}
    tensors = {name: _scaled(name, value, scales).astype(np.float32) for name, value in oracle.each_tensor()}
    largest = max(draw.largest, *(float(np.abs(count).max()) for count in counted.values()))
    above_six = sum(draw.above_six.values()) / len(draw.above_six) if draw.above_six else None
    images = _untransformed(architecture, integers) if "input_transform" in steps else integers
    case = LatticeCase(architecture, images.astype(np.float32), tensors, counted, steps, largest, draw.alive, above_six)
    _check(case)
    return case


class _Draw:
    """Draws one layer after the other, and measures its results on the images; the oracle calls it."""

    def __init__(self, architecture: Architecture, steps: dict[str, Fraction], seed: int) -> None:
        planned = plan(architecture)
        self.steps = steps
        self.seed = seed
        self.epsilon = planned.epsilon
        self.scale = batch_norm_scale(planned.epsilon)
        self.added = {unit.parametrised[-1].scope for unit in planned.units if _adds(unit)}
        self.read_by = {scope: outputs for unit in planned.all_units for scope, outputs in _shared(unit).items()}
        self.largest = 0.0
        self.alive: dict[str, float] = {}
        self.above_six: dict[str, float] = {}

    def __call__(self, layer: Parametrised, x: Array) -> dict[str, Array]:
        """Return the tensors of `layer`, leaf -> float64, for its input [N, H, W, C]."""
        scope, added = layer.scope, layer.scope in self.added
        active = self._active(layer) if added else np.ones(layer.depth, bool)
        lift = self._integers(f"{scope}/beta", layer.depth) * (3 if layer.activation == "relu6" else 1)
        lift = np.where(active, np.maximum(lift, 0), lift)
        if isinstance(layer, BatchNorm):
            mean = _median(x)
            self._measure(layer, x, lift - mean)
            return self._batch_norm(layer, mean, lift, active)
        taps, mean = self._taps(layer, x, lift, active)
        kernel = taps.kernel()
        if not layer.batch_norm:
            biases = {BIASES: lift - mean * active} if layer.bias else {}
            return {WEIGHTS: kernel * active} | biases
        size = self.scale if layer.gamma is None else 1.0
        biases = {BIASES: self._integers(f"{scope}/biases", layer.depth)} if layer.bias else {}
        mean = mean + biases.get(BIASES, 0)
        sized = {leaf: value * size for leaf, value in {WEIGHTS: kernel, **biases}.items()}
        return sized | self._batch_norm(layer, mean * size, lift, active)

    def _batch_norm(self, layer: Parametrised, mean: Array, beta: Array, active: Array) -> dict[str, Array]:
        gamma = {} if layer.gamma is None else {GAMMA: self.scale * active}
        # A batch norm without gamma and without a convolution before it has to be of scale one.
        scale = 1.0 if layer.gamma is None and isinstance(layer, BatchNorm) else self.scale
        variance = np.full(layer.depth, scale * scale - self.epsilon)
        return gamma | {BETA: beta, MOVING_MEAN: mean, MOVING_VARIANCE: variance}

    def _integers(self, name: str, depth: int) -> Array:
        """Draw -1, 0 or 1 for each channel."""
        return np.rint(uniform(self.seed, name, (depth,)) * 1.49)

    def _active(self, layer: Parametrised) -> Array:
        ranks = deal(0, f"{layer.scope}/active", 1, layer.depth, layer.depth, 0)[0]
        return np.asarray((ranks + self.seed) % LIVING == 0)

    def _taps(self, layer: Convolution, x: Array, lift: Array, active: Array) -> tuple[Taps, Array]:
        """Deal taps that leave as few outputs constant as possible; return them and their medians, 0 if not centred."""
        centred = layer.batch_norm or layer.bias
        taps = deal_taps(layer, self.seed, layer.scope, self._least(layer), active)
        for attempt in range(REDRAWS + 1):
            sums = taps.sums(x)
            mean = _median(sums) if centred else np.zeros(layer.depth)
            constant = self._measure(layer, sums, lift - mean if centred else mean)
            if not constant.any() or attempt == REDRAWS:
                break
            others = deal_taps(layer, self.seed, f"{layer.scope}/{attempt}", self._least(layer), active)
            taps = taps.with_others(others, constant)
        return taps, mean

    def _least(self, layer: Convolution) -> int:
        """Return the number of taps of an output, where the fan-in allows as many."""
        depth = layer.depth_seen * layer.groups
        if layer.scope in self.read_by:
            return max(2, -(-depth // (2 * self.read_by[layer.scope])))
        taps = 1 if layer.scope in self.added and len(self.added) > MANY else 2
        return max(taps, -(-taps * depth // (2 * layer.depth)))

    def _measure(self, layer: Parametrised, sums: Array, shift: Array) -> Array:
        """Return, and record, which channels are constant once `sums` are shifted and activated: [depth] booleans."""
        largest = float(np.abs(sums).max()) + 1  # a bias may yet be added
        self.largest = max(self.largest, largest / float(self.steps[layer.scope]))
        shifted = sums + shift
        if layer.activation == "relu6":
            self.above_six[layer.scope] = float(np.mean(shifted > 6))
        y = activate(shifted, layer.activation)
        constant = np.asarray((y == y[:1, :1, :1]).all(axis=(0, 1, 2)))
        self.alive[layer.scope] = 1 - float(constant.mean())
        return constant


def batch_norm_scale(epsilon: float) -> float:
    """Return the least power of two, at most 1, whose square exceeds `epsilon`.

    >>> batch_norm_scale(1e-5), batch_norm_scale(1e-3)
    (0.00390625, 0.0625)
    """
    scale = 1.0
    while scale * scale / 4 > epsilon:
        scale /= 2
    return scale


def _adds(unit: Unit) -> bool:
    return len(unit.wiring.joined) > 1 and not unit.wiring.concatenated


def _shared(unit: Unit) -> dict[str, int]:
    """Return the layers whose input no convolution of the unit made, so that others may read it, too.

    Scope -> the number of output channels that read the same input in the unit.
    """
    convolutions = {name_of(layer) for layer in unit.layers if isinstance(layer, Convolution)}
    shared = [layer for layer in unit.parametrised if len(unit.parametrised) > 1 and layer.source not in convolutions]
    return {layer.scope: sum(other.depth for other in shared if other.source == layer.source) for layer in shared}


def _median(x: Array) -> Array:
    """Return each channel's median, rounded to an integer."""
    return np.asarray(np.rint(np.median(x, axis=(0, 1, 2))))


def _count(value: Array, step: Fraction, name: str) -> Array:
    """Return `value` in steps. Raises BadInput unless it is on the lattice, exactly if the step is a power of two."""
    counted = value / float(step)
    nearest = np.rint(counted)
    if np.abs(counted - nearest).max() > (2.0**-20 if step.denominator & (step.denominator - 1) else 0):
        raise BadInput(f"The oracle's {name} is not made of steps of {step}; nothing exact can be said of it.")
    return nearest.astype(np.int64)


def _scaled(name: str, value: Array, scales: dict[str, float]) -> Array:
    """Return the value, scaled if it is a bias behind a dropout that scales inference, like what it is added to."""
    scope, leaf = split(name)
    return value * scales[scope] if leaf == BIASES else value


def _untransformed(architecture: Architecture, integers: Array) -> Array:
    """Return the images that the input transform turns into `integers`."""
    transform = architecture.input_transform
    assert transform
    return np.asarray((integers - np.array(transform.shift)) / np.array(transform.scale))


def _check(case: LatticeCase) -> None:
    """Raise BadInput for a draw by which agreement would mean little."""
    name, alive = case.architecture.name, sum(case.alive.values()) / len(case.alive)
    if alive < ALIVE:
        raise BadInput(f"Of the channels of {name} {alive:.0%} answer to these images; expected {ALIVE:.0%} or more.")
    if case.above_six is not None and case.above_six < ABOVE_SIX:
        raise BadInput(f"{case.above_six:.2%} of what reaches a ReLU6 of {name} exceeds 6; expected {ABOVE_SIX:.2%}.")
    if not case.exact_in("float32"):
        raise BadInput(f"The values of {name} reach {case.largest:.3g} steps, more than float32 holds exactly.")
