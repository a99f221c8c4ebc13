"""A web server in a thread, which serves one file at every path and misbehaves as it is told."""

import http.server
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Site:
    """What is served, and what was asked for.

    content: of the file. A path that starts with /moved/ is redirected to what stands behind that.
    status: what is answered; 200 is a file.
    ranges: whether a request for the end of the file gets that; all of it otherwise.
    cut: after how many bytes the connection ends; None after all.
    length: whether the answer says how long it is.
    asked: the Range of each request.
    """

    content: bytes
    status: int = 200
    ranges: bool = True
    cut: int | None = None
    length: bool = True
    url: str = ""
    asked: list[str | None] = field(default_factory=list)


@contextmanager
def serve(site: Site) -> Iterator[Site]:
    """Serve `site` at its `url`, which ends in a name as PyTorch's files have."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/moved/"):
                self.send_response(302)
                self.send_header("Location", self.path.removeprefix("/moved"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            asked = self.headers["Range"]
            site.asked.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and site.ranges else 0
            body, size = site.content[start:], len(site.content)
            if site.status != 200 or (start and not body):
                self.send_error(site.status if site.status != 200 else 416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            if site.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: site.cut])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serve_raw(answer: Callable[[str], Iterable[bytes]]) -> Iterator[str]:
    """A server that sends whatever bytes `answer` gives for the head of a request, at the address that this yields.

    It hangs up when they end, or when the client does.
    """

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b"".join(iter(self.rfile.readline, b"\r\n")).decode("latin-1")
            try:
                for piece in answer(head):
                    self.wfile.write(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
