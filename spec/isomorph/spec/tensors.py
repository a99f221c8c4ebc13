"""Canonical tensors: slim's variable names without the network's scope, kernels HWIO, in network order.

    conv1/weights                                            [7, 7, 3, 64]
    block1/unit_1/bottleneck_v1/conv1/BatchNorm/moving_mean  [64]
    logits/biases                                            [1000]

A dense kernel is a 1x1 convolution's. Every kernel's I is the number of channels that one output sees.
"""

from math import prod

from isomorph.spec.architecture import Architecture
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import BatchNorm, Convolution, Parametrised
from isomorph.spec.plan import plan

# The leaves, by which everything tells tensors apart; a convolution's batch norm has a scope of its own, BATCH_NORM.
WEIGHTS, BIASES = "weights", "biases"
GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE = "gamma", "beta", "moving_mean", "moving_variance"
STATISTICS = (MOVING_MEAN, MOVING_VARIANCE)
OF_BATCH_NORM = (GAMMA, BETA, *STATISTICS)
BATCH_NORM = "BatchNorm"

Shape = tuple[int, ...]


def split(name: str) -> tuple[str, str]:
    """The scope of a canonical tensor's layer, and its leaf: `conv1` and `gamma` of `conv1/BatchNorm/gamma`."""
    scope, _, leaf = name.rpartition("/")
    return scope.removesuffix(f"/{BATCH_NORM}"), leaf


def tensor_name(layer: Parametrised, leaf: str) -> str:
    """The canonical name of a layer's tensor."""
    inner = f"{BATCH_NORM}/" if isinstance(layer, Convolution) and leaf in OF_BATCH_NORM else ""
    return f"{layer.scope}/{inner}{leaf}"


def tensors_of(layer: Parametrised) -> dict[str, Shape]:
    """The tensors of one layer and, for a convolution, its batch norm: leaf -> shape."""
    batch_norm = OF_BATCH_NORM if layer.gamma is not None else OF_BATCH_NORM[1:]
    if isinstance(layer, BatchNorm):
        return dict.fromkeys(batch_norm, (layer.depth,))
    shapes: dict[str, Shape] = {WEIGHTS: (layer.kernel, layer.kernel, layer.depth_seen, layer.depth)}
    if layer.bias:
        shapes[BIASES] = (layer.depth,)
    if layer.batch_norm:
        shapes |= dict.fromkeys(batch_norm, (layer.depth,))
    return shapes


def tensor_shapes(architecture: Architecture) -> dict[str, Shape]:
    """Canonical name -> shape of every tensor, in network order."""
    return {
        tensor_name(layer, leaf): shape
        for layer in plan(architecture).parametrised
        for leaf, shape in tensors_of(layer).items()
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
