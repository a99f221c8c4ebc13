"""The architectures whose tensors a file may hold: every zoo's, in each width that has weights."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from isomorph.spec import Architecture, architectures
from isomorph.spec import architecture as find_architecture
from isomorph.spec.layers import Convolution
from isomorph.spec.outline import outline
from isomorph.tools.designs.titles import home
from isomorph.tools.designs.widths import in_width_of
from isomorph.tools.weights.structure.layers import Layers


def candidates(of_zoo: Callable[[str], bool] = lambda zoo: True) -> Iterator[Architecture]:
    """Yield every architecture of the zoos of which `of_zoo` is true, as `variants` does.

    >>> from isomorph.tools.weights.candidates import candidates
    >>> [network.name for network in candidates(lambda zoo: zoo == "mlperf_tiny")]
    ['mlperf_tiny/resnet8']
    """
    for name in architectures():
        if of_zoo(name.partition("/")[0]):
            yield from variants(find_architecture(name))


def of_other_width(networks: Iterable[Architecture], layers: Layers) -> Iterator[Architecture]:
    """Yield those networks that come in several widths in the width of a file's layers, if that is another.

    Only networks of as many convolutions as the file has; one behind them may be its classifier.
    """
    several = [(network, _convolutions(network)) for network in networks if comes_in_widths(network)]
    if not several:
        return
    convolutions = [kernel for kernel in layers.kernels if not kernel.is_dense]
    trunks = [convolutions]
    if convolutions and convolutions[-1].bias and not convolutions[-1].norm:
        trunks.append(convolutions[:-1])  # a classifier that is a 1x1 convolution
    for trunk in trunks:
        total = sum(kernel.shape.depth for kernel in trunk)
        others = (in_width_of(network, total) for network, expected in several if len(trunk) == expected)
        yield from (other for other in others if other)


def comes_in_widths(network: Architecture) -> bool:
    """Whether a network is a zoo's own one that comes in several widths."""
    zoo, own_name = home(network)
    return zoo is not None and own_name in zoo.widths and network == zoo.networks[own_name]


@lru_cache(maxsize=64)
def _convolutions(network: Architecture) -> int:
    layers = (layer for part in outline(network).parts for layer in part.layers)
    return sum(isinstance(layer, Convolution) for layer in layers)


def variants(network: Architecture) -> Iterator[Architecture]:
    """Yield a network, then its other forms of which there are weights.

    They are itself without auxiliary heads, which many files leave out, and each width for which its zoo has weights.
    """
    yield network
    if network.auxiliary:
        yield network.with_options(auxiliary=())
    zoo, own_name = home(network)
    if zoo and network == zoo.networks.get(own_name):
        yield from (other for other in zoo.of_published_width(own_name).values() if other != network)
