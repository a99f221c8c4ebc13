"""What a command goes on with, but has to say: a sentence on stderr."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from isomorph.tools.commands.console import say_unless_quiet
from isomorph.tools.remark import Remark


@contextmanager
def shown_remarks() -> Iterator[None]:
    """Within it, a Remark is a sentence of ours on stderr, any other warning is as Python has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", Remark)
        warnings.showwarning = _show
        yield


def _show(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    if not issubclass(category, Remark):
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))
    else:
        say_unless_quiet(str(message))
