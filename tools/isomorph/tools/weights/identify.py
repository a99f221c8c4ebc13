"""Find the architecture that a checkpoint's tensors belong to, and their canonical names."""

import warnings
from typing import NoReturn

from isomorph.spec import Architecture, BadInput, function, zoos
from isomorph.spec.tensors import is_trainable, match_exactly
from isomorph.tools.checkpoints import Tensor, Tensors
from isomorph.tools.designs.titles import title
from isomorph.tools.tables import some_names
from isomorph.tools.weights.interpretations import Interpretation, interpret_any_file, interpret_whole_file
from isomorph.tools.weights.structure.layers import layers_of
from isomorph.tools.weights.told import FitsNone, SeveralFunctions, ToldByStructure, in_words


def identify(
    tensors: Tensors, source: str, architecture: Architecture | None = None
) -> tuple[Architecture, dict[str, Tensor]]:
    """Return the architecture of a file's tensors, and views of them under canonical names and axes.

    The arguments are those of `find_interpretation`.
    """
    interpretation = find_interpretation(tensors, source, architecture)
    return interpretation.architecture, interpretation.canonical(tensors)


def find_interpretation(
    tensors: Tensors, source: str, architecture: Architecture | None = None, part: str = ""
) -> Interpretation:
    """Return the architecture and the naming that fit a file's tensors.

    The file may use canonical names, those of a zoo or those of isomorph's own networks in a framework. The
    architecture gets the file's classes and input channels, and its width, if that is one for which the zoo has
    weights: `architecture(name, width_multiplier=...)`.
    architecture: take this one, under whichever naming fits; None finds the one that fits.
    part: which of the file's dictionaries and prefixes the tensors are from, in words, for a refusal.
    Where no naming fits, the shapes of the tensors tell the network, with a warning, ToldByStructure.
    Of several that fit and are the same function, the result is the one whose design the others took over, and one of
    which weights were published rather than one without.
    Raises FitsNone where nothing fits, with what differs from `architecture` or from the nearest one, and BadInput
    where different functions fit.
    """
    stages = (
        {each.title: each for each in stage if each.fits()} for stage in interpret_whole_file(tensors, architecture)
    )
    fitting = next(filter(None, stages), {})
    if not fitting:
        if told := _told_by_structure(tensors, source, architecture):
            return told
        try:
            _refuse(tensors, source, architecture, part)
        except BadInput as problem:
            raise FitsNone(str(problem)) from None
    fitting_zoos = {each.architecture.name.partition("/")[0] for each in fitting.values()}
    originals = [each for each in fitting.values() if each.design_of not in fitting_zoos]
    originals = [each for each in originals if each.is_published] or originals
    functions = {function(each.architecture): each.title for each in originals}
    if len(functions) > 1:
        raise BadInput(
            f"{source} fits {' and '.join(functions.values())}, whose tensors are alike but whose functions are not;"
            " choose one with --arch."
        )
    return originals[0]


def _told_by_structure(tensors: Tensors, source: str, architecture: Architecture | None) -> Interpretation | None:
    """Return the network that the shapes of a file's tensors tell, with a warning; None where they tell none.

    Raises SeveralFunctions where they fit different functions.
    """
    # A file with a zoo's names needs none of it.
    from isomorph.tools.weights.by_structure import interpret_by_structure  # noqa: PLC0415

    likely = interpret_by_structure(tensors, architecture)
    if not likely:
        return None
    if len(likely) > 1:
        titles = " and ".join(each.title for each in likely)
        raise SeveralFunctions(
            f"{source} fits no zoo's names, and by the shapes of its tensors it fits {titles}, whose functions are not"
            " alike; choose one with --arch.",
            likely,
        )
    told = likely[0]
    under = f" under {told.prefix!r}" if told.prefix else ""
    warnings.warn(
        f"{source} fits no zoo's names; by the shapes of its tensors it holds {told.title}{under}. Which tensor is"
        f" which is told {in_words(told.marks.values())}; `isomorph inspect {source} --tensors` lists them.",
        ToldByStructure,
        stacklevel=2,
    )
    return told


def _refuse(tensors: Tensors, source: str, architecture: Architecture | None, part: str) -> NoReturn:
    """Raise BadInput for a file that nothing fits, with what differs from the nearest."""
    nearest = max(interpret_any_file(tensors, architecture), key=_nearness, default=None)
    if nearest is None or nearest.shared() == (0, 0):
        _refuse_by_shapes(tensors, source, part)
        known = ", ".join(zoos())
        raise BadInput(
            f"The first of the tensors in {source} is called {next(iter(tensors))!r}, and no zoo here ({known})"
            " names its tensors so; expected canonical names or one of theirs."
        )
    _refuse_lost_statistics(nearest, source)
    if architecture:
        match_exactly(nearest.shapes, nearest.carried, nearest.title, source)
    _, fitting = nearest.shared()
    counts = f"{fitting:,} of its {len(nearest.expected):,} tensors fit"
    match_exactly(nearest.shapes, nearest.carried, f"{nearest.title}, the nearest to {source} ({counts})")
    raise AssertionError("the nearest fits, and was not taken")


def _nearness(interpretation: Interpretation) -> tuple[tuple[int, int], int, bool]:
    """Return what is larger for what shares more names and shapes with the file, has fewer others, or came first."""
    return interpretation.shared(), -len(interpretation.expected), interpretation.design_of is None


def _refuse_by_shapes(tensors: Tensors, source: str, part: str) -> None:
    """Raise BadInput with the network that a file's shapes come nearest to; return where they come near none."""
    from isomorph.tools.weights.structure.nearest import find_nearest  # noqa: PLC0415 - as `interpret_by_structure`
    from isomorph.tools.weights.structure.search import is_too_large  # noqa: PLC0415

    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    nearest = None if is_too_large(shapes.values()) else find_nearest(layers_of(shapes))
    if nearest is None:
        return
    under = f" under {nearest.prefix!r}" if nearest.prefix else ""
    misfits = f"; {some_names(nearest.misfits)} {'do' if len(nearest.misfits) > 1 else 'does'} not"
    lacking = f", and {nearest.lacking:,} of its layers {'are' if nearest.lacking > 1 else 'is'} not there"
    raise BadInput(
        f"{source}{f', {part},' if part else ''} fits no zoo's names, and no network here by the shapes of its tensors:"
        f" the nearest{under} is {title(nearest.architecture)}, of which {nearest.fitting:,} of {nearest.tensors:,}"
        f" tensors fit{misfits if nearest.misfits else ''}{lacking if nearest.lacking else ''}; `isomorph inspect"
        f" {source} --toml mine.toml` writes what its layers make, if units here explain them."
    )


def _refuse_lost_statistics(nearest: Interpretation, source: str) -> None:
    """Raise BadInput where the file lacks exactly the running statistics of the batch norms of `nearest`.

    A dictionary of a model's parameters alone has none.
    """
    expected, carried = nearest.shapes, nearest.carried
    if any(expected.get(name) != shape for name, shape in carried.items()):
        return
    missing = {canonical for canonical, tensor in nearest.expected.items() if tensor.name not in carried}
    statistics = {canonical for canonical in nearest.expected if not is_trainable(canonical)}
    if missing and missing == statistics:
        raise BadInput(
            f"{source} holds the parameters of {nearest.title} alone: the running means and variances of its"
            f" {len(statistics) // 2} batch norms are missing; save the model's state_dict, which has both."
        )
