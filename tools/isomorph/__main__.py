"""`isomorph COMMAND`, or `python -m isomorph COMMAND`: the door, which hears ctrl-C while all else is imported."""

import os
import signal

TYPE_CHECKING = False  # importing `typing` takes milliseconds, in which nobody hears ctrl-C
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> "NoReturn":
    """Import the command line, which takes a second or more, and run it; ctrl-C meanwhile is status 130."""
    # By default threads of NumPy's OpenBLAS wait in loops of 2**26 ticks, on cores that frameworks import on meanwhile.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    # An exception would be raised anywhere within other packages' imports, some of which take it for their own.
    default = signal.default_int_handler
    if signal.getsignal(signal.SIGINT) is default:
        signal.signal(signal.SIGINT, _leave)
    from isomorph.tools.cli import main as run  # noqa: PLC0415 - from here on there is somebody to hear ctrl-C

    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, default)
    run()


def _leave(_number: int, _frame: "FrameType | None") -> "NoReturn":
    """End at once: there is nothing yet to clean up."""
    os.write(2, b"interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    main()
