"""Text that others chose, wherever it is printed: as it is, but for what cannot be seen or moves what can."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress import Progress
from rich.text import Text

from isomorph.spec import architecture
from isomorph.tools import cli
from isomorph.tools.benching.figures import house_style, new_figure, render
from isomorph.tools.checkpoints.safetensors_file import write_safetensors
from isomorph.tools.commands import console
from isomorph.tools.commands.bars import PlainColumn
from isomorph.tools.tables import PlainConsole, Report, facts_table, plain_table, printable, remark

from ..command import COMMAND, environment
from ..tensors import plain

R20 = "cifar/resnet20"

TEXTS = {
    "an emoji's name": ("a:100:b", "a:100:b"),
    "markup": ("a[bold]b[/bold]", "a[bold]b[/bold]"),
    "markup that closes nothing": ("a[/]b", "a[/]b"),
    "a link": ("[link=http://x]b", "[link=http://x]b"),
    "a quoted byte string": (repr(b"root:x:0"), "b'root:x:0'"),
    "letters of any language": ("æ日本é", "æ日本é"),
    "quotes and backslashes": ("a'b\"c\\d", "a'b\"c\\d"),
    "a new colour": ("a\x1b[31mb", "a\\x1b[31mb"),
    "a window's title": ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
    "an escape of one byte": ("a\x9b31mb", "a\\x9b31mb"),
    "a newline": ("a\nb", "a\\nb"),
    "a carriage return": ("a\rb", "a\\rb"),
    "a backspace": ("a\bb", "a\\x08b"),
    "a tab": ("a\tb", "a\\tb"),
    "another direction": ("a\u202eb", "a\\u202eb"),
    "nothing that is seen": ("a\u200bb", "a\\u200bb"),
    "a line separator": ("a\u2028b", "a\\u2028b"),
    "bytes that are no UTF-8": (os.fsdecode(b"\xe6.pth"), "\\xe6.pth"),
    "half a character": ("a\ud800b", "a\\ud800b"),
}


@dataclass(frozen=True)
class Told(Report):
    """A report of one text, in all the ways in which reports hold it."""

    text: str

    def table(self) -> RenderableType:
        table = plain_table("heading", right=("heading",))
        table.add_row(self.text)
        facts = facts_table([("fact", self.text), ("none", None)])
        return Group(table, facts, remark("who", "bold", f": {self.text}"), Text(printable(self.text)))

    def to_json(self) -> str:
        return json.dumps(self.text)


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_text_is_printable(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert printable(expected) == expected


def lines(text: str, expected: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if expected in line]


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_a_report_holds_text_as_it_is(text: str, expected: str) -> None:
    assert lines(str(Told(text)), expected) == [
        expected,
        f"fact  {expected}",
        f"who: {expected}",
        expected,
    ]


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_a_console_of_anybodys_shows_it_as_it_is(text: str, expected: str) -> None:
    """One that knows markup and emoji, such as a notebook's."""
    console = Console(file=io.StringIO(), width=80)
    console.print(Told(text))
    assert isinstance(console.file, io.StringIO)
    assert len(lines(console.file.getvalue(), expected)) == 4


@pytest.mark.parametrize("nested", [str, Text, Panel], ids=lambda kind: f"as {kind.__name__}")
@pytest.mark.parametrize("text", ["a:100:b", "a[bold]b", "a\x1b[31mb", "a\u202eb"], ids=repr)
def test_a_console_escapes_what_its_caller_did_not(nested: type, text: str) -> None:
    console = PlainConsole(file=io.StringIO(), width=80, highlight=False)
    console.print(nested(text))
    assert isinstance(console.file, io.StringIO)
    assert printable(text) in console.file.getvalue()


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param("a  b", "a  b\n", id="blanks within a line stay"),
        pytest.param("a  ", "a\n", id="blanks at its end go"),
        pytest.param(Text("a \n  \n b"), "a\n\n b\n", id="so do those of each of several lines"),
        pytest.param(Text("a  ", style="bold"), "a\n", id="and those of another style"),
        pytest.param(facts_table([("one", "x"), ("three", "z")]), "one    x\nthree  z\n", id="and those of a table"),
    ],
)
def test_no_line_ends_in_blanks(shown: RenderableType, expected: str) -> None:
    console = PlainConsole(file=io.StringIO(), width=20, highlight=False)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == expected


