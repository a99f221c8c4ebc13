"""What Keras calls the tensors of its HDF5 files: Keras 2 by their names, Keras 3 by their places.

Keras 2 names each: LAYER/VARIABLE:0, as in `conv1/conv1/kernel:0`; Keras 1 does, too: `conv1/conv1_W`. Keras 3 numbers
the variables of a layer in the order in which the layer makes them (saving_lib.py, `Layer.save_own_variables`): it is
the layer's class that tells what they are.
"""

import re
from collections.abc import Mapping, Sequence

_KERNEL = (("kernel",), ("kernel", "bias"))
_SEPARABLE = (("depthwise_kernel", "pointwise_kernel"), ("depthwise_kernel", "pointwise_kernel", "bias"))
_STATISTICS = ("moving_mean", "moving_variance")
_AFFINE = {"gamma": "scale", "beta": "center"}

# Layer class, as groups are called after it -> what its variables may be, told apart by their number.
_LEAVES: Mapping[str, Sequence[tuple[str, ...]]] = {
    **{f"{kind}{rank}d": _KERNEL for kind in ("conv", "depthwise_conv") for rank in (1, 2, 3)},
    **{f"conv{rank}d_transpose": _KERNEL for rank in (1, 2, 3)},
    **{f"separable_conv{rank}d": _SEPARABLE for rank in (1, 2)},
    "dense": _KERNEL,
    "batch_normalization": (_STATISTICS, (*_AFFINE, *_STATISTICS)),
}

# As layers make them, whichever of them a layer has.
_ORDER = ("depthwise_kernel", "pointwise_kernel", "kernel", "bias", *_AFFINE, *_STATISTICS)
_PLACES = {leaf: place for place, leaf in enumerate(_ORDER)}

# Keras 1's last words -> ours (keras/engine/topology.py 2.0, preprocess_weights_for_loading); its running_std was the
# variance.
_KERAS1 = {
    "W": "kernel",
    "b": "bias",
    **{leaf: leaf for leaf in _AFFINE},
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
}


def group_name(class_name: str) -> str:
    """Return what Keras 3 calls the group of a layer: its class in snake case (keras/src/utils/naming.py)."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def leaves(kind: str, count: int, config: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """Return the names of a layer's `count` variables in their order; their numbers, where they cannot be told.

    kind: the layer's class, in snake case. config: its configuration, without which a batch norm of three variables
    may lack its gamma or its beta.
    """
    options = _LEAVES.get(kind, ())
    if kind == "batch_normalization" and config is not None:
        affine = tuple(leaf for leaf, option in _AFFINE.items() if config.get(option, True))
        options = ((*affine, *_STATISTICS),)
    numbers = tuple(str(index) for index in range(count))
    return next((names for names in options if len(names) == count), numbers)


def keras2_name(layer: str, below: str, beside: Sequence[str]) -> str:
    """Return the name of the variable at `below`, the path in the group of `layer`; `beside` are all of that group.

    It is the variable's own, less the `:0` that TensorFlow counts outputs with, and behind its layer's where it has no
    scope. `conv1_W` of Keras 1 is `kernel`; so is a depthwise kernel, as Keras 3 calls it, unless its layer has a
    pointwise one beside it.
    """
    scope, _, leaf = _bare(below).rpartition("/")
    leaf = _renamed_since_keras1(leaf, scope.rpartition("/")[2] or layer)
    if leaf == "depthwise_kernel" and not any("pointwise_kernel" in other for other in beside):
        leaf = "kernel"
    return f"{scope or layer}/{leaf}"


def out_of_order(layer: str, listed: Sequence[str]) -> tuple[str, str] | None:
    """Return the first two of a layer's variables that a list has in another order than the layer; None if none.

    listed: by the names of Keras 1 or 2. Keras loads them by their places, whatever they are called.
    """
    last: dict[str, tuple[str, str]] = {}
    for name in listed:
        scope, _, leaf = _bare(name).rpartition("/")
        leaf = _renamed_since_keras1(leaf, scope.rpartition("/")[2] or layer)
        if leaf in _PLACES:
            before = last.setdefault(scope, (leaf, name))
            if _PLACES[leaf] < _PLACES[before[0]]:
                return before[1], name
            last[scope] = leaf, name
    return None


def _renamed_since_keras1(leaf: str, layer: str) -> str:
    """Return what Keras 2 calls a variable that Keras 1 called after its layer, `conv1_W`; others as they are."""
    own = re.sub(r"_\d+$", "", leaf.removeprefix(f"{layer}_"))
    return _KERAS1.get(own, leaf) if leaf.startswith(f"{layer}_") else leaf


def _bare(name: str) -> str:
    """Return a name without the `:0` with which TensorFlow counts outputs."""
    return re.sub(r":\d+$", "", name)
