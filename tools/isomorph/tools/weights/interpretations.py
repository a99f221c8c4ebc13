"""How a file's tensors could be interpreted: as those of an architecture, under a naming."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from isomorph.spec import Architecture, BadInput, plan, zoos
from isomorph.spec.layers import Convolution
from isomorph.spec.naming import ZooTensor
from isomorph.spec.outline import outline
from isomorph.spec.tensors import WEIGHTS, tensor_name
from isomorph.tools.checkpoints import Tensor, Tensors
from isomorph.tools.designs.titles import home, title
from isomorph.tools.weights.candidates import candidates, comes_in_widths, of_other_width, variants
from isomorph.tools.weights.namings import OWN_NAMINGS, all_namings
from isomorph.tools.weights.structure.layers import layers_of

Shapes = dict[str, tuple[int, ...]]
"""Name -> shape."""

NO_ZOO = "its own"
"""The form of a file whose names are those of no zoo."""

MOST_READ = 16
"""Networks whose names are held against a file's that nothing fits: of one design there are no more."""

NEARLY_ALL = 0.9
"""The share of the most names that a naming knows of a file from which on another one is tried beside it.

Some know names of every kind: a layer of d2l's is a number, or any word.
"""

ENOUGH_NAMES = 1 << 13
"""More names than any network here has: of so many, evenly taken from a file of more, the namings know their share."""


@dataclass(frozen=True)
class Interpretation:
    """A file's tensors taken for those of `architecture` under the names of `form`.

    form: a zoo's name, one of OWN_NAMINGS, or NO_ZOO.
    expected: canonical name -> the name and layout that the tensor has in such a file.
    carried: the file's tensors, without those that no network computes with.
    prefix: what all of their names start with, behind which the network stands.
    also: what distinguishes it from the architecture of its name, for the title.
    marks: canonical name -> how it is told which tensor that is, where shapes or a map told; empty where names did.
    """

    architecture: Architecture
    form: str
    expected: dict[str, ZooTensor]
    carried: Shapes
    prefix: str = ""
    also: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def shapes(self) -> Shapes:
        """Name in the file -> shape, of the expected tensors."""
        return {tensor.name: tensor.shape for tensor in self.expected.values()}

    def fits(self) -> bool:
        """Tell whether the file holds exactly the expected tensors."""
        return self.shapes == self.carried

    @property
    def title(self) -> str:
        """The architecture's name for a sentence."""
        return title(self.architecture) + self.also

    @property
    def is_published(self) -> bool:
        """Whether its zoo has published weights of it; True of a network of no zoo."""
        zoo, own_name = home(self.architecture)
        return zoo is None or own_name not in zoo.unpublished

    @property
    def design_of(self) -> str | None:
        """The zoo whose design the architecture's zoo took over, if any."""
        zoo, _ = home(self.architecture)
        return zoo.design_of if zoo else None

    def shared(self) -> tuple[int, int]:
        """Count the names that the file shares with the expected ones, and those with the same shape, too."""
        return len(self.shapes.keys() & self.carried.keys()), len(self.shapes.items() & self.carried.items())

    def canonical(self, tensors: Tensors) -> dict[str, Tensor]:
        """Return views of the file's tensors under canonical names and axes, in network order."""
        return {name: tensor.to_canonical(tensors[tensor.name]) for name, tensor in self.expected.items()}


def interpret_whole_file(tensors: Tensors, architecture: Architecture | None) -> Iterator[list[Interpretation]]:
    """Yield the interpretations under namings that know all of a file's names, with as many tensors as it has.

    The first list is under the zoos' names, the second under canonical ones, the others under those of isomorph's own
    networks: a file has names of one kind, so that a caller stops at the first list that fits.
    architecture: this one only; None tries all, each under its own zoo's naming and those that all networks have.
    """
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    for stage in ([*zoos()], *([form] for form in OWN_NAMINGS)):
        knowing = _carried([form for form in stage if _knows_all(form, shapes)], shapes)
        sized = [(each, _sizes(each)) for each in _candidates(architecture, knowing)]
        yield [
            interpretation
            for candidate, sizes in (*sized, *_of_other_width(sized, knowing, shapes))
            for form in _forms(candidate, architecture, knowing)
            if len(knowing[form]) in sizes
            for interpretation in _read(candidate, form, knowing[form])
        ]


def _of_other_width(
    sized: Sequence[tuple[Architecture, set[int]]], knowing: Mapping[str, Shapes], shapes: Shapes
) -> Iterator[tuple[Architecture, set[int]]]:
    """Yield networks in the width of the file, and how many tensors they have: as many as in any other width."""
    numbers = {len(carried) for carried in knowing.values()}
    several = {network: sizes for network, sizes in sized if comes_in_widths(network) and sizes & numbers}
    if several:
        layers = layers_of(shapes)
        for network, sizes in several.items():
            yield from ((other, sizes) for other in of_other_width([network], layers))


