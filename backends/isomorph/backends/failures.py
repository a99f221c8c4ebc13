"""What can go wrong with a backend: what it lacks, its process, and the files that go to and from it."""

import tempfile
from pathlib import Path

PREFIX = "isomorph-run-"
"""How the names of all folders for temporary files begin, see `isomorph.backends.scratch`."""


class Unavailable(RuntimeError):  # noqa: N818 - it names a state, which is a result and no mistake
    """This backend cannot do what was asked here, and why: a framework that is missing, a precision that it lacks."""


class BackendFailed(RuntimeError):  # noqa: N818 - it says what happened, and to whom
    """A backend crashed, hung, ran out of memory or raised; its message holds the last words."""


class BackendEnded(BackendFailed):
    """It crashed, or it hung and was stopped: its process has ended, and whoever asks more of it needs a new one."""


class DiskFull(BackendFailed):
    """Temporary files cannot be written: nobody is wrong, and nothing is decided."""

    @classmethod
    def of(cls, error: OSError, path: str | Path | None = None) -> "DiskFull":
        """The failure to write `path`, or to find any folder that can be written to.

        >>> import errno
        >>> str(DiskFull.of(OSError(errno.ENOSPC, "No space left on device"), "/mnt/isomorph-run-x/arrays-0"))
        'Temporary files cannot be written in /mnt: No space left on device; set TMPDIR to a folder with more room.'
        """
        folder = "any of the usual folders" if path is None else _outside(Path(path))
        return cls(
            f"Temporary files cannot be written in {folder}: {error.strerror or error}; set TMPDIR to a folder with"
            " more room."
        )


def _outside(path: Path) -> Path:
    """The folder that a temporary file's own folder stands in, or that of any other file."""
    for parent in reversed(path.parents):
        if parent.name.startswith(PREFIX):
            return parent.parent
    return path.parent if path.parent != Path() else Path(tempfile.gettempdir())
