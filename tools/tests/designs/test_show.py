"""`isomorph list`, `show` and help: what they print, which needs no framework and 80 columns."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from isomorph.backends import registered
from isomorph.spec import architecture, architectures, infer, plan, zoos
from isomorph.tools import list_, show

from ..command import answered, environment, isomorph, left, refused
from ..converted import of_cifar

pytestmark = pytest.mark.usefixtures("empty_folder")

Install = Callable[[str], str]

FRAMEWORKS = ("torch", "tensorflow", "keras", "paddle", "jax")


# Help.


@pytest.mark.parametrize(
    "command",
    [
        *("list", "show", "compare"),
        *("check", "diagnose", "map", "run", "predict", "bench"),
        *("inspect", "diff", "convert", "fetch"),
        "conformance",
    ],
)
def test_help_of(command: str) -> None:
    said = answered(command, "--help")
    assert said.startswith(f"Usage: isomorph {command} ")
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("command", ["compare", "check", "predict", "bench", "diff", "convert"])
def test_help_says_what_the_exit_statuses_of_a_command_mean(command: str) -> None:
    assert re.search(r"Exit status: 0 .*, 2 the request", " ".join(answered(command, "--help").split()))


def test_help_lists_every_command_with_a_whole_sentence() -> None:
    commands = answered("--help").partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in commands] == [
        *("list", "show", "compare"),
        *("check", "diagnose", "map", "run", "predict", "bench"),
        *("inspect", "diff", "convert", "fetch"),
        "conformance",
    ]
    assert [line for line in commands if line.endswith("...") or len(line) > 80] == []


def test_version() -> None:
    assert answered("--version").startswith("isomorph ")


def test_no_command_shows_the_help() -> None:
    done = isomorph()
    assert done.returncode == 2
    assert "Usage: isomorph " in done.stdout + done.stderr


# list


@pytest.mark.thorough
def test_list_shows_architectures_and_backends_and_why_one_cannot_be_used(install: Install) -> None:
    name = install("misbehaving:abort@import")
    said = answered("list", "--devices", "--json", "x.json")
    assert [architecture for architecture in architectures() if architecture not in said] == []
    assert [backend for backend in registered() if f"\n{backend} " not in said] == []
    assert max(map(len, said.splitlines())) <= 80
    headings = [f"{zoo.name}  {zoo.origin}" for zoo in zoos().values()]
    assert [heading for heading in headings if heading not in said.splitlines()] == []
    document = json.loads(Path("x.json").read_text())
    assert [own for names in document["architectures"].values() for own in names] == list(architectures())
    rows = {row["name"]: row for row in document["backends"]}
    assert list(rows) == list(registered())
    assert (rows["oracle"]["devices"], rows["oracle"]["reason"]) == (["cpu"], "")
    assert (rows[name]["version"], rows[name]["devices"]) == (None, [])
    assert rows[name]["reason"].startswith("starting, the process was ended by SIGABRT")
    installed = {backend.name: backend.version for backend in list_().backends}
    assert installed.pop(name), "a package that is there has a version, whether or not it can be imported"
    assert installed == {other: row["version"] for other, row in rows.items() if other != name}


# show

RESNET_20 = """\
cifar/resnet20  32x32, ResNets for CIFAR-10 (PyTorch)

unit             output  output stride  rate  sees  parameters   MACs
conv1          32x32x16              1     1     3         464  0.4 M
block1/unit_1  32x32x16              1     1     7       4,672  4.7 M
block1/unit_2  32x32x16              1     1    11       4,672  4.7 M
block1/unit_3  32x32x16              1     1    15       4,672  4.7 M
block2/unit_1  16x16x32              2     1    21      13,952  3.5 M
block2/unit_2  16x16x32              2     1    29      18,560  4.7 M
block2/unit_3  16x16x32              2     1    37      18,560  4.7 M
block3/unit_1    8x8x64              4     1    49      55,552  3.5 M
block3/unit_2    8x8x64              4     1    65      73,984  4.7 M
block3/unit_3    8x8x64              4     1    81      73,984  4.7 M
global_pool      1x1x64              4     1   all           -      -
logits           1x1x10              4     1   all         650  0.0 M
predictions      1x1x10              4     1   all           -      -

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


