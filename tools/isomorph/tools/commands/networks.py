"""Commands about networks: `list`, `show` and `compare`. Only `list` imports a framework."""

from typing import Annotated

import typer

from isomorph.spec import BadInput
from isomorph.tools.commands import options as given
from isomorph.tools.commands.app import check_json, out, show_progress, write_json
from isomorph.tools.designs.compare import compare
from isomorph.tools.designs.listing import list_
from isomorph.tools.designs.show import show
from isomorph.tools.probing.capabilities import capabilities

commands = typer.Typer()


@commands.command("list", short_help="Architectures by zoo; backends with version and devices.")
def list_command(
    tried: Annotated[
        bool, typer.Option("--capabilities", help="Instead: what each framework can do here, everything tried.")
    ] = False,
    backends: given.Backends = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="auto|cpu|gpu", help="auto, the default: a GPU if there is one.")
    ] = None,
    json: given.Json = None,
) -> None:
    """Architectures by zoo, and backends with version and devices, or why not.

    With --capabilities: precisions, autocast, layouts, compilers and export formats, each tried in each backend on a
    tiny network that takes seconds, and why not. --backends and --device go with it.
    """
    check_json(json)
    if tried:
        _list_capabilities(given.read_names(backends), device or "auto", json)
        return
    if backends is not None or device is not None:
        raise BadInput("--backends and --device go with --capabilities; the list itself is of all there is.")
    with show_progress() as progress:
        progress("backends", "importing, each in a process of its own")
        report = list_()
    if json != "-":
        out.print(report)
    write_json(json, report.to_json())


def _list_capabilities(backends: list[str] | None, device: str, json: str | None) -> None:
    with show_progress() as progress:
        report = capabilities(backends, device=device, progress=progress)
    if json != "-":
        out.print(report)
    write_json(json, report.to_json())


@commands.command("show", short_help="Every unit: shape, stride, rate, parameters, MACs.")
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
    check_json(json)
    check_json(toml)
    report = show(arch, size=given.read_size(input), **options)
    if "-" not in (json, toml):
        out.print(report.table(end_points))
    write_json(toml, report.to_toml())
    write_json(json, report.to_json())


@commands.command("compare", short_help="How two designs differ, field by field, unit by unit.")
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
    check_json(json)
    report = compare(first, second, size=given.read_size(input), **options)
    if json != "-":
        out.print(report)
    write_json(json, report.to_json())
    raise typer.Exit(report.exit_status)
