"""`download` from servers that break every rule: one sentence of one line, nothing read without end, nothing harmed."""

import hashlib
import itertools
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from isomorph.spec import BadInput
from isomorph.tools.published import http
from isomorph.tools.published.download import download
from isomorph.tools.published.http import redirected

from ..web import Site, serve, serve_raw

CONTENT = b"weights" * 1000
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MANY = "9" * 5000


@pytest.fixture(autouse=True)
def _without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "net.pth"


@pytest.fixture
def partial(target: Path) -> Path:
    target.parent.mkdir()
    return target.with_name(".net.pth.partial")


def refused(url: str, target: Path, most: int = len(CONTENT)) -> str:
    """The sentence that refuses a download: of one line, and with nothing that moves a cursor."""
    with pytest.raises(BadInput) as caught:
        download(f"{url}/net.pth", target, DIGEST, most)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    return str(caught.value)


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode("latin-1")


ANSWERS: dict[str, tuple[bytes, str]] = {
    "a redirection to half an address": (
        head("302 Found", "Location: http://[::bad"), "is redirected to http://[::bad, which is no address; see in"
    ),
    "a redirection to a port that there is not": (
        head("302 Found", "Location: http://127.0.0.1:99999/x"), "99999/x, which is no address"
    ),
    "a redirection to no host": (head("302 Found", "Location: https:///x"), "to https:///x, which is no address"),
    "a redirection to a host with an empty label": (
        head("302 Found", "Location: http://a..b/x"), "cannot be reached (LocationParseError)"
    ),
    "a redirection to a file": (
        head("302 Found", "Location: file:///etc/passwd"),
        "/net.pth is redirected to file:///etc/passwd; only http and https are followed.",
    ),
    "a redirection to FTP": (head("301 Moved", "Location: ftp://127.0.0.1/x"), "only http and https are followed."),
    "a redirection with escapes": (head("302 Found", "Location: gopher://x/\x1b[2J"), "//x/\\x1b[2J; only http and"),
    "a redirection in a circle": (head("302 Found", "Location: /net.pth"), "is redirected more than 10 times; see in"),
    "a redirection without a place": (head("302 Found"), "is answered with status 302 (Found) in place of a file"),
    "a Content-Length of 5,000 digits": (
        head("200 OK", f"Content-Length: {MANY}"), f"Content-Length {MANY[:40]}..., which makes no sense; see in"
    ),
    "a Content-Length below zero": (head("200 OK", "Content-Length: -1"), "Content-Length -1, which makes no sense"),
    "a Content-Length of no digits": (head("200 OK", "Content-Length: ²"), "Content-Length ², which makes no sense"),
    "two Content-Lengths": (head("200 OK", "Content-Length: 1", "Content-Length: 2"), "/net.pth "),
    "more than was published": (
        head("200 OK", "Content-Length: 7001"), "has 7,001 bytes; at most 7,000 are expected of these weights, so it"
    ),
    "escapes in a status": (head("404 \x1b]0;pwned\x07\x1b[31m"), "status 404 (\\x1b]0;pwned\\x07\\x1b[31m) in place"),
    "a status of great length": (head("500 " + "x" * 60_000), "is answered with status 500 (xxx"),
    "no content": (head("204 No Content"), "is answered with status 204 (No Content) in place of a file"),
    "a part that nobody asked for": (
        head("206 Partial Content", "Content-Range: bytes 5-9/10", "Content-Length: 5"),
        "is answered from byte 5 on, and was asked for from byte 0 on.",
    ),
    "a Content-Range of 5,000 digits": (
        head("206 Partial Content", f"Content-Range: bytes 0-9/{MANY}"), "Content-Range bytes 0-9/999"
    ),
    "a part without its place": (head("206 Partial Content"), "the Content-Range none at all, which makes no sense"),
    "an encoding": (
        head("200 OK", "Content-Encoding: gzip", "Content-Length: 5"), "is answered in the encoding gzip; the file as"
    ),
    "nothing": (b"", "gives no answer that is HTTP (RemoteDisconnected); see in a browser whether it is there."),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n", "gives no answer that is HTTP (BadStatusLine)"),
    "a header without end": (head("200 OK", "X: " + "x" * 100_000), "gives no answer that is HTTP (LineTooLong)"),
    "headers without end": (head("200 OK", *(f"X{i}: x" for i in range(1000))), "that is HTTP (HTTPException)"),
    "an end before the beginning": (head("200 OK", "Content-Length: 7000"), "was cut after 0 of 7,000 bytes; fetch"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "sentence"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_none_is_refused(answer: bytes, sentence: str, target: Path) -> None:
    with serve_raw(lambda _: [answer]) as url:
        assert sentence in refused(url, target)
    assert left(target) == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(("Connection: close",), id="to the end of the connection"),
        pytest.param(("Transfer-Encoding: chunked",), id="in chunks"),
    ],
)
def test_a_file_of_a_size_that_is_not_said_is_read(headers: tuple[str, ...], target: Path) -> None:
    body = CONTENT if "chunked" not in headers[0] else b"1b58\r\n" + CONTENT + b"\r\n0\r\n\r\n"
    with serve_raw(lambda _: [head("200 OK", *headers), body]) as url:
        assert download(f"{url}/net.pth", target, DIGEST, len(CONTENT)) == len(CONTENT)
    assert target.read_bytes() == CONTENT


