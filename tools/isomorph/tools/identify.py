"""Which architecture a checkpoint's tensors belong to, and what they are called canonically."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from isomorph.spec import Architecture, BadInput, architecture, architectures, function, plan, tensor_shapes, zoos
from isomorph.spec.layers import Convolution
from isomorph.spec.naming import CANONICAL, Layout, Naming, Row, ZooTensor
from isomorph.spec.tensors import BIASES, OF_BATCH_NORM, WEIGHTS, match_exactly, tensor_name
from isomorph.spec.zoo import Zoo

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

CANONICAL_NAMING = Naming(
    scopes=(Row(r".+/preact|postnorm", "", "{own}"), Row(r".+", "{own}", "{own}/BatchNorm")),
    leaves={leaf: leaf for leaf in (WEIGHTS, BIASES, *OF_BATCH_NORM)},
    separator="/",
    kernel=Layout(CANONICAL),
    logits=Layout(CANONICAL),
)


@dataclass(frozen=True)
class Reading:
    """One way to read a file's tensors: as those of `architecture`, under `naming`.

    width: its width multiplier.
    expected: canonical name -> what the file should call it and how it should lie there.
    carried: the file's own tensors, less those that no network computes with.
    """

    architecture: Architecture
    width: float
    expected: dict[str, ZooTensor]
    carried: dict[str, tuple[int, ...]]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The expected tensors under the file's names."""
        return {tensor.name: tensor.shape for tensor in self.expected.values()}

    def fits(self) -> bool:
        """Whether the file holds exactly what is expected."""
        return self.shapes == self.carried

    @property
    def title(self) -> str:
        """What to call it in a sentence: its name, and what `architecture` takes beside that to make it."""
        multiplier = "" if self.width == 1 else f" with width_multiplier {self.width:g}"
        zoo, own_name = _home(self.architecture)
        had = zoo.networks[own_name].auxiliary if zoo and own_name in zoo.networks else ()
        without = " without auxiliary heads" if had and not self.architecture.auxiliary else ""
        return f"{self.architecture.name}{multiplier}{without}"

    @property
    def is_published(self) -> bool:
        """Whether there are weights of it, as far as its zoo knows."""
        zoo, own_name = _home(self.architecture)
        return zoo is None or own_name not in zoo.unpublished

    @property
    def design_of(self) -> str | None:
        """The zoo whose design its own took over."""
        zoo, _ = _home(self.architecture)
        return zoo.design_of if zoo else None

    def shared(self) -> tuple[int, int]:
        """How many names are in both, and at how many of them the shapes are, too: widths differ in no name."""
        return len(self.shapes.keys() & self.carried.keys()), len(self.shapes.items() & self.carried.items())


def identify(tensors: Tensors, source: str, asked: Architecture | None = None) -> tuple[Architecture, dict[str, Array]]:
    """The architecture of a file's tensors, and views of them under canonical names and axes.

    The file may use canonical names or those of a zoo. Its classes and input channels become the architecture's, and so
    does its width, if that is one for which the zoo has weights: `architecture(name, width_multiplier=...)`.
    asked: take this architecture, under whichever naming fits; None finds the one that fits.
    Where several fit that are the same function, it is the one whose design the others took over; where weights of some
    were published and of others never were, it is one of the former.
    Raises BadInput where nothing fits, naming both sides of what comes nearest, or where different functions do.
    """
    likely = _readings(tensors, asked, of_any_size=False)
    fitting = {reading.title: reading for reading in likely if reading.fits()}
    if not fitting:
        nearest = max(_readings(tensors, asked, of_any_size=True), key=Reading.shared)
        if nearest.shared() == (0, 0):
            known = ", ".join(zoos())
            raise BadInput(
                f"The first of the tensors in {source} is called {next(iter(tensors))!r}, and no zoo here ({known})"
                " names its tensors so; expected canonical names or one of theirs."
            )
        match_exactly(nearest.shapes, nearest.carried, f"{nearest.title}, the nearest to {source}")
    zoos_here = {reading.architecture.name.partition("/")[0] for reading in fitting.values()}
    own = [reading for reading in fitting.values() if reading.design_of not in zoos_here]
    own = [reading for reading in own if reading.is_published] or own
    functions = {function(reading.architecture): reading.title for reading in own}
    if len(functions) > 1:
        raise BadInput(
            f"{source} fits {' and '.join(functions.values())}, whose tensors are alike but whose functions are not;"
            " choose one with --arch."
        )
    reading = own[0]
    canonical = {name: tensor.to_canonical(tensors[tensor.name]) for name, tensor in reading.expected.items()}
    return reading.architecture, canonical


def _home(network: Architecture) -> tuple[Zoo | None, str]:
    """The zoo that a network is of, and what it is called there; an asked one may be nobody's."""
    zoo, _, own_name = network.name.partition("/")
    return zoos().get(zoo), own_name


def _candidates(asked: Architecture | None) -> Iterator[tuple[Architecture, float]]:
    """Every architecture at every width for which there are weights, with that; an asked one, if it is a zoo's own.

    One with auxiliary heads is followed by itself without them: many a file has left them out.
    """
    for network in [asked] if asked else map(architecture, architectures()):
        yield network, 1.0
        if network.auxiliary:
            yield network.with_options(auxiliary=()), 1.0
        zoo, own_name = _home(network)
        if zoo and network == zoo.networks.get(own_name):
            others = zoo.of_published_width(own_name)
            yield from ((other, width) for width, other in others.items() if other != network)


def _readings(tensors: Tensors, asked: Architecture | None, of_any_size: bool) -> Iterator[Reading]:
    """Every architecture under its own zoo's naming and the canonical one; an asked one under every naming.

    of_any_size: also those that cannot fit, having more or fewer tensors than the file.
    """
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    for candidate, width in _candidates(asked):
        own, _ = _home(candidate)
        namings = [one.naming for one in (zoos().values() if asked or own is None else (own,))]
        for naming in (*namings, CANONICAL_NAMING):
            carried = {name: shape for name, shape in shapes.items() if naming.carries(name)}
            if not of_any_size and len(carried) not in _sizes(candidate):
                continue
            try:
                expected = naming.tensors(candidate)
            except BadInput:
                continue  # it is another kind of network that these names are of
            fitted = _fit(candidate, expected, carried)
            yield Reading(fitted, width, expected if fitted == candidate else naming.tensors(fitted), carried)


def _sizes(candidate: Architecture) -> set[int]:
    """How many tensors it has, with its classifier and without."""
    return {len(tensor_shapes(network)) for network in (candidate, candidate.with_options(num_classes=None))}


def _fit(candidate: Architecture, expected: dict[str, ZooTensor], found: dict[str, tuple[int, ...]]) -> Architecture:
    """The candidate with the classes and input channels that the file's tensors have."""
    first = next((layer for layer in plan(candidate).parametrised if isinstance(layer, Convolution)), None)
    options: dict[str, int | None] = {}
    if first and (seen := _extent(expected[tensor_name(first, WEIGHTS)], "I", found)) is not None:
        options["in_channels"] = seen * first.groups
    if candidate.head.num_classes is not None:
        options["num_classes"] = _extent(expected[f"logits/{WEIGHTS}"], "O", found)
    return candidate.with_options(**options)


def _extent(kernel: ZooTensor, axis: str, found: dict[str, tuple[int, ...]]) -> int | None:
    """How long an axis of a kernel is in the file; None if the file has no such kernel."""
    assert kernel.layout is not None
    shape = found.get(kernel.name, ())
    if len(shape) != len(kernel.layout.axes):
        return None
    return shape[kernel.layout.axes.index(axis)] or None
