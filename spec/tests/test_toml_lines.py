"""The line of a value in a TOML text, in the forms in which people write it."""

import pytest

from isomorph.spec.toml.lines import Place, line_of

TEXT = '''\
name = "a = b # not this"  # [[blocks]]
convention.like = "slim"

[[stem]]
convolution = "conv1"
[[stem]]
pool = "pool1"

[[blocks]]
units = [
  [1, 2,
   3],  # ] and a comment
  { times = 2, numbers = [4, 5, 6] }, [7],

  [],
]
text = """
[head]
a = 1 \\""" and
"""
literal = \'\'\'
[head]
\'\'\'
"quoted key" = 1979-05-27 07:32:00
[[blocks.inner]]
x = 1.5e-3
[[blocks.inner]]
x = 2
[ head ]
a = {}
b = { c = [ ], d.e = { f = 1 } }
[convention.preprocessing]
'''

LINES: dict[str, tuple[Place, int | None]] = {
    "a key": (("name",), 1),
    "a dotted key": (("convention", "like"), 2),
    "the first table of an array": (("stem", 0), 4),
    "a key in it": (("stem", 0, "convolution"), 5),
    "the second table of an array": (("stem", 1), 6),
    "a key in the second table": (("stem", 1, "pool"), 7),
    "an array": (("stem",), 4),
    "a list": (("blocks", 0, "units"), 10),
    "its first element": (("blocks", 0, "units", 0), 11),
    "a number of an element that goes on": (("blocks", 0, "units", 0, 2), 12),
    "an inline table in a list": (("blocks", 0, "units", 1, "times"), 13),
    "another element on the same line": (("blocks", 0, "units", 2), 13),
    "an element behind an empty line": (("blocks", 0, "units", 3), 15),
    "a text of many lines": (("blocks", 0, "text"), 17),
    "a key behind it": (("blocks", 0, "literal"), 21),
    "a key in quotes": (("blocks", 0, "quoted key"), 24),
    "a table in the last of an array": (("blocks", 0, "inner", 1, "x"), 28),
    "a header with spaces": (("head",), 29),
    "a dotted key in an inline table": (("head", "b", "d", "e", "f"), 31),
    "a nested table": (("convention", "preprocessing"), 32),
    "what is missing in a table": (("stem", 1, "kernel"), 6),
    "what is missing in the text": (("none",), None),
    "the text": ((), None),
}


@pytest.mark.parametrize(("place", "line"), LINES.values(), ids=LINES)
def test_the_line_of(place: Place, line: int | None) -> None:
    assert line_of(TEXT, place) == line


@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["Windows", "Unix"])
def test_lines_end_as_on(end: str) -> None:
    assert line_of(TEXT.replace("\n", end), ("convention", "preprocessing")) == 32
