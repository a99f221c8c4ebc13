"""A process of its own that reads files one after the other, and may crash or hang without ending the run.

    python -m mutations.process MODULE

MODULE has `read(path, seed)`, which answers with JSON's value, and, where it is a format's own reader, `save(folder)`,
which writes sound files into it; Keras's has `noted(path)`. Requests and answers are lines of JSON.
"""

import contextlib
import importlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_BATCH = 64  # requests that fit into a pipe, so that neither side waits for the other
_PATIENCE = 120.0  # seconds without an answer after which a process hangs, and is not merely slow on a busy machine
_START = 900.0  # more of them for a process that has yet to import its framework, on a busy machine too


class Reader:
    """The other end of such a process, started when it is first needed and again after each crash."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.crashes: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._left = b""

    def save(self, folder: Path) -> None:
        """Have it write its sound files. RuntimeError where it cannot."""
        (answer,) = self._asked([["save", str(folder)]])
        if answer is not True:
            raise RuntimeError(f"{self.module} wrote no files: {answer}")

    def read(self, files: Sequence[tuple[Path, str]]) -> Iterator[Any]:
        """The answer for each file and the name of its seed; {"crash": signal} where it ended the process."""
        for start in range(0, len(files), _BATCH):
            yield from self._asked([["read", str(path), seed] for path, seed in files[start : start + _BATCH]])

    def noted(self, path: Path) -> Any:
        """What a file itself calls its layers, as `mutations.own.keras` says it; {"crash": signal} as above."""
        (answer,) = self._asked([["noted", str(path)]])
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process:
            with contextlib.suppress(OSError):
                self._process.kill()
            self._process.communicate()
            self._process = None

    def _asked(self, requests: list[list[str]]) -> Iterator[Any]:
        while requests:
            process = self._started()
            assert process.stdin
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(b"".join(json.dumps(request).encode() + b"\n" for request in requests))
                process.stdin.flush()
            patience = _START + _PATIENCE
            while requests and (line := self._line(process, patience)):
                patience = _PATIENCE
                del requests[0]
                yield json.loads(line)
            if requests:
                end = self._end(process)
                self.crashes.append(f"{end} at {requests.pop(0)}")
                yield {"crash": end}

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            command = [sys.executable, "-W", "ignore", "-m", "mutations.process", self.module]
            environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "numpy"}
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment
            )
            self._left = b""
        return self._process

    def _line(self, process: subprocess.Popen[bytes], patience: float) -> bytes:
        """The next answer, or nothing where there will be none."""
        assert process.stdout
        until = time.monotonic() + patience
        while b"\n" not in self._left:
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
            data = os.read(process.stdout.fileno(), 1 << 20) if ready else b""
            if not data:
                return b""
            self._left += data
        line, _, self._left = self._left.partition(b"\n")
        return line

    def _end(self, process: subprocess.Popen[bytes]) -> str:
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            self.close()
            return "no answer"
        self.close()
        return f"status {process.returncode}"


def main(module: str) -> None:
    """Answer requests until there are no more. What a framework prints goes elsewhere."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    reader = importlib.import_module(module)
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        if what == "save":
            reader.save(Path(arguments[0]))
            answer: object = True
        elif what == "noted":
            answer = reader.noted(Path(arguments[0]))
        else:
            answer = reader.read(Path(arguments[0]), arguments[1])
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
