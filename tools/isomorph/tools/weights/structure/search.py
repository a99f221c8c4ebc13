"""Find the known networks that stand in a file, by the shapes of its kernels, under any prefix of its names."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from isomorph.spec import Architecture, BadInput
from isomorph.tools.checkpoints.checkpoint import is_averaged
from isomorph.tools.designs.titles import home
from isomorph.tools.weights.candidates import of_other_width
from isomorph.tools.weights.structure.heads import MOST, is_chain, resized, with_head
from isomorph.tools.weights.structure.known import Known, KnownByKey, by_key, known_by_key, known_forms, total
from isomorph.tools.weights.structure.layers import Kernel, Layers, Shape
from isomorph.tools.weights.structure.preactivation import is_preactivated
from isomorph.tools.weights.structure.roles import is_numbered_by_paddle

FEWEST = 4
"""The kernels of the smallest network that is told by its structure; of fewer, chance would find many."""

MOST_KERNELS = 2500
"""Twice those of the deepest network here, of 1,202 layers: a file of more holds none of them."""

MOST_TENSORS = 12 * MOST_KERNELS
"""A kernel, a bias and a batch norm of each layer, and as many again beside them; no network here has as many."""

DEEPEST = 12
"""How many dots and slashes of a name are looked at for prefixes; frameworks nest modules by half of that."""

Changes = Sequence[Mapping[str, Any]]
"""Fields of a convention and their values, of which the first ones that fit a file are taken."""

FOLDED = {"batch_norm": False, "convolution_bias": True}
"""What exporters make of a network whose batch norms they fold into its convolutions: see `Architecture.folded`."""

ALL_CHANGES: Changes = (
    {"convolution_bias": True},
    {"convolution_bias": False},
    {"shortcut_batch_norm": False},
    {"convolution_bias": True, "shortcut_batch_norm": False},
    FOLDED,
    {"batch_norm": False, "convolution_bias": False},
    {"batch_norm": True, "convolution_bias": False},
    {"batch_norm": True, "convolution_bias": True},
    {"batch_norm_gamma": False},
)
"""Fields of a convention that a file's biases and batch norms show, in the order in which they are tried."""


@dataclass(frozen=True)
class Hit:
    """A known network in a file, changed where the file's biases and batch norms are others.

    prefix: of the names of its tensors. layers: those under the prefix. stem: its first kernel.
    head: the layers behind its trunk, in order; those of auxiliary heads first.
    """

    known: Known
    changes: Mapping[str, Any] = field(hash=False)
    prefix: str
    layers: Layers
    stem: Kernel
    head: tuple[Kernel, ...]

    @property
    def has_own_head(self) -> bool:
        """Whether what stands behind the trunk is not the network's own classifier."""
        return len(self.head) != self.known.classifiers or self.known.without_dense

    @cached_property
    def architecture(self) -> Architecture:
        """The network, with the channels, the classes and the head of the file.

        Raises BadInput for a head that no specification can say.
        """
        channels = self.stem.shape.depth_seen * self.known.stem.groups
        network = self.known.architecture.with_options(**self.changes, in_channels=channels)
        if not self.has_own_head:
            return network.with_options(num_classes=self.head[-1].shape.depth) if self.head else network
        if self.resized:
            return self.resized
        if self.known.without_dense:
            network = replace(network, blocks=tuple(block for block in network.blocks if block.unit != "dense"))
        return with_head(network.with_options(num_classes=None), self.head)

    @cached_property
    def resized(self) -> Architecture | None:
        """The network, where its own dense layers read a map of another size; None where the head is another."""
        if not (self.known.without_dense and self.head):
            return None
        channels = self.stem.shape.depth_seen * self.known.stem.groups
        return resized(self.known.architecture.with_options(**self.changes, in_channels=channels), self.head)

    @property
    def trunk(self) -> tuple[Kernel, ...]:
        """Its kernels without the head."""
        return tuple(kernel for kernel in self.layers.kernels if kernel not in self.head)


