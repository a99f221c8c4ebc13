"""What people type by habit: -h, -q, -v, --json -, one number for a square, cuda for a GPU, TAB."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from isomorph.spec import architecture, architectures
from isomorph.tools import compare, list_, show
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.cli import MODULES
from isomorph.tools.commands.options import read_device
from isomorph.tools.commands.progress import StepLog
from isomorph.tools.tables import Report

from ..command import COMMAND, answered, answered_here, environment, isomorph, refused, refused_here
from ..tensors import of_zoo

R20 = "cifar/resnet20"
ORACLE = ("--backends", "oracle")


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of ResNet-20 in the folder in which commands run."""
    monkeypatch.chdir(tmp_path)
    write_safetensors(tmp_path / "a.safetensors", of_zoo(architecture(R20)), {})
    return "a.safetensors"


@pytest.mark.parametrize("arguments", [(), *((command,) for command in MODULES), ("conformance", "run")], ids=" ".join)
def test_h_is_help(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    said = answered_here(capsys, *arguments, "-h")
    assert said == answered_here(capsys, *arguments, "--help")
    assert said.startswith(f"Usage: {' '.join(('isomorph', *arguments))} [OPTIONS]")


@pytest.mark.parametrize("command", [command for command in MODULES if command != "conformance"])
def test_every_command_is_quiet_or_verbose(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = answered_here(capsys, command, "--help")
    assert "-q, --quiet" in said
    assert "-v, --verbose" in said


def test_quiet_leaves_the_exit_status() -> None:
    assert answered("compare", R20, R20, "--quiet") == ""
    done = isomorph("compare", R20, "cifar/resnet32", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_quiet_says_what_is_wrong() -> None:
    assert refused("show", "cifar/resnet21", "-q").startswith(
        "There is no architecture 'cifar/resnet21', nor such a file; did you mean"
    )


def test_quiet_remarks_nothing() -> None:
    remarked = ("show", "slim/resnet_v2_50", "-o", "bottleneck_stride=conv1")
    assert "does nothing" in isomorph(*remarked).stderr
    assert isomorph(*remarked, "-q").stderr == ""


def test_quiet_and_verbose_contradict_each_other() -> None:
    done = isomorph("show", R20, "-q", "-v")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "Error: --quiet and --verbose contradict each other; give one of them."


def test_verbose_says_each_step_and_its_seconds() -> None:
    done = isomorph("check", R20, *ORACLE, "-v")
    assert done.returncode == 0
    assert done.stdout == answered("check", R20, *ORACLE)
    lines = done.stderr.splitlines()
    assert all(re.fullmatch(r" *\d+\.\d\d s  oracle +\S.*", line) for line in lines), done.stderr
    assert [line for line in lines if "building in float32" in line]


def test_verbose_says_each_test_of_the_suite_and_its_seconds() -> None:
    done = isomorph("conformance", "run", *ORACLE, "--only", "max_pool and float64 and odd", "--jobs", "1", "-v")
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) > 2
    for line in lines:
        assert re.fullmatch(r" *\d+\.\d\d s  oracle +passed  test_slim\.py::test_a_max_pool_of\[.*float64.*\]", line)


def test_verbose_says_where_an_error_arose() -> None:
    done = isomorph("show", "cifar/resnet21", "-v")
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("isomorph: There is no architecture 'cifar/resnet21'")
    assert done.returncode == 2


def test_steps_that_differ_in_numbers_are_one(capsys: pytest.CaptureFixture[str]) -> None:
    log = StepLog()
    for who, step in (("a", "1 of 2"), ("b", "builds"), ("a", "2 of 2"), ("a", "done"), ("b", "runs")):
        log(who, step)
    log.end()
    said = [line.split(" s  ")[1].split() for line in capsys.readouterr().err.splitlines()]
    assert said == [["a", "1", "of", "2"], ["b", "builds"], ["b", "runs"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("show", R20),
        ("compare", R20, R20),
        ("check", R20, *ORACLE),
        ("inspect", "a.safetensors"),
        ("diff", "a.safetensors", "a.safetensors"),
        ("convert", "a.safetensors", "b.pth"),
        ("run", R20, "--backend", "oracle", "--out", "y.npz"),
        ("fetch", "--list"),
        ("conformance", "faults", "--list"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_json_on_stdout_stands_alone(
    arguments: tuple[str, ...], checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(answered_here(capsys, *arguments, "--json", "-"))
    again = ["--force"] if "b.pth" in arguments else []
    assert json.loads(answered_here(capsys, *arguments, *again, "-q", "--json", "-"))


def test_one_number_is_a_square(capsys: pytest.CaptureFixture[str]) -> None:
    assert answered_here(capsys, "show", R20, "--input", "64") == answered_here(capsys, "show", R20, "--input", "64x64")


@pytest.mark.parametrize(
    ("text", "device", "seen"),
    [("cuda", "gpu", None), ("gpu", "gpu", None), ("cuda:1", "gpu", "1"), ("gpu:0", "gpu", "0"), ("cpu", "cpu", None)],
)
def test_cuda_is_a_gpu_and_a_number_one_of_several(
    text: str, device: str, seen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # so that what is set is undone
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert read_device(text) == device
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == seen


def test_a_device_whose_number_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused_here(capsys, "check", R20, "--device", "cuda:x").startswith(
        "--device cuda:x is not a device; expected"
    )


def test_python_m_isomorph_is_the_command() -> None:
    assert COMMAND[-2:] == ["-m", "isomorph"]
    door = Path(sys.executable).with_name("isomorph")
    done = subprocess.run([door, "--version"], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == answered("--version")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("isomorph comp", {"compare"}),
        ("isomorph check --tra", {"--training"}),
        ("isomorph show d2l/", {"d2l/resnet18"}),
    ],
)
def test_tab_completes(words: str, completed: set[str]) -> None:
    more = {"_ISOMORPH_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(COMMAND, env=environment(**more), capture_output=True, text=True, check=True)
    assert {line.partition(",")[2] for line in done.stdout.splitlines() if line.startswith("plain,")} == completed


@pytest.mark.parametrize(
    ("shell", "written"),
    [
        ("bash", ".local/share/bash-completion/completions/isomorph"),
        ("zsh", ".zfunc/_isomorph"),
        ("fish", ".config/fish/completions/isomorph.fish"),
    ],
)
def test_completion_is_installed_where_the_shell_looks(shell: str, written: str, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    shown = answered("--show-completion", shell, **home)
    assert "_ISOMORPH_COMPLETE" in shown
    assert list(tmp_path.iterdir()) == []
    for _ in range(2):
        assert answered("--install-completion", **home, SHELL=f"/bin/{shell}").startswith(str(tmp_path / written))
    assert (tmp_path / written).read_text() == shown.removesuffix("\n")
    if shell == "zsh":
        assert (tmp_path / ".zshrc").read_text().count("compinit") == 2


def test_a_shell_that_there_is_nothing_for_is_refused(tmp_path: Path) -> None:
    sentence = refused("--install-completion", HOME=str(tmp_path), SHELL="/bin/tcsh")
    assert sentence == "There is no completion for the shell 'tcsh'; name one of bash, zsh, fish."


@pytest.mark.parametrize("name", ["resnet50", "ResNet50", "resnet_50"])
def test_a_name_without_its_zoo_is_answered_with_every_zoos(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refused_here(capsys, "show", name)
    alike = [full for full in architectures() if re.fullmatch(r"\w+/resnet-?50", full, re.IGNORECASE)]
    assert "torchvision/resnet50" in alike
    assert all(f" {full}" in sentence for full in alike), sentence


@pytest.mark.parametrize(
    "report", [list_(), show(R20), compare(R20, "cifar/resnet32")], ids=["list", "show", "compare"]
)
def test_a_notebook_shows_a_report_as_a_table(report: Report) -> None:
    html = report._repr_html_()
    assert html.startswith("<pre style=")
    assert "resnet20" in html


def test_what_a_notebook_shows_is_escaped() -> None:
    html = show(R20)._repr_html_() + architecture(R20)._repr_html_()
    assert set(re.findall(r"<(\w+)", html)) == {"pre", "span", "table", "caption", "tr", "th", "td"}
    named = architecture(R20)
    assert "&lt;b&gt;" in type(named)("mine/<b>", named.stem, named.blocks)._repr_html_()
