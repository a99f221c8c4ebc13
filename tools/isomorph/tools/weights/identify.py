"""Find the architecture that a checkpoint's tensors belong to, and their canonical names."""

from isomorph.spec import Architecture, BadInput, function, zoos
from isomorph.spec.tensors import OF_BATCH_NORM, is_trainable, match_exactly, split
from isomorph.tools.checkpoints import Tensor, Tensors
from isomorph.tools.weights.interpretations import (
    Interpretation,
    interpret_any_file,
    interpret_whole_file,
)


def identify(
    tensors: Tensors, source: str, architecture: Architecture | None = None
) -> tuple[Architecture, dict[str, Tensor]]:
    """Return the architecture of a file's tensors, and views of them under canonical names and axes.

    The arguments are those of `find_interpretation`.
    """
    interpretation = find_interpretation(tensors, source, architecture)
    return interpretation.architecture, interpretation.canonical(tensors)


def find_interpretation(tensors: Tensors, source: str, architecture: Architecture | None = None) -> Interpretation:
    """Return the architecture and the naming that fit a file's tensors.

    The file may use canonical names, those of a zoo or those of isomorph's own networks in a framework. The
    architecture gets the file's classes and input channels, and its width, if that is one for which the zoo has
    weights: `architecture(name, width_multiplier=...)`.
    architecture: take this one, under whichever naming fits; None finds the one that fits.
    Of several that fit and are the same function, the result is the one whose design the others took over, and one of
    which weights were published rather than one without.
    Raises BadInput where nothing fits, with what differs from `architecture` or from the nearest one, or where
    different functions fit.
    """
    stages = (
        {each.title: each for each in stage if each.fits()} for stage in interpret_whole_file(tensors, architecture)
    )
    fitting = next(filter(None, stages), {})
    if not fitting:
        nearest = max(interpret_any_file(tensors, architecture), key=Interpretation.shared, default=None)
        if nearest is None or nearest.shared() == (0, 0):
            known = ", ".join(zoos())
            raise BadInput(
                f"The first of the tensors in {source} is called {next(iter(tensors))!r}, and no zoo here ({known})"
                " names its tensors so; expected canonical names or one of theirs."
            )
        _refuse_known_losses(nearest, source)
        if architecture:
            match_exactly(nearest.shapes, nearest.carried, nearest.title, source)
        match_exactly(nearest.shapes, nearest.carried, f"{nearest.title}, the nearest to {source}")
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


def _refuse_known_losses(nearest: Interpretation, source: str) -> None:
    """Raise BadInput where the file lacks exactly the batch norms, or their running statistics, of `nearest`.

    An exporter folds batch norms into the convolutions before them, which get a bias each. A state dictionary of a
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
        instead = f"and {len(unexpected)} biases in their place" if unexpected else "and none in their place"
        raise BadInput(
            f"{source} holds {nearest.title} with its batch norms folded into its convolutions, it seems: of"
            f" {len(layers)} batch norms it has no tensor, {instead}; give the checkpoint from before they were folded."
        )
    if missing and missing == statistics and not unexpected:
        raise BadInput(
            f"{source} holds the parameters of {nearest.title} alone: the running means and variances of its"
            f" {len(layers)} batch norms are missing; save the model's state_dict, which has both."
        )
