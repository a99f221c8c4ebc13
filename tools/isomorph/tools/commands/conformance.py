"""Commands that certify backends, and that test the tests: `isomorph conformance run` and `faults`."""

from typing import Any

import click

from isomorph import tools
from isomorph.backends.timeouts import SUITE_TIMEOUT
from isomorph.spec import BadInput
from isomorph.tools.commands import options
from isomorph.tools.commands.command import Group
from isomorph.tools.commands.progress import show_progress
from isomorph.tools.commands.reports import check_json, publish
from isomorph.tools.commands.suite_progress import log_result, show_suite_progress
from isomorph.tools.writing import write_text

commands = Group()
conformance = Group("conformance", help="Certify backends; test the tests.")
commands.add_command(conformance)


@conformance.command("run", short_help="Certify backends: the whole suite, in each of them.")
@options.names_option(
    "--backends",
    "--backend",
    "backends",
    metavar="A,B",
    help="Default: the oracle and all of our own that are installed.",
)
@options.device
@click.option(
    "--jobs",
    type=int,
    metavar="N",
    help="Tests at a time; default: two of a hundred or more, where cores and memory allow.",
)
@click.option("--every-network", is_flag=True, help="Also those that others stand for: half an hour more.")
@click.option("--only", metavar="EXPRESSION", help="Words of tests' names: 'max_pool and not float64'.")
@click.option("--expected-failures", metavar="FILE", help="TOML: a table for each backend of test ids and reasons.")
@click.option("--junit", metavar="FILE.xml", help="Write the results there too, as JUnit XML.")
@options.json_file
@click.option("--timeout", type=float, default=SUITE_TIMEOUT, metavar="SECONDS", help="Limit of one call to a backend.")
def run_command(
    backends: list[str] | None, expected_failures: str | None, junit: str | None, json: str | None, **settings: Any
) -> int:
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
        report = tools.certify(
            backends, expected_failures=expected_failures, progress=progress, ended=log_result, **settings
        )
    publish(report, json)
    if junit is not None:
        write_text(junit, tools.to_junit(report))
    return report.exit_status


@conformance.command("faults", short_help="Plant known porting mistakes; which tier catches which, and where.")
@options.backends
@options.device
@click.option("--fault", "names", multiple=True, metavar="NAME", help="Plant this one alone; may be repeated.")
@click.option("--list", "only_list", is_flag=True, help="Show the faults and their sources, and plant none.")
@click.option("--diagnose", is_flag=True, help="Trace each native object, and see whether a diagnosis names the fault.")
@options.timeout
@options.json_file
def faults_command(names: tuple[str, ...], only_list: bool, diagnose: bool, json: str | None, **settings: Any) -> int:
    """Plant known porting mistakes in every backend: which tier catches which, and whether at its place.

    A mistake of training changes no answer: tiers of inference have to miss it, and those of training to name it.

    With --diagnose those of inference alone are planted, and each native object is diagnosed as `isomorph diagnose`
    does a model of somebody's: is the fault named, at its place, and is anything else said?

    Exit status: 0 all are caught, or named, at their place, 1 one is not, 2 the request is bad, 3 undecided.
    """
    check_json(json)
    if only_list:
        publish(tools.list_faults(names or None), json)
        return 0
    with show_progress() as progress:
        report = (tools.diagnose_faults if diagnose else tools.faults)(names or None, progress=progress, **settings)
    publish(report, json)
    return report.exit_status
