"""The layers that units, stems and heads are made of, with depth, padding, rate and all else decided."""

from dataclasses import dataclass
from typing import Literal, Protocol

from isomorph.spec.convention import ZEROS, Initializer, as_float32
from isomorph.spec.padding import Rule

Activation = Literal["relu", "relu6"] | None
"""The activation behind a layer: ReLU; ReLU6, which stops at 6 (Howard et al., 2017); or none."""


@dataclass(frozen=True)
class Dropout:
    """The dropout of a layer's input.

    share: the share of values that training drops, from 0 to below 1. Training multiplies the others by
        1 / (1 - share).
    downscaled: instead, inference multiplies all values by 1 - share: Paddle's "downscale_in_infer".
    """

    share: float
    downscaled: bool = False

    @property
    def scale(self) -> float:
        """The factor of inference, rounded to float32 as Paddle does in every dtype."""
        return as_float32(1 - as_float32(self.share)) if self.downscaled else 1.0


INPUT = "input"
"""The name by which the layers of a part refer to the part's input."""


@dataclass(frozen=True)
class Convolution:
    """A `kernel` x `kernel` convolution with, optionally, a batch norm and an activation behind it.

    scope: its canonical scope, `block1/unit_1/bottleneck_v1/conv1`.
    groups: the number of groups of input channels, of which each output sees one.
    source: the layer of the same part that it reads, or INPUT.
    initializer, bias_initializer: how its fresh kernel and bias are drawn.
    gamma: its batch norm's in a fresh network; None if it has none.
    dropout: of its input, in training.
    dense: whether it is fully connected: initialisers then count every cell of its window as an input.
    """

    scope: str
    depth_in: int
    depth: int
    kernel: int = 1
    stride: int = 1
    rate: int = 1
    groups: int = 1
    padding: Rule = "explicit"
    bias: bool = False
    batch_norm: bool = True
    activation: Activation = "relu"
    source: str = INPUT
    initializer: Initializer = ZEROS
    bias_initializer: Initializer = ZEROS
    gamma: float | None = 1.0
    dropout: Dropout | None = None
    dense: bool = False

    @property
    def depth_seen(self) -> int:
        """The number of input channels that one output sees."""
        return self.depth_in // self.groups

    @property
    def is_depthwise(self) -> bool:
        """Whether every input channel is a group of its own."""
        return self.depth_seen == 1 and self.groups > 1

    def stddev(self, initializer: Initializer) -> float:
        """Return the standard deviation that `initializer` gives this convolution's tensors."""
        if self.dense:
            return initializer.stddev(1, self.kernel * self.kernel * self.depth_in, self.depth)
        return initializer.stddev(self.kernel, self.depth_seen, self.depth, self.groups)


@dataclass(frozen=True)
class BatchNorm:
    """A batch norm that stands alone, and the activation behind it: a pre-activation unit begins with one.

    gamma: in a fresh network; None if it has none.
    """

    scope: str
    depth: int
    activation: Activation = "relu"
    source: str = INPUT
    gamma: float | None = 1.0


@dataclass(frozen=True)
class MaxPool:
    """A max pool over `kernel` x `kernel` windows, padded with `fill`."""

    scope: str
    depth: int
    kernel: int
    stride: int
    padding: Rule
    fill: float
    source: str = INPUT


@dataclass(frozen=True)
class AveragePool:
    """The mean of `kernel` x `kernel` windows, none of them padded."""

    scope: str
    depth: int
    kernel: int
    stride: int
    source: str = INPUT


@dataclass(frozen=True)
class AdaptivePool:
    """The means of `cells` x `cells` windows that cover the map, whatever its size, see `adaptive_windows`."""

    scope: str
    depth: int
    cells: int
    source: str = INPUT


@dataclass(frozen=True)
class Affine:
    """Each channel times its `scale`, plus its `shift`: constants, none of them learned."""

    scope: str
    depth: int
    scale: tuple[float, ...]
    shift: tuple[float, ...]
    source: str = INPUT


@dataclass(frozen=True)
class Subsample:
    """Every `stride`-th row and column: the identity shortcut of a strided unit. Slim gives it no end point."""

    scope: str
    depth: int
    stride: int
    source: str = INPUT


@dataclass(frozen=True)
class ZeroChannels:
    """Every `stride`-th row and column between channels of zeros: shortcut option A of He et al. (2015)."""

    scope: str
    depth_in: int
    depth: int
    stride: int
    source: str = INPUT

    @property
    def before(self) -> int:
        """The number of channels of zeros in front; an odd one goes behind."""
        return (self.depth - self.depth_in) // 2

    @property
    def after(self) -> int:
        """The number of channels of zeros behind."""
        return self.depth - self.depth_in - self.before


Shortcut = Convolution | Subsample | ZeroChannels
Pool = MaxPool | AveragePool | AdaptivePool
Layer = Convolution | BatchNorm | Pool | Affine | Subsample | ZeroChannels
Parametrised = Convolution | BatchNorm


class _Scoped(Protocol):
    @property
    def scope(self) -> str: ...


def name_of(layer: _Scoped) -> str:
    """Return the last part of a layer's scope: `conv1` of `block1/unit_1/bottleneck_v1/conv1`."""
    return layer.scope.rpartition("/")[2]
