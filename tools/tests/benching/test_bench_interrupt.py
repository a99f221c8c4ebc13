"""Ctrl-C during `bench`, once or more often."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from isomorph.tools.benching.interrupt import heard_once


@pytest.fixture(autouse=True)
def _python_s_own_handler() -> Iterator[None]:
    """Which a shell's background processes do not have: they ignore ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_ctrl_c_is_heard_and_those_behind_it_are_not() -> None:
    before = signal.getsignal(signal.SIGINT)
    with heard_once():
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        interrupt()  # such as while processes are ended
    assert signal.getsignal(signal.SIGINT) is before


def test_anothers_handler_stays() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        with heard_once():
            interrupt()
            interrupt()
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT] * 2


def test_other_threads_hear_none() -> None:
    done: list[bool] = []

    def run() -> None:
        with heard_once():
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done
