"""Commands that run a network in backends: `check`, `run` and `predict`."""

from typing import Annotated, Any

import typer

from isomorph.backends.process import TIMEOUT
from isomorph.spec.preprocessing import NORMALISATIONS
from isomorph.tools.checking.check import check
from isomorph.tools.checking.check_training import check_freezing, check_training, refuse_beside_training
from isomorph.tools.checking.plant import read_plant
from isomorph.tools.checking.report import CheckReport
from isomorph.tools.checking.training_report import TrainingReport
from isomorph.tools.commands import options as given
from isomorph.tools.commands.app import check_json, out, show_progress, write_json
from isomorph.tools.predicting.predict import predict
from isomorph.tools.recording.record import write_end_points
from isomorph.tools.recording.run import run
from isomorph.tools.tables import printable
from isomorph.tools.writing import check_writable

commands = typer.Typer()


@commands.command("check", short_help="The main job: the same weights in every backend, compared.")
def check_command(
    subject: given.Subject,
    other: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A second checkpoint, held against the first as a function.")
    ] = None,
    backends: given.Backends = None,
    device: given.Device = "auto",
    dtype: given.Dtype = "float32",
    arch: given.Arch = None,
    images: given.Images = None,
    input: given.Input = None,
    batch: given.Batch = 2,
    seed: given.Seed = 0,
    num_classes: given.NumClasses = None,
    global_pool: given.GlobalPool = None,
    output_stride: given.OutputStride = None,
    option: given.Option = None,
    end_points: Annotated[
        bool, typer.Option("--end-points", help="Also print every end point's, or tensor's, error.")
    ] = False,
    plant: Annotated[
        list[str] | None,
        typer.Option("--plant", metavar="FIELD=VALUE", help="Get a field of the convention wrong in every backend."),
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option("--python", metavar="BACKEND=PATH", help="The interpreter of a backend's own environment."),
    ] = None,
    memory: given.Memory = None,
    timeout: given.Timeout = TIMEOUT,
    reference: Annotated[
        list[str] | None,
        typer.Option("--reference", metavar="Y.npz", help="What `run` recorded elsewhere; may be repeated."),
    ] = None,
    training: Annotated[
        bool, typer.Option("--training", help="Compare gradients, running statistics and steps instead of answers.")
    ] = False,
    freeze_batch_norm: Annotated[
        bool,
        typer.Option("--freeze-batch-norm", help="With --training: batch norms learn nothing."),
    ] = False,
    json: given.Json = None,
) -> None:
    """The main job: same weights in every backend, compared with the oracle; a row each, and the first divergence."""
    options = given.read_architecture_options(num_classes, global_pool, output_stride, option)
    size = given.read_size(input)
    check_json(json, subject, other, *(reference or ()))
    check_freezing(freeze_batch_norm, training)
    if training:
        refuse_beside_training(other, images, reference, dtype)
    common: dict[str, Any] = {
        "backends": given.read_names(backends),
        "device": device,
        "size": size,
        "batch": batch,
        "seed": seed,
        "plant": read_plant(given.read_pairs("--plant", plant)),
        "python": given.read_pairs("--python", python),
        "memory": None if memory is None else memory * 2**30,
        "timeout": timeout,
    }
    report: CheckReport | TrainingReport
    with show_progress() as progress:
        if training:
            common |= {"arch": arch, "freeze_batch_norm": freeze_batch_norm}
            report = check_training(subject, progress=progress, **common, **options)
        else:
            common |= {"dtype": dtype, "arch": arch, "images": images, "references": reference or ()}
            report = check(subject, other, progress=progress, **common, **options)
    if json != "-":
        out.print(report)
        if end_points:
            out.print()
            out.print(report.tensor_table() if isinstance(report, TrainingReport) else report.end_point_table())
    write_json(json, report.to_json())
    raise typer.Exit(report.exit_status)


@commands.command("run", short_help="Run one backend and keep its end points.")
def run_command(
    subject: given.Subject,
    out_file: Annotated[str, typer.Option("--out", metavar="Y.npz", help="Where the end points go.")],
    backend: given.Backend = None,
    device: given.Device = "auto",
    dtype: given.Dtype = "float32",
    arch: given.Arch = None,
    images: given.Images = None,
    input: given.Input = None,
    batch: given.Batch = 2,
    seed: given.Seed = 0,
    num_classes: given.NumClasses = None,
    global_pool: given.GlobalPool = None,
    output_stride: given.OutputStride = None,
    option: given.Option = None,
    end_points: Annotated[
        bool, typer.Option("--end-points/--no-end-points", help="All end points, or the last answer alone.")
    ] = True,
    timeout: given.Timeout = TIMEOUT,
    json: given.Json = None,
) -> None:
    """Run one backend: end points under their names, logits under `logits`, and the record that `check` compares."""
    options = given.read_architecture_options(num_classes, global_pool, output_stride, option)
    size = given.read_size(input)
    check_writable(out_file)
    check_json(json, subject, out_file)
    with show_progress() as progress:
        report = run(
            subject,
            backend=backend,
            device=device,
            dtype=dtype,
            arch=arch,
            images=images,
            size=size,
            batch=batch,
            seed=seed,
            timeout=timeout,
            progress=progress,
            **options,
        )
    written = report.end_points if end_points else report.last
    write_end_points(out_file, written, report.record)
    if json != "-":
        where = printable(f"{len(written)} end points in {out_file}")
        out.print(f"{report.table()}: {where}", highlight=False, soft_wrap=True)
    write_json(json, report.to_json())


@commands.command("predict", short_help="Classes with probabilities, in every backend.")
def predict_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A checkpoint.")],
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Photographs, folders of them, or a .npy of [N, H, W, C].")
    ],
    backends: given.Backends = None,
    device: given.Device = "auto",
    dtype: given.Dtype = "float32",
    arch: given.Arch = None,
    labels: Annotated[
        str | None, typer.Option("--labels", metavar="FILE", help="The classes' names: JSON, or one on each line.")
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", help="How many classes of each image.")] = 5,
    preprocess: Annotated[
        str | None,
        typer.Option(
            "--preprocess",
            metavar="NAME",
            help=f"An architecture's or a zoo's instead of the FILE's own; {', '.join(NORMALISATIONS)} change the"
            " normalisation alone.",
        ),
    ] = None,
    input: given.Input = None,
    timeout: given.Timeout = TIMEOUT,
    json: given.Json = None,
) -> None:
    """Classes with probabilities, in every backend; exit status 1 where their top classes differ."""
    size = given.read_size(input)
    check_json(json, file)
    with show_progress() as progress:
        report = predict(
            file,
            images,
            backends=given.read_names(backends),
            device=device,
            dtype=dtype,
            arch=arch,
            size=size,
            preprocess=preprocess,
            labels=labels,
            top=top,
            timeout=timeout,
            progress=progress,
        )
    if json != "-":
        out.print(report)
    write_json(json, report.to_json())
    raise typer.Exit(report.exit_status)
