"""The known network whose layers are most like those of a file that none fits, under the prefix where that is so."""

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from isomorph.spec import Architecture
from isomorph.tools.designs.titles import home
from isomorph.tools.weights.structure.bags import Bag, bag_of, bag_of_file
from isomorph.tools.weights.structure.known import Known, known_by_key
from isomorph.tools.weights.structure.layers import KernelShape, Layers
from isomorph.tools.weights.structure.search import frameworks_of, nodes_of

MOST_NODES = 16
"""The prefixes that are looked under, those of the most kernels; a module of few is a part of a network."""

LEAST_ALIKE = 0.5
"""The likeness from which on a network is worth naming."""


@dataclass(frozen=True)
class Nearest:
    """The network that a file comes nearest to, with the file's classes and channels of images.

    prefix: of the names of the tensors that were compared. tensors: how many of them there are under it.
    misfits: those that are of no layer of the network. lacking: how many layers of it the file has not.
    """

    architecture: Architecture
    prefix: str
    tensors: int
    misfits: tuple[str, ...]
    lacking: int

    @property
    def fitting(self) -> int:
        """How many of the tensors fit."""
        return self.tensors - len(self.misfits)


def find_nearest(layers: Layers) -> Nearest | None:
    """Return the known network that shares most layers with a file, under the prefix where it does; None if none does.

    >>> from isomorph.spec import architecture, tensor_shapes
    >>> from isomorph.tools.weights.structure.layers import layers_of
    >>> shapes = tensor_shapes(architecture("mlperf_tiny/resnet8", num_classes=3))
    >>> disguised = {f"net.t{number}": shape for number, shape in enumerate(shapes.values())}
    >>> nearest = find_nearest(layers_of(disguised | {"net.t0": (5, 5, 3, 16)}))
    >>> nearest.architecture.name, nearest.prefix, nearest.misfits, nearest.lacking
    ('mlperf_tiny/resnet8', 'net.', ('net.t0', 'net.t1'), 1)
    """
    nodes = sorted(nodes_of(layers), key=lambda node: -len(node[1].kernels))[:MOST_NODES]
    found = max((_nearest_in(*node) for node in nodes), key=lambda pair: pair[0], default=None)
    return found[1] if found and found[0] >= LEAST_ALIKE else None


def _nearest_in(prefix: str, inside: Layers) -> tuple[float, Nearest]:
    """Return the nearest network to the layers under a prefix, and the share of both that they have in common."""
    ((_, known),) = likest(inside, 1)
    network = _with_ends_of(inside, known)
    expected = bag_of(network)
    misfits, lacking = _compared(inside, expected)
    every = list(_all(inside))
    tensors = sum(len(layer.tensors) for layer in every) + len(inside.strangers)
    likeness = 2 * (expected.total() - lacking) / (expected.total() + len(every))
    return likeness, Nearest(network, prefix, tensors, (*misfits, *inside.strangers), lacking)


def likest(layers: Layers, number: int, among: Container[Architecture] | None = None) -> list[tuple[float, Known]]:
    """Return the known networks that share most layers with a file's, and how large a share that is, from 0 to 1.

    Stems and classifiers are left out, which every file has in its own number. Of equal ones those of the file's stem
    and framework come first, and those of which weights were published. among: which are meant; None takes all.
    """
    found = bag_of_file(layers)
    size, frameworks = found.total(), frameworks_of(layers)
    first = next((kernel.shape for kernel in layers.kernels), None)

    def rank(known: Known) -> tuple[float, bool, bool, bool, bool]:
        zoo, own_name = home(known.architecture)
        kernels, norms = known.details
        shared = sum(min(count, found[kernel]) for kernel, count in kernels.items())
        shared += sum(min(count, found[norm]) for norm, count in norms.items())
        return (
            2 * shared / (kernels.total() + norms.total() + size),
            first is not None and (known.stem.kernel, known.stem.depth) == (first.side, first.depth),
            zoo is not None and zoo.framework in frameworks,
            zoo is not None and zoo.design_of is None,
            zoo is not None and own_name not in zoo.unpublished,
        )

    every = (known for alike in known_by_key().values() for known in alike if not known.without_dense)
    whole = [known for known in every if among is None or known.architecture in among]
    ranked = sorted(((rank(known), known) for known in whole), key=lambda pair: pair[0], reverse=True)
    return [(likeness, known) for (likeness, *_), known in ranked[:number]]


def _with_ends_of(layers: Layers, known: Known) -> Architecture:
    """Return a known network with the channels of images and the classes of a file, where it has such layers."""
    stem, network = known.stem, known.architecture
    first = layers.kernels[0].shape
    if (first.side, first.depth) == (stem.kernel, stem.depth):
        network = network.with_options(in_channels=first.depth_seen * stem.groups)
    for kernel in reversed(layers.kernels):
        if known.depth is not None and kernel.bias and (kernel.shape.side, kernel.shape.depth_seen) == (1, known.depth):
            return network.with_options(num_classes=kernel.shape.depth)
    return network


class _Layer(NamedTuple):
    """A layer of a file as a bag counts it.

    is_full: whether a kernel has a bias, or a batch norm gamma. tensors: its names, that one last.
    """

    shape: KernelShape | int
    is_full: bool
    tensors: tuple[str, ...]


def _all(layers: Layers) -> Iterator[_Layer]:
    for kernel in layers.kernels:
        yield _Layer(kernel.shape, kernel.bias is not None, (kernel.name, *([kernel.bias] if kernel.bias else [])))
    for norm in layers.norms:
        names = sorted(norm.tensors, key=lambda role: role == "gamma")
        yield _Layer(norm.depth, "gamma" in names, tuple(norm.tensors[role] for role in names))


def _compared(layers: Layers, expected: Bag) -> tuple[list[str], int]:
    """Return the names of tensors that are of no layer that is expected, and how many of those layers are not there.

    A layer that has a bias too many or too few is the one that was expected all the same.
    """
    left: Counter[tuple[KernelShape | int, bool]] = Counter(dict(expected.items()))
    misfits: list[str] = []
    for layer in [each for each in _all(layers) if not _take(left, each.shape, each.is_full)]:
        if not _take(left, layer.shape, not layer.is_full):
            misfits += layer.tensors
        elif layer.is_full:
            misfits.append(layer.tensors[-1])
    return misfits, left.total()


def _take(left: Counter[tuple[KernelShape | int, bool]], shape: KernelShape | int, is_full: bool) -> bool:
    """Take a layer out of a bag; False where it has none of the kind."""
    has_one = left[shape, is_full] > 0
    left[shape, is_full] -= has_one
    return has_one