def interpret_any_file(tensors: Tensors, architecture: Architecture | None) -> Iterator[Interpretation]:
    """Yield the interpretations under the namings that know most names of a file; for files that nothing fits.

    Of the networks of such names they are those whose layers are most like the file's.
    """
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    carried = _carried(all_namings(), shapes)
    known = {
        form: sum(map(all_namings()[form].knows, islice(names, None, None, len(names) // ENOUGH_NAMES + 1)))
        for form, names in carried.items()
    }
    most = {form for form, count in known.items() if count and count >= NEARLY_ALL * max(known.values())}
    candidates = list(_candidates(architecture, most))
    if len(candidates) > MOST_READ:
        # A file that fits a naming needs none of it.
        from isomorph.tools.weights.structure.nearest import likest  # noqa: PLC0415
        from isomorph.tools.weights.structure.search import is_too_large  # noqa: PLC0415

        layers = layers_of({} if is_too_large(shapes.values()) else shapes)
        likely = {known.architecture for _, known in likest(layers, MOST_READ, candidates)}
        candidates = [candidate for candidate in candidates if candidate in likely]
    for candidate in candidates:
        for form in _forms(candidate, architecture, most):
            yield from _read(candidate, form, carried[form])


def _carried(forms: Collection[str], shapes: Shapes) -> dict[str, Shapes]:
    """Return form -> the file's tensors that a network computes with, if they have the names of that form."""
    namings = all_namings()
    return {form: {name: shape for name, shape in shapes.items() if namings[form].carries(name)} for form in forms}


def _knows_all(form: str, names: Collection[str]) -> bool:
    """Whether the naming of a form knows all tensors of a file that a network computes with, and there are any."""
    naming = all_namings()[form]
    carried = False
    for name in names:
        if naming.carries(name):
            if not naming.knows(name):
                return False  # mostly the first one already
            carried = True
    return carried


def _forms(candidate: Architecture, architecture: Architecture | None, known: Collection[str]) -> list[str]:
    """Return the forms among `known` that a candidate may have; those of any zoo if it is `architecture` or of no zoo.

    Its own zoo's is the last, which counts where several zoos have the same names.
    """
    own_zoo, _ = home(candidate)
    forms = [form for form in known if form in OWN_NAMINGS or architecture or own_zoo is None or form == own_zoo.name]
    return sorted(forms, key=lambda form: own_zoo is not None and form == own_zoo.name)


def _read(candidate: Architecture, form: str, carried: Shapes) -> Iterator[Interpretation]:
    """Yield the candidate with the classes and channels of the file, if it can have names of that form."""
    naming = all_namings()[form]
    try:
        expected = naming.tensors(candidate)
    except BadInput:
        return  # it is another kind of network that these names are of
    fitted = _fit(candidate, expected, carried)
    yield Interpretation(fitted, form, expected if fitted == candidate else naming.tensors(fitted), carried)


def _candidates(architecture: Architecture | None, forms: Collection[str]) -> Iterator[Architecture]:
    """Yield `architecture`, or every one that may have names of `forms`, in all its forms."""
    if not forms:
        return
    if architecture:
        yield from variants(architecture)
        return
    named_by_all = not OWN_NAMINGS.keys().isdisjoint(forms)
    yield from candidates(lambda zoo: named_by_all or zoo in forms)


def _sizes(candidate: Architecture) -> set[int]:
    """Return how many tensors it has with its classifier, and without."""
    outlined = outline(candidate)
    return {outlined.tensors, outlined.tensors + (outlined.classifier.tensors if outlined.classifier else 0)}


def _fit(candidate: Architecture, expected: dict[str, ZooTensor], carried: Shapes) -> Architecture:
    """Return the candidate with the classes and input channels of the file's tensors."""
    first = next((layer for layer in plan(candidate).parametrised if isinstance(layer, Convolution)), None)
    options: dict[str, int | None] = {}
    if first and (channels := _extent(expected[tensor_name(first, WEIGHTS)], "I", carried)) is not None:
        options["in_channels"] = channels * first.groups
    if candidate.head.num_classes is not None:
        options["num_classes"] = _extent(expected[f"logits/{WEIGHTS}"], "O", carried)
    return candidate.with_options(**options)


def _extent(kernel: ZooTensor, axis: str, carried: Shapes) -> int | None:
    """Return the length of an axis of a kernel in the file; None if the file has no such kernel."""
    assert kernel.axes is not None
    shape = carried.get(kernel.name, ())
    if len(shape) != len(kernel.axes.letters):
        return None
    return shape[kernel.axes.letters.index(axis)] or None
