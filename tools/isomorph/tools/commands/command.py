"""What all commands have: arguments that say what they are, `-h`, `-q` and `-v`."""

from typing import Any

import click

from isomorph.tools.commands.console import set_verbosity
from isomorph.tools.commands.remarks import shown_remarks
from isomorph.tools.commands.signals import Interrupted


class Argument(click.Argument):
    """An argument that `--help` describes as it does options."""

    def __init__(self, declarations: list[str], help: str, **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.says = help


class Command(click.Command):
    """A command whose function returns its exit status, 0 where it returns nothing.

    kept: what is left of its work when it is interrupted, as the end of a sentence.
    """

    def __init__(self, *arguments: Any, kept: str = "nothing was written", **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.kept = kept
        self.params += [
            click.Option(["-q", "--quiet"], is_flag=True, help="Print nothing but errors; the exit status tells."),
            click.Option(
                ["-v", "--verbose"], is_flag=True, help="Print each step and its seconds, and where an error arose."
            ),
        ]

    def invoke(self, ctx: click.Context) -> int:
        """Run the command's function, saying as much as `-q` and `-v` ask for; returns the exit status."""
        quiet, verbose = ctx.params.pop("quiet"), ctx.params.pop("verbose")
        if quiet and verbose:
            raise click.UsageError("--quiet and --verbose contradict each other; give one of them.", ctx)
        set_verbosity(quiet, verbose)
        try:
            with shown_remarks():
                return super().invoke(ctx) or 0
        except KeyboardInterrupt:
            raise Interrupted(self.kept) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the arguments are, and then the options."""
        arguments = [
            (parameter.human_readable_name, parameter.says)
            for parameter in self.get_params(ctx)
            if isinstance(parameter, Argument)
        ]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        super().format_options(ctx, formatter)


class Group(click.Group):
    """Commands that stand in one module."""

    command_class = Command