# What `rows` calls units: those of the specification, whatever their names look like.

LAST_UNITS = {
    "slim/resnet_v2_50": ["block4/unit_3/bottleneck_v2", "postnorm"],
    "keras/ResNet50V2": ["block4/unit_3/bottleneck_v2", "postnorm"],
    "keras/MobileNetV2": ["block7/unit_1/inverted_residual", "Conv_1"],
    "mlperf_tiny/resnet8": ["block2/unit_1/basic_v1", "block3/unit_1/basic_v1"],
    "cifar/plain20": ["block3/unit_2/basic_v1", "block3/unit_3/basic_v1"],
}


@pytest.mark.parametrize("name", LAST_UNITS)
def test_the_last_units_stand_before_the_head(name: str) -> None:
    head = ["global_pool", "logits", "predictions"]
    assert [row.name for row in show(name).rows(inside=False)][-5:] == LAST_UNITS[name] + head


@pytest.mark.parametrize("name", architectures())
def test_the_rows_of(name: str) -> None:
    """Stem, units and head add up to the network; what is inside the units comes in addition, no row twice."""
    report, planned = show(name), plan(architecture(name))
    rows, more = report.rows(inside=False), report.rows(inside=True)
    units = [unit.scope for unit in planned.all_units]
    assert [row.name for row in rows] == [*planned.parts.get("stem", ()), *units, *planned.parts["head"]]
    assert sum(row.trainable for row in rows) == report.inference.trainable
    assert [row.name for row in more] == [part for names in planned.parts.values() for part in names]


MOBILENET_V2_TAIL = """\
block7/unit_1     7x7x320             32     1   491     473,920  23.0 M
Conv_1           7x7x1280             32     1   491     412,160  20.1 M
global_pool      1x1x1280             32     1   all           -       -
logits           1x1x1000             32     1   all   1,281,000   1.3 M
predictions      1x1x1000             32     1   all           -       -
"""


def test_a_unit_of_one_layer_is_printed_as_a_unit() -> None:
    assert MOBILENET_V2_TAIL in answered("show", "keras/MobileNetV2")
    assert MOBILENET_V2_TAIL in answered("show", "keras/MobileNetV2", "--end-points")


# A zoo's first network, whose units are as its others', stands for them; the deepest has the widest numbers.
FIRST_AND_DEEPEST = {"cifar/resnet1202"} | {f"{zoo.name}/{next(iter(zoo.networks))}" for zoo in zoos().values()}


@pytest.mark.parametrize("inside", [False, True], ids=["units", "what is inside the units"])
@pytest.mark.parametrize(
    "name",
    [name if name in FIRST_AND_DEEPEST else pytest.param(name, marks=pytest.mark.thorough) for name in architectures()],
)
def test_show_fits_80_columns(name: str, inside: bool) -> None:
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(show(name).table(inside))
    assert [line for line in captured.get().splitlines() if len(line.rstrip()) > 80] == []


def test_show_says_which_command_reads_a_checkpoint() -> None:
    of_cifar(Path("a.safetensors"))
    assert refused("show", "a.safetensors") == (
        "a.safetensors is neither an architecture nor a .toml file; if it is a checkpoint,"
        " `isomorph inspect a.safetensors` says which network's."
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("cifar/resnt110", "did you mean cifar/resnet110 or ", id="a misspelt one"),
        pytest.param("zzz", "`isomorph list` shows all.", id="one like no other"),
        pytest.param("x" * 5000, "`isomorph list` shows all.", id="one that is too long for a file"),
    ],
)
def test_show_and_check_refuse_a_name_in_the_same_words(name: str, hint: str) -> None:
    sentence = refused("show", name)
    assert sentence.startswith(f"There is no architecture '{name}', nor such a file; {hint}")
    assert refused("check", name) == sentence


def test_show_needs_no_framework() -> None:
    """Nor does it import one: each is made to fail here."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({FRAMEWORKS!r}))"
    script = f"{blocked}; from isomorph.tools.cli import main; sys.argv[1:] = ['show', 'cifar/resnet20']; main()"
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == (RESNET_20, "", 0)
