"""The command line's common options, each said once: name, meaning and how its text is read."""

import json
from typing import Annotated, Any, get_args, get_type_hints

import typer

from isomorph.spec import BadInput, Convention

MOST_SIDE = 1_000_000
"""Pixels of a side of an image: a thousand times those of the largest photographs that networks are run on."""

Architecture = Annotated[
    str, typer.Argument(metavar="ARCH", help="An architecture (`isomorph list`), or a .toml file with your own.")
]
Subject = Annotated[
    str,
    typer.Argument(
        metavar="ARCH|FILE", help="An architecture (`isomorph list`), a .toml file with your own, or a checkpoint."
    ),
]
Arch = Annotated[
    str | None, typer.Option("--arch", metavar="ARCH", help="What a FILE that cannot tell is of: a name or a .toml.")
]
Backends = Annotated[str | None, typer.Option("--backends", metavar="A,B", help="Default: all that are installed.")]
Backend = Annotated[str | None, typer.Option("--backend", metavar="A", help="Default: the first installed.")]
Device = Annotated[str, typer.Option("--device", metavar="auto|cpu|gpu", help="auto: a GPU if there is one.")]
Dtype = Annotated[str, typer.Option("--dtype", metavar="DTYPE", help="float32, float64, bfloat16 or float16.")]
Images = Annotated[
    list[str] | None,
    typer.Option("--images", metavar="FILE", help="A photograph, or a .npy of [N, H, W, C]; may be repeated."),
]
Input = Annotated[str | None, typer.Option("--input", metavar="HxW", help="Height and width; default: the zoo's own.")]
Batch = Annotated[int, typer.Option("--batch", metavar="N", help="How many images to draw.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="What to draw images and weights from.")]
NumClasses = Annotated[
    str | None, typer.Option("--num-classes", metavar="N|none", help="Classes of the head; none leaves it out.")
]
GlobalPool = Annotated[
    bool | None,
    typer.Option("--global-pool/--no-global-pool", help="Pool before the logits, or give a map."),
]
OutputStride = Annotated[
    int | None, typer.Option("--output-stride", metavar="N", help="Trade strides beyond N for rates (atrous).")
]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="NAME=VALUE",
        help="Another option of ARCH: width_multiplier=0.25, aux_logits=false, any field of head and convention.",
    ),
]
Timeout = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Limit of one call to a backend.")]
Memory = Annotated[
    float | None, typer.Option("--memory", metavar="GIB", help="Limit of each process; default: what is free.")
]
Json = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write the report there too; - is stdout.")]


MOST_DIGITS = 18
"""Of an integer on the command line."""


def read_size(text: str | None) -> tuple[int, int] | None:
    """ "224x160" as (224, 160). Raises BadInput for anything else."""
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise BadInput(f"--input {text} is not a size; expected height x width in pixels, such as 224x224.")
    size = read_integer("--input", height), read_integer("--input", width)
    if max(size) > MOST_SIDE:
        raise BadInput(f"--input {text} has a side of {max(size):,} pixels; expected at most {MOST_SIDE:,}.")
    return size


def read_integer(option: str, digits: str) -> int:
    """The number that decimal digits are. Raises BadInput for more of them than any number here can have."""
    if len(digits) > MOST_DIGITS:  # Python refuses thousands of them with an error of its own
        raise BadInput(f"{option} has a number of {len(digits):,} digits; expected at most {MOST_DIGITS} of them.")
    return int(digits)


def read_names(text: str | None) -> list[str] | None:
    """ "a, b" as ["a", "b"]."""
    return None if text is None else [name.strip() for name in text.split(",")]


def read_architecture_options(
    num_classes: str | None, global_pool: bool | None, output_stride: int | None, more: list[str] | None
) -> dict[str, Any]:
    """The options of an architecture that were given, each of them once.

    Raises BadInput for classes that are no number, and for what is given twice.
    """
    options: dict[str, Any] = {"global_pool": global_pool, "output_stride": output_stride}
    options = {name: value for name, value in options.items() if value is not None}
    if num_classes is not None:
        if num_classes != "none" and not num_classes.isdecimal():
            raise BadInput(f"--num-classes {num_classes} is neither a number nor none.")
        options["num_classes"] = None if num_classes == "none" else read_integer("--num-classes", num_classes)
    others = {name: _value(name, text) for name, text in read_pairs("--option", more).items()}
    for name in options.keys() & others.keys():
        raise BadInput(f"{name} is given twice, with --option and with an option of its own.")
    return options | others


def _value(name: str, text: str) -> Any:
    """A number, true, false, none, a list of them, or text."""
    if text == "none":
        fields = get_type_hints(Convention)
        return text if text in get_args(fields.get(name)) else None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return tuple(value) if isinstance(value, list) else value


def read_pairs(option: str, pairs: list[str] | None) -> dict[str, str]:
    """["a=b"] as {"a": "b"}. Raises BadInput for one without an equals sign, and for a name that comes twice."""
    split = [pair.partition("=") for pair in pairs or []]
    for name, equals, value in split:
        if not (name and equals and value):
            raise BadInput(f"{option} {name}{equals}{value} is not of the form NAME=VALUE.")
    found = {name: value for name, _, value in split}
    if len(found) < len(split):
        names = [name for name, *_ in split]
        raise BadInput(f"{option} names {next(name for name in found if names.count(name) > 1)} twice.")
    return found
