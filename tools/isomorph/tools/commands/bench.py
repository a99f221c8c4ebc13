"""The command that measures: `bench`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, get_args

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column

from isomorph.backends.process import TIMEOUT
from isomorph.spec import BadInput
from isomorph.tools.benching.axes import AXES
from isomorph.tools.benching.bench import BATCHES, ROUNDS, TRAINING_BATCH, bench
from isomorph.tools.benching.figures import check_plots
from isomorph.tools.benching.interrupt import heard_once
from isomorph.tools.benching.modes import USUAL
from isomorph.tools.benching.plots import write_plots
from isomorph.tools.benching.ranking import GOALS, Goal
from isomorph.tools.benching.rounds import Progress
from isomorph.tools.commands import options as given
from isomorph.tools.commands.app import PlainColumn, check_json, err, out, write_json

commands = typer.Typer()


@commands.command("bench", short_help="Speed and memory side by side: which framework, and how?")
@heard_once()  # until the report is written
def bench_command(
    subject: given.Subject,
    backends: given.Backends = None,
    modes: Annotated[
        str | None, typer.Option("--modes", metavar="A,B", help=f"Default: {', '.join(USUAL)}, where there are such.")
    ] = None,
    goal: Annotated[
        str, typer.Option("--for", metavar="|".join(GOALS), help="What the table is sorted by.")
    ] = "throughput",
    device: given.Device = "auto",
    input: given.Input = None,
    batch: Annotated[
        str, typer.Option("--batch", metavar="N,N", help="Images in a call, beside single ones.")
    ] = ",".join(map(str, BATCHES)),
    training_batch: Annotated[
        int, typer.Option("--training-batch", metavar="N", help="Images in a training step; 0 leaves training out.")
    ] = TRAINING_BATCH,
    rounds: Annotated[int, typer.Option("--rounds", metavar="N", help="Turns of each mode.")] = ROUNDS,
    scaling: Annotated[
        str | None,
        typer.Option("--scaling", metavar="A,B", help=f"Follow time and memory along {', '.join(AXES)}."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", help="Of each process; default: one for each core.")
    ] = None,
    arch: given.Arch = None,
    seed: given.Seed = 0,
    num_classes: given.NumClasses = None,
    global_pool: given.GlobalPool = None,
    output_stride: given.OutputStride = None,
    option: given.Option = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also print the lines that a user writes to get each mode.")
    ] = False,
    memory: given.Memory = None,
    timeout: given.Timeout = TIMEOUT,
    plots: Annotated[
        str | None, typer.Option("--plots", metavar="DIR", help="Draw the ranking, and curves, as PNG and SVG there.")
    ] = None,
    json: given.Json = None,
) -> None:
    """Which framework to run a network in here, and how: same weights, same answers, one process for each mode.

    A mode is eager, graph, xla or engine, then nchw or nhwc, then folded, then bfloat16, float16 or, on a GPU, tf32:
    xla-folded.
    Each is proved to give the network's own answers before it is timed.

    Exit status: 0 done, 1 a mode answers wrongly, 2 the request is bad, 3 nothing could be measured, or nothing
    chosen as other processes kept the cores busy, 130 interrupted, with a report of what was measured.
    """
    options = given.read_architecture_options(num_classes, global_pool, output_stride, option)
    size = given.read_size(input)
    check_json(json, subject)
    if plots is not None:
        check_plots(plots)
    with _show_progress() as progress:
        report = bench(
            subject,
            backends=given.read_names(backends),
            modes=given.read_names(modes),
            goal=_read_goal(goal),
            device=device,
            size=size,
            batches=_read_batches(batch),
            training_batch=training_batch or None,
            rounds=rounds,
            scaling=given.read_names(scaling) or (),
            threads=threads,
            seed=seed,
            arch=arch,
            memory=None if memory is None else memory * 2**30,
            timeout=timeout,
            progress=progress,
            **options,
        )
    if json != "-":
        out.print(report)
        if explain:
            out.print()
            out.print(report.explanation(), highlight=False, soft_wrap=True)
    write_json(json, report.to_json())
    if plots is not None:
        write_plots(report, plots)
    raise typer.Exit(report.exit_status)


def _read_goal(text: str) -> Goal:
    for goal in get_args(Goal):
        if text == goal:
            return goal  # type: ignore[no-any-return]  # `get_args` has no types
    raise BadInput(f"There is nothing to sort by that is called {text!r}; there are {', '.join(GOALS)}.")


def _read_batches(text: str) -> list[int]:
    numbers = given.read_names(text) or []
    if not all(number.isdecimal() for number in numbers):
        raise BadInput(f"--batch {text} is not a number of images, or several: expected such as 1,8,32.")
    return [given.read_integer("--batch", number) for number in numbers]


@contextmanager
def _show_progress() -> Iterator[Progress]:
    """A bar on stderr as long as it is a terminal; gone when the work is done."""
    doing = PlainColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), doing)
    with Bar(*columns, console=err, transient=True, expand=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, planned, what: bar.update(task, completed=done, total=planned, description=what)
