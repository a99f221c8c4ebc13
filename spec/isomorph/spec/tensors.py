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

# The leaves, which distinguish the tensors of a layer; a convolution's batch norm has a scope of its own, BATCH_NORM.
WEIGHTS, BIASES = "weights", "biases"
GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE = "gamma", "beta", "moving_mean", "moving_variance"
STATISTICS = (MOVING_MEAN, MOVING_VARIANCE)
OF_BATCH_NORM = (GAMMA, BETA, *STATISTICS)
BATCH_NORM = "BatchNorm"

Shape = tuple[int, ...]


def split(name: str) -> tuple[str, str]:
    """Return the scope of a canonical tensor's layer, and its leaf.

    >>> split("conv1/BatchNorm/gamma")
    ('conv1', 'gamma')
    """
    scope, _, leaf = name.rpartition("/")
    return scope.removesuffix(f"/{BATCH_NORM}"), leaf


def tensor_name(layer: Parametrised, leaf: str) -> str:
    """Return the canonical name of a layer's tensor.

    >>> tensor_name(Convolution("conv1", depth_in=3, depth=16), GAMMA)
    'conv1/BatchNorm/gamma'
    """
    inner = f"{BATCH_NORM}/" if isinstance(layer, Convolution) and leaf in OF_BATCH_NORM else ""
    return f"{layer.scope}/{inner}{leaf}"


def tensors_of(layer: Parametrised) -> dict[str, Shape]:
    """Return leaf -> shape of the tensors of one layer and, for a convolution, of its batch norm."""
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
    """Return canonical name -> shape of every tensor, in network order.

    >>> from isomorph.spec import architecture
    >>> list(tensor_shapes(architecture("cifar/resnet20")).items())[:2]
    [('conv1/weights', (3, 3, 3, 16)), ('conv1/BatchNorm/gamma', (16,))]
    """
    return {
        tensor_name(layer, leaf): shape
        for layer in plan(architecture).parametrised
        for leaf, shape in tensors_of(layer).items()
    }


def is_trainable(name: str) -> bool:
    """Return whether training learns a canonical tensor; it does not learn the running statistics.

    >>> is_trainable("conv1/BatchNorm/gamma"), is_trainable("conv1/BatchNorm/moving_mean")
    (True, False)
    """
    return not name.endswith(STATISTICS)


def count_parameters(architecture: Architecture) -> tuple[int, int]:
    """Return the trainable and the total number of values.

    Keras and Paddle call the total "parameters", PyTorch the trainable.

    >>> from isomorph.spec import architecture
    >>> count_parameters(architecture("cifar/resnet20"))
    (269722, 271098)
    """
    sizes = {name: prod(shape) for name, shape in tensor_shapes(architecture).items()}
    return sum(size for name, size in sizes.items() if is_trainable(name)), sum(sizes.values())


def match(
    expected: dict[str, Shape], found: dict[str, Shape], of: str, source: str = ""
) -> tuple[list[str], list[str]]:
    """Return the names that are only in `expected`, and those only in `found`, each in their own order.

    of, source: what the tensors are expected to be of, and the file that they were found in, for the refusal.
    Raises BadInput where a tensor in both differs in shape: nothing is reshaped by guess.

    >>> match({"a": (2,), "b": (3,)}, {"b": (3,), "c": (4,)}, of="mine/tiny")
    (['a'], ['c'])
    """
    misshapen = [name for name in expected if name in found and found[name] != expected[name]]
    if misshapen:
        rows = [f"{name} is {_shape(found[name])}, expected {_shape(expected[name])}" for name in misshapen]
        verb = "does" if len(rows) == 1 else "do"
        raise BadInput(f"{_count(len(rows), 'tensor')}{_in(source)} {verb} not fit {of}: {_listed(rows)}.")
    return [name for name in expected if name not in found], [name for name in found if name not in expected]


def match_exactly(expected: dict[str, Shape], found: dict[str, Shape], of: str, source: str = "") -> None:
    """Raise BadInput, naming both sides, unless `found` has exactly the names and shapes of `expected`.

    of, source: as in `match`.

    >>> match_exactly({"a": (2,)}, {"b": (2,)}, of="tiny")
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: The tensors are not those of tiny; 1 tensor missing: - a; 1 tensor unexpected: + b.
    """
    missing, unexpected = match(expected, found, of, source)
    if missing or unexpected:
        sides = [
            f"{_count(len(names), 'tensor')} {word}: {_listed([sign + name for name in sorted(names)])}"
            for sign, word, names in (("- ", "missing", missing), ("+ ", "unexpected", unexpected))
            if names
        ]
        raise BadInput(f"The tensors{_in(source)} are not those of {of}; {'; '.join(sides)}.")


def _in(source: str) -> str:
    return f" of {source}" if source else ""


def _listed(rows: list[str], most: int = 8) -> str:
    more = [f"and {len(rows) - most} more"] if len(rows) > most else []
    return ", ".join(rows[:most] + more)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "a scalar"
