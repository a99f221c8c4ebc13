"""Files that a person names: regular ones and pipes with a writer are read, and nothing is waited for in vain."""

import os
import socket
import threading
from pathlib import Path

import pytest

from isomorph.spec.input_files import PIECE, NotRegular, open_input

MOST = 4 * PIECE


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def pipe() -> tuple[str, int]:
    """A pipe as shells give it for `<(...)`: the name of its end to read, and the other end."""
    reading, writing = os.pipe()
    return f"/dev/fd/{reading}", writing


def content(path: str, most: int | None = MOST) -> bytes:
    with open_input(path, most) as file:
        return file.read()


def refused(path: str, most: int | None = MOST) -> str:
    """Why `path` is refused, which leaves nothing open."""
    before = sorted(os.listdir("/dev/fd"))  # noqa: PTH208 - names are all that is asked for
    with pytest.raises(NotRegular) as caught:
        open_input(path, most)
    assert sorted(os.listdir("/dev/fd")) == before  # noqa: PTH208
    return str(caught.value.strerror)


@pytest.mark.parametrize("most", [None, 1], ids=["of any size", "larger than a pipe might be"])
def test_a_regular_file_is_opened(most: int | None) -> None:
    Path("x").write_bytes(b"abc")
    assert content("x", most) == b"abc"


def test_a_pipe_whose_writer_has_ended_gives_what_it_wrote(pipe: tuple[str, int]) -> None:
    name, writing = pipe
    os.write(writing, b"abc")
    os.close(writing)
    assert content(name) == b"abc"


def test_a_pipes_writer_is_waited_for(pipe: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    name, writing = pipe

    def write(descriptor: int, blocking: bool) -> None:  # only once the pipe has been tried
        assert blocking
        os.write(writing, b"late")
        os.close(writing)

    monkeypatch.setattr(os, "set_blocking", write)
    assert content(name) == b"late"


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, MOST], ids="{} bytes".format)
def test_a_pipe_is_read_to_its_end(size: int, pipe: tuple[str, int]) -> None:
    name, writing = pipe
    expected = os.urandom(size)

    def write() -> None:
        with open(writing, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(expected)

    thread = threading.Thread(target=write)
    thread.start()
    assert content(name) == expected
    thread.join()


def test_a_pipe_that_gives_too_much_is_refused(pipe: tuple[str, int]) -> None:
    name, writing = pipe
    os.write(writing, b"four")
    assert "gives more than 3 bytes; save what is needed" in refused(name, 3)
    os.close(writing)


def test_a_pipe_without_a_writer_is_refused() -> None:
    os.mkfifo("x")
    assert refused("x") == ("it is a pipe that nothing writes to; start what writes first, or name a regular file")


def test_a_pipe_is_refused_where_only_a_regular_file_will_do(pipe: tuple[str, int]) -> None:
    assert "it is a pipe, and a regular file was expected; save what it gives" in refused(pipe[0], None)


def test_a_pipe_put_in_the_place_of_a_file_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").touch()
    os.mkfifo("x")
    looked_at = Path("file").stat()
    monkeypatch.setattr(Path, "stat", lambda *_: looked_at)
    assert "it is a pipe, and" in refused("x", None)
    assert "nothing writes to" in refused("x")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty", "/dev/ptmx"])
def test_a_device_is_refused_and_not_opened(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "open")
    with pytest.raises(NotRegular, match="it is a device, and a regular file was expected"):
        open_input(path, MOST)


def test_a_socket_is_refused() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("x")
        assert "it is a socket, and a regular file was expected" in refused("x")


def test_a_folder_is_refused_as_open_refuses_it() -> None:
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        open_input(".")


def test_what_is_not_there_is_refused_as_open_refuses_it() -> None:
    with pytest.raises(FileNotFoundError):
        open_input("x")
