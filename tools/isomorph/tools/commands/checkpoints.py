"""Commands about checkpoint files: `inspect`, `diff`, `convert` and `fetch`. They need no framework."""

from typing import Annotated

import typer

from isomorph.spec import BadInput
from isomorph.tools.commands import options as given
from isomorph.tools.commands.app import check_json, out, show_progress, write_json
from isomorph.tools.converting.containers import CONTAINERS
from isomorph.tools.converting.convert import convert
from isomorph.tools.converting.transfer import Rounding
from isomorph.tools.published.fetch import fetch, list_published
from isomorph.tools.tables import printable
from isomorph.tools.weights.diff import diff
from isomorph.tools.weights.inspect import inspect

commands = typer.Typer()


@commands.command("inspect", short_help="What is this checkpoint?")
def inspect_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A checkpoint.")],
    arch: given.Arch = None,
    tensors: Annotated[bool, typer.Option("--tensors", help="Also print every tensor.")] = False,
    values: Annotated[
        bool, typer.Option("--values/--no-values", help="Look for odd values, which reads the whole file.")
    ] = True,
    hash: Annotated[bool, typer.Option("--hash", help="Also compute the file's SHA-256.")] = False,
    json: given.Json = None,
) -> None:
    """What a checkpoint is: format, network, names, counts, and what is odd. Needs no framework."""
    check_json(json, file)
    with show_progress() as progress:
        report = inspect(file, arch=arch, values=values, digest=hash, progress=progress)
    if json != "-":
        out.print(report)
        if tensors:
            out.print()
            out.print(report.tensor_table())
    write_json(json, report.to_json())


@commands.command("diff", short_help="Are these two checkpoints the same weights?")
def diff_command(
    first: Annotated[str, typer.Argument(metavar="A", help="A checkpoint.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another, of any format.")],
    arch: given.Arch = None,
    json: given.Json = None,
) -> None:
    """Are two checkpoints the same weights, whatever their formats and names? Tensor by tensor. Needs no framework.

    Exit status: 0 all tensors are equal, if need be after a cast, 1 they are not, 2 the request is bad.
    """
    check_json(json, first, second)
    with show_progress() as progress:
        report = diff(first, second, arch=arch, progress=progress)
    if json != "-":
        out.print(report)
    write_json(json, report.to_json())
    raise typer.Exit(report.exit_status)


@commands.command("convert", short_help="A checkpoint as another zoo's, or in another kind of file.")
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
    check_json(json, source, target)
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
    write_json(json, report.to_json())


@commands.command("fetch", short_help="Published weights: fetched once, their hash checked.")
def fetch_command(
    name: Annotated[
        str | None, typer.Argument(metavar="[ZOO/NAME]", help="An architecture; without one, all weights are listed.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="TAG", help="Which of its weights; default: the first listed.")
    ] = None,
    only_list: Annotated[bool, typer.Option("--list", help="List the weights, and fetch none.")] = False,
    json: given.Json = None,
) -> None:
    """Published weights: fetched once, their hash checked, into the folder in ISOMORPH_CACHE or the system's cache."""
    if weights is not None and (name is None or only_list):
        raise BadInput(f"--weights {weights} chooses what to fetch of one ZOO/NAME, and nothing is to be fetched.")
    check_json(json)
    if name is None or only_list:
        listed = list_published(name)
        if json != "-":
            out.print(listed)
        write_json(json, listed.to_json())
        return
    with show_progress() as progress:
        report = fetch(name, weights=weights, progress=progress)
    if json != "-":
        out.print(report)
        out.print(f"\nnext: {printable(report.next_command)}", highlight=False, soft_wrap=True)
    write_json(json, report.to_json())
