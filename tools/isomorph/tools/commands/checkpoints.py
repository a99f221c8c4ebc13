"""Commands about checkpoint files: `inspect`, `diff`, `convert` and `fetch`. They need no framework."""

from functools import partial
from typing import Any

import click

from isomorph import tools
from isomorph.spec import BadInput
from isomorph.tools.commands import options
from isomorph.tools.commands.command import Group
from isomorph.tools.commands.progress import show_progress
from isomorph.tools.commands.reports import check_json, check_output, publish, write_json
from isomorph.tools.converting.formats import FORMATS
from isomorph.tools.tables import printable

commands = Group()


@commands.command("inspect", short_help="What is this checkpoint?")
@options.argument("file", metavar="FILE", help="A checkpoint.")
@options.arch
@options.key
@options.prefix
@click.option(
    "--map", "map_file", metavar="OUT", help="Write which tensor is which, to be corrected and read by --map."
)
@click.option("--force", is_flag=True, help="Replace the files of --map and --toml if they are there.")
@click.option("--tensors", is_flag=True, help="Also print every tensor.")
@click.option("--values/--no-values", default=True, help="Look at the values, which reads the whole file.")
@click.option("--hash", "digest", is_flag=True, help="Also compute the file's SHA-256.")
@click.option("--toml", metavar="OUT", help="Write the network, also one that no zoo lists, as a file to edit.")
@options.json_file
def inspect_command(
    file: str,
    arch: str | None,
    prefix: str | None,
    map_file: str | None,
    force: bool,
    tensors: bool,
    toml: str | None,
    json: str | None,
    **settings: Any,
) -> None:
    """What a checkpoint is: format, network, names, counts, and what is odd. Needs no framework.

    A network that no zoo lists is recovered from the shapes of its tensors, and --toml writes it, each line that no
    file tells with a comment.
    """
    check_json(json, file)
    check_output("--map", map_file, json, force, file)
    check_output("--toml", toml, json, force, file)
    if map_file is not None and map_file == toml:
        raise BadInput(f"Both --map and --toml are {toml}; they are two files.")
    with show_progress() as progress:
        report = tools.inspect(file, arch=arch, prefix=prefix, progress=progress, **settings)
    if map_file is not None:
        write_json(map_file, partial(report.to_map, map_file, arch=arch, prefix=prefix))
    write_json(toml, report.to_toml)
    if "-" in (map_file, toml):
        write_json(json, report.to_json)
    else:
        publish(report, json, *([report.tensor_table()] if tensors else []))


@commands.command("diff", short_help="Are these two checkpoints the same weights?")
@options.argument("first", metavar="A", help="A checkpoint.")
@options.argument("second", metavar="B", help="Another, of any format.")
@options.arch
@options.key
@options.prefix
@options.tensor_map
@click.option("--other-key", metavar="KEY", help="The same of B.")
@click.option("--other-prefix", metavar="P.", help="The same of B.")
@click.option("--other-map", metavar="MAP", help="The same of B.")
@options.json_file
def diff_command(first: str, second: str, json: str | None, **settings: Any) -> int:
    """Are two checkpoints the same weights, whatever their formats and names? Tensor by tensor. Needs no framework.

    Exit status: 0 all tensors are equal, if need be after a cast, 1 they are not, 2 the request is bad.
    """
    check_json(json, first, second)
    with show_progress() as progress:
        report = tools.diff(first, second, progress=progress, **settings)
    publish(report, json)
    return report.exit_status


@commands.command(
    "convert",
    short_help="A checkpoint as another zoo's, or in another kind of file.",
    kept="nothing was written, and a DST that was there is as it was",
)
@options.argument("source", metavar="SRC", help="A checkpoint.")
@options.argument("target", metavar="DST", help="The new file; its suffix says what kind.")
@click.option("--to", metavar="ZOO|ARCH", help="Names and axes of a zoo, if it has the same function.")
@click.option("--format", metavar="FORMAT", help=f"Where DST does not say: {', '.join(FORMATS)}.")
@options.arch
@options.key
@options.prefix
@options.tensor_map
@options.option
@click.option("--dtype", metavar="DTYPE", help="Cast to it; default: every tensor's own.")
@click.option("--fold-bias", is_flag=True, help="Allow biases to go into batch norms' means: one rounding.")
@click.option("--fold-epsilon", is_flag=True, help="Allow another epsilon to go into the variances: one rounding.")
@click.option("--num-classes", type=int, metavar="N", help="Of a new head, or of ARCH with --partial.")
@click.option("--head", metavar="new", help="Replace the head by a fresh one.")
@click.option("--partial", is_flag=True, help="Take what fits --arch, draw the rest, and list both.")
@click.option("--seed", type=int, default=0, metavar="N", help="What fresh tensors are drawn from.")
@click.option("--force", is_flag=True, help="Replace DST if it is there.")
@options.json_file
def convert_command(
    source: str,
    target: str,
    fold_bias: bool,
    fold_epsilon: bool,
    head: str | None,
    option: tuple[str, ...],
    json: str | None,
    **settings: Any,
) -> None:
    """A checkpoint as another zoo's (--to), or in another kind of file (DST's suffix). Needs no framework.

    Every tensor of SRC is written with its own bits, or listed with the reason.

    Exit status: 0 DST is written, 2 the request or SRC is bad, and nothing is written.
    """
    if head not in (None, "new"):
        raise BadInput(f"--head {head} is not known; expected new.")
    check_json(json, source, target)
    network_options = options.read_options(option)
    if "num_classes" in network_options:
        raise BadInput("The classes of SRC are its own; --num-classes are those of a new head, or of --partial.")
    rounding = tools.Rounding(fold_bias, fold_epsilon)
    with show_progress() as progress:
        report = tools.convert(
            source,
            target,
            rounding=rounding,
            new_head=head == "new",
            progress=progress,
            **settings,
            **network_options,
        )
    publish(report, json)


@commands.command(
    "fetch",
    short_help="Published weights: fetched once, their hash checked.",
    kept="what has come is kept, and the same command goes on from there",
)
@options.argument(
    "name",
    required=False,
    metavar="[ZOO/NAME]",
    help="An architecture; without one, all weights are listed.",
)
@click.option("--weights", metavar="TAG", help="Which of its weights; default: the first listed.")
@click.option("--list", "only_list", is_flag=True, help="List the weights, and fetch none.")
@options.json_file
def fetch_command(name: str | None, weights: str | None, only_list: bool, json: str | None) -> None:
    """Published weights: fetched once, their hash checked, into the folder in ISOMORPH_CACHE or the system's cache."""
    if weights is not None and (name is None or only_list):
        raise BadInput(f"--weights {weights} chooses what to fetch of one ZOO/NAME, and nothing is to be fetched.")
    check_json(json)
    if name is None or only_list:
        publish(tools.list_published(name), json)
        return
    with show_progress() as progress:
        report = tools.fetch(name, weights=weights, progress=progress)
    publish(report, json, f"next: {printable(report.next_command)}")
