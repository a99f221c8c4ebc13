"""Canonical tensors: slim's variable names without the network's scope, kernels HWIO, in network order.

    conv1/weights                                            [7, 7, 3, 64]
    block1/unit_1/bottleneck_v1/conv1/BatchNorm/moving_mean  [64]
    logits/biases                                            [1000]

A dense kernel is a 1x1 convolution's. Every kernel's I is the number of channels that one output sees.
"""

from math import prod

from isomorph.spec.architecture import Architecture
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import Convolution
from isomorph.spec.plan import plan

WEIGHTS = "weights"
BIASES = "biases"
BATCH_NORM = "BatchNorm"
GAMMA, BETA = f"{BATCH_NORM}/gamma", f"{BATCH_NORM}/beta"
MOVING_MEAN, MOVING_VARIANCE = f"{BATCH_NORM}/moving_mean", f"{BATCH_NORM}/moving_variance"
STATISTICS = (MOVING_MEAN, MOVING_VARIANCE)

Shape = tuple[int, ...]


def split(name: str) -> tuple[str, str]:
    """The scope and the leaf of a canonical tensor: `conv1` and `BatchNorm/gamma`."""
    scope, _, leaf = name.rpartition("/")
    if scope.endswith(f"/{BATCH_NORM}"):
        return scope.removesuffix(f"/{BATCH_NORM}"), f"{BATCH_NORM}/{leaf}"
    return scope, leaf


def tensors_of(convolution: Convolution) -> dict[str, Shape]:
    """The tensors of one convolution and its batch norm: name below its scope -> shape."""
    shapes: dict[str, Shape] = {
        WEIGHTS: (convolution.kernel, convolution.kernel, convolution.depth_in, convolution.depth)
    }
    if convolution.bias:
        shapes[BIASES] = (convolution.depth,)
    if convolution.batch_norm:
        shapes |= dict.fromkeys((GAMMA, BETA, *STATISTICS), (convolution.depth,))
    return shapes


def tensor_shapes(architecture: Architecture) -> dict[str, Shape]:
    """Canonical name -> shape of every tensor, in network order."""
    return {
        f"{convolution.scope}/{leaf}": shape
        for convolution in plan(architecture).convolutions
        for leaf, shape in tensors_of(convolution).items()
    }


def is_trainable(name: str) -> bool:
    """Whether a canonical tensor is learned; the running statistics are not."""
    return not name.endswith(STATISTICS)


def count_parameters(architecture: Architecture) -> tuple[int, int]:
    """Trainable and total number of values. Keras and Paddle call the total "parameters", PyTorch the trainable."""
    sizes = {name: prod(shape) for name, shape in tensor_shapes(architecture).items()}
    return sum(size for name, size in sizes.items() if is_trainable(name)), sum(sizes.values())


def match(expected: dict[str, Shape], found: dict[str, Shape], of: str) -> tuple[list[str], list[str]]:
    """Names that are only in `expected` and only in `found`, in their own order.

    Raises BadInput where a tensor in both differs in shape: what fits is never guessed.
    """
    misshapen = [name for name in expected if name in found and found[name] != expected[name]]
    if misshapen:
        rows = [f"{name} is {_shape(found[name])}, expected {_shape(expected[name])}" for name in misshapen]
        verb = "does" if len(rows) == 1 else "do"
        raise BadInput(f"{_count(len(rows), 'tensor')} {verb} not fit {of}: {_listed(rows)}.")
    return [name for name in expected if name not in found], [name for name in found if name not in expected]


def match_exactly(expected: dict[str, Shape], found: dict[str, Shape], of: str) -> None:
    """Raise one two-sided BadInput unless `found` has exactly the names and shapes of `expected`."""
    missing, unexpected = match(expected, found, of)
    if missing or unexpected:
        sides = [
            f"{_count(len(names), 'tensor')} {word}: {_listed([sign + name for name in sorted(names)])}"
            for sign, word, names in (("- ", "missing", missing), ("+ ", "unexpected", unexpected))
            if names
        ]
        raise BadInput(f"The tensors are not those of {of}; {'; '.join(sides)}.")


def _listed(rows: list[str], most: int = 8) -> str:
    more = [f"and {len(rows) - most} more"] if len(rows) > most else []
    return ", ".join(rows[:most] + more)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "a scalar"
