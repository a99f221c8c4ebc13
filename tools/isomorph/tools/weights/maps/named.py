"""The name and the options by which a network can be asked for again."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from isomorph.spec import Architecture, BadInput, Convention, Head, architecture
from isomorph.tools.designs.titles import home, width_of

ARCHITECTURE_FIELDS = ("in_channels", "output_stride", "include_root_block")


def named(network: Architecture) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the options of which `architecture` makes this network, whatever its preprocessing.

    None where no name of a zoo and no plain values make it, as of a network with a head of its own.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.weights.maps.named import named
    >>> named(architecture("keras/MobileNet", alpha=0.25, num_classes=7))
    ('keras/MobileNet', {'width_multiplier': 0.25, 'num_classes': 7})
    """
    for form in _forms(network):
        options = form | _changes(architecture(network.name, **form), network)
        try:
            made = architecture(network.name, **options)
        except BadInput:
            continue
        if made.with_options(preprocessing=network.convention.preprocessing) == network:
            return network.name, options
    return None


def _forms(network: Architecture) -> Iterator[dict[str, Any]]:
    """Yield the options of a zoo's network that change more than one field of it, and none."""
    zoo, own_name = home(network)
    if zoo is None or own_name not in zoo.networks:
        return
    yield {}
    yield {"auxiliary": ()}
    if own_name in zoo.widths and (width := width_of(network)) is not None:
        yield {"width_multiplier": width}


def _changes(known: Architecture, network: Architecture) -> dict[str, Any]:
    """Return the fields of plain values in which a network differs from the known one."""
    pairs: list[tuple[object, object, str]] = [(known, network, name) for name in ARCHITECTURE_FIELDS]
    pairs += [(known.head, network.head, field.name) for field in fields(Head)]
    pairs += [(known.convention, network.convention, field.name) for field in fields(Convention)]
    differing = {name: getattr(other, name) for one, other, name in pairs if getattr(one, name) != getattr(other, name)}
    return {
        name: value for name, value in differing.items() if value is None or isinstance(value, bool | int | float | str)
    }
