"""A recovered network as a `.toml` file to check: what no file tells is marked, a comment for each such line."""

from collections.abc import Iterator
from pathlib import PurePath

from isomorph.spec.toml.writing import to_toml
from isomorph.spec.units import kind_of
from isomorph.tools.weights.recovery.nearest import WITHOUT_TENSORS
from isomorph.tools.weights.recovery.recovered import Recovered

TOLD = ("batch_norm", "batch_norm_gamma", "convolution_bias", "linear_bias", "shortcut_batch_norm")
"""The fields of a convention that biases and batch norms show."""

UNTOLD = {"stem": ("stride", "pool"), "head": ("global_pool", "dropout")}
"""The fields of other tables that a file does not tell; of a convention it tells TOLD alone."""


def to_annotated_toml(recovered: Recovered, source: str) -> str:
    """Return the text of a `.toml` file with the network; `# assumed: ...` stands behind what the file does not tell.

    source: the file that it was recovered from.

    >>> from isomorph.spec import architecture, tensor_shapes
    >>> from isomorph.tools.weights.recovery.recover import recover
    >>> text = to_annotated_toml(recover(tensor_shapes(architecture("cifar/resnet18", num_classes=7))), "mine.pth")
    >>> lines = [line for line in text.splitlines() if line.startswith(("stride", "num_classes", "activation ="))]
    >>> print(*lines, sep="\\n")
    stride = 1  # assumed: as in mlperf_tiny/resnet8
    num_classes = 7
    activation = "relu"  # assumed: as in mlperf_tiny/resnet8, or "relu6"
    """
    heading = (
        f"# Recovered from the shapes of {PurePath(source).name}.\n"
        f"# What is assumed no file tells; it is as in {recovered.nearest.name}, the nearest network here.\n"
        "# Change what you know to be otherwise.\n\n"
    )
    return heading + "\n".join(_marked(recovered)) + "\n"


def _marked(recovered: Recovered) -> Iterator[str]:
    """Yield the lines of the network, each that no file tells with its comment."""
    table = unit = ""
    projects = recovered.architecture.convention.shortcut == "projection"
    for line in to_toml(recovered.architecture).splitlines():
        key = line.partition(" = ")[0]
        if line.startswith("["):
            table, unit = line.strip("[]"), ""
        elif key == "unit":
            unit = line.partition(" = ")[2].strip('"')
        assumed = ""
        if table.startswith("convention.") and line.startswith("["):
            assumed = f"all of it as in {recovered.nearest.name}"
        elif _is_assumed(table, unit, key, projects):
            assumed = f"as in {recovered.nearest.name}"
        if table == "blocks" and key == "units" and assumed:
            assumed = f"where it strides, {assumed}"
        yield _with_comment(line, assumed) if assumed else line


def _is_assumed(table: str, unit: str, key: str, projects: bool) -> bool:
    """Return whether no file tells the value of a key of a table; unit: the kind of a block's units."""
    if table == "convention":
        return bool(key) and not key.startswith("[") and key not in TOLD and not (key == "shortcut" and projects)
    if table == "blocks":
        return unit in WITHOUT_TENSORS if key == "unit" else key == "units" and "stride" in kind_of(unit).fields
    return key in UNTOLD.get(table, ())


def _with_comment(line: str, assumed: str) -> str:
    """Return a line with the comment; one that it had follows, as the other values that a field might have."""
    value, hash_sign, comment = line.partition("  # ")
    if comment.startswith("["):  # the names of a unit's numbers
        return f"{value}{hash_sign}{comment}; assumed: {assumed}"
    return f"{value}  # assumed: {assumed}{f', {comment}' if comment else ''}"
