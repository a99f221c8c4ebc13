"""What a network's cost is followed along: more images, more layers, more pixels."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from isomorph.spec import Architecture, BadInput, architecture, infer, plan, zoos

Axis = Literal["batch", "depth", "resolution"]
AXES: tuple[Axis, ...] = ("batch", "depth", "resolution")

SIZES = (0.5, 0.75, 1.0, 1.5, 2.0)
"""Of the input's height and width."""

MOST_DEPTH = 10
"""Times as many layers as the network has: ResNet-1202 beside ResNet-20 would cost as much as all else together."""


@dataclass(frozen=True)
class Point:
    """A place on an axis.

    x: images, layers or pixels. label: what stands there in a table: "8", "resnet50", "224x224".
    network, size: what is run, on images of which height and width. batches: images in a call.
    """

    axis: Axis
    x: int
    label: str
    network: Architecture
    size: tuple[int, int]
    batches: tuple[int, ...] = (1,)


def points(axes: Sequence[Axis], network: Architecture, size: tuple[int, int], most: int) -> list[Point]:
    """All places on all axes; along depth and resolution a single image is run.

    Along the batch there is one place, at which all of 1, 2, 4, ... images up to `most` are run. Along depth there is
    but one where no other network of the zoo differs in its depth alone; along resolution, sizes that the network
    cannot take are left out.
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
    """The networks of its zoo whose names differ from its own in their depth alone, with their layers, ascending.

    Depth is the number in a name with which the layers that have kernels grow: the 50 of `wide_resnet50_2`, and neither
    a version nor a width. The others have the input channels and the head of `network`; those of more than MOST_DEPTH
    times its layers are left out. It alone, if there is none.
    """
    name, _, own = network.name.partition("/")
    if name not in zoos() or own not in zoos()[name].networks:
        return [(_layers(network), network)]
    for number in re.finditer(r"(?<![vV\d])\d+", own):
        before, after = map(re.escape, (own[: number.start()], own[number.end() :]))
        alike = [each for each in zoos()[name].networks if re.fullmatch(f"{before}\\d+{after}", each)]
        alike.sort(key=lambda each: int(each[number.start() : len(each) - len(own) + number.end()]))
        found = [(_layers(each), each) for each in (_with_ends_of(network, f"{name}/{other}") for other in alike)]
        depths = [layers for layers, _ in found]
        if len(depths) > 1 and depths == sorted(set(depths)):
            return [each for each in found if each[0] <= MOST_DEPTH * _layers(network)]
    return [(_layers(network), network)]


def check_axes(names: Sequence[str]) -> tuple[Axis, ...]:
    """The axes of these names, each once. Raises BadInput for one there is not."""
    for name in names:
        if name not in AXES:
            raise BadInput(f"There is no scaling along {name!r}; expected some of {', '.join(AXES)}.")
    return tuple(axis for axis in AXES if axis in names)


def _with_ends_of(network: Architecture, name: str) -> Architecture:
    """Another network of the zoo, made for the images and the classes of this one."""
    if name == network.name:
        return network
    found = architecture(name)
    head: dict[str, Any] = {"num_classes": network.head.num_classes, "global_pool": network.head.global_pool}
    return replace(found.with_options(**head), in_channels=network.in_channels)


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
