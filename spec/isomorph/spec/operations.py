"""The primitive operations that networks are made of, whoever wrote them: what a node of a graph computes.

Each is what frameworks agree to call one operation, with all that decides its result written out in numbers: a trace of
a model finds them so, and a plan resolves to them at a size. Maps are [N, h, w, C], kernels [h, w, I, O]. An operation
that reads tensors names their leaves in TENSORS.
"""

from dataclasses import dataclass, fields
from math import inf
from typing import Any

from isomorph.spec import layers
from isomorph.spec.padding import pads
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

Pair = tuple[int, int]
"""A number for the rows, and one for the columns."""

Pads = tuple[Pair, Pair]
"""Cells before and behind the rows, and before and behind the columns."""

UNPADDED: Pads = ((0, 0), (0, 0))

SCALE, SHIFT, VALUE = "scale", "shift", "value"
"""The leaves of an `Affine` and of a `Constant`; the others' are those of `isomorph.spec.tensors`."""


@dataclass(frozen=True)
class Input:
    """The images, [N, H, W, C]."""


@dataclass(frozen=True)
class Constant:
    """A tensor that others read as they read values: the class token before a transformer's patches.

    It reads nothing. What an operation has a leaf for is that operation's tensor, and not one of these.
    """


@dataclass(frozen=True)
class Convolution:
    """[N, H, W, groups * I] and a kernel [h, w, I, O] -> [N, h, w, O].

    fill: what pads the map.
    """

    stride: Pair = (1, 1)
    pads: Pads = UNPADDED
    rate: Pair = (1, 1)
    groups: int = 1
    fill: float = 0.0


@dataclass(frozen=True)
class TransposedConvolution:
    """[N, H, W, groups * I] and a kernel [h, w, I, groups * O] -> [N, *size, groups * O].

    Each cell adds its multiple of the kernel, `stride` cells from that of the cell before it.

    crop: rows and columns of the whole result that are cut off in front.
    size: rows and columns that are left of it.
    """

    stride: Pair
    crop: Pair
    size: Pair
    rate: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True)
class Dense:
    """[..., I] and a kernel [I, O] -> [..., O]."""


@dataclass(frozen=True)
class BatchNorm:
    """[..., C] -> [..., C], each channel by its mean and variance.

    batch_statistics: whether those are of what it reads, and not its tensors: as in training.
    """

    epsilon: float
    batch_statistics: bool = False


@dataclass(frozen=True)
class LayerNorm:
    """[..., C] -> [..., C], by mean and variance over the last axis."""

    epsilon: float


@dataclass(frozen=True)
class GroupNorm:
    """[N, ..., C] -> [N, ..., C], by mean and variance over all cells of `groups` groups of channels."""

    groups: int
    epsilon: float


@dataclass(frozen=True)
class Pointwise:
    """A function of each value alone.

    function: one of FUNCTIONS.
    constants: what the function takes beside the value: the bounds of "clip", the factor and summand of "linear".
    """

    function: str
    constants: tuple[float, ...] = ()


FUNCTIONS = (
    "clip",
    "elu",
    "erf",
    "exp",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "identity",
    "leaky_relu",
    "linear",
    "log",
    "mish",
    "power",
    "sigmoid",
    "silu",
    "softplus",
    "tanh",
)
"""What `Pointwise` computes. "clip" with (0, inf) is ReLU, with (0, 6) ReLU6.

"silu" may have a slope, as OpenAI's "quick GELU" has one of 1.702. "hard_sigmoid" and "hard_swish" have a slope and a
summand, "linear" a factor and a summand, "power" an exponent.
"""

RELU = Pointwise("clip", (0.0, inf))
RELU6 = Pointwise("clip", (0.0, 6.0))


@dataclass(frozen=True)
class Affine:
    """Each value times `scale`, plus `shift`: constants that stretch to its axes. Either may be left out."""


@dataclass(frozen=True)
class Sum:
    """The sum of two values or more, each times its factor."""

    factors: tuple[float, ...] = (1.0, 1.0)


@dataclass(frozen=True)
class Product:
    """The product of two values, which stretch to one another's axes."""


@dataclass(frozen=True)
class Quotient:
    """One value divided by another, which stretch to one another's axes."""


@dataclass(frozen=True)
class Concatenation:
    """Values one behind the other along the last axis."""


@dataclass(frozen=True)
class Pad:
    """[N, H, W, C] -> more of it: `value` around the rows, the columns and the channels."""

    pads: tuple[Pair, Pair, Pair]
    value: float = 0.0


@dataclass(frozen=True)
class MaxPool:
    """The maximum of each window of a map that is padded with `fill`."""

    kernel: Pair
    stride: Pair
    pads: Pads = UNPADDED
    rate: Pair = (1, 1)
    fill: float = -inf


@dataclass(frozen=True)
class AveragePool:
    """The mean of each window.

    counted: the cells of the padding that count, as zeros: a part of `pads`, or all of it.
    """

    kernel: Pair
    stride: Pair
    pads: Pads = UNPADDED
    counted: Pads = UNPADDED


