"""The axes of a scaling study: more images in a batch, more layers, more pixels."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from isomorph.spec import Architecture, BadInput, architecture, infer, plan, zoos

Axis = Literal["batch", "depth", "resolution"]
AXES: tuple[Axis, ...] = ("batch", "depth", "resolution")

SIZES = (0.5, 0.75, 1.0, 1.5, 2.0)
"""Factors of the input's height and width."""

MOST_DEPTH = 10
"""The most times the network's layers: ResNet-1202 beside ResNet-20 would cost as much as everything else."""


@dataclass(frozen=True)
class Point:
    """A point on an axis, at which a network is run.

    x: images, layers or pixels. label: its name in tables: "8", "resnet50", "224x224".
    network, size: the network, and the height and width of its images. batches: images in a call.
    """

    axis: Axis
    x: int
    label: str
    network: Architecture
    size: tuple[int, int]
    batches: tuple[int, ...] = (1,)


def points(axes: Sequence[Axis], network: Architecture, size: tuple[int, int], most: int) -> list[Point]:
    """Return all points on all axes; along depth and resolution single images are run.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.benching.axes import points
    >>> network = architecture("cifar/resnet20")
    >>> [point.label for point in points(["depth", "resolution"], network, (32, 32), 8)]
    ['resnet20', 'resnet32', 'resnet44', 'resnet56', 'resnet110', '16x16', '24x24', '32x32', '48x48', '64x64']

    The batch axis has one point, at which batches of 1, 2, 4, ... images up to `most` are run. The depth axis has only
    `network` where no other network of its zoo differs in depth alone. The resolution axis leaves out sizes that the
    network cannot take.
    """
    return [point for axis in axes for point in _points(axis, network, size, most)]


def _points(axis: Axis, network: Architecture, size: tuple[int, int], most: int) -> list[Point]:
    if axis == "batch":
        batches = tuple(sorted({most, *(2**power for power in range(most.bit_length()))}))
        return [Point(axis, most, str(most), network, size, batches)]
    if axis == "depth":
        return [Point(axis, x, each.name.partition("/")[2], each, size) for x, each in family(network)]
    return [Point(axis, h * w, f"{h}x{w}", network, (h, w)) for h, w in _sizes(network, size)]


def family(network: Architecture) -> list[tuple[int, Architecture]]:
    """Return the networks of the zoo that differ from `network` in depth alone, by name, with their numbers of layers.

    Depth is the number in a name with which the number of layers with kernels grows: the 50 of `wide_resnet50_2`, and
    not a version or a width. The others get the input channels and the head of `network`; those of more than MOST_DEPTH
    times its layers are left out. The result is in ascending order, and `network` alone if there is no other.
    """
    zoo_name, _, own_name = network.name.partition("/")
    if zoo_name not in zoos() or own_name not in zoos()[zoo_name].networks:
        return [(_layers(network), network)]
    for number in re.finditer(r"(?<![vV\d])\d+", own_name):
        before, after = map(re.escape, (own_name[: number.start()], own_name[number.end() :]))
        alike = {name for name, other in zoos()[zoo_name].networks.items() if _is_alike(other, network)}
        names = [name for name in alike if re.fullmatch(f"{before}\\d+{after}", name)]
        names.sort(key=lambda name: int(name[number.start() : len(name) - len(own_name) + number.end()]))
        members = [_with_ends_of(network, f"{zoo_name}/{name}") for name in names]
        depths = [_layers(member) for member in members]
        if len(depths) > 1 and depths == sorted(set(depths)):
            pairs = zip(depths, members, strict=True)
            return [(layers, member) for layers, member in pairs if layers <= MOST_DEPTH * _layers(network)]
    return [(_layers(network), network)]


def check_axes(names: Sequence[str]) -> tuple[Axis, ...]:
    """Return the axes of these names, each once. Raises BadInput for an unknown name."""
    for name in names:
        if name not in AXES:
            raise BadInput(f"There is no scaling along {name!r}; expected some of {', '.join(AXES)}.")
    return tuple(axis for axis in AXES if axis in names)


def _is_alike(other: Architecture, network: Architecture) -> bool:
    """Whether another network of a zoo has the stem of this one, and a convention such as the zoo gives it."""
    zoo_name, _, own_name = network.name.partition("/")
    design = zoos()[zoo_name].networks[own_name]
    return (other.stem, other.convention) == (design.stem, design.convention)


def _with_ends_of(network: Architecture, name: str) -> Architecture:
    """Return another network of the zoo with the input channels and the classes of this one."""
    if name == network.name:
        return network
    other = architecture(name)
    head: dict[str, Any] = {"num_classes": network.head.num_classes, "global_pool": network.head.global_pool}
    return replace(other.with_options(**head), in_channels=network.in_channels)


def _layers(network: Architecture) -> int:
    return len(list(plan(network).convolutions))


def _sizes(network: Architecture, size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    for factor in SIZES:
        height, width = (round(factor * extent) for extent in size)
        try:
            infer(network, height, width)
        except BadInput:
            continue
        yield height, width
