"""The ways in which a file's tensors could be read: as an architecture's, under a naming."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from isomorph.spec import Architecture, BadInput, architecture, architectures, plan, zoos
from isomorph.spec.layers import Convolution
from isomorph.spec.naming import ZooTensor
from isomorph.spec.tensors import WEIGHTS, tensor_name, tensors_of
from isomorph.spec.zoo import Zoo
from isomorph.tools.weights.namings import OWN_NAMINGS, all_namings

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Interpretation:
    """One way to read a file's tensors: as those of `architecture`, under the names of `form`.

    form: a zoo's name, or one of OWN_NAMINGS.
    width: the architecture's width multiplier.
    expected: canonical name -> what the file should call it and how it should lie there.
    carried: the file's own tensors, less those that no network computes with.
    """

    architecture: Architecture
    form: str
    width: float
    expected: dict[str, ZooTensor]
    carried: Shapes

    @property
    def shapes(self) -> Shapes:
        """The expected tensors under the file's names."""
        return {tensor.name: tensor.shape for tensor in self.expected.values()}

    def fits(self) -> bool:
        """Whether the file holds exactly what is expected."""
        return self.shapes == self.carried

    @property
    def title(self) -> str:
        """What to call it in a sentence: its name, and what `architecture` takes beside that to make it."""
        multiplier = "" if self.width == 1 else f" with width_multiplier {self.width:g}"
        zoo, own_name = home(self.architecture)
        had = zoo.networks[own_name].auxiliary if zoo and own_name in zoo.networks else ()
        without = " without auxiliary heads" if had and not self.architecture.auxiliary else ""
        return f"{self.architecture.name}{multiplier}{without}"

    @property
    def is_published(self) -> bool:
        """Whether there are weights of it, as far as its zoo knows."""
        zoo, own_name = home(self.architecture)
        return zoo is None or own_name not in zoo.unpublished

    @property
    def design_of(self) -> str | None:
        """The zoo whose design its own took over."""
        zoo, _ = home(self.architecture)
        return zoo.design_of if zoo else None

    def shared(self) -> tuple[int, int]:
        """How many names are in both, and at how many of them the shapes are, too: widths differ in no name."""
        return len(self.shapes.keys() & self.carried.keys()), len(self.shapes.items() & self.carried.items())

    def canonical(self, tensors: Tensors) -> dict[str, Array]:
        """Views of the file's tensors under canonical names and axes, in network order."""
        return {name: tensor.to_canonical(tensors[tensor.name]) for name, tensor in self.expected.items()}


def interpret_whole_file(tensors: Tensors, asked: Architecture | None) -> Iterator[list[Interpretation]]:
    """The readings under namings that know all of a file's names, and of as many tensors as it has.

    First those under a zoo's names, then under canonical ones, then under those of isomorph's networks: a file has one
    kind of names, and who finds its interpretation need not look on.
    asked: this architecture alone; None is all, each under its own zoo's naming and those that all have.
    """
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    for stage in ([*zoos()], *([form] for form in OWN_NAMINGS)):
        knowing = {form: carried for form, carried in _carried(stage, shapes).items() if _all_known(form, carried)}
        yield [
            interpretation
            for candidate, width in (_candidates(asked) if knowing else ())
            for form in _forms(candidate, asked, knowing)
            if len(knowing[form]) in _sizes(candidate)
            for interpretation in _read(candidate, form, width, knowing[form])
        ]


def interpret_any_file(tensors: Tensors, asked: Architecture | None) -> Iterator[Interpretation]:
    """All readings under the namings that know most of a file's names, for what does not fit whole; none if none do."""
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    carried = _carried(all_namings(), shapes)
    known = {form: sum(map(all_namings()[form].knows, found)) for form, found in carried.items()}
    most = {form for form, count in known.items() if count and count == max(known.values())}
    for candidate, width in _candidates(asked) if most else ():
        for form in _forms(candidate, asked, most):
            yield from _read(candidate, form, width, carried[form])


def _carried(forms: Collection[str], shapes: Shapes) -> dict[str, Shapes]:
    """Form -> those of the file's tensors that a network computes with, should it have these names."""
    namings = all_namings()
    return {form: {name: shape for name, shape in shapes.items() if namings[form].carries(name)} for form in forms}


def _all_known(form: str, carried: Shapes) -> bool:
    return bool(carried) and all(map(all_namings()[form].knows, carried))


def _forms(candidate: Architecture, asked: Architecture | None, known: Collection[str]) -> list[str]:
    """Those of the `known` names that a candidate may have: an asked one, and nobody's own, those of any zoo.

    Its own zoo's are the last, which is the one that counts where several zoos have the same names.
    """
    own, _ = home(candidate)
    forms = [form for form in known if form in OWN_NAMINGS or asked or own is None or form == own.name]
    return sorted(forms, key=lambda form: own is not None and form == own.name)


def _read(candidate: Architecture, form: str, width: float, carried: Shapes) -> Iterator[Interpretation]:
    """The candidate with the classes and channels of the file, if it can have names of that form."""
    naming = all_namings()[form]
    try:
        expected = naming.tensors(candidate)
    except BadInput:
        return  # it is another kind of network that these names are of
    fitted = _fit(candidate, expected, carried)
    yield Interpretation(fitted, form, width, expected if fitted == candidate else naming.tensors(fitted), carried)


def home(network: Architecture) -> tuple[Zoo | None, str]:
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
        zoo, own_name = home(network)
        if zoo and network == zoo.networks.get(own_name):
            others = zoo.of_published_width(own_name)
            yield from ((other, width) for width, other in others.items() if other != network)


def _sizes(candidate: Architecture) -> set[int]:
    """How many tensors it has, with its classifier and without."""
    planned = plan(candidate)
    whole = sum(len(tensors_of(layer)) for layer in planned.parametrised)
    return {whole, whole - (len(tensors_of(planned.logits)) if planned.logits else 0)}


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
    assert kernel.axes is not None
    shape = found.get(kernel.name, ())
    if len(shape) != len(kernel.axes.letters):
        return None
    return shape[kernel.axes.letters.index(axis)] or None
