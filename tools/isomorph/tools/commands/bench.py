"""The command that measures: `bench`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.progress import BarColumn, MofNCompleteColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Column

from isomorph import tools
from isomorph.spec import BadInput
from isomorph.tools.benching.axes import AXES
from isomorph.tools.benching.defaults import BATCHES, ROUNDS, TRAINING_BATCH
from isomorph.tools.benching.figures import check_plots
from isomorph.tools.benching.interrupt import heard_once
from isomorph.tools.benching.modes import USUAL
from isomorph.tools.benching.pace import Pace, in_words
from isomorph.tools.benching.quick import QUICK_BATCHES, QUICK_ROUNDS, check_quick
from isomorph.tools.benching.ranking import GOALS, Goal
from isomorph.tools.commands import options
from isomorph.tools.commands.bars import PlainColumn
from isomorph.tools.commands.command import Group
from isomorph.tools.commands.console import err, out, say_unless_quiet, verbosity
from isomorph.tools.commands.options import read_integer
from isomorph.tools.commands.progress import shows_bar, step_log
from isomorph.tools.commands.reports import check_json, publish
from isomorph.tools.tables import printable

if TYPE_CHECKING:
    from isomorph.tools.benching.rounds import Progress

commands = Group()


def _numbers(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


@commands.command("bench", short_help="Speed and memory side by side: which framework, and how?")
@options.subject
@click.option(
    "--quick",
    is_flag=True,
    help="One mode of each framework, as its documentation advises, in few rounds, without training: a minute or two.",
)
@options.backends
@options.names_option(
    "--modes",
    metavar="A,B",
    help=f"Default: {', '.join(USUAL)}, where there are such.",
)
@click.option("--for", "goal", default="throughput", metavar="|".join(GOALS), help="What the table is sorted by.")
@options.device
@options.size
@click.option(
    "--batch",
    "batches",
    metavar="N,N",
    help=f"Images in a call, beside single ones; default: {_numbers(BATCHES)}, or {_numbers(QUICK_BATCHES)} if quick.",
)
@click.option(
    "--training-batch",
    type=int,
    metavar="N",
    help=f"Images in a training step; default: {TRAINING_BATCH}; 0 leaves training out.",
)
@click.option(
    "--rounds", type=int, metavar="N", help=f"Turns of each mode; default: {ROUNDS}, or {QUICK_ROUNDS} if quick."
)
@options.names_option("--scaling", metavar="A,B", help=f"Follow time and memory along {', '.join(AXES)}.")
@click.option("--threads", type=int, metavar="N", help="Of each process; default: one for each core.")
@options.arch
@options.key
@options.prefix
@options.tensor_map
@options.seed
@options.architecture_options
@click.option("--explain", is_flag=True, help="Also print the lines that a user writes to get each mode.")
@options.memory
@options.timeout
@click.option("--plots", metavar="DIR", help="Draw the ranking, and curves, as PNG and SVG there.")
@options.json_file
@heard_once()  # until the report is written
def bench_command(
    subject: str,
    quick: bool,
    goal: str,
    batches: str | None,
    training_batch: int | None,
    scaling: list[str] | None,
    architecture_options: dict[str, Any],
    explain: bool,
    plots: str | None,
    json: str | None,
    **settings: Any,
) -> int:
    """Which framework to run a network in here, and how: same weights, same answers, one process for each mode.

    A mode is eager, graph, xla or engine, then nchw or nhwc, then folded, then bfloat16, float16 or, on a GPU, tf32:
    xla-folded.
    Each is proved to give the network's own answers before it is timed.
    With --quick each framework runs in one mode alone, the one that its documentation advises for inference.

    Exit status: 0 done, 1 a mode answers wrongly, 2 the request is bad, 3 nothing could be measured, or nothing
    chosen as other processes kept the cores busy, 130 interrupted, with a report of what was measured.
    """
    modes, rounds = settings["modes"], settings["rounds"]
    check_quick(quick, goal=goal, modes=modes, rounds=rounds, training_batch=training_batch, scaling=scaling)
    check_json(json, subject)
    if plots is not None:
        check_plots(plots)
    with _show_progress() as progress:
        report = tools.bench(
            subject,
            quick=quick,
            goal=_read_goal(goal),
            batches=None if batches is None else _read_batches(batches),
            training_batch=TRAINING_BATCH if training_batch is None else training_batch or None,
            scaling=scaling or (),
            progress=progress,
            warn=say_unless_quiet,
            **settings,
            **architecture_options,
        )
    publish(report, json, *([report.explanation()] if explain else []))
    if plots is not None:
        drawn = ", ".join(printable(str(path)) for path in tools.write_plots(report, plots))
        if drawn and json != "-":
            out.print(f"\ndrawn: {drawn}", highlight=False, soft_wrap=True)
    return report.exit_status


def _read_goal(text: str) -> Goal:
    for goal in get_args(Goal):
        if text == goal:
            return goal  # type: ignore[no-any-return]  # `get_args` has no types
    raise BadInput(f"There is nothing to sort by that is called {text!r}; there are {', '.join(GOALS)}.")


def _read_batches(text: str) -> list[int]:
    numbers = [number.strip() for number in text.split(",")]
    if not all(number.isdecimal() for number in numbers):
        raise BadInput(f"--batch {text} is not a number of images, or several: expected such as 1,8,32.")
    return [read_integer("--batch", number) for number in numbers]


@contextmanager
def _show_progress() -> Iterator["Progress"]:
    """A bar on stderr as long as it is a terminal; gone when the work is done."""
    if verbosity.verbose:
        with step_log() as log:
            yield lambda done, planned, what: log("bench", what)
        return
    doing = PlainColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    left = PlainColumn("{task.fields[left]}")  # Rich's own knows nothing of rounds, of which preparations take many
    columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), left, doing)
    pace = Pace()
    with Bar(*columns, console=err, transient=True, expand=True, disable=not shows_bar()) as bar:
        task = bar.add_task("starting", total=None, left="")

        def show(done: int, planned: int, what: str) -> None:
            pace(done, planned, what)
            bar.update(task, completed=done, total=planned, description=what, left=in_words(pace.seconds_left))

        yield show
