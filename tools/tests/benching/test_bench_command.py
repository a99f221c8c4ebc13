"""`isomorph bench` as people run it: what it prints and writes, and its exit status."""

import json
from pathlib import Path

import pytest

from ..command import isomorph, left, refused_here

pytestmark = pytest.mark.usefixtures("empty_folder")

QUICK = ("cifar/resnet20", "--backends", "oracle", "--input", "8x10", "--batch", "2", "--rounds", "1")


def test_bench_prints_tables_and_advice_and_writes_json() -> None:
    done = isomorph("bench", *QUICK, "--modes", "eager,eager-folded", "--explain", "--json", "x.json")
    said = done.stdout
    assert done.returncode == 0
    assert max(map(len, said.splitlines())) <= 80
    assert "For throughput choose oracle with eager" in " ".join(said.split())
    assert 'network = load_backend("oracle").build(architecture, fold_batch_norm=True)' in said
    document = json.loads(Path("x.json").read_text())
    assert (document["architecture"], document["batches"], document["rounds"]) == ("cifar/resnet20", [1, 2], 1)
    assert left() == ["x.json"]


def test_bench_of_what_nothing_here_has_exits_with_3() -> None:
    done = isomorph("bench", *QUICK, "--modes", "graph")
    assert done.returncode == 3
    assert "Nothing could be measured" in done.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--modes", "eagre"), "There is no mode 'eagre'; did you mean eager or engine or eager-tf32?"),
        (
            ("--for", "fun"),
            "There is nothing to sort by that is called 'fun'; there are latency, throughput, training, memory.",
        ),
        (("--batch", "8,x"), "--batch 8,x is not a number of images, or several: expected such as 1,8,32."),
        (("--scaling", "width"), "There is no scaling along 'width'; expected some of batch, depth, resolution."),
        (("--arch", "cifar/resnet20"), "--arch goes with a checkpoint; cifar/resnet20 is an architecture already."),
        (
            ("--memory", "0"),
            "The memory limit is 0 bytes; expected at least one and fewer than 2^62, 4 EiB.",
        ),
        (
            ("--json", "nowhere/x.json"),
            "nowhere/x.json cannot be written: there is no folder nowhere; make it, or name another.",
        ),
        (
            ("--quick", "--training-batch", "8"),  # QUICK has --rounds
            "--quick chooses modes and rounds itself, without training or scaling; leave out --rounds and"
            " --training-batch, or --quick.",
        ),
    ],
    ids=["a mode", "a goal", "a batch", "an axis", "an architecture twice", "no memory", "a report", "a quick one"],
)
def test_bench_refuses(options: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused_here(capsys, "bench", *QUICK, *options) == sentence
    assert left() == []
