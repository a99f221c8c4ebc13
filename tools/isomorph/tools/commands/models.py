"""Commands about models that somebody else wrote: `diagnose` and `map`."""

from typing import Any

import click

from isomorph import tools
from isomorph.spec import BadInput
from isomorph.tools.commands import options
from isomorph.tools.commands.command import Group
from isomorph.tools.commands.options import read_call, read_pairs
from isomorph.tools.commands.progress import show_progress
from isomorph.tools.commands.reports import check_json, check_output, publish, write_json
from isomorph.tools.models.naming import file_of

commands = Group()

MOST_PLACES = 4
"""Of a cause, which `diagnose` lists unless --places asks for all."""

model = options.argument(
    "model",
    metavar="MODEL",
    help="file.py:factory, package.module:factory, .onnx, .pt, .pt2, .keras, or the folder of a SavedModel.",
)


@commands.command("diagnose", short_help="A model of your own: is it the same function, and if not, why?")
@options.subject
@options.argument(
    "model",
    required=False,
    metavar="[MODEL]",
    help="file.py:factory, package.module:factory, .onnx, .pt, .pt2, .keras, or the folder of a SavedModel.",
)
@click.option("--end-points", metavar="Y.npz", help="Instead of MODEL, what it gave: maps by name, of any names.")
@click.option("--logits", metavar="Y.npy", help="Instead of MODEL, its logits alone.")
@click.option("--seconds", type=float, metavar="N", help="How long mistakes are tried on logits alone; default: 60.")
@options.call
@options.runs_in
@options.weights_of_model
@options.training_mode
@options.arch
@options.key
@options.prefix
@options.tensor_map
@options.images
@options.model_size
@options.batch
@options.seed
@options.architecture_options
@options.python
@options.memory
@options.timeout
@click.option("--places", is_flag=True, help="Print all places of every cause, and not the first few alone.")
@options.json_file
def diagnose_command(
    subject: str,
    model: str | None,
    end_points: str | None,
    logits: str | None,
    seconds: float | None,
    call: tuple[str, ...],
    images: tuple[str, ...],
    python: tuple[str, ...],
    architecture_options: dict[str, Any],
    places: bool,
    json: str | None,
    **settings: Any,
) -> int:
    """A model of your own against an architecture, a file, or another model: what differs, where and why, with proof.

    The model runs once as it is, and no name in it is looked at. A model that cannot run here is told by what it gave,
    recorded with the images: --end-points or --logits. Exit status: 0 the same function, 1 another one, 2 the request
    is bad, 3 undecided, as the model crashed or took too long.
    """
    if model is None:
        settings |= {"call": call, "python": python, "end_points": end_points, "logits": logits, "seconds": seconds}
        return _diagnose_recording(subject, images, json, architecture_options, settings)
    if stray := next((name for name, value in _of_recordings(end_points, logits, seconds).items() if value), None):
        raise BadInput(f"{stray} is about a model that is not there; leave it or {model} out.")
    check_json(json, *map(file_of, (subject, model)), *images, settings["weights"], settings["tensor_map"])
    settings |= {"call": read_call(call), "images": images or None, "python": read_pairs("--python", python)}
    with show_progress() as progress:
        report = tools.diagnose(subject, model, progress=progress, **settings, **architecture_options)
    has_places = report.causes and not report.is_another
    publish(report, json, *([report.place_table(None if places else MOST_PLACES)] if has_places else []))
    return report.exit_status


def _of_recordings(end_points: str | None, logits: str | None, seconds: float | None) -> dict[str, Any]:
    return {"--end-points": end_points, "--logits": logits, "--seconds": seconds}


_OF_A_MODEL = {"call": (), "runs_in": None, "weights": "theirs", "training": False, "python": ()}
"""Settings that only a model has that runs, and what they are where nobody gives them."""


_OF_A_RECORDING = ("arch", "key", "prefix", "tensor_map", "size", "end_points", "logits", "seconds")
"""Settings that a recording has, too."""


def _diagnose_recording(
    subject: str, images: tuple[str, ...], json: str | None, options: dict[str, Any], settings: dict[str, Any]
) -> int:
    """Diagnose what was recorded of a model."""
    if settings["end_points"] is None and settings["logits"] is None:
        raise BadInput("There is no MODEL; give one, or what it gave with --end-points or --logits, and --images.")
    if stray := next((name for name, value in _OF_A_MODEL.items() if settings[name] != value), None):
        raise BadInput(f"--{stray.replace('_', '-')} is about a model that runs; leave it out.")
    check_json(json, subject, settings["end_points"], settings["logits"], *images)
    given = {name: settings[name] for name in _OF_A_RECORDING if settings[name] is not None}
    with show_progress() as progress:
        report = tools.diagnose_recording(subject, images=images or None, progress=progress, **given, **options)
    publish(report, json)
    return report.exit_status


@commands.command("map", short_help="Which tensor of your own model is which, as a file for --map.")
@options.architecture
@model
@options.call
@options.runs_in
@click.option("-o", "--out", "out_file", metavar="MAP.toml", help="Write the map there; - is stdout.")
@click.option("--force", is_flag=True, help="Replace the file of --out if it is there.")
@options.model_size
@options.batch
@options.seed
@options.named_architecture_options
@options.python
@options.memory
@options.timeout
@options.json_file
def map_command(
    arch: str,
    model: str,
    call: tuple[str, ...],
    out_file: str | None,
    force: bool,
    python: tuple[str, ...],
    architecture_options: dict[str, Any],
    json: str | None,
    **settings: Any,
) -> None:
    """Which of your own model's tensors is which of an architecture's: by structure alone, no name is looked at.

    The map is a file that you can edit; with --map it lets `check`, `convert`, `inspect` and `predict` read the model's
    checkpoints.
    """
    check_json(json, *map(file_of, (arch, model)))
    check_output("--out", out_file, json, force, *map(file_of, (arch, model)))
    settings |= {"call": read_call(call), "python": read_pairs("--python", python)}
    with show_progress() as progress:
        report = tools.map_tensors(arch, model, progress=progress, **settings, **architecture_options)
    write_json(out_file, lambda: report.to_toml(out_file or ""))
    if "-" in (out_file, json):
        write_json(json, report.to_json)
    else:
        publish(report, json)
