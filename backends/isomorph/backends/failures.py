"""Errors of a backend: what it lacks, of its process, and of the temporary files that it shares."""

from pathlib import Path

PREFIX = "isomorph-run-"
"""The start of the names of all folders for temporary files, see `isomorph.backends.scratch`."""


class Unavailable(RuntimeError):  # noqa: N818 - it names a state, which is a result and no mistake
    """A backend cannot do something here; the message says why: a framework is missing, it lacks a precision, ...

    >>> from isomorph.backends import load_backend
    >>> from isomorph.spec import architecture
    >>> load_backend("oracle").build(architecture("mlperf_tiny/resnet8"), device="gpu")
    Traceback (most recent call last):
        ...
    isomorph.backends.failures.Unavailable: oracle sees no GPU here.
    """


class BackendFailed(RuntimeError):  # noqa: N818 - it says what happened, and to whom
    """A backend crashed, hung, ran out of memory or raised; the message holds its last words."""


class BackendEnded(BackendFailed):
    """A backend crashed, or hung and was stopped: its process has ended, and more calls need a new one."""


class DiskFull(BackendFailed):
    """Temporary files cannot be written: no backend is wrong, and nothing is decided."""

    @classmethod
    def of(cls, error: OSError, path: str | Path | None = None) -> "DiskFull":
        """Return the error for a failure to write `path`, or to find any folder that can be written to.

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
    """Return the folder around a temporary file's own folder, or the folder of any other file."""
    for parent in reversed(path.parents):
        if parent.name.startswith(PREFIX):
            return parent.parent
    if path.parent != Path():
        return path.parent
    import tempfile  # noqa: PLC0415 - every command knows these errors, and few ever raise one

    return Path(tempfile.gettempdir())
