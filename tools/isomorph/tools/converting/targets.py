"""Find the network of another zoo that computes the same function as a checkpoint's."""

from collections.abc import Iterator

from isomorph.spec import Architecture, BadInput, tensor_shapes
from isomorph.spec.zoo import zoo
from isomorph.tools.converting.transfer import can_transfer
from isomorph.tools.designs.field_by_field import compact, compare_fields
from isomorph.tools.designs.lookup import find_architecture, is_architecture
from isomorph.tools.designs.titles import home

MOST_FIELDS = 4
"""How many differing fields a refusal names; `isomorph compare` shows all."""


def find_target(source: Architecture, to: str) -> tuple[Architecture, str | None]:
    """Return the network of `to` that is the same function as `source`, and whose names its tensors get.

    The network has the classes and channels of `source`.

    to: a zoo, a network of one, or a `.toml` file with one's own, which takes the names of the zoo that it is called
        after; None where there is none.
    Raises BadInput where no network is the same function, with the fields in which the nearest differs.
    """
    if is_architecture(to) or "/" in to:
        target = _like(find_architecture(to), source)
        target_zoo, _ = home(target)
        return _same(source, [target], to), target_zoo.name if target_zoo else None
    return _same(source, list(_networks(source, to)), to), to


def _networks(source: Architecture, to: str) -> Iterator[Architecture]:
    """Yield all networks of a zoo, at all their published widths; first the one with the name of `source`, if any."""
    target_zoo = zoo(to)
    _, source_name = home(source)
    for name in sorted(target_zoo.networks, key=lambda name: name != source_name):
        for network in (target_zoo.networks[name], *target_zoo.of_published_width(name).values()):
            yield _like(network, source)


def _like(network: Architecture, source: Architecture) -> Architecture:
    """Return `network` with the classes, input channels and auxiliary heads, or lack of them, of `source`."""
    if not source.auxiliary and network.auxiliary:
        network = network.with_options(auxiliary=())
    changed = {name: value for name, value in _ends(source).items() if value != _ends(network)[name]}
    return network.with_options(**changed)


def _ends(network: Architecture) -> dict[str, int | None]:
    return {"num_classes": network.head.num_classes, "in_channels": network.in_channels}


def _same(source: Architecture, candidates: list[Architecture], to: str) -> Architecture:
    """Return the first of the candidates that is the same function. Raises BadInput where none is."""
    fitting = [candidate for candidate in candidates if can_transfer(source, candidate)]
    if fitting:
        return fitting[0]
    nearest = max(candidates, key=lambda candidate: len(_tensors(candidate) & _tensors(source)))
    if not _tensors(nearest) & _tensors(source) or len(_tensors(nearest) ^ _tensors(source)) > len(_tensors(source)):
        if is_architecture(to):
            raise BadInput(f"{source.name} and {to} are networks of other tensors; choose one of the same function.")
        raise BadInput(
            f"{to} has no network of the function of {source.name}, under whose names its tensors could go; name"
            " another zoo (`isomorph list`), or leave --to out: the kind of file can change without it."
        )
    differing = [field for field in compare_fields(source, nearest)[0] if field.affects == "inference"]
    words = [f"{field.name} {compact(field.first)} / {compact(field.second)}" for field in differing[:MOST_FIELDS]]
    blocks = zip(source.blocks, nearest.blocks, strict=False)
    units = next((f"the units of {one.scope}" for one, other in blocks if one.args != other.args), "")
    words += [units] if units else ["their layers"] if not words else []
    *others, last = words
    all_words = f"{', '.join(others)} and {last}" if others else last
    raise BadInput(
        f"{source.name} and {nearest.name}, the nearest to it, are not the same function, so its weights mean something"
        f" else there; they differ in {all_words} (`isomorph compare {source.name} {nearest.name}` tells all); without"
        " --to the kind of file can change all the same."
    )


def _tensors(network: Architecture) -> set[tuple[str, tuple[int, ...]]]:
    return set(tensor_shapes(network).items())
