"""`isomorph compare`: 80 columns, its exit status and JSON, what it refuses, and that it needs no framework."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from isomorph.tools import compare

from ..command import environment, isomorph, left, refused

pytestmark = pytest.mark.usefixtures("empty_folder")

FRAMEWORKS = ("torch", "tensorflow", "keras", "paddle", "jax")

PAIRS = [
    ("slim/resnet_v1_50", "keras/ResNet50"),
    ("torchvision/resnext101_32x8d", "wsl/resnext101_32x48d"),
    ("paddle/resnext101_64x4d", "transformers/resnet-152"),
    ("cifar/resnet1202", "slim/resnet_v2_200"),
    ("mlperf_tiny/resnet8", "d2l/resnet18"),
    ("slim/mobilenet_v1", "torchvision/mobilenet_v2"),
    ("paddle/mobilenet_v2", "keras/MobileNet"),
    ("torchvision/googlenet", "paddle/googlenet"),
    ("keras/VGG16", "torchvision/vgg16"),
    ("tutorial/googlenet", "paddle/LeNet"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=" beside ".join)
def test_80_columns_are_enough(pair: tuple[str, str]) -> None:
    """In terminals of any width, and without a break in a name: both stand over all three tables."""
    report = compare(*pair)
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(report)
    printed = str(report)
    assert captured.get() == printed
    assert max(map(len, printed.splitlines())) <= 80
    for name in pair:
        assert printed.count(name.rpartition("/")[2]) >= 2 + bool(report.fields)


@pytest.mark.parametrize(
    ("second", "status"),
    [("timm/resnet50", 0), ("torchvision/resnet50", 0), ("keras/ResNet50", 1), ("torchvision/resnet18", 1)],
    ids=["0 for the same function", "0 for itself", "1 for another function", "1 for other tensors"],
)
def test_the_exit_status_is(second: str, status: int) -> None:
    done = isomorph("compare", "torchvision/resnet50", second, "--json", "x.json")
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout == str(compare("torchvision/resnet50", second))
    assert json.loads(Path("x.json").read_text())["same_function"] is (status == 0)


def test_a_file_is_compared_with_what_it_was_made_of() -> None:
    assert isomorph("show", "cifar/resnet20", "--toml", "mine.toml").returncode == 0
    done = isomorph("compare", "cifar/plain20", "mine.toml")
    assert (done.returncode, done.stderr) == (1, "")
    assert "shortcut none zero_channels inference" in [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_the_json_says_all() -> None:
    done = isomorph("compare", "slim/resnet_v1_50", "slim/resnet_v2_50", "--num-classes", "10", "--json", "-")
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    totals = ["architecture", "trainable", "statistics", "macs", "last_map", "output_stride", "receptive_field"]
    assert list(document) == [
        "first",
        "second",
        "input",
        "same_function",
        "same_tensors",
        "verdict",
        "fields",
        "fields_alike",
        "parts",
    ]
    assert [list(document[side]) for side in ("first", "second")] == [totals, totals]
    assert document["second"]["last_map"] == [7, 7, 2048]
    assert {tuple(field) for field in document["fields"]} == {("name", "first", "second", "affects", "meaning")}
    assert {tuple(pair) for pair in document["parts"]} == {("where", "first", "second", "differences")}
    assert document["parts"][0]["differences"][0] == {"what": "bias", "first": "none", "second": "all"}
    assert document["parts"][-1] == {"where": "head", "first": "logits", "second": "logits", "differences": []}
    assert left() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("slim/resnet50", "keras/ResNet50"), "did you mean slim/resnet_v2_50 or slim/resnet_v1_50 or cifar/resnet50"),
        (("keras/ResNet50", "slim/resnet_v1_5"), "did you mean slim/resnet_v1_50"),
        (("keras/ResNet50", "./weights.pth"), "There is no architecture './weights.pth'"),
        (("slim/resnet_v1_50", "cifar/resnet20", "--output-stride", "8"), "cifar/resnet20 can have 1, 2, 4, not 8"),
        (("cifar/resnet20", "keras/ResNet50", "--input", "0x9"), "too small for cifar/resnet20"),
        (("cifar/resnet20", "keras/ResNet50", "--num-classes", "0"), "expected a positive integer or none"),
    ],
    ids=[
        "an unknown first name",
        "an unknown second name",
        "a file",
        "an output_stride that only one can have",
        "no image",
        "no classes that are a number",
    ],
)
def test_refuses(arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("compare", *arguments)


def test_it_needs_no_framework() -> None:
    """Nor does it import one: each is made to fail here."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({FRAMEWORKS!r}))"
    names = ["compare", "slim/resnet_v1_50", "keras/ResNet50"]
    script = f"{blocked}; from isomorph.tools.cli import main; sys.argv[1:] = {names!r}; main()"
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == (str(compare(*names[1:])), "", 1)
