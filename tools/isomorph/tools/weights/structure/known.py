"""The networks that are known, as bags of kernels: sums of hashes, which are looked up and not searched.

A sum does not depend on the order of what is added, so that a file's kernels have the sum of a network's in whatever
order they stand. What every file has in its own number is left out of a sum: the kernel of the stem, which sees the
channels of the images, and those of the classifiers.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from isomorph.spec import Architecture
from isomorph.spec.layers import BatchNorm, Convolution, Parametrised
from isomorph.spec.outline import outline
from isomorph.tools.weights.candidates import candidates
from isomorph.tools.weights.structure.layers import KernelShape

_MASK = (1 << 64) - 1

KnownByKey = Mapping[int, Sequence["Known"]]
"""Sum of kernels -> the networks that have it."""

Details = tuple[Counter[tuple[KernelShape, bool]], Counter[tuple[int, bool]]]
"""How often each kernel, with a bias or without, and each batch norm's depth, with gamma or without, are there."""


@dataclass(frozen=True)
class Known:
    """A network that may be in a file.

    stem: the shape of its first kernel, and whether it has a bias.
    trunk: its other layers, without classifiers, in the plan's order.
    classifiers: how many there are, the auxiliary heads' among them; they have as many classes each.
    depth: the channels that its classifier sees; None where it has none.
    without_dense: whether its dense layers are left out, so that a head of one's own may stand in their place.
    """

    architecture: Architecture
    stem: Convolution
    trunk: tuple[Parametrised, ...]
    classifiers: int
    depth: int | None
    without_dense: bool = False

    @cached_property
    def key(self) -> int:
        """The sum of the trunk's kernels."""
        return total(shape_of(layer) for layer in self.trunk if isinstance(layer, Convolution))

    @cached_property
    def details(self) -> Details:
        """What its trunk has beside the shapes of kernels, and the batch norm of its stem."""
        kernels = Counter((shape_of(layer), layer.bias) for layer in self.trunk if isinstance(layer, Convolution))
        normalised = (layer for layer in (self.stem, *self.trunk) if isinstance(layer, BatchNorm) or layer.batch_norm)
        return kernels, Counter((layer.depth, layer.gamma is not None) for layer in normalised)


def shape_of(layer: Convolution) -> KernelShape:
    """Return the shape of a layer's kernel in a file, where a dense layer sees every cell of a map as a channel."""
    if layer.dense:
        return KernelShape(1, layer.depth_seen * layer.kernel**2, layer.depth)
    return KernelShape(layer.kernel, layer.depth_seen, layer.depth)


def total(shapes: Iterable[KernelShape]) -> int:
    """Return the sum of hashes of kernels' shapes, whatever their order, modulo 2^64.

    >>> from isomorph.tools.weights.structure.known import total
    >>> from isomorph.tools.weights.structure.layers import KernelShape
    >>> one, other = KernelShape(3, 3, 16), KernelShape(1, 16, 64)
    >>> total([one, other]) == total([other, one]) != total([one, one])
    True
    """
    return sum(hash(shape) & _MASK for shape in shapes) & _MASK


def known_forms(network: Architecture) -> list[Known]:
    """Return a network as it is known: whole and, where it has dense layers before its classifier, without them."""
    outlined = outline(network)
    layers = [layer for part in outlined.parts for layer in part.layers]
    stem = next((layer for layer in layers if isinstance(layer, Convolution)), None)
    if stem is None or stem.dense:
        return []
    classifiers = [layer for layer in layers if _is_auxiliary_classifier(layer, network)]
    trunk = tuple(layer for layer in layers if layer is not stem and layer not in classifiers)
    depth = outlined.parts[-1].depth if outlined.classifier else None
    forms = [Known(network, stem, trunk, len(classifiers) + (depth is not None), depth)]
    convolutional = tuple(layer for layer in trunk if not (isinstance(layer, Convolution) and layer.dense))
    if len(convolutional) < len(trunk) and not network.auxiliary:
        forms.append(Known(network, stem, convolutional, 0, None, without_dense=True))
    return forms


def _is_auxiliary_classifier(layer: Parametrised, network: Architecture) -> bool:
    scope, _, name = layer.scope.rpartition("/")
    return name == "logits" and scope in {head.scope for head in network.auxiliary}


@cache
def known_by_key() -> KnownByKey:
    """Return the networks of all zoos, in each width that has weights."""
    return by_key(candidates())


def by_key(networks: Iterable[Architecture]) -> KnownByKey:
    """Return networks by the sums of their kernels."""
    known: dict[int, list[Known]] = defaultdict(list)
    for network in networks:
        for form in known_forms(network):
            known[form.key].append(form)
    return dict(known)
