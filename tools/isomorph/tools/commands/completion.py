"""Completion of commands, options and architectures' names in the user's shell."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from isomorph.spec import BadInput
from isomorph.tools.writing import write_text

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_ISOMORPH_COMPLETE"
"""The variable by which the shell's script has Click complete a line instead of running it."""

ZSHRC = "fpath+=~/.zfunc; autoload -Uz compinit; compinit  # isomorph's completion\n"


def find_shell(named: str) -> str:
    """The shell that is named, or that the user has."""
    return named or Path(os.environ.get("SHELL", "")).name


def script(command: click.Command, shell: str) -> str:
    """The script that a shell has to read. Raises BadInput for a shell that there is none for."""
    name = find_shell(shell)
    completion = get_completion_class(name) if name in SHELLS else None
    if completion is None:
        raise BadInput(f"There is no completion for the shell {name!r}; name one of {', '.join(SHELLS)}.")
    return completion(command, {}, "isomorph", VARIABLE).source()


def install(command: click.Command, shell: str) -> str:
    """Put the script where new shells find it; returns what was done, as a sentence.

    bash reads it by way of the package bash-completion. Raises BadInput where a file cannot be written.
    """
    name = find_shell(shell)
    text = script(command, name)
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    path = {
        "bash": data / "bash-completion/completions/isomorph",
        "zsh": home / ".zfunc/_isomorph",
        "fish": config / "fish/completions/isomorph.fish",
    }[name]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadInput(f"{path} cannot be written: {problem.strerror}.") from None
    write_text(str(path), text)
    if name == "zsh":
        _add_line(home / ".zshrc", ZSHRC)
    return f"{path} is written; new shells of {name} complete isomorph's commands."


def _add_line(path: Path, line: str) -> None:
    """Append a line to a file that may not be there, unless it is in it already."""
    try:
        text = path.read_bytes() if path.exists() else b""
        if line.encode() not in text:
            with path.open("ab") as file:  # not by rename: it may be a link to where its owner keeps it
                file.write(line.encode() if text.endswith(b"\n") or not text else b"\n" + line.encode())
    except OSError as problem:
        raise BadInput(f"{path} cannot be written: {problem.strerror}.") from None
