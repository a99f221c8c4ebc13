"""Lists of expected failures: what they say, and what is wrong with those that say nothing."""

import os
from pathlib import Path

import pytest

from isomorph.conformance.expected_failures import matches, read_expected_failures
from isomorph.spec import BadInput

TEST = "test_slim.py::test_a_max_pool_of[an odd image, padded with zeros-float32]"

PATTERNS = {
    "the id itself": (TEST, True),
    "a module's": ("test_slim.py::*", True),
    "anything behind": ("*float32]", True),
    "one character": (TEST.replace("float32", "float?2"), True),
    "another parameter": (TEST.replace("float32", "float64"), False),
    "a part of the id": ("test_a_max_pool_of", False),
    "brackets, which are no classes": ("test_slim.py::test_a_max_pool_of[a]*", False),
}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_of(pattern: str, expected: bool) -> None:
    assert matches(pattern, TEST) is expected


def test_a_pipe_is_refused_as_several_processes_read_the_list() -> None:
    reading, writing = os.pipe()
    os.write(writing, f'[oracle]\n"{TEST}" = "x"\n'.encode())
    os.close(writing)
    try:
        with pytest.raises(BadInput, match=f"^/dev/fd/{reading} cannot be read: "):
            read_expected_failures(f"/dev/fd/{reading}")
    finally:
        os.close(reading)


def test_reasons_are_a_backends_own(tmp_path: Path) -> None:
    """Under its name or an alias."""
    file = tmp_path / "expected.toml"
    file.write_text(f'[torch]\n"{TEST}" = "its pools pad with -inf"\n[oracle]\n"test_atrous.py::*" = "too slow"\n')
    read = read_expected_failures(file)
    assert read.reason("pytorch", TEST) == "its pools pad with -inf"
    assert read.reason("oracle", TEST) is None
    assert read.reason("keras", TEST) is None


def test_what_matches_no_test_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "expected.toml"
    file.write_text(f'[oracle]\n"{TEST}" = "a reason"\n')
    read = read_expected_failures(file)
    read.check("oracle", [TEST])
    read.check("pytorch", [])
    other = TEST.replace("float32", "float64")
    with pytest.raises(BadInput) as caught:
        read.check("oracle", [other])
    said = f"{file} expects oracle to fail {TEST!r}, which matches no test; did you mean {other}?"
    assert str(caught.value) == said


OUTSIDE = b'"test_slim.py::*" = "x"'

MALFORMED = {
    "no TOML": (b"[oracle", r"is not TOML: "),
    "no text": (b"\xff\xfe", r"is not UTF-8 at byte 0"),
    "a reason outside of any table": (
        b'"test_slim.py::*" = "x"',
        r"has test_slim\.py::\* = 'x' outside of any table; ",
    ),
    "an empty reason": (
        b'[oracle]\n"test_slim.py::*" = " "',
        r"gives no reason why oracle fails 'test_slim\.py::\*'; ",
    ),
    "a number for a reason": (b'[oracle]\n"test_slim.py::*" = 1', r"gives no reason why oracle fails "),
    "too much": (b"#" * (2**20 + 1), r"is larger than 1,048,576 bytes; "),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_file_is_refused_that_is(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "expected.toml"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_expected_failures(file)


def test_a_table_of_an_unknown_backend_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "expected.toml"
    file.write_text('[pytroch]\n"x" = "y"\n')
    with pytest.raises(BadInput, match=r"^There is no backend 'pytroch'; did you mean pytorch") as caught:
        read_expected_failures(file)
    assert caught.value.__notes__ == [f"{file} has a table of that name."]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^There is no file .*absent\.toml\.$"):
        read_expected_failures(tmp_path / "absent.toml")
