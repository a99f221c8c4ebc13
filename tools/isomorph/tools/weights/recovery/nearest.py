"""The known network that is nearest to a recovered one: what a file cannot tell is taken from it."""

from collections.abc import Sequence

from isomorph.spec import Architecture, StemConvolution
from isomorph.tools.designs.titles import home
from isomorph.tools.weights.recovery.steps import Step
from isomorph.tools.weights.structure.bags import Bag, bag_of
from isomorph.tools.weights.structure.known import known_by_key

WITHOUT_TENSORS = ("max_pool", "adaptive_pool")
"""The unit kinds that no file shows."""

_ALIKE = {"valid_convolution": "convolution"}


def nearest_to(bag: Bag, stem: Sequence[Step], kinds: frozenset[str], frameworks: Sequence[str]) -> Architecture:
    """Return the known network of the same kinds of units, framework and stem that shares most layers with a file.

    bag: the file's layers. stem: the convolutions before its units; a plain network has none. kinds: of its units.
    frameworks: that the file may be of.
    """
    sides = [step.kernels[0].shape.side for step in stem]

    def likeness(network: Architecture) -> tuple[bool, bool, bool, int, bool]:
        zoo, _ = home(network)
        theirs = bag_of(network)
        return (
            kinds_of(network) == kinds,
            zoo is not None and zoo.framework in frameworks,
            [layer.kernel for layer in network.stem.layers if isinstance(layer, StemConvolution)] == sides,
            2 * (bag & theirs).total() - theirs.total(),
            zoo is not None and zoo.design_of is None,
        )

    networks = {known.architecture: None for alike in known_by_key().values() for known in alike}
    return max(networks, key=likeness)


def kinds_of(network: Architecture) -> frozenset[str]:
    """Return the kinds of a network's units that have tensors, but for those of its head.

    >>> from isomorph.spec import architecture
    >>> kinds_of(architecture("torchvision/vgg11"))
    frozenset({'convolution'})
    """
    kinds = {_ALIKE.get(block.unit, block.unit) for block in network.blocks}
    plain = kinds - {*WITHOUT_TENSORS, "dense", "linear", "batch_norm"}
    return frozenset(plain - {"convolution"} or plain)
