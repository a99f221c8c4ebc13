"""Which tensor of a file is which of a network that was found in it, and how sure that is.

Kernels of one shape are a class; a class of one is sure. In a larger one the file's order is the network's, unit by
unit; a shortcut's kernel stands last in its unit in PyTorch and Paddle, and first in Keras and in Paddle's own numbers,
where no name says which it is. Where names are numbered as the order goes, they say the same.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from isomorph.spec import plan
from isomorph.spec.layers import BatchNorm, Convolution, Parametrised, name_of
from isomorph.spec.naming import KernelAxes, ZooTensor
from isomorph.spec.plan import Plan
from isomorph.spec.tensors import (
    BETA,
    BIASES,
    GAMMA,
    MOVING_MEAN,
    MOVING_VARIANCE,
    WEIGHTS,
    Shape,
    tensor_name,
    tensors_of,
)
from isomorph.tools.weights.structure.known import shape_of
from isomorph.tools.weights.structure.layers import Kernel, Layers, Norm
from isomorph.tools.weights.structure.roles import Role, names_a_shortcut, without_kind
from isomorph.tools.weights.structure.search import Hit, are_numbered_by_paddle, frameworks_of, has_shortcuts_first
from isomorph.tools.weights.told import Mark

L = TypeVar("L", Kernel, Norm)

_LEAVES: dict[Role, str] = {"gamma": GAMMA, "beta": BETA, "mean": MOVING_MEAN, "variance": MOVING_VARIANCE}


@dataclass(frozen=True)
class Alignment:
    """Canonical name -> the file's tensor; canonical name -> how sure that is. Both in network order."""

    tensors: dict[str, ZooTensor]
    marks: dict[str, Mark]


@dataclass(frozen=True)
class _Place:
    """A layer of the network in the order in which files have them. unit: its number; the stem's and the head's too."""

    layer: Parametrised
    unit: int

    @property
    def is_shortcut(self) -> bool:
        return name_of(self.layer) == "shortcut"


def align(hit: Hit, shapes: Mapping[str, Shape]) -> Alignment:
    """Return which tensor of the file is which of `hit.architecture`. shapes: name -> shape in the file."""
    planned = plan(hit.architecture)
    shortcut_first = has_shortcuts_first(hit.layers)
    maps = "HWI" if "keras" in frameworks_of(hit.layers) else "IHW"
    late = {head.scope for head in hit.architecture.auxiliary} if are_numbered_by_paddle(hit.layers) else set()

    def order(place: _Place) -> tuple[bool, int, bool]:
        return place.layer.scope.partition("/")[0] in late, place.unit, place.is_shortcut != shortcut_first

    places = sorted(_places(planned), key=order)
    of_kernels, kernel_marks = _kernels(hit, planned, places)
    of_norms, norm_marks = _norms(hit.layers, planned, places, of_kernels, kernel_marks)
    tensors: dict[str, ZooTensor] = {}
    marks: dict[str, Mark] = {}
    for layer in planned.parametrised:
        for leaf, canonical in tensors_of(layer).items():
            name = tensor_name(layer, leaf)
            if leaf in (WEIGHTS, BIASES):
                kernel = of_kernels[layer.scope]
                found, mark = kernel.name if leaf == WEIGHTS else str(kernel.bias), kernel_marks[layer.scope]
            else:
                norm = of_norms[layer.scope]
                roles = {_LEAVES[role]: tensor for role, tensor in norm.tensors.items()}
                found, mark = roles[leaf], norm_marks[layer.scope] if norm.told else "by order"  # all are of one shape
            axes = _axes(of_kernels[layer.scope], canonical, maps) if leaf == WEIGHTS else None
            tensors[name], marks[name] = ZooTensor(found, shapes[found], canonical, axes), mark
    return Alignment(tensors, marks)


def _places(planned: Plan) -> Iterator[_Place]:
    yield from (_Place(layer, 0) for layer in planned.stem if isinstance(layer, Convolution))
    number = 0
    for number, unit in enumerate(planned.all_units, start=1):
        yield from (_Place(layer, number) for layer in unit.parametrised)
    if planned.logits:
        yield _Place(planned.logits, number + 1)


# Kernels.


def _kernels(hit: Hit, planned: Plan, places: Sequence[_Place]) -> tuple[dict[str, Kernel], dict[str, Mark]]:
    """Return scope -> kernel of the file, and how sure that is."""
    head = _head(hit, planned, places)
    found = dict(zip((layer.scope for layer in head), hit.head, strict=True))
    differ = len({kernel.shape for kernel in hit.head}) == len(head)
    marks: dict[str, Mark] = dict.fromkeys(found, "sure" if differ else "by order")
    stem, *others = (p for p in places if isinstance(p.layer, Convolution) and p.layer.scope not in found)
    found[stem.layer.scope], marks[stem.layer.scope] = hit.stem, "sure"
    trunk = [kernel for kernel in hit.trunk if kernel is not hit.stem]
    named = {kernel.name for kernel in trunk if names_a_shortcut(kernel.scope[len(hit.prefix) :])}
    tells_shortcuts = len(named) == sum(place.is_shortcut for place in others) > 0
    ours, theirs = defaultdict(list), defaultdict(list)
    for place in others:
        assert isinstance(place.layer, Convolution)
        ours[shape_of(place.layer), place.layer.bias, tells_shortcuts and place.is_shortcut].append(place.layer.scope)
    for kernel in trunk:
        theirs[kernel.shape, kernel.bias is not None, tells_shortcuts and kernel.name in named].append(kernel)
    for key, scopes in ours.items():
        mark, ordered = _in_order(theirs[key])
        for scope, kernel in zip(scopes, ordered, strict=True):
            found[scope], marks[scope] = kernel, mark
    return found, marks


