"""Request a file over HTTP, piece by piece, from a server that may be broken or hostile: no header is trusted.

The caller checks the bytes themselves.
"""

import http.client
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from isomorph.spec import BadInput
from isomorph.tools.tables import printable

PIECE = 1 << 18
"""The most bytes that are read at a time."""

MOST_REDIRECTS = 10

PATIENCE = 60.0
"""Seconds in which a server has to send something."""

SLOWEST = 1024
"""Bytes a second, over PATIENCE seconds, below which a download is given up."""

_LENGTH = re.compile(r"[0-9]{1,18}")  # Python refuses to read integers of thousands of digits
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
_LONGEST = 100  # letters of a server's own words, in a sentence


class Interrupted(Exception):  # noqa: N818 - it names what happened
    """A server stopped in the middle; the message says how."""


@dataclass(frozen=True)
class Answer:
    """The part of a file that a server sends.

    start: the position of the first byte in the file. whole: the size of the file in bytes; None if it is unknown.
    pieces: the bytes; one more than allowed if the server sends too many. Iterating raises Interrupted.
    """

    start: int
    whole: int | None
    pieces: Iterator[bytes]


@contextmanager
def request(url: str, start: int, most: int) -> Iterator[Answer]:
    """Request the file at `url` from byte `start`; redirections are followed, but not out of HTTP or of encryption.

    most: bytes that the whole file may have. A server that cannot start in the middle sends everything.
    Raises BadInput where the server cannot be reached, sends no file, another part, or too large a file.
    """
    import requests  # noqa: PLC0415 - it takes 0.1 s, which no other command should pay

    with requests.Session() as session:
        session.resolve_redirects = lambda *_, **__: iter(())  # it trips over addresses that are none
        response = _response(session, url, start)
        with response:
            yield _answer(response, url, start, most)


def _response(session: Any, url: str, start: int) -> Any:
    """Return the first response that is no redirection."""
    import requests  # noqa: PLC0415
    import urllib3  # noqa: PLC0415

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    place = url
    for _ in range(MOST_REDIRECTS + 1):
        try:
            response = session.get(place, headers=headers, stream=True, allow_redirects=False, timeout=PATIENCE)
        except (OSError, ValueError, http.client.HTTPException, urllib3.exceptions.HTTPError) as problem:
            reason = problem.args[0] if problem.args else None
            if isinstance(problem, requests.ConnectionError) and isinstance(reason, urllib3.exceptions.ProtocolError):
                raise BadInput(
                    f"{url} gives no answer that is HTTP ({type(reason.args[-1]).__name__}); see in a browser whether"
                    " it is there."
                ) from None
            raise BadInput(
                f"{url} cannot be reached ({type(problem).__name__}); see whether this machine is online, or needs a"
                " proxy in HTTPS_PROXY."
            ) from None
        if not response.is_redirect:
            return response
        response.close()
        place = redirected(url, place, response.headers["Location"].encode("latin-1").decode(errors="replace"))
    raise BadInput(f"{url} is redirected more than {MOST_REDIRECTS} times; see in a browser whether it has moved.")


def redirected(url: str, place: str, location: str) -> str:
    """Return the address to which `place` redirects a request for `url`. Raises BadInput for a bad address.

    >>> from isomorph.tools.published.http import redirected
    >>> redirected("https://a.org/x.pth", "https://a.org/x.pth", "/weights/x.pth")
    'https://a.org/weights/x.pth'
    """
    shown = f"{url} is redirected to {printable(location[:_LONGEST])}"
    try:
        target = urljoin(place, location)
        parts = urlsplit(target)
        there = bool(parts.hostname) and parts.port != 0
    except ValueError:
        there = False
    else:
        if parts.scheme not in ("http", "https"):
            raise BadInput(f"{shown}; only http and https are followed.")
    if not there:
        raise BadInput(f"{shown}, which is no address; see in a browser whether it has moved.")
    if urlsplit(place).scheme == "https" and parts.scheme == "http":
        raise BadInput(f"{shown}, out of https into http, where anybody on the way could change the file.")
    return target


def _answer(response: Any, url: str, start: int, most: int) -> Answer:
    """Read the headers. Raises BadInput where they do not answer the request."""
    status, headers = response.status_code, response.headers
    if status == 416 and start:  # it was interrupted behind its last byte
        return Answer(start, start, iter(()))
    if status not in (200, 206):
        raise BadInput(
            f"{url} is answered with status {status} ({printable(str(response.reason)[:_LONGEST])}) in place of a file;"
            " see in a browser whether it has moved."
        )
    encoding = headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise BadInput(
            f"{url} is answered in the encoding {printable(encoding[:_LONGEST])}; the file as it is was asked for."
        )
    first, whole = 0, None
    length = None if "Transfer-Encoding" in headers else headers.get("Content-Length")
    if length is not None:
        if _LENGTH.fullmatch(length) is None:
            raise _nonsense(url, "Content-Length", length)
        whole = int(length)
    if status == 206:
        span = _RANGE.fullmatch(headers.get("Content-Range", ""))
        if span is None:
            raise _nonsense(url, "Content-Range", headers.get("Content-Range", "none at all"))
        first = int(span[1])
        if first > start:
            raise BadInput(f"{url} is answered from byte {first:,} on, and was asked for from byte {start:,} on.")
        if span[2] != "*":
            whole = int(span[2])
        elif whole is not None:
            whole += first
    if whole is not None and whole < first:
        raise _nonsense(url, "Content-Range", headers["Content-Range"])
    if whole is not None and whole > most:
        raise BadInput(
            f"{url} has {whole:,} bytes; at most {most:,} are expected of these weights, so it is another file."
        )
    return Answer(first, whole, _pieces(response, (most + 1 if whole is None else whole) - first))


def _nonsense(url: str, header: str, value: str) -> BadInput:
    shown = printable(value[:40]) + ("..." if len(value) > 40 else "")
    return BadInput(f"{url} is answered with the {header} {shown}, which makes no sense; see in a browser what it is.")


def _pieces(response: Any, left: int) -> Iterator[bytes]:
    """Yield at most `left` bytes of the body as they come, undecoded."""
    import urllib3  # noqa: PLC0415

    since, count = time.monotonic(), 0
    while left > 0:
        try:
            piece = response.raw.read1(min(PIECE, left), decode_content=False)
        except (OSError, ValueError, http.client.HTTPException, urllib3.exceptions.HTTPError) as problem:
            timeout = isinstance(problem, urllib3.exceptions.ReadTimeoutError)
            raise Interrupted("fell silent" if timeout else "was cut") from None
        if not piece:
            return
        yield piece
        left -= len(piece)
        count += len(piece)
        now = time.monotonic()
        if now - since >= PATIENCE:
            if count < SLOWEST * (now - since):
                raise Interrupted("came to a trickle")
            since, count = now, 0
