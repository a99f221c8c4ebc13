"""The command line: `isomorph COMMAND`, thin skins over the functions of `isomorph.tools`.

Exit status: 0 all agree or done, 1 the networks disagree, 2 the request or the input is bad, 3 undecided (a backend
crashed or ran out of time or memory), 130 interrupted.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from isomorph.backends import Unavailable
from isomorph.backends.process import TIMEOUT, BackendFailed
from isomorph.spec import BadInput
from isomorph.spec.preprocessing import NORMALISATIONS
from isomorph.tools import options as given
from isomorph.tools.carry import Rounding
from isomorph.tools.check import check
from isomorph.tools.compare import compare
from isomorph.tools.containers import CONTAINERS
from isomorph.tools.convert import convert
from isomorph.tools.inventory import list_
from isomorph.tools.plant import read_plant
from isomorph.tools.predict import predict
from isomorph.tools.run import run, write_end_points
from isomorph.tools.show import show
from isomorph.tools.writing import check_writable, write_text

app = typer.Typer(
    help="One specification of a network, the same numbers in every framework, and the reason when they differ.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
out, err = Console(), Console(stderr=True)


@contextmanager
def show_progress() -> Iterator[Callable[[str, str], None]]:
    """A line on stderr for everyone at work, as long as it is a terminal; gone when the work is done."""
    columns = (SpinnerColumn(), TextColumn("{task.fields[who]:<12}{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def report(who: str, what: str) -> None:
            if who not in tasks:
                tasks[who] = bar.add_task(what, who=who, total=None)
            bar.update(tasks[who], description=what)

        yield report


def _check_json(path: str | None) -> None:
    """Raise BadInput before the work where the report could not be written after it."""
    if path not in (None, "-"):
        check_writable(path)


def _write_json(path: str | None, text: str) -> None:
    if path == "-":
        sys.stdout.write(text)
    elif path is not None:
        write_text(path, text)


@app.command("list", short_help="Architectures by zoo; backends with version and devices.")
def list_command(json: given.Json = None) -> None:
    """Architectures by zoo, and backends with version and devices, or why not."""
    _check_json(json)
    with show_progress() as progress:
        progress("backends", "importing, each in a process of its own")
        report = list_()
    if json != "-":
        out.print(report)
    _write_json(json, report.to_json())


@app.command("show", short_help="Every unit: shape, stride, rate, parameters, MACs.")
def show_command(
    arch: given.Architecture,
    input: given.Input = None,
    num_classes: given.NumClasses = None,
    global_pool: given.GlobalPool = None,
    output_stride: given.OutputStride = None,
    option: given.Option = None,
    end_points: Annotated[bool, typer.Option("--end-points", help="Also what is inside the units.")] = False,
    toml: Annotated[
        str | None, typer.Option("--toml", metavar="FILE", help="Write ARCH as a file to edit; - is stdout.")
    ] = None,
    json: given.Json = None,
) -> None:
    """Every unit: output shape, stride, rate, receptive field, parameters, MACs. Needs no framework."""
    options = given.read_architecture_options(num_classes, global_pool, output_stride, option)
    if json is not None and json == toml:
        raise BadInput(f"Both --json and --toml are {json}; they are two files.")
    _check_json(json)
    _check_json(toml)
    report = show(arch, size=given.read_size(input), **options)
    if "-" not in (json, toml):
        out.print(report.table(end_points))
    _write_json(toml, report.to_toml())
    _write_json(json, report.to_json())


@app.command("compare", short_help="How two designs differ, field by field, unit by unit.")
def compare_command(
    first: given.Architecture,
    second: given.Architecture,
    input: given.Input = None,
    num_classes: given.NumClasses = None,
    global_pool: given.GlobalPool = None,
    output_stride: given.OutputStride = None,
    option: given.Option = None,
    json: given.Json = None,
) -> None:
    """How two designs differ, field by field and unit by unit. Needs no framework.

    Options are of both; the size is the first's own if none is given. Exit status: 0 they are the same function at
    inference, 1 they are not, 2 the request is bad.
    """
    options = given.read_architecture_options(num_classes, global_pool, output_stride, option)
    _check_json(json)
    report = compare(first, second, size=given.read_size(input), **options)
    if json != "-":
        out.print(report)
    _write_json(json, report.to_json())
    raise typer.Exit(report.exit_status)


@app.command("check", short_help="The main job: the same weights in every backend, compared.")
def check_command(
    subject: given.Subject,
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
    end_points: Annotated[bool, typer.Option("--end-points", help="Also print every end point's error.")] = False,
    plant: Annotated[
        list[str] | None,
        typer.Option("--plant", metavar="FIELD=VALUE", help="Get a field of the convention wrong in every backend."),
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option("--python", metavar="BACKEND=PATH", help="The interpreter of a backend's own environment."),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option("--memory", metavar="GIB", help="Limit of each process; default: what is free."),
    ] = None,
    timeout: given.Timeout = TIMEOUT,
    json: given.Json = None,
) -> None:
    """The main job: same weights in every backend, compared with the oracle; a row each, and the first divergence."""
    options = given.read_architecture_options(num_classes, global_pool, output_stride, option)
    size = given.read_size(input)
    _check_json(json)
    with show_progress() as progress:
        report = check(
            subject,
            backends=given.read_names(backends),
            device=device,
            dtype=dtype,
            arch=arch,
            images=images,
            size=size,
            batch=batch,
            seed=seed,
            plant=read_plant(given.read_pairs("--plant", plant)),
            python=given.read_pairs("--python", python),
            memory=None if memory is None else memory * 2**30,
            timeout=timeout,
            progress=progress,
            **options,
        )
    if json != "-":
        out.print(report)
        if end_points:
            out.print()
            out.print(report.end_point_table())
    _write_json(json, report.to_json())
    raise typer.Exit(report.exit_status)


@app.command("run", short_help="Run one backend and keep its end points.")
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
    """Run one backend: end points under their names, logits under `logits`."""
    options = given.read_architecture_options(num_classes, global_pool, output_stride, option)
    size = given.read_size(input)
    check_writable(out_file)
    _check_json(json)
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
    write_end_points(out_file, written)
    if json != "-":
        out.print(f"{report.table()}: {len(written)} end points in {out_file}", highlight=False, soft_wrap=True)
    _write_json(json, report.to_json())


@app.command("predict", short_help="Classes with probabilities, in every backend.")
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
    _check_json(json)
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
    _write_json(json, report.to_json())
    raise typer.Exit(report.exit_status)


@app.command("convert", short_help="A checkpoint as another zoo's, or in another kind of file.")
def convert_command(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A checkpoint.")],
    target: Annotated[str, typer.Argument(metavar="DST", help="The new file; its suffix says what kind.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ZOO|ARCH", help="Names and axes of a zoo, if it has the same function."),
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help=f"Where DST does not say: {', '.join(CONTAINERS)}.")
    ] = None,
    arch: given.Arch = None,
    dtype: Annotated[
        str | None, typer.Option("--dtype", metavar="DTYPE", help="Cast to it; default: every tensor's own.")
    ] = None,
    fold_bias: Annotated[
        bool, typer.Option("--fold-bias", help="Allow biases to go into batch norms' means: one rounding.")
    ] = False,
    fold_epsilon: Annotated[
        bool, typer.Option("--fold-epsilon", help="Allow another epsilon to go into the variances: one rounding.")
    ] = False,
    num_classes: Annotated[
        int | None, typer.Option("--num-classes", metavar="N", help="Of a new head, or of ARCH with --partial.")
    ] = None,
    head: Annotated[str | None, typer.Option("--head", metavar="new", help="Replace the head by a fresh one.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take what fits --arch, draw the rest, and list both.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="What fresh tensors are drawn from.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace DST if it is there.")] = False,
    json: given.Json = None,
) -> None:
    """A checkpoint as another zoo's (--to), or in another kind of file (DST's suffix). Needs no framework.

    Every tensor of SRC is written with its own bits, or listed with the reason.
    """
    if head not in (None, "new"):
        raise BadInput(f"--head {head} is not known; expected new.")
    _check_json(json)
    with show_progress() as progress:
        report = convert(
            source,
            target,
            to=to,
            format=format,
            arch=arch,
            dtype=dtype,
            rounding=Rounding(fold_bias, fold_epsilon),
            num_classes=num_classes,
            new_head=head == "new",
            partial=partial,
            seed=seed,
            force=force,
            progress=progress,
        )
    if json != "-":
        out.print(report, soft_wrap=True)
    _write_json(json, report.to_json())


@app.callback(invoke_without_command=True)
def _version(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if show_version:
        out.print(f"isomorph {version('isomorph')}")
        raise typer.Exit


def main() -> None:
    """Run a command; whatever is wrong with the request or the input is one sentence on stderr and status 2."""
    try:
        app(prog_name="isomorph")
    except (BadInput, Unavailable) as error:
        _say(error)
        sys.exit(2)
    except (BackendFailed, MemoryError) as error:
        _say(error)
        sys.exit(3)
    except KeyboardInterrupt:
        err.print("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of stdout has gone; nothing is left to say
        sys.exit(0)


def _say(error: Exception) -> None:
    sentence = f"The memory does not suffice: {error}." if isinstance(error, MemoryError) else str(error)
    for note in getattr(error, "__notes__", ()):
        sentence = f"{sentence.removesuffix('.')}: {note}"
    err.print(f"isomorph: {sentence}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
