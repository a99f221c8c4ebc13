"""Width multipliers: which one a network has, or a file's kernels show, whether or not its zoo has weights of it."""

from collections.abc import Callable
from functools import lru_cache
from math import ceil, floor

from isomorph.spec import Architecture, BadInput, zoos
from isomorph.spec.layers import Convolution
from isomorph.spec.outline import outline
from isomorph.spec.zoo import WIDEST

CLOSE = 1e-6
"""How near to its limits a range of width multipliers is known; they are written with two or three decimals."""

MOST_DECIMALS = 5
"""The most decimals of a width multiplier that is told."""


def channels(network: Architecture) -> int:
    """Return the sum of the output channels of a network's convolutions, without its classifier.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.designs.widths import channels
    >>> channels(architecture("keras/MobileNet"))
    10944
    """
    layers = (layer for part in outline(network).parts for layer in part.layers)
    return sum(layer.depth for layer in layers if isinstance(layer, Convolution))


@lru_cache(maxsize=256)
def width_of_channels(zoo_name: str, own_name: str, total: int) -> float | None:
    """Return the width multiplier with which a zoo's network has convolutions of `total` channels; None if none has.

    A published one, or the one of fewest decimals, of all that give the same network: they are a range, as wider
    networks have more channels in some convolution, and fewer in none.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.designs.widths import channels, width_of_channels
    >>> of = {width: channels(architecture("torchvision/mobilenet_v2", width_multiplier=width)) for width in (1.4, 0.6)}
    >>> [width_of_channels("torchvision", "mobilenet_v2", total) for total in of.values()]
    [1.4, 0.6]
    """
    zoo = zoos()[zoo_name]
    widths = zoo.widths[own_name]

    def channels_of(width: float) -> int:
        try:
            return channels(widths.build(width))
        except BadInput:
            return 0  # so narrow that a convolution would have none

    least = _least(lambda width: channels_of(width) >= total)
    beyond = _least(lambda width: channels_of(width) > total)
    candidates = [*widths.published, *_of_few_decimals(least, beyond)]
    return next((width for width in candidates if channels_of(width) == total), None)


def in_width_of(network: Architecture, total: int) -> Architecture | None:
    """Return a zoo's network in the width in which it has `total` channels; None if there is none, or it has them."""
    zoo_name, _, own_name = network.name.partition("/")
    width = width_of_channels(zoo_name, own_name, total)
    other = None if width is None else zoos()[zoo_name].widths[own_name].build(width)
    return other if other and other.blocks != network.blocks else None


def _least(is_enough: Callable[[float], bool]) -> float:
    """Return the least width from which on something is so, to CLOSE; WIDEST if it never is."""
    low, high = 0.0, float(WIDEST)
    while high - low > CLOSE:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _of_few_decimals(least: float, beyond: float) -> list[float]:
    """Return widths from `least` to below `beyond`, each the one of so many decimals that is nearest to the middle."""
    found: list[float] = []
    for decimals in range(MOST_DECIMALS + 1):
        scale = 10**decimals
        first, last = ceil((least - CLOSE) * scale), floor((beyond + CLOSE) * scale)
        middle = (least + beyond) / 2 * scale
        inside = [number / scale for number in range(max(first, 1), min(last, first + scale) + 1)]
        found += sorted(inside, key=lambda width: abs(width * scale - middle))
    return found
