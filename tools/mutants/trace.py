"""Which functions each test enters, in pytest's process and in all that it starts.

Calls alone are traced, not lines: that costs little, and a change inside of a function can be noticed by those tests
alone that enter it. Every process of a run writes what it sees for the first time to one file, and reads the running
test's number from another.

    0000 tools/isomorph/tools/predicting/labels.py <module>        test 0, which is none: what happens at import
    0003 spec/isomorph/spec/padding.py pads
"""

import mmap
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

FOLDER = "ISOMORPH_MUTANTS_TRACE"
"""The environment variable with the folder of both files."""

ROOT = "ISOMORPH_MUTANTS_ROOT"
"""That with the root of the sources: what lies elsewhere is not traced."""


def prepare(folder: Path) -> None:
    """Make both files, before the first process starts."""
    (folder / "test").write_bytes(bytes(4))
    (folder / "entered").touch()


def running(number: int) -> None:
    """Say which test runs, to this process and all that it has started.

    The trace is set again: Python drops it where it fails, as it does at the end of the stack.
    """
    sys.settrace(_Trace.call)
    with (Path(os.environ[FOLDER]) / "test").open("r+b") as file:
        file.write(number.to_bytes(4, "little"))


class _Trace:
    """What is called for each call of a function, once the trace has started."""

    call: Callable[[FrameType, str, object], None] | None = None


def start() -> None:
    """Trace this process from now on."""
    folder, root = Path(os.environ[FOLDER]), os.environ[ROOT] + os.sep
    entered = os.open(folder / "entered", os.O_WRONLY | os.O_APPEND)
    with (folder / "test").open("r+b") as file:
        number = mmap.mmap(file.fileno(), 4, access=mmap.ACCESS_READ)
    seen: set[tuple[bytes, int]] = set()
    codes: list[CodeType] = []  # kept, so that no two of them share an id

    def call(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if not code.co_filename.startswith(root):
            return
        key = number[:4], id(code)
        if key not in seen:
            seen.add(key)
            codes.append(code)
            test = int.from_bytes(key[0], "little")
            os.write(entered, f"{test:04} {code.co_filename.removeprefix(root)} {code.co_qualname}\n".encode())

    _Trace.call = call
    threading.settrace(call)
    sys.settrace(call)
