"""Handle ctrl-C, which terminals and launchers may send more than once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def heard_once() -> Iterator[None]:
    """Raise KeyboardInterrupt for the first ctrl-C in the block, and ignore further ones.

    Ending many processes takes a while, in which a second ctrl-C would lose the report. Nothing changes where another
    handler than Python's own is set, and outside the main thread, which gets no signals.
    """
    default = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not default:
        yield
        return

    def first(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, default)