def is_too_large(shapes: Collection[Shape]) -> bool:
    """Whether shapes are of more tensors, or more kernels, than any network here has."""
    return len(shapes) > MOST_TENSORS or sum(len(shape) > 1 for shape in shapes) > MOST_KERNELS


def find(layers: Layers, known: KnownByKey | None = None, changes: Changes = ALL_CHANGES) -> list[Hit]:
    """Return the known networks that a prefix of the names holds whole, the most likely first; with changes if need be.

    known: those that are looked for; None takes all of the zoos'. changes: what may be otherwise in the file.

    >>> from isomorph.spec import architecture, tensor_shapes
    >>> from isomorph.tools.weights.structure.layers import layers_of
    >>> shapes = tensor_shapes(architecture("mlperf_tiny/resnet8"))
    >>> disguised = {f"net.t{number}": shape for number, shape in enumerate(shapes.values())}
    >>> [hit.known.architecture.name for hit in find(layers_of(disguised))]
    ['mlperf_tiny/resnet8']
    """
    if len(layers.kernels) > MOST_KERNELS:
        return []
    nodes = list(nodes_of(layers))
    if known is None:
        known = known_by_key()
    for tried in ((), changes):
        if hits := [hit for prefix, inside in nodes for hit in _in_node(prefix, inside, known, tried)]:
            return sorted(hits, key=lambda hit: _rank(hit, layers))
        networks = dict.fromkeys(each.architecture for alike in known.values() for each in alike)
        wider = [(prefix, inside, by_key(of_other_width(networks, inside))) for prefix, inside in nodes]
        if hits := [hit for node in wider if node[2] for hit in _in_node(*node, tried)]:
            return sorted(hits, key=lambda hit: _rank(hit, layers))
    return []


def nodes_of(layers: Layers) -> Iterator[tuple[str, Layers]]:
    """Yield prefix, layers under it, for all that could be a network; of prefixes of the same kernels the longest."""
    count: Counter[str] = Counter()
    for kernel in layers.kernels:
        separators = re.finditer(r"[./]", kernel.name)
        count.update(kernel.name[: found.end()] for _, found in zip(range(DEEPEST), separators, strict=False))
    count[""] = len(layers.kernels)
    inner: dict[str, int] = defaultdict(int)
    for prefix, kernels in count.items():
        if prefix:
            outer = prefix[: max(prefix.rfind(".", 0, -1), prefix.rfind("/", 0, -1)) + 1]
            inner[outer] = max(inner[outer], kernels)
    for prefix, kernels in count.items():
        if kernels >= FEWEST and inner[prefix] < kernels:
            yield prefix, layers.under(prefix)


def _in_node(prefix: str, inside: Layers, known_ones: KnownByKey, changes: Changes) -> Iterator[Hit]:
    whole = total(kernel.shape for kernel in inside.kernels)
    known_stems = {(known.stem.kernel, known.stem.depth) for networks in known_ones.values() for known in networks}
    stems = {
        kernel.shape: kernel
        for kernel in reversed(inside.kernels)
        if not kernel.is_dense and (kernel.shape.side, kernel.shape.depth) in known_stems
    }
    for head in _heads(inside.kernels):
        rest = whole - total(kernel.shape for kernel in head)
        for stem in stems.values():
            for known in known_ones.get((rest - total([stem.shape])) % (1 << 64), ()):
                hit = Hit(known, {}, prefix, inside, stem, head)
                if _reads(hit) and (fitted := _fitted(hit, changes)):
                    yield fitted


def _heads(kernels: Sequence[Kernel]) -> Iterator[tuple[Kernel, ...]]:
    """Yield what may be the head: nothing; the last dense layers; any one; those of auxiliary heads and the last."""
    dense = [k for k in kernels if k.is_dense or (k.shape.side == 1 and k.bias and not k.norm)]
    heads = [tuple(dense[len(dense) - count :]) for count in range(min(MOST, len(dense)) + 1)]
    heads += [(kernel,) for kernel in {kernel.shape: kernel for kernel in dense}.values()]
    by_classes: dict[int, list[Kernel]] = defaultdict(list)
    for kernel in dense:
        by_classes[kernel.shape.depth].append(kernel)
    heads += [tuple(alike) for alike in by_classes.values() if 2 <= len(alike) <= MOST]
    yield from dict.fromkeys(heads)


