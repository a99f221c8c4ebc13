"""Commands about networks: `list`, `show` and `compare`. None imports a framework, but where it is asked to try one."""

from typing import Any

import click

from isomorph import tools
from isomorph.spec import BadInput
from isomorph.tools.commands import options
from isomorph.tools.commands.command import Group
from isomorph.tools.commands.console import out
from isomorph.tools.commands.progress import show_progress
from isomorph.tools.commands.reports import check_json, check_output, publish, write_json

commands = Group()


@commands.command("list", short_help="Architectures by zoo; backends with their versions.")
@click.option("--devices", "try_devices", is_flag=True, help="Also start each backend, and see what it computes on.")
@click.option(
    "--capabilities", "try_all", is_flag=True, help="Instead: what each framework can do here, everything tried."
)
@options.backends
@options.device_option(help="auto, the default: a GPU if any.")
@options.json_file
def list_command(
    try_devices: bool, try_all: bool, backends: list[str] | None, device: str | None, json: str | None
) -> None:
    """Architectures by zoo, and backends with their versions, or why not.

    With --devices: each backend is started, which takes seconds, and says whether it sees a GPU.

    With --capabilities: precisions, autocast, layouts, compilers and export formats, each tried in each backend on a
    tiny network that takes seconds, and why not. --backends and --device go with it.
    """
    check_json(json)
    if try_all and try_devices:
        raise BadInput("--capabilities tries devices, too; leave --devices out.")
    with show_progress() as progress:
        if try_all:
            publish(tools.capabilities(backends, device=device or "auto", progress=progress), json)
            return
        if backends is not None or device is not None:
            raise BadInput("--backends and --device go with --capabilities; the list itself is of all there is.")
        if try_devices:
            progress("backends", "importing, each in a process of its own")
        report = tools.list_(devices=try_devices)
    publish(report, json)


@commands.command("show", short_help="Every unit: shape, stride, rate, parameters, MACs.")
@options.architecture
@options.size
@options.architecture_options
@click.option("--end-points", is_flag=True, help="Also what is inside the units.")
@click.option("--toml", metavar="FILE", help="Write ARCH as a file to edit; - is stdout.")
@click.option("--force", is_flag=True, help="Replace the file of --toml if it is there.")
@options.json_file
def show_command(
    arch: str,
    size: tuple[int, int] | None,
    architecture_options: dict[str, Any],
    end_points: bool,
    toml: str | None,
    force: bool,
    json: str | None,
) -> None:
    """Every unit: output shape, stride, rate, receptive field, parameters, MACs. Needs no framework."""
    check_json(json)
    check_output("--toml", toml, json, force)
    report = tools.show(arch, size=size, **architecture_options)
    if "-" not in (json, toml):
        out.print(report.table(end_points))
    write_json(toml, report.to_toml)
    write_json(json, report.to_json)


@commands.command("compare", short_help="How two designs differ, field by field, unit by unit.")
@options.argument("first", metavar="ARCH", help="An architecture, or a .toml file with your own.")
@options.argument("second", metavar="ARCH", help="What it is compared with.")
@options.size
@options.architecture_options
@options.json_file
def compare_command(
    first: str, second: str, size: tuple[int, int] | None, architecture_options: dict[str, Any], json: str | None
) -> int:
    """How two designs differ, field by field and unit by unit. Needs no framework.

    Options are of both; the size is the first's own if none is given. Exit status: 0 they are the same function at
    inference, 1 they are not, 2 the request is bad.
    """
    check_json(json)
    report = tools.compare(first, second, size=size, **architecture_options)
    publish(report, json)
    return report.exit_status
