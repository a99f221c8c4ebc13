"""Files that cannot grow: the nearest to a full disk that any user can have.

Python compiles no module there, as it would leave one cut short (it does not notice that a write was), which every
process after this one would fail to import.
"""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from .command import COMMAND, PATIENCE, environment


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Whatever this process would make larger than `size` bytes fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with patch.object(sys, "dont_write_bytecode", True):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def isomorph_on_full_disk(*arguments: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    """Run `isomorph` with that folder for temporary files, where no file grows beyond 2,000 bytes.

    A worker's pipe and words are smaller.
    """
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(TMPDIR=str(temporary), PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