def test_bytes_behind_the_length_that_was_said_are_left(target: Path) -> None:
    with serve_raw(lambda _: [head("200 OK", "Content-Length: 7000"), CONTENT[:9], CONTENT[9:] + b"more"]) as url:
        assert download(f"{url}/net.pth", target, DIGEST, len(CONTENT)) == len(CONTENT)


@pytest.mark.parametrize(
    ("headers", "piece"),
    [
        pytest.param((), b"x" * 999, id="of bytes"),
        pytest.param(("Transfer-Encoding: chunked",), b"3e7\r\n" + b"x" * 999 + b"\r\n", id="of chunks"),
    ],
)
def test_an_endless_body_is_read_no_further_than_the_weights_can_be_long(
    headers: tuple[str, ...], piece: bytes, target: Path
) -> None:
    with serve_raw(lambda _: itertools.chain([head("200 OK", *headers)], itertools.repeat(piece))) as url:
        assert "/net.pth gives more than 7,000 bytes, the most that are expected" in refused(url, target)
    assert left(target) == []


def test_a_chunk_of_nonsense_is_a_cut(target: Path) -> None:
    with serve_raw(lambda _: [head("200 OK", "Transfer-Encoding: chunked"), b"4\r\nweig\r\n", b"zz\r\n"]) as url:
        assert "was cut after 4 bytes; fetch it again, which goes on from there." in refused(url, target)


def test_a_server_that_falls_silent_is_not_waited_for(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.3)
    hung_up: list[bool] = []

    def answer(_: str) -> Iterable[bytes]:
        yield head("200 OK", "Content-Length: 7000") + CONTENT[:5]
        while not hung_up:
            time.sleep(0.01)

    with serve_raw(answer) as url:
        assert "fell silent after 5 of 7,000 bytes; fetch it again, which goes on from" in refused(url, target)
        hung_up.append(True)
    assert left(target) == [".net.pth.partial"]


def test_a_trickle_is_not_waited_for(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.3)
    monkeypatch.setattr(http, "SLOWEST", 1e9)  # bytes a second, which no machine's loopback gives one by one

    def answer(_: str) -> Iterable[bytes]:
        yield head("200 OK", f"Content-Length: {1 << 40}")
        while True:
            yield b"x"

    with serve_raw(answer) as url:
        assert "came to a trickle after " in refused(url, target, 1 << 40)


@pytest.mark.parametrize("start", [0, 3], ids=["from its beginning", "from before the place asked for"])
def test_a_part_that_begins_earlier_than_asked_for_is_put_in_its_place(start: int, target: Path, partial: Path) -> None:
    partial.write_bytes(CONTENT[:100])
    answer = head("206 Partial Content", f"Content-Range: bytes {start}-6999/7000") + CONTENT[start:]
    with serve_raw(lambda _: [answer]) as url:
        assert download(f"{url}/net.pth", target, DIGEST, len(CONTENT)) == len(CONTENT) - start
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("place", "location", "sentence"),
    [
        pytest.param("https://x/a", "http://x/a", "out of https into http, where anybody", id="out of encryption"),
        pytest.param("https://x/a", "data:,x", "only http and https are followed", id="to data"),
        pytest.param("https://x/a", "javascript:x", "only http and https are followed", id="to a script"),
    ],
)
def test_a_redirection_that_nobody_should_follow_is_refused(place: str, location: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        redirected("https://x/", place, location)


@pytest.mark.parametrize(
    ("place", "location", "expected"),
    [
        pytest.param("https://x/a/b", "c", "https://x/a/c", id="beside it"),
        pytest.param("https://x/a/b", "//y/c", "https://y/c", id="to another host"),
        pytest.param("http://x/a", "https://x/a", "https://x/a", id="into encryption"),
    ],
)
def test_a_redirection_is_followed(place: str, location: str, expected: str) -> None:
    assert redirected("https://x/", place, location) == expected


def symlink(partial: Path, victim: Path) -> None:
    partial.symlink_to(victim)


def dangling(partial: Path, victim: Path) -> None:
    victim.unlink()
    partial.symlink_to(victim)


def hard_link(partial: Path, victim: Path) -> None:
    partial.hardlink_to(victim)


def pipe(partial: Path, victim: Path) -> None:
    os.mkfifo(partial)


@pytest.mark.parametrize("plant", [symlink, dangling, hard_link, pipe])
def test_what_is_planted_in_the_unfinished_files_place_is_not_written_through(
    plant: Callable[[Path, Path], None], target: Path, partial: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    plant(partial, victim)
    with serve(Site(CONTENT)) as site:
        assert refused(site.url, target) == (
            f"{partial} is no file that an earlier download left, but a link, a pipe or another user's; remove it."
        )
        assert site.asked == []
    assert not victim.exists() or victim.read_bytes() == b"precious"
    assert left(target) == [partial.name]


def test_an_unfinished_file_of_another_user_is_not_gone_on_with(
    target: Path, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial.write_bytes(b"weights")
    monkeypatch.setattr(os, "geteuid", lambda: partial.stat().st_uid + 1)
    with serve(Site(CONTENT)) as site:
        assert "or another user's; remove it." in refused(site.url, target)
