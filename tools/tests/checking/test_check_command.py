"""`isomorph check` as people run it: what it prints and writes, its exit status, and ctrl-C."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from isomorph.spec import architecture, infer

from ..command import answered, isomorph, left

pytestmark = pytest.mark.usefixtures("empty_folder")

Install = Callable[[str], str]

SMALL = ("cifar/resnet20", "--input", "8x10", "--batch", "1")


def test_check_prints_a_table() -> None:
    said = answered("check", *SMALL, "--backends", "oracle", "--seed", "7")
    lines = [line.rstrip() for line in said.splitlines()]
    assert lines[:5] == [
        "cifar/resnet20",
        "input       1x8x10x3",
        "images      drawn, seed 7",
        "weights     drawn, seed 7",
        "parameters  269,722 and 1,376 running statistics",
    ]
    (headings,) = (line for line in lines if line.startswith("runs in"))
    assert headings.split() == ["runs", "in", "version", "on", "float64", "float32"]
    (row,) = (line for line in lines if line.startswith("oracle") and line.endswith("PASS"))
    assert row.count("PASS") == 3  # of both dtypes, and of the backend
    assert max(map(len, lines)) <= 80


def test_check_says_what_parts_and_exits_with_1() -> None:
    done = isomorph("check", *SMALL, "--backends", "oracle", "--plant", "batch_norm_epsilon=1e-3")
    said = " ".join(done.stdout.split())
    assert (done.returncode, done.stderr) == (1, "")
    assert "planted batch_norm_epsilon=0.001" in said
    assert "oracle float64, float32: conv1 is the first to differ, by " in said
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_check_prints_every_end_point() -> None:
    said = answered("check", *SMALL, "--backends", "oracle", "--end-points").splitlines()
    names = [name.replace("/basic_v1", "") for name in infer(architecture("cifar/resnet20"), 8, 10).shapes(1)]
    starts = [line.split()[0] for line in said if line]
    assert starts[-2 * len(names) - 2 :] == ["in", *names, "in", *names]
    assert max(map(len, said)) <= 80


def test_check_writes_json_and_nothing_else_to_stdout() -> None:
    document = json.loads(answered("check", *SMALL, "--backends", "oracle", "--json", "-"))
    assert (document["agree"], document["input"]) == (True, [1, 8, 10, 3])


def test_check_writes_json_to_a_file() -> None:
    assert "PASS" in answered("check", *SMALL, "--backends", "oracle", "--json", "x.json")
    assert json.loads(Path("x.json").read_text())["agree"] is True
    assert left() == ["x.json"]


def test_check_of_a_backend_that_crashes_exits_with_3(install: Install) -> None:
    done = isomorph("check", *SMALL, "--backends", f"oracle,{install('misbehaving:abort@end_points')}")
    said = " ".join(done.stdout.split())
    assert (done.returncode, done.stderr) == (3, "")
    assert "ERROR" in said
    assert "the process was ended by SIGABRT: the last words of a C++ library" in said


@pytest.mark.thorough  # test_check_frameworks stands for it
def test_check_of_a_published_file_and_a_photograph_passes_in_every_framework(shared: Path) -> None:
    photograph = shared / "photos" / "skimage_coffee.png"
    file = shared / "weights" / "cifar_pytorch" / "resnet20-12fca82f.th"
    said = answered("check", file, "--images", photograph, "--json", "x.json")
    document = json.loads(Path("x.json").read_text())
    assert [(row["name"], row["status"]) for row in document["backends"]] == [
        ("pytorch", "pass"),
        ("keras", "pass"),
        ("paddle", "pass"),
    ]
    assert (document["architecture"], document["agree"]) == ("cifar/resnet20", True)
    assert (document["input"], document["images"]["source"]) == ([1, 32, 32, 3], "skimage_coffee.png")
    assert said.count("PASS") == 9
    assert max(map(len, said.splitlines())) <= 80
