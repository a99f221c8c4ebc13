"""Which architecture a checkpoint's tensors belong to, and what they are called canonically."""

from isomorph.spec import Architecture, BadInput, function, zoos
from isomorph.spec.tensors import match_exactly
from isomorph.tools.readings import Array, Reading, Tensors, of_any_file, of_whole_files


def identify(tensors: Tensors, source: str, asked: Architecture | None = None) -> tuple[Architecture, dict[str, Array]]:
    """The architecture of a file's tensors, and views of them under canonical names and axes: see `find_reading`."""
    reading = find_reading(tensors, source, asked)
    return reading.architecture, reading.canonical(tensors)


def find_reading(tensors: Tensors, source: str, asked: Architecture | None = None) -> Reading:
    """How a file's tensors are to be read: as which architecture's, under which names.

    The file may use canonical names, those of a zoo or those of isomorph's own networks in a framework. Its classes and
    input channels become the architecture's, and so does its width, if that is one for which the zoo has weights:
    `architecture(name, width_multiplier=...)`.
    asked: take this architecture, under whichever naming fits; None finds the one that fits.
    Where several fit that are the same function, it is the one whose design the others took over; where weights of some
    were published and of others never were, it is one of the former.
    Raises BadInput where nothing fits, naming both sides of what comes nearest, or where different functions do.
    """
    stages = ({each.title: each for each in stage if each.fits()} for stage in of_whole_files(tensors, asked))
    fitting = next(filter(None, stages), {})
    if not fitting:
        nearest = max(of_any_file(tensors, asked), key=Reading.shared, default=None)
        if nearest is None or nearest.shared() == (0, 0):
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
    return own[0]
