"""The architectures whose tensors a file may hold: every zoo's, in each width that has weights."""

from collections.abc import Callable, Iterator

from isomorph.spec import Architecture, architectures
from isomorph.spec import architecture as find_architecture
from isomorph.tools.designs.titles import home


def candidates(of_zoo: Callable[[str], bool] = lambda zoo: True) -> Iterator[Architecture]:
    """Yield every architecture of the zoos of which `of_zoo` is true, as `variants` does.

    >>> from isomorph.tools.weights.candidates import candidates
    >>> [network.name for network in candidates(lambda zoo: zoo == "mlperf_tiny")]
    ['mlperf_tiny/resnet8']
    """
    for name in architectures():
        if of_zoo(name.partition("/")[0]):
            yield from variants(find_architecture(name))


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