@dataclass(frozen=True)
class AdaptivePool:
    """The means of `cells` windows that cover the map, see `isomorph.spec.padding.adaptive_windows`."""

    cells: Pair


@dataclass(frozen=True)
class Mean:
    """[..., M, C] -> [..., C]: the mean over the last axis but one."""


@dataclass(frozen=True)
class Softmax:
    """The softmax over the last axis."""


@dataclass(frozen=True)
class MatrixProduct:
    """[..., M, K] and [..., K, L] -> [..., M, L], times `factor`."""

    factor: float = 1.0


@dataclass(frozen=True)
class Resize:
    """[N, H, W, C] -> [N, *size, C], bilinear.

    corners: where cells lie: "aligned" at both ends, "half" a cell from them, "asymmetric" at the first.
    """

    size: Pair
    corners: str


@dataclass(frozen=True)
class Cast:
    """Values rounded to a dtype that holds less, "float16"."""

    dtype: str


@dataclass(frozen=True)
class Dropout:
    """Values of which a share is dropped at random, as in training."""

    share: float


@dataclass(frozen=True)
class Unknown:
    """An operation that nothing here can evaluate; `name` is the framework's own word for it."""

    name: str


Operation = (
    Input
    | Constant
    | Convolution
    | TransposedConvolution
    | Dense
    | BatchNorm
    | LayerNorm
    | GroupNorm
    | Pointwise
    | Affine
    | Sum
    | Product
    | Quotient
    | Concatenation
    | Pad
    | MaxPool
    | AveragePool
    | AdaptivePool
    | Mean
    | Softmax
    | MatrixProduct
    | Resize
    | Cast
    | Dropout
    | Unknown
)

TENSORS: dict[type, tuple[str, ...]] = {
    Constant: (VALUE,),
    Convolution: (WEIGHTS, BIASES),
    TransposedConvolution: (WEIGHTS, BIASES),
    Dense: (WEIGHTS, BIASES),
    BatchNorm: (GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE),
    LayerNorm: (GAMMA, BETA),
    GroupNorm: (GAMMA, BETA),
    Affine: (SCALE, SHIFT),
}
"""The leaves of the tensors that an operation may read. All but `weights`, statistics and `value` may be left out."""

_BY_NAME: dict[str, type] = {kind.__name__: kind for kind in Operation.__args__}


def attributes(operation: Operation) -> dict[str, Any]:
    """Return an operation's attributes by name.

    >>> attributes(Pointwise("clip", (0.0, 6.0)))
    {'function': 'clip', 'constants': (0.0, 6.0)}
    """
    return {each.name: getattr(operation, each.name) for each in fields(operation)}


def to_document(operation: Operation) -> list[Any]:
    """Return an operation in a form that JSON carries.

    >>> to_document(MaxPool((3, 3), (2, 2)))
    ['MaxPool', {'kernel': (3, 3), 'stride': (2, 2), 'pads': ((0, 0), (0, 0)), 'rate': (1, 1), 'fill': -inf}]
    """
    return [type(operation).__name__, attributes(operation)]


def from_document(document: list[Any]) -> Operation:
    """Return the operation that `to_document` described.

    >>> from_document(["Pointwise", {"function": "clip", "constants": [0.0, 6.0]}])
    Pointwise(function='clip', constants=(0.0, 6.0))
    """
    name, values = document
    operation: Operation = _BY_NAME[name](**{key: _frozen(value) for key, value in values.items()})
    return operation


def _frozen(value: Any) -> Any:
    """Return JSON's lists as tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def convolution_at(layer: layers.Convolution, height: int, width: int) -> Convolution:
    """Return the convolution of a plan's layer, without what is behind it, on maps of `height` x `width`.

    >>> from isomorph.spec import architecture, plan
    >>> convolution_at(plan(architecture("keras/ResNet50")).stem[0], 224, 224)
    Convolution(stride=(2, 2), pads=((3, 3), (3, 3)), rate=(1, 1), groups=1, fill=0.0)
    """
    rows, columns = (pads(layer.padding, size, layer.kernel, layer.stride, layer.rate) for size in (height, width))
    return Convolution((layer.stride,) * 2, (rows, columns), (layer.rate,) * 2, layer.groups)


def max_pool_at(pool: layers.MaxPool, height: int, width: int) -> MaxPool:
    """Return the max pool of a plan's layer on maps of `height` x `width`."""
    rows, columns = (pads(pool.padding, size, pool.kernel, pool.stride, 1) for size in (height, width))
    return MaxPool((pool.kernel,) * 2, (pool.stride,) * 2, (rows, columns), fill=pool.fill)


def average_pool_of(pool: layers.AveragePool) -> AveragePool:
    """Return the average pool of a plan's layer, which nothing pads."""
    return AveragePool((pool.kernel,) * 2, (pool.stride,) * 2)
