"""Commands that run a network in backends: `check`, `run` and `predict`."""

from typing import TYPE_CHECKING, Any

import click

from isomorph import tools
from isomorph.spec import BadInput
from isomorph.spec.preprocessing import NORMALISATIONS
from isomorph.tools.checking.plant import read_plant
from isomorph.tools.commands import options
from isomorph.tools.commands.command import Group
from isomorph.tools.commands.options import read_call, read_pairs
from isomorph.tools.commands.progress import show_progress
from isomorph.tools.commands.reports import check_json, publish
from isomorph.tools.models.naming import file_of
from isomorph.tools.tables import printable
from isomorph.tools.writing import check_writable

if TYPE_CHECKING:
    from isomorph.tools.checking.report import CheckReport

commands = Group()


@commands.command("check", short_help="The main job: the same weights in every backend, compared.")
@options.subject
@options.argument(
    "other", required=False, metavar="[FILE]", help="A second checkpoint, held against the first as a function."
)
@options.backends
@options.device
@options.dtype
@options.arch
@options.key
@options.prefix
@options.tensor_map
@options.images
@options.size
@options.batch
@options.seed
@options.architecture_options
@click.option(
    "--end-points", is_flag=True, help="Also print every end point's error, and its part's alone; or every tensor's."
)
@click.option(
    "--plant", multiple=True, metavar="FIELD=VALUE", help="Get a field of the convention wrong in every backend."
)
@options.python
@options.memory
@options.timeout
@click.option("--reference", multiple=True, metavar="Y.npz", help="What `run` recorded elsewhere; may be repeated.")
@click.option(
    "--training",
    is_flag=True,
    help="Compare gradients, running statistics and steps instead of answers; with --against, a MODEL in training.",
)
@click.option("--against", metavar="MODEL", help="Instead of backends, a model of your own: what `diagnose` takes.")
@options.call
@options.runs_in
@options.weights_of_model
@click.option("--freeze-batch-norm", is_flag=True, help="With --training: batch norms learn nothing.")
@options.json_file
def check_command(
    subject: str,
    other: str | None,
    dtype: str,
    images: tuple[str, ...],
    architecture_options: dict[str, Any],
    end_points: bool,
    plant: tuple[str, ...],
    python: tuple[str, ...],
    reference: tuple[str, ...],
    training: bool,
    freeze_batch_norm: bool,
    against: str | None,
    call: tuple[str, ...],
    runs_in: str | None,
    weights: str,
    json: str | None,
    **settings: Any,
) -> int:
    """The main job: same weights in every backend, compared with the oracle; a row each, and the first divergence.

    Exit status: 0 all agree, 1 one differs, 2 the request is bad, 3 undecided, as a backend crashed.
    """
    check_json(json, file_of(subject), other, *reference, *images, against and file_of(against), weights)
    settings |= {"plant": read_plant(read_pairs("--plant", plant)), "python": read_pairs("--python", python)}
    if against is not None:
        for option, value in (("--end-points", end_points), ("--freeze-batch-norm", freeze_batch_norm)):
            if value:
                raise BadInput(f"{option} is about isomorph's own networks; leave it out of what --against compares.")
        settings |= {"call": read_call(call), "runs_in": runs_in, "weights": weights, "training": training}
        settings |= {"other": other, "images": images or None, "dtype": dtype, "references": reference}
        with show_progress() as progress:
            diagnosed = tools.check(subject, against=against, progress=progress, **settings, **architecture_options)
        publish(diagnosed, json)
        return diagnosed.exit_status
    if call or runs_in or weights != "theirs":
        raise BadInput("--call, --runs-in and --weights are about a model of your own; --against names it.")
    if training:
        _refuse_beside_training(other, images, reference, dtype)
        settings |= {"freeze_batch_norm": freeze_batch_norm}
        with show_progress() as progress:
            trained = tools.check_training(subject, progress=progress, **settings, **architecture_options)
        publish(trained, json, *([trained.tensor_table()] if end_points else []))
        return trained.exit_status
    if freeze_batch_norm:
        raise BadInput("--freeze-batch-norm is about training; give --training, too, or leave it out.")
    settings |= {"dtype": dtype, "images": images or None, "references": reference, "parts": end_points}
    with show_progress() as progress:
        report: CheckReport = tools.check(subject, other, progress=progress, **settings, **architecture_options)
    publish(report, json, *([report.end_point_table()] if end_points else []))
    return report.exit_status


def _refuse_beside_training(
    other: str | None, images: tuple[str, ...], references: tuple[str, ...], dtype: str
) -> None:
    """Raise BadInput for what `check` takes and training has no use for."""
    needless = {"a second file": other, "--images": images, "--reference": references}
    if option := next((name for name, value in needless.items() if value), None):
        raise BadInput(f"--training draws its own images; leave {option} out.")
    if dtype != "float32":
        raise BadInput(f"--training compares float64 and float32; leave --dtype {dtype} out.")


@commands.command("run", short_help="Run one backend and keep its end points.")
@options.subject
@click.option("--out", "out_file", required=True, metavar="Y.npz", help="Where the end points go.")
@options.backend
@options.device
@options.dtype
@options.arch
@options.key
@options.prefix
@options.tensor_map
@options.images
@options.size
@options.batch
@options.seed
@options.architecture_options
@click.option("--end-points/--no-end-points", default=True, help="All end points, or the last answer alone.")
@options.timeout
@options.json_file
def run_command(
    subject: str,
    out_file: str,
    images: tuple[str, ...],
    architecture_options: dict[str, Any],
    end_points: bool,
    json: str | None,
    **settings: Any,
) -> None:
    """Run one backend: end points under their names, logits under `logits`, and the record that `check` compares."""
    check_writable(out_file)
    check_json(json, subject, out_file)
    with show_progress() as progress:
        report = tools.run(subject, images=images or None, progress=progress, **settings, **architecture_options)
    written = report.end_points if end_points else report.last
    tools.write_end_points(out_file, written, report.record)
    publish(report, json, shown=f"{report.table()}: {len(written)} end points in {printable(out_file)}")


@commands.command("predict", short_help="Classes with probabilities, in every backend.")
@options.argument("file", metavar="FILE", help="A checkpoint.")
@options.argument(
    "images",
    nargs=-1,
    required=True,
    metavar="IMAGE...",
    help="Photographs, folders of them, or a .npy of [N, H, W, C].",
)
@options.backends
@options.device
@options.dtype
@options.arch
@options.key
@options.prefix
@options.tensor_map
@click.option("--labels", metavar="FILE", help="The classes' names: JSON, or one on each line.")
@click.option("--top", type=int, default=5, metavar="N", help="How many classes of each image.")
@click.option(
    "--preprocess",
    metavar="NAME",
    help=f"An architecture's or a zoo's instead of the FILE's own; {', '.join(NORMALISATIONS)} change the normalisation"
    " alone.",
)
@options.size
@options.timeout
@options.json_file
def predict_command(file: str, images: tuple[str, ...], json: str | None, **settings: Any) -> int:
    """Classes with probabilities, in every backend.

    Exit status: 0 their top classes agree, 1 they differ, 2 the request is bad, 3 undecided, as a backend crashed.
    """
    check_json(json, file)
    with show_progress() as progress:
        report = tools.predict(file, list(images), progress=progress, **settings)
    publish(report, json)
    return report.exit_status
