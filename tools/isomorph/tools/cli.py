"""The command line: `isomorph COMMAND`, thin skins over the functions of `isomorph.tools`.

Exit status: 0 all agree or done, 1 the networks disagree, 2 the request or the input is bad, 3 undecided (a backend
crashed or ran out of time, memory or disk, or stdout cannot be written), 130 interrupted, 143 ended by SIGTERM, 141 by
who read its report.
"""

import io
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

import click

from isomorph.tools.commands.signals import Interrupted, ended_in_order
from isomorph.tools.commands.streams import OutputFailed, ReaderGone, give_up_stdout, guard_streams

MODULES = {
    "list": "networks",
    "show": "networks",
    "compare": "networks",
    "check": "backends",
    "diagnose": "models",
    "map": "models",
    "run": "backends",
    "predict": "backends",
    "bench": "bench",
    "inspect": "checkpoints",
    "diff": "checkpoints",
    "convert": "checkpoints",
    "fetch": "checkpoints",
    "conformance": "conformance",
}
"""A command -> the module of `isomorph.tools.commands` that has it, in the order in which `--help` lists them."""


THIS_SHELL = "this"
"""Stands for the shell that the user has, where none is named."""


class Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of `--help`."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a name, or None."""
        if name not in MODULES:
            return None
        module = import_module(f"isomorph.tools.commands.{MODULES[name]}")
        command: click.Command = module.commands.commands[name]
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command that is asked for. Raises UsageError, with the nearest names, where there is none."""
        if args[0] not in MODULES and not args[0].startswith("-"):
            from isomorph.spec.errors import did_you_mean  # noqa: PLC0415 - of no use where all goes well

            hint = did_you_mean(args[0], MODULES, f"there are {', '.join(MODULES)}.")
            ctx.fail(f"No such command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - it takes as long as all else

        click.echo(f"isomorph {version('isomorph')}")
        ctx.exit()


def _complete(ctx: click.Context, option: click.Parameter, shell: str | None) -> None:
    if shell is not None:
        from isomorph.tools.commands import completion  # noqa: PLC0415 - nobody needs it twice

        wanted = "" if shell == THIS_SHELL else shell
        click.echo(completion.install(app, wanted) if "install" in option.opts[0] else completion.script(app, wanted))
        ctx.exit()


def _completion_option(name: str, help: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """An option that takes a shell's name, or none, and ends the command."""
    settings: dict[str, Any] = {"is_flag": False, "flag_value": THIS_SHELL, "is_eager": True, "expose_value": False}
    return click.option(name, metavar="[SHELL]", callback=_complete, help=help, **settings)


@click.group(
    cls=Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
@_completion_option("--install-completion", "Have the shell complete commands, options and names of architectures.")
@_completion_option("--show-completion", "Print what --install-completion would write.")
def app() -> None:
    """One specification of a network, the same numbers in every framework, and the reason when they differ."""


def main() -> NoReturn:
    """Run a command; whatever is wrong with the request or the input is one sentence on stderr and status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what its encoding lacks is still said
    try:
        guard_streams()
        with ended_in_order():
            status = _run()
            sys.stdout.flush()
    except ReaderGone:
        give_up_stdout()
        status = 128 + signal.SIGPIPE  # as of a command that the signal ends
    except OutputFailed as error:
        give_up_stdout()
        sys.stderr.write(f"isomorph: {error}\n")
        status = 3
    sys.exit(status)


def _run() -> Any:
    """Run a command; returns its exit status."""
    try:
        return app.main(prog_name="isomorph", standalone_mode=False)
    except SystemExit as ended:
        return ended.code
    except OutputFailed:
        raise
    except click.ClickException as error:
        return _show_usage(error)
    except Interrupted as interrupt:
        return _say_interrupted(f": {interrupt}")
    except (KeyboardInterrupt, click.Abort):
        return _say_interrupted()
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Python 3.11 wraps what is raised while a class is made
            return _say_interrupted()
        from isomorph.tools.commands.failures import report_failure  # noqa: PLC0415 - as above

        return report_failure(error)


def _say_interrupted(kept: str = "") -> int:
    sys.stderr.write(f"interrupted{kept}\n")
    return 130


def _in_our_words(error: click.NoSuchOption) -> click.UsageError:
    """Return the refusal of an option, whose nearest names are said as those of everything else: Click quotes them."""
    from isomorph.spec.errors import did_you_mean  # noqa: PLC0415 - as above

    hint = did_you_mean(error.option_name, error.possibilities or (), "--help lists all.")
    return click.UsageError(f"No such option {error.option_name!r}; {hint}", error.ctx)


def _show_usage(error: click.ClickException) -> int:
    """Print how a command is used, and what was wrong; returns the exit status."""
    from isomorph.tools.commands.console import plain  # noqa: PLC0415 - as above

    if isinstance(error, click.NoSuchOption):
        error = _in_our_words(error)
    shown = io.StringIO()
    error.show(shown)
    sys.stderr.write("\n".join(map(plain, shown.getvalue().split("\n"))))
    return error.exit_code


if __name__ == "__main__":
    main()
