"""Interpret a file by the shapes of its tensors, where no naming here fits it."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from posixpath import commonpath

from isomorph.spec import Architecture, BadInput, function, plan
from isomorph.spec.naming import ZooTensor
from isomorph.spec.tensors import Shape
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.designs.titles import home
from isomorph.tools.weights.candidates import variants
from isomorph.tools.weights.interpretations import NO_ZOO, Interpretation
from isomorph.tools.weights.namings import all_namings
from isomorph.tools.weights.structure.alignment import align
from isomorph.tools.weights.structure.known import by_key
from isomorph.tools.weights.structure.layers import layers_of
from isomorph.tools.weights.structure.search import ALL_CHANGES, FOLDED, Hit, find, is_too_large
from isomorph.tools.weights.told import Mark

MOST = 0.9
"""The share of kernels that a zoo names as the file does, from which on names decide between functions."""


def interpret_by_structure(tensors: Tensors, architecture: Architecture | None = None) -> list[Interpretation]:
    """Return the networks that a file's tensors may be of by their shapes, the most likely first.

    Each is another function; of those that are the same the likeliest is taken. Where a zoo names most of the kernels
    as the file does, what its names do not say is left out. Empty where none fits.
    architecture: this one only; under a zoo's names as it is or folded, else with biases and batch norms of the file's.
    """
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    if is_too_large(shapes.values()):
        return []
    layers = layers_of(shapes)
    if any(0 in shape for shape in shapes.values()) or any("mean" not in norm.tensors for norm in layers.norms):
        return []  # damaged, or a model's parameters alone
    if architecture:  # under a zoo's names, tensors that are too many or too few are a fault of the file
        changes = (FOLDED,) if _are_a_zoos(tensors) else ALL_CHANGES
        hits = find(layers, by_key(variants(architecture)), changes)
    else:
        hits = find(layers)
    hits = [hit for hit in hits if (hit.layers, hit.prefix) == (hits[0].layers, hits[0].prefix) and _can_be_said(hit)]
    hits = [hit for hit in hits if not hit.has_own_head] or hits
    named = [_named_alike(hit) for hit in hits]
    if max(named, default=0.0) >= MOST:
        hits = [hit for hit, share in zip(hits, named, strict=True) if share == max(named)]
        hits = [hit for hit in hits if _is_published(hit)] or hits  # as under a zoo's names without a prefix
    likeliest: dict[object, Hit] = {}
    for hit in hits:
        likeliest.setdefault(function(hit.architecture), hit)
    return [_interpretation(hit, shapes) for hit in likeliest.values()]


def _are_a_zoos(names: Collection[str]) -> bool:
    """Whether some naming knows most of the names of a file."""
    return any(sum(map(naming.knows, names)) >= MOST * len(names) for naming in all_namings().values())


def _can_be_said(hit: Hit) -> bool:
    """Whether a specification can say the head that stands behind the trunk."""
    try:
        plan(hit.architecture)
    except BadInput:
        return False
    return True


def _named_alike(hit: Hit) -> float:
    """Return the share of the trunk's kernels that the network's zoo names as the file does."""
    names = set(_zoos_names(hit).values())
    return sum(kernel.name in names for kernel in hit.trunk) / len(hit.trunk)


def _is_published(hit: Hit) -> bool:
    """Whether the network's zoo has published weights of it; True of a network of no zoo."""
    zoo, own_name = home(hit.known.architecture)
    return zoo is None or own_name not in zoo.unpublished


def _interpretation(hit: Hit, shapes: Mapping[str, Shape]) -> Interpretation:
    aligned = align(hit, shapes)
    tensors = aligned.tensors | _under_its_zoos_names(hit, aligned.tensors)
    if len({tensor.name for tensor in tensors.values()}) < len(tensors):  # some names are a zoo's by chance
        tensors = aligned.tensors
    zoos_names = _zoos_names(hit)
    by_name: dict[str, Mark] = {
        canonical: "by name"
        for canonical, tensor in tensors.items()
        if zoos_names.get(canonical) == tensor.name and aligned.marks[canonical] == "by order"
    }
    return Interpretation(
        architecture=hit.architecture,
        form=NO_ZOO,
        expected=tensors,
        carried={tensor.name: tensor.shape for tensor in tensors.values()},
        prefix=hit.prefix,
        also=_also(hit),
        marks=aligned.marks | by_name,
    )


def _under_its_zoos_names(hit: Hit, aligned: Mapping[str, ZooTensor]) -> dict[str, ZooTensor]:
    """Return canonical name -> tensor of the file, of those that the file calls as the network's zoo does.

    Names say more than the order, which is that of letters in some files.
    """
    found = {tensor.name: tensor for tensor in aligned.values()}
    names = _zoos_names(hit)
    pairs = ((canonical, found.get(names.get(canonical, ""))) for canonical in aligned)
    return {name: tensor for name, tensor in pairs if tensor and tensor.canonical == aligned[name].canonical}


def _zoos_names(hit: Hit) -> dict[str, str]:
    """Return canonical name -> what the tensor is called in the file if it has its zoo's names, as far as it does."""
    names = _names_in_zoo(hit.known.architecture)
    if not names:
        return {}
    scope = commonpath(names.values())  # slim's names start with the network's, which is a part of the prefix then
    prefix = hit.prefix.removesuffix(f"{scope}/")
    return {canonical: prefix + name for canonical, name in names.items()}


@lru_cache(maxsize=16)
def _names_in_zoo(network: Architecture) -> Mapping[str, str]:
    """Return canonical name -> what the network's zoo calls the tensor; empty of a network of no zoo."""
    zoo, _ = home(network)
    if zoo is None:
        return {}
    return {canonical: tensor.name for canonical, tensor in zoo.naming.tensors(network).items()}


def _also(hit: Hit) -> str:
    """Return what distinguishes a network in a file from the known one, for its title."""
    folded = hit.changes == FOLDED
    also = [] if folded else [f"{name} = {str(value).lower()}" for name, value in hit.changes.items()]
    also += ["its batch norms folded"] if folded else []
    if hit.resized:
        block = next(block for block in hit.resized.blocks if block.unit == "dense")
        also.append(f"{block.scope} reading a map of {block.args[0][1]}x{block.args[0][1]}")
    elif hit.has_own_head and hit.head:
        also.append(f"a head of its own to {' and '.join(str(layer.shape.depth) for layer in hit.head)}")
    return f" with {', '.join(also)}" if also else ""
