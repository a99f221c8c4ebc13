"""Small text files: read whole, in UTF-8, or refused in one sentence."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from isomorph.spec import BadInput
from isomorph.spec.text_files import read_text

MOST = 8
EXPECTED = "a list of names"


def written(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


READ = {
    "what it holds": (b"a\r\nb", "a\r\nb"),
    "nothing": (b"", ""),
    "as many bytes as there may be": (b"12345678", "12345678"),
    "letters of two bytes": ("é".encode(), "é"),
    "what stands behind a byte order mark": (b"\xef\xbb\xbfab", "ab"),
}


@pytest.mark.parametrize(("content", "text"), READ.values(), ids=READ)
def test_it_reads(content: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "names").write_bytes(content)
    assert read_text(tmp_path / "names", MOST, EXPECTED) == text


def written_into_a_pipe(content: bytes) -> str:
    """A pipe as shells give it for `<(...)`, by the name of its end to read."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return f"/dev/fd/{reading}"


def test_it_reads_a_pipe_unless_told_otherwise() -> None:
    assert read_text(written_into_a_pipe(b"12345678"), MOST, EXPECTED) == "12345678"
    with pytest.raises(BadInput, match="cannot be read: it is a pipe, and a regular file was expected"):
        read_text(written_into_a_pipe(b"12345678"), MOST, EXPECTED, pipes=False)
    with pytest.raises(BadInput, match="it is a pipe that gives more than 8 bytes"):
        read_text(written_into_a_pipe(b"123456789"), MOST, EXPECTED)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (lambda path: None, "There is no file {path}."),
    "a folder": (Path.mkdir, "{path} cannot be read: "),
    "a byte too many": (written(b"123456789"), "{path} is larger than 8 bytes; expected a list of names."),
    "another encoding": (written(b"ab\xe9"), "{path} is not UTF-8 at byte 2; expected a list of names in UTF-8."),
}


@pytest.mark.parametrize(("make", "sentence"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(make: Callable[[Path], object], sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "names"
    make(path)
    with pytest.raises(BadInput) as refused:
        read_text(path, MOST, EXPECTED)
    assert str(refused.value).startswith(sentence.format(path=path))


def test_a_name_that_no_system_has_is_refused() -> None:
    with pytest.raises(BadInput, match="cannot be read: embedded null byte"):
        read_text("a\0b", MOST, EXPECTED)
