"""Commands that certify backends, and that test the tests: `isomorph conformance ...`."""

from typing import Annotated

import typer

from isomorph.backends.process import TIMEOUT
from isomorph.tools import options as given
from isomorph.tools.commands.app import check_json, out, show_progress, write_json
from isomorph.tools.faults import faults, list_faults

commands = typer.Typer()
conformance = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
commands.add_typer(conformance, name="conformance", help="Certify a backend; test the tests.")


@conformance.command("faults", short_help="Plant known porting mistakes; which tier catches which, and where.")
def faults_command(
    backends: given.Backends = None,
    device: given.Device = "auto",
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="NAME", help="Plant this one alone; may be repeated.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the faults and their sources, and plant none.")] = False,
    timeout: given.Timeout = TIMEOUT,
    json: given.Json = None,
) -> None:
    """Plant known porting mistakes in every backend: which tier catches which, and whether at its place.

    Exit status: 0 all are caught at their place, 1 one is not, 2 the request is bad, 3 undecided.
    """
    check_json(json)
    if list_:
        catalogue = list_faults(fault)
        if json != "-":
            out.print(catalogue)
        write_json(json, catalogue.to_json())
        return
    with show_progress() as progress:
        report = faults(fault, backends=given.read_names(backends), device=device, timeout=timeout, progress=progress)
    if json != "-":
        out.print(report)
    write_json(json, report.to_json())
    raise typer.Exit(report.exit_status)
