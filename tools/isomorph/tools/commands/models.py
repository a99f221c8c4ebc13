"""Commands about models that somebody else wrote: `diagnose`."""

from typing import Any

import click

from isomorph import tools
from isomorph.tools.commands import options
from isomorph.tools.commands.command import Group
from isomorph.tools.commands.options import read_pairs, read_value
from isomorph.tools.commands.progress import show_progress
from isomorph.tools.commands.reports import check_json, publish

commands = Group()


def read_call(pairs: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of a factory, of NAME=VALUE pairs.

    >>> read_call(("width=0.5", "classes=10", "name=small"))
    {'width': 0.5, 'classes': 10, 'name': 'small'}
    """
    return {name: read_value(name, text) for name, text in read_pairs("--call", pairs).items()}


@commands.command("diagnose", short_help="A model of your own: is it the same function, and if not, why?")
@options.subject
@options.argument(
    "model",
    metavar="MODEL",
    help="file.py:factory, package.module:factory, .onnx, .pt, .pt2, .keras, or the folder of a SavedModel.",
)
@options.of_model
@options.arch
@options.key
@options.prefix
@options.tensor_map
@options.images
@options.model_size
@options.batch
@options.seed
@options.architecture_options
@options.memory
@options.timeout
@click.option("--places", is_flag=True, help="Also print every place of every cause.")
@options.json_file
def diagnose_command(
    subject: str,
    model: str,
    call: tuple[str, ...],
    images: tuple[str, ...],
    architecture_options: dict[str, Any],
    places: bool,
    json: str | None,
    **settings: Any,
) -> int:
    """A model of your own against an architecture or a file: the causes of every difference, each with its proof.

    The model runs once as it is, and no name in it is looked at. Exit status: 0 the same function, 1 another one,
    2 the request is bad, 3 undecided, as the model crashed or took too long.
    """
    check_json(json, subject, model)
    settings |= {"call": read_call(call), "images": images or None}
    with show_progress() as progress:
        report = tools.diagnose(subject, model, progress=progress, **settings, **architecture_options)
    publish(report, json, *([report.place_table()] if places and report.causes else []))
    return report.exit_status
