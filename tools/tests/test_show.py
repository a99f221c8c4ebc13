"""`isomorph list`, `show` and help: what they print, which needs no framework and 80 columns."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from isomorph.backends import registered
from isomorph.spec import architecture, architectures, infer
from isomorph.tools import show

from .command import answered, environment, isomorph, left

pytestmark = pytest.mark.usefixtures("empty_folder")

Install = Callable[[str], str]

FRAMEWORKS = ("torch", "tensorflow", "keras", "paddle", "jax")


# Help.


@pytest.mark.parametrize("command", ["list", "show", "check", "run", "predict"])
def test_help_of(command: str) -> None:
    said = answered(command, "--help")
    assert said.startswith(f"Usage: isomorph {command} ")
    assert max(map(len, said.splitlines())) <= 80


def test_help_lists_every_command_with_a_whole_sentence() -> None:
    commands = answered("--help").partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in commands] == ["list", "show", "check", "run", "predict"]
    assert [line for line in commands if line.endswith("...") or len(line) > 80] == []


def test_version() -> None:
    assert answered("--version").startswith("isomorph ")


def test_no_command_shows_the_help() -> None:
    done = isomorph()
    assert done.returncode == 2
    assert "Usage: isomorph " in done.stdout + done.stderr


# list


def test_list_shows_architectures_and_backends_and_why_one_cannot_be_used(install: Install) -> None:
    name = install("misbehaving:abort@import")
    said = answered("list", "--json", "x.json")
    assert [architecture for architecture in architectures() if architecture not in said] == []
    assert [backend for backend in registered() if f"\n{backend} " not in said] == []
    assert max(map(len, said.splitlines())) <= 80
    document = json.loads(Path("x.json").read_text())
    assert [own for names in document["architectures"].values() for own in names] == list(architectures())
    rows = {row["name"]: row for row in document["backends"]}
    assert list(rows) == list(registered())
    assert (rows["oracle"]["devices"], rows["oracle"]["reason"]) == (["cpu"], "")
    assert (rows[name]["version"], rows[name]["devices"]) == (None, [])
    assert rows[name]["reason"].startswith("starting, the process was ended by SIGABRT")


# show

RESNET_20 = """\
cifar/resnet20  32x32, He et al. (2015), section 4.2, for CIFAR-10

unit             output  stride  rate  sees  parameters   MACs
conv1          32x32x16       1     1     3         464  0.4 M
block1/unit_1  32x32x16       1     1     7       4,672  4.7 M
block1/unit_2  32x32x16       1     1    11       4,672  4.7 M
block1/unit_3  32x32x16       1     1    15       4,672  4.7 M
block2/unit_1  16x16x32       2     1    21      13,952  3.5 M
block2/unit_2  16x16x32       2     1    29      18,560  4.7 M
block2/unit_3  16x16x32       2     1    37      18,560  4.7 M
block3/unit_1    8x8x64       4     1    49      55,552  3.5 M
block3/unit_2    8x8x64       4     1    65      73,984  4.7 M
block3/unit_3    8x8x64       4     1    81      73,984  4.7 M
global_pool      1x1x64       4     1   all           -      -
logits           1x1x10       4     1   all         650  0.0 M
predictions      1x1x10       4     1   all           -      -

269,722 parameters, 1,376 running statistics,
40,551,040 multiply-accumulates (MACs) for one image
"""


def test_show_prints() -> None:
    assert answered("show", "cifar/resnet20") == RESNET_20


def test_show_takes_the_options_of_an_architecture() -> None:
    options = ("--input", "65x97", "--num-classes", "none", "--no-global-pool", "--output-stride", "8")
    document = json.loads(answered("show", "slim/resnet_v1_50", *options, "--json", "-"))
    network = architecture("slim/resnet_v1_50", num_classes=None, global_pool=False, output_stride=8)
    expected = infer(network, 65, 97)
    assert [row["name"] for row in document["end_points"]] == [row.name for row in expected.end_points]
    assert document["end_points"][-1]["shape"] == [None, 9, 13, 2048]
    assert (document["macs"], document["input"]) == (expected.macs, [65, 97])


def test_show_writes_its_json_beside_the_table() -> None:
    assert answered("show", "cifar/resnet20", "--json", "x.json") == RESNET_20
    document = json.loads(Path("x.json").read_text())
    assert (document["architecture"], document["parameters"]) == ("cifar/resnet20", 271_098)
    assert left() == ["x.json"]


@pytest.mark.parametrize("inside", [False, True], ids=["units", "what is inside the units"])
@pytest.mark.parametrize("name", architectures())
def test_show_fits_80_columns(name: str, inside: bool) -> None:
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(show(name).table(inside))
    assert [line for line in captured.get().splitlines() if len(line.rstrip()) > 80] == []


def test_show_needs_no_framework() -> None:
    """Nor does it import one: each is made to fail here."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({FRAMEWORKS!r}))"
    script = f"{blocked}; from isomorph.tools.cli import main; sys.argv[1:] = ['show', 'cifar/resnet20']; main()"
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == (RESNET_20, "", 0)
