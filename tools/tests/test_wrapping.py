"""Long names in narrow columns: broken between their parts, with no character lost."""

import io
from itertools import pairwise

import pytest

from isomorph.tools.tables import PlainConsole, facts_table, plain_table
from isomorph.tools.wrapping import line_breaks

NAME = "module.encoder_q.layer4.2.bn3.running_mean"


def pieces(text: str, width: int) -> list[str]:
    offsets = [0, *line_breaks(text, width), len(text)]
    return [text[start:end] for start, end in pairwise(offsets)]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        pytest.param(NAME, 80, [NAME], id="one that has room"),
        pytest.param(NAME, 20, ["module.encoder_q.", "layer4.2.bn3.", "running_mean"], id="behind dots"),
        pytest.param(NAME, 16, ["module.encoder_", "q.layer4.2.bn3.", "running_mean"], id="behind an underscore"),
        pytest.param("/data/checkpoints/best.pth", 12, ["/data/", "checkpoints/", "best.pth"], id="a path"),
        pytest.param("resnet-50-finetuned", 10, ["resnet-50-", "finetuned"], id="behind hyphens"),
        pytest.param("a" * 25 + ".bcd", 10, ["a" * 25 + ".bcd"], id="a part that ends in its third line, and the next"),
        pytest.param("a" * 25 + ".bcdefg", 10, ["a" * 25 + ".", "bcdefg"], id="a part that leaves too little"),
        pytest.param("重み.重み.bias", 10, ["重み.重み.", "bias"], id="by cells, of which some characters take two"),
        pytest.param("is 1.25 of words", 4, ["is 1.25 of words"], id="words that each have room"),
    ],
)
def test_a_name_is_broken_behind_its_parts(text: str, width: int, lines: list[str]) -> None:
    assert pieces(text, width) == lines


@pytest.mark.parametrize("width", range(1, 60))
def test_no_character_is_lost_at_any_width(width: int) -> None:
    console = PlainConsole(width=width, file=io.StringIO(), highlight=False)
    table = plain_table("tensor")
    table.add_row(NAME)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    assert "".join(console.file.getvalue().split()).removeprefix("tensor") == NAME


def test_a_fact_is_broken_between_its_parts() -> None:
    console = PlainConsole(width=30, file=io.StringIO(), highlight=False)
    console.print(facts_table([("file", "/data/checkpoints/resnet_v1_50.ckpt, 12 bytes")]))
    assert isinstance(console.file, io.StringIO)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "file  /data/checkpoints/",
        "      resnet_v1_50.ckpt, 12",
        "      bytes",
    ]
