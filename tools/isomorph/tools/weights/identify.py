"""Which architecture a checkpoint's tensors belong to, and what they are called canonically."""

from isomorph.spec import Architecture, BadInput, function, zoos
from isomorph.spec.tensors import OF_BATCH_NORM, is_trainable, match_exactly, split
from isomorph.tools.weights.interpretations import (
    Array,
    Interpretation,
    Tensors,
    interpret_any_file,
    interpret_whole_file,
)


def identify(tensors: Tensors, source: str, asked: Architecture | None = None) -> tuple[Architecture, dict[str, Array]]:
    """Return the architecture of a file's tensors, and views of them under canonical names and axes.

    The arguments are those of `find_interpretation`.
    """
    interpretation = find_interpretation(tensors, source, asked)
    return interpretation.architecture, interpretation.canonical(tensors)


def find_interpretation(tensors: Tensors, source: str, asked: Architecture | None = None) -> Interpretation:
    """How a file's tensors are to be read: as which architecture's, under which names.

    The file may use canonical names, those of a zoo or those of isomorph's own networks in a framework. Its classes and
    input channels become the architecture's, and so does its width, if that is one for which the zoo has weights:
    `architecture(name, width_multiplier=...)`.
    asked: take this architecture, under whichever naming fits; None finds the one that fits.
    Where several fit that are the same function, it is the one whose design the others took over; where weights of some
    were published and of others never were, it is one of the former.
    Raises BadInput where nothing fits, naming both sides of what comes nearest, or where different functions do.
    """
    stages = ({each.title: each for each in stage if each.fits()} for stage in interpret_whole_file(tensors, asked))
    fitting = next(filter(None, stages), {})
    if not fitting:
        nearest = max(interpret_any_file(tensors, asked), key=Interpretation.shared, default=None)
        if nearest is None or nearest.shared() == (0, 0):
            known = ", ".join(zoos())
            raise BadInput(
                f"The first of the tensors in {source} is called {next(iter(tensors))!r}, and no zoo here ({known})"
                " names its tensors so; expected canonical names or one of theirs."
            )
        _refuse_what_was_cut(nearest, source)
        match_exactly(nearest.shapes, nearest.carried, f"{nearest.title}, the nearest to {source}")
    zoos_here = {interpretation.architecture.name.partition("/")[0] for interpretation in fitting.values()}
    own = [interpretation for interpretation in fitting.values() if interpretation.design_of not in zoos_here]
    own = [interpretation for interpretation in own if interpretation.is_published] or own
    functions = {function(interpretation.architecture): interpretation.title for interpretation in own}
    if len(functions) > 1:
        raise BadInput(
            f"{source} fits {' and '.join(functions.values())}, whose tensors are alike but whose functions are not;"
            " choose one with --arch."
        )
    return own[0]


def _refuse_what_was_cut(nearest: Interpretation, source: str) -> None:
    """Raise BadInput for a network without its batch norms, or without what these have observed, where it is just that.

    An exporter folds batch norms into the convolutions before them, which get a bias each; a state dictionary made of a
    model's parameters alone has no running statistics.
    """
    expected, carried = nearest.shapes, nearest.carried
    if any(carried[name] != shape for name, shape in expected.items() if name in carried):
        return
    missing = {canonical for canonical, tensor in nearest.expected.items() if tensor.name not in carried}
    unexpected = [name for name in carried if name not in expected]
    normalised = {canonical for canonical in nearest.expected if split(canonical)[1] in OF_BATCH_NORM}
    layers = {split(canonical)[0] for canonical in normalised}
    statistics = {canonical for canonical in normalised if not is_trainable(canonical)}
    biases = len(unexpected) == len(layers) and all(len(carried[name]) == 1 for name in unexpected)
    if missing and missing == normalised and (biases or not unexpected):
        found = f"and {len(unexpected)} biases in their place" if unexpected else "and none in their place"
        raise BadInput(
            f"{source} holds {nearest.title} with its batch norms folded into its convolutions, it seems: of"
            f" {len(layers)} batch norms it has no tensor, {found}; give the checkpoint from before they were folded."
        )
    if missing and missing == statistics and not unexpected:
        raise BadInput(
            f"{source} holds the parameters of {nearest.title} alone: the running means and variances of its"
            f" {len(layers)} batch norms are missing; save the model's state_dict, which has both."
        )
