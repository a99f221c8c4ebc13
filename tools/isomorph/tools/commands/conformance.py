"""Commands that certify backends, and that test the tests: `isomorph conformance run` and `faults`."""

from typing import Annotated

import typer

from isomorph.backends.process import TIMEOUT
from isomorph.spec import BadInput
from isomorph.tools import certify
from isomorph.tools.certifying.certify import CALL_TIMEOUT
from isomorph.tools.certifying.faults import faults, list_faults
from isomorph.tools.certifying.junit import to_junit
from isomorph.tools.commands import options as given
from isomorph.tools.commands.app import check_json, out, show_progress, write_json
from isomorph.tools.commands.suite_progress import show_suite_progress
from isomorph.tools.writing import write_text

commands = typer.Typer()
conformance = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
commands.add_typer(conformance, name="conformance", help="Certify backends; test the tests.")


@conformance.command("run", short_help="Certify backends: the whole suite, in each of them.")
def run_command(
    backends: Annotated[
        str | None,
        typer.Option(
            "--backends", "--backend", metavar="A,B", help="Default: the oracle and all of our own that are installed."
        ),
    ] = None,
    device: given.Device = "auto",
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", help="Tests at a time; default: two where cores and memory allow."),
    ] = None,
    every_network: Annotated[
        bool, typer.Option("--every-network", help="Also those that others stand for: half an hour more.")
    ] = False,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="EXPRESSION", help="Words of tests' names: 'max_pool and not float64'."),
    ] = None,
    expected_failures: Annotated[
        str | None,
        typer.Option(
            "--expected-failures", metavar="FILE", help="TOML: a table for each backend of test ids and reasons."
        ),
    ] = None,
    junit: Annotated[
        str | None, typer.Option("--junit", metavar="FILE.xml", help="Write the results there too, as JUnit XML.")
    ] = None,
    json: given.Json = None,
    timeout: given.Timeout = CALL_TIMEOUT,
) -> None:
    """Certify backends, one's own too, which a package offers through its entry points in the group isomorph.backends.

    Every test that asks a backend something is run in each of them: structure, end points in float64 and float32,
    integer lattices, output strides, build options, and other zoos' answers. A backend that crashes or hangs costs the
    test in which it does. Expected failures are strict: one that passes is a failure, and an id that matches no test is
    an error; `*` and `?` in an id stand for any text and for any character.

    Exit status: 0 certified, 1 a test failed, 2 the request is bad or a backend cannot be imported, 3 undecided: a
    backend crashed and nothing else failed, 130 interrupted, with a report of what was done. Needs pytest:
    pip install 'isomorph[conformance]'.
    """
    check_json(json, expected_failures)
    check_json(junit, expected_failures, option="--junit")
    if junit == "-" or (junit is not None and junit == json):
        raise BadInput(f"--junit {junit} cannot be written; give it a file of its own.")
    with show_suite_progress() as progress:
        report = certify(
            given.read_names(backends),
            device=device,
            jobs=jobs,
            every_network=every_network,
            only=only,
            expected_failures=expected_failures,
            timeout=timeout,
            progress=progress,
        )
    if json != "-":
        out.print(report)
    write_json(json, report.to_json())
    if junit is not None:
        write_text(junit, to_junit(report))
    raise typer.Exit(report.exit_status)


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

    A mistake of training changes no answer: tiers of inference have to miss it, and those of training to name it.

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
