"""How operations and their attributes are called in a sentence."""

from math import inf
from typing import Any

from isomorph.backends.graphs.graph import Node
from isomorph.spec.operations import (
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Cast,
    Concatenation,
    Constant,
    Convolution,
    Dense,
    Dropout,
    GroupNorm,
    Input,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pointwise,
    Product,
    Quotient,
    Resize,
    Softmax,
    Sum,
    TransposedConvolution,
    Unknown,
)

_KINDS: dict[type, str] = {
    AdaptivePool: "adaptive pool",
    Affine: "affine",
    AveragePool: "average pool",
    BatchNorm: "batch norm",
    Cast: "cast",
    Concatenation: "concatenation",
    Constant: "constant",
    Convolution: "convolution",
    Dense: "dense layer",
    Dropout: "dropout",
    GroupNorm: "group norm",
    Input: "images",
    LayerNorm: "layer norm",
    MatrixProduct: "matrix product",
    MaxPool: "max pool",
    Mean: "mean",
    Pad: "padding",
    Product: "product",
    Quotient: "quotient",
    Resize: "resize",
    Softmax: "softmax",
    Sum: "sum",
    TransposedConvolution: "transposed convolution",
}

_FUNCTIONS = {
    "elu": "ELU",
    "gelu": "GELU",
    "gelu_tanh": "GELU by tanh",
    "hard_sigmoid": "hard sigmoid",
    "hard_swish": "hard swish",
    "leaky_relu": "leaky ReLU",
    "linear": "affine",
    "silu": "SiLU",
}

QUICK = 1.702
"""The slope of OpenAI's "quick GELU", x * sigmoid(1.702 * x) (CLIP's model.py)."""

_WITH_CONSTANTS = ("hard_sigmoid", "hard_swish", "leaky_relu", "linear")

ACTIVATIONS = frozenset(
    (
        *("ELU", "GELU", "GELU by tanh", "ReLU", "ReLU6", "SiLU", "hard sigmoid", "hard swish", "leaky ReLU"),
        *("mish", "quick GELU", "sigmoid", "softplus", "tanh"),
    )
)
"""What functions are called that are used as activations."""


def word(operation: Operation) -> str:
    """Return what an operation is called.

    >>> word(Pointwise("clip", (0.0, 6.0))), word(Pointwise("leaky_relu", (0.2,))), word(MaxPool((3, 3), (2, 2)))
    ('ReLU6', 'leaky ReLU of 0.2', 'max pool')
    """
    match operation:
        case Unknown(name):
            return name
        case AdaptivePool((rows, columns)):
            return f"adaptive pool to {rows}x{columns}"
        case Pointwise("clip", (0.0, high)):
            return "ReLU" if high == inf else f"ReLU{high:g}"
        case Pointwise("leaky_relu", (slope,)):
            return f"leaky ReLU of {slope:g}"
        case Pointwise("hard_sigmoid" | "hard_swish" as function, (slope, summand)) if not _is_sixth(slope, summand):
            return f"{_FUNCTIONS[function]} of {slope:g} x + {summand:g}"
        case Pointwise("silu", (slope,)):
            return "quick GELU" if slope == QUICK else f"SiLU of slope {slope:g}"
        case Pointwise("linear", (factor, summand)):
            return f"a factor of {factor:g}" if not summand else f"a factor of {factor:g} and {summand:g} more"
        case Pointwise(function, _):
            return _FUNCTIONS.get(function, function)
    return _KINDS[type(operation)]


def _is_sixth(slope: float, summand: float) -> bool:
    """Return whether constants are those of relu6(x + 3) / 6, which has no other name."""
    return abs(6 * slope - 1) < 1e-6 and summand == 0.5


def short(operation: Operation) -> str:
    """Return what an operation is called where its constants do not matter."""
    if isinstance(operation, Pointwise) and operation.function in _WITH_CONSTANTS:
        return _FUNCTIONS[operation.function]
    return _KINDS[AdaptivePool] if isinstance(operation, AdaptivePool) else word(operation)


def called(node: Node) -> str:
    """Return how a node is named beside its kind."""
    words = word(node.operation).removeprefix("a ")
    return f"{words} of {node.name}" if node.name else words


def padding(pad: Pad) -> str:
    """Return what padding of a map adds.

    >>> padding(Pad(((1, 1), (1, 1), (0, 0))))
    'padding of 1 with 0'
    """
    return f"padding of {number(pad.pads[:2])} with {number(pad.value)}"


def number(value: Any) -> str:
    """Return an attribute's value as people write it: what is the same for rows and columns once.

    >>> number((2, 2)), number(((1, 1), (1, 1))), number(((0, 1), (0, 1))), number(1.001e-05)
    ('2', '1', '(0, 1)', '1.001e-05')
    """
    if isinstance(value, tuple) and value and all(each == value[0] for each in value):
        return number(value[0])
    if isinstance(value, tuple):
        return f"({', '.join(map(number, value))})"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
