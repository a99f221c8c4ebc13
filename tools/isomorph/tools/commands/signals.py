"""Signals that ask the command line to end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Interrupted(Exception):  # noqa: N818 - it says what happened
    """A command was interrupted by ctrl-C; its message says what is left of its work."""


ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise SystemExit, with 128 + their number for a status.

    What has been started is then ended, and temporary files are removed, as behind any other exception. A signal that
    is ignored, as SIGHUP under `nohup`, or that somebody else handles stays so; outside the main thread, which hears
    none, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [number for number in ENDING if signal.getsignal(number) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