@pytest.mark.parametrize(
    ("is_terminal", "lines"),
    [(True, ["isomorph: There is no", "such file."]), (False, ["isomorph: There is no such file."])],
    ids=["between words on a terminal", "not in a pipe, where it is searched"],
)
def test_a_sentence_is_wrapped(is_terminal: bool, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    err = PlainConsole(file=io.StringIO(), width=24, force_terminal=is_terminal, color_system=None)
    monkeypatch.setattr(console, "err", err)
    console.say("There is no such file.")
    assert isinstance(err.file, io.StringIO)
    assert err.file.getvalue().splitlines() == lines


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_progress_is_shown_as_it_is(text: str, expected: str) -> None:
    with Progress(PlainColumn("{task.description}"), disable=True) as bar:
        bar.add_task(text)
        (task,) = bar.tasks
        column = PlainColumn("reading {task.description}").render(task)
    assert (column.plain, column.spans) == (f"reading {expected}", [])


@pytest.mark.parametrize("name", ["$x^{$", "mine/$\\undefined$"])
def test_a_plots_title_is_no_formula(name: str) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib to draw")
    with house_style():
        figure = new_figure(1)
        figure.suptitle(name)
        assert b"<svg" in render(figure, "svg")


# Through the command line: every place in which a file's name, a tensor's, a label or an option is said.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints, all of it, unfolded."""
    with pytest.raises(SystemExit), patch.object(sys, "argv", ["isomorph", *arguments]):
        cli.main()
    return "".join(capsys.readouterr()).replace("\n", "").replace(" ", "")


NAMES = {
    "an emoji's name": TEXTS["an emoji's name"],
    "markup": ("a[b]c", "a[b]c"),
    "an escape, a newline and another direction": ("a\x1b[31m\n\u202eb", r"a\x1b[31m\n\u202eb"),
    "bytes that are no UTF-8": TEXTS["bytes that are no UTF-8"],
}

COMMANDS = {
    "of a file that is inspected": ("inspect", "NAME"),
    "of files that are the same": ("diff", "NAME", "NAME"),
    "of what is converted": ("convert", "NAME", "y.safetensors"),
    "of what is written": ("convert", "net.safetensors", "NAME", "--format", "safetensors"),
    "of a file that is refused": ("inspect", "--arch", "slim/resnet_v1_50", "NAME"),
    "of a file that is not there": ("inspect", "NAME.pth"),
    "of a network that is not there": ("show", "NAME.toml"),
    "of an option's value": ("check", R20, "--images", "NAME.png"),
    "of a command": ("NAME",),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES)
def test_the_name(
    command: tuple[str, ...], name: str, shown: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_safetensors("net.safetensors", plain(architecture(R20)), {})
    if command[0] not in ("convert",) or command[1] == "NAME":
        Path("net.safetensors").rename(name)
    output = said(capsys, *(word.replace("NAME", name) for word in command))
    assert shown in output
    assert printable(output) == output


def test_names_in_a_check_and_in_predictions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_safetensors("net:100:\x1b\n.x", plain(architecture(R20)), {})
    Image.new("RGB", (32, 32), "teal").save("photo:100:\x1b\n.png")
    Path("labels").write_text("\n".join(f"class:100:[b]{index}" for index in range(10)))
    oracle = ("--backends", "oracle")
    checked = said(capsys, "check", "net:100:\x1b\n.x", *oracle, "--images", "photo:100:\x1b\n.png")
    predicted = said(capsys, "predict", "net:100:\x1b\n.x", "photo:100:\x1b\n.png", *oracle, "--labels", "labels")
    for output in (checked, predicted):
        assert r"net:100:\x1b\n.x" in output
        assert r"photo:100:\x1b\n.png" in output
    assert "class:100:[b]" in predicted


def test_tensors_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_safetensors("net", {"logits/biases:100:[b]\x1b\n": np.ones(10)}, {})
    assert r"logits/biases:100:[b]\x1b\n" in said(capsys, "inspect", "net", "--tensors")


@pytest.mark.parametrize(("option", "shown"), [("--fo\x1bo", r"--fo\x1bo"), ("--:100:", "--:100:")])
def test_a_wrong_option(option: str, shown: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = said(capsys, "check", R20, option)
    assert shown in output
    assert printable(output) == output


ENCODINGS = {
    "of UTF-8": ({"LC_ALL": "C.UTF-8"}, "æ", r"\xe6"),
    "of the C locale": ({"LC_ALL": "C"}, "æ", r"\xe6"),
    "of ASCII alone": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, r"\xc3\xa6", r"\xe6"),
    "that is written in ASCII": ({"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "ascii"}, r"\xe6", r"\xe6"),
}


@pytest.mark.parametrize(("variables", "letter", "byte"), ENCODINGS.values(), ids=ENCODINGS)
def test_names_in_a_terminal(variables: dict[str, str], letter: str, byte: str, folder: Path) -> None:
    write_safetensors("net", plain(architecture(R20)), {})
    names = [b"\xc3\xa6-1", b"\xe6-2"]
    for name in names:
        os.link(b"net", name)

    def run(*arguments: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*COMMAND, *arguments], env=environment(**variables), capture_output=True, check=False)

    done = run(b"diff", *names, b"--json", b"report.json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"{letter}-1: " in done.stdout.decode()
    assert f"{byte}-2: " in done.stdout.decode()
    report = json.loads(Path("report.json").read_text(encoding="ascii"))
    encoding = "ascii" if "PYTHONUTF8" in variables else "utf-8"
    assert [report[side].encode(encoding, "surrogateescape") for side in ("first", "second")] == names
    absent = run(b"inspect", b"\xc3\xa6\xe6")
    assert absent.stderr.decode().startswith(f"isomorph: {letter}{byte}: there is no such file")
