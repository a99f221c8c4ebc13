"""How reports name a network: by its name, and by what of it is not that name's own."""

from isomorph.spec import Architecture, zoos
from isomorph.spec.zoo import Zoo
from isomorph.tools.designs.widths import channels, width_of_channels


def home(network: Architecture) -> tuple[Zoo | None, str]:
    """Return the zoo of a network, None for one of your own, and its name there."""
    zoo, _, own_name = network.name.partition("/")
    return zoos().get(zoo), own_name


def width_of(network: Architecture) -> float | None:
    """Return the width multiplier of a network, one that its zoo has weights of if it may be; None if no width fits.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.designs.titles import width_of
    >>> [width_of(architecture("keras/MobileNet", width_multiplier=width)) for width in (1.0, 0.25, 0.3)]
    [1.0, 0.25, 0.3]
    """
    zoo, own_name = home(network)
    if zoo is None or own_name not in zoo.widths or network.blocks == zoo.networks[own_name].blocks:
        return 1.0
    width = width_of_channels(zoo.name, own_name, channels(network.with_options(auxiliary=())))
    return width if width is not None and zoo.widths[own_name].build(width).blocks == network.blocks else None


def title(network: Architecture) -> str:
    """Return a network's name for reports and sentences, with its width and the lack of auxiliary heads.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.designs.titles import title
    >>> title(architecture("keras/MobileNet", width_multiplier=0.25))
    'keras/MobileNet with width_multiplier 0.25'
    >>> title(architecture("torchvision/googlenet", aux_logits=False))
    'torchvision/googlenet without auxiliary heads'
    """
    width = width_of(network)
    multiplier = " of another width" if width is None else "" if width == 1 else f" with width_multiplier {width:g}"
    zoo, own_name = home(network)
    zoo_heads = zoo.networks[own_name].auxiliary if zoo and own_name in zoo.networks else ()
    without = " without auxiliary heads" if zoo_heads and not network.auxiliary else ""
    return f"{network.name}{multiplier}{without}"