def _head(hit: Hit, planned: Plan, places: Sequence[_Place]) -> list[Parametrised]:
    """Return the layers of the network that the file's head is of, in the head's order."""
    dense = [place.layer for place in places if isinstance(place.layer, Convolution) and place.layer.dense]
    if hit.has_own_head:
        return list(dense[len(dense) - len(hit.head) :])
    return [layer for layer in dense if name_of(layer) == "logits"]


def _in_order(layers: Sequence[L]) -> tuple[Mark, Sequence[L]]:
    """Return layers that look alike in the order of the network, and how sure that is; they come in the file's order.

    Names say it where they differ in several numbers alone, as those of a block and of a unit in it.
    """
    if len(layers) == 1:
        return "sure", layers
    words = {re.sub(r"\d+", "", layer.scope) for layer in layers}
    numbers = {layer.place: tuple(map(int, re.findall(r"\d+", layer.scope))) for layer in layers}
    distinct = len(set(numbers.values())) == len(layers)
    if len(words) == 1 and distinct and len(numbers[layers[0].place]) > 1:
        return "by name", sorted(layers, key=lambda layer: numbers[layer.place])
    return "by order", layers


def _axes(kernel: Kernel, canonical: Shape, maps: str) -> KernelAxes:
    """Return the axes of a kernel. maps: the order in which the file's framework flattens the axes of a map."""
    if canonical[0] == 1 or not kernel.is_dense:
        return KernelAxes(kernel.axes)
    return KernelAxes({"OI": f"O({maps})", "IO": f"({maps})O"}[kernel.axes])


# Batch norms.


def _norms(
    layers: Layers,
    planned: Plan,
    places: Sequence[_Place],
    of_kernels: Mapping[str, Kernel],
    kernel_marks: Mapping[str, Mark],
) -> tuple[dict[str, Norm], dict[str, Mark]]:
    """Return scope -> batch norm of the file, and how sure that is."""
    stand_alone = any(isinstance(place.layer, BatchNorm) for place in places)
    normalised = [place.layer for place in places if isinstance(place.layer, BatchNorm) or place.layer.batch_norm]
    if stand_alone:  # between convolutions the order is that of computation, whatever stands where in a unit
        order = {layer.scope: number for number, layer in enumerate(planned.parametrised)}
        normalised.sort(key=lambda layer: order[layer.scope])
    depths = [norm.depth for norm in layers.norms]
    found: dict[str, Norm] = {}
    marks: dict[str, Mark] = {}
    for layer, reader, norm in _named_before(layers, planned, of_kernels):
        found[layer.scope] = norm
        marks[layer.scope] = "sure" if depths.count(layer.depth) == 1 else kernel_marks[reader]
    for layer in normalised if not found else ():
        kernel = of_kernels.get(layer.scope)
        if kernel and kernel.norm and (_share_a_name(kernel, kernel.norm) or (layers.are_paired and not stand_alone)):
            found[layer.scope] = kernel.norm
            follows = kernel_marks[layer.scope] if _share_a_name(kernel, kernel.norm) else "by order"
            marks[layer.scope] = "sure" if depths.count(layer.depth) == 1 else follows
    taken = {norm.place for norm in found.values()}
    ours, theirs = defaultdict(list), defaultdict(list)
    for layer in normalised:
        if layer.scope not in found:
            ours[layer.depth, layer.gamma is not None].append(layer.scope)
    for norm in layers.norms:
        if norm.place not in taken:
            theirs[norm.depth, "gamma" in norm.tensors].append(norm)
    for key, scopes in ours.items():
        mark, ordered = _in_order(theirs[key])
        for scope, norm in zip(scopes, ordered, strict=True):
            found[scope], marks[scope] = norm, mark if depths.count(key[0]) == len(scopes) else "by order"
    return found, marks


def _named_before(
    layers: Layers, planned: Plan, of_kernels: Mapping[str, Kernel]
) -> list[tuple[Parametrised, str, Norm]]:
    """Return layer, scope of the convolution that reads it, and batch norm, where all are named after what reads them.

    In a pre-activation network `bn1` stands before `conv1` in PyTorch, and before `conv2` stands `bn2`, which is here
    the batch norm of `conv1`. Empty where one is called otherwise.
    """
    by_name = {without_kind(norm.scope): norm for norm in layers.norms}
    named: list[tuple[Parametrised, str, Norm]] = []
    for unit in planned.units:
        inner = [layer for layer in unit.parametrised if name_of(layer) != "shortcut"]
        if len(inner) < 2 or not isinstance(inner[0], BatchNorm):
            continue
        for layer, reader in pairwise(inner):
            norm = by_name.get(without_kind(of_kernels[reader.scope].scope))
            if norm is None or norm.depth != layer.depth:
                return []
            named.append((layer, reader.scope, norm))
    return named


def _share_a_name(kernel: Kernel, norm: Norm) -> bool:
    """Whether the names of a kernel and of the batch norm behind it differ in the words for their kinds alone."""
    return without_kind(kernel.scope) == without_kind(norm.scope) != "" or norm.scope.startswith(f"{kernel.scope}/")