def _reads(hit: Hit) -> bool:
    """Whether the stem and the head are such as the network's own may be."""
    stem, known = hit.known.stem, hit.known
    if (hit.stem.shape.side, hit.stem.shape.depth) != (stem.kernel, stem.depth):
        return False
    if not all(kernel.bias for kernel in hit.head):
        return False  # dense layers have one here
    if not hit.has_own_head:
        classes = {kernel.shape.depth for kernel in hit.head}
        return len(classes) <= 1 and (not hit.head or hit.head[-1].shape.depth_seen == known.depth)
    first_reads = not hit.head or known.depth in (None, hit.head[0].shape.depth_seen)
    return first_reads and is_chain(hit.head) and not known.architecture.auxiliary


def _fitted(hit: Hit, changes: Changes) -> Hit | None:
    """Return the hit, with the first of `changes` that makes its biases and batch norms the file's; None with none.

    A file with tensors that belong to no layer is not read as a changed network: they may be what was lost of one.
    """
    if not changes:
        return hit if _has_details(hit.known, hit) else None
    for change in changes if not hit.layers.strangers else ():
        if change.get("shortcut_batch_norm") is False and is_preactivated(hit.layers):
            continue  # a batch norm that seems to be missing there stands before the next unit
        try:
            forms = known_forms(hit.known.architecture.with_options(**change))
        except BadInput:
            continue
        for form in forms:
            if form.key == hit.known.key and form.without_dense == hit.known.without_dense and _has_details(form, hit):
                return replace(hit, known=form, changes=change)
    return None


def _has_details(known: Known, hit: Hit) -> bool:
    kernels = Counter((kernel.shape, kernel.bias is not None) for kernel in hit.trunk)
    kernels[hit.stem.shape, known.stem.bias] -= 1
    norms = Counter((norm.depth, "gamma" in norm.tensors) for norm in hit.layers.norms)
    return (+kernels, norms) == known.details and min(kernels.values()) >= 0


def _rank(hit: Hit, layers: Layers) -> tuple[Any, ...]:
    """Return what is smaller for the likelier hit: more of the file, as it is known, of the file's own framework."""
    zoo, own_name = home(hit.known.architecture)
    return (
        -len(hit.layers.kernels),
        len(layers.kernels) - len(hit.layers.kernels),
        is_averaged(hit.prefix),
        hit.has_own_head,
        zoo is not None and zoo.framework not in frameworks_of(hit.layers),
        zoo is not None and own_name in zoo.unpublished,
        zoo is not None and zoo.design_of is not None,
    )


def frameworks_of(layers: Layers) -> tuple[str, ...]:
    """Return the frameworks whose axes, and names of statistics, a file's layers have."""
    convolutions = {kernel.axes for kernel in layers.kernels if not kernel.is_dense}
    if convolutions & {"HWIO", "HWOI"}:
        return ("keras", "tensorflow")
    means = (norm.tensors.get("mean", "") for norm in layers.norms)
    dense = {kernel.axes for kernel in layers.kernels if kernel.is_dense}
    return ("paddle",) if "IO" in dense or any(re.search(r"\._mean$", name) for name in means) else ("pytorch",)


def are_numbered_by_paddle(layers: Layers) -> bool:
    """Whether a file's kernels have the names that Paddle gives them itself, in the order in which layers are made."""
    return 2 * sum(is_numbered_by_paddle(kernel.name) for kernel in layers.kernels) > len(layers.kernels)


def has_shortcuts_first(layers: Layers) -> bool:
    """Whether the convolution of a shortcut stands before the others of its unit in a file, where no name says so."""
    return "keras" in frameworks_of(layers) or are_numbered_by_paddle(layers)
