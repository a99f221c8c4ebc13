"""Find which published file a file is, by its hash, whatever its name."""

import hashlib
from pathlib import Path

from isomorph.spec import BadInput
from isomorph.tools.published import Published, published


def find_published(path: Path, sha256: str) -> Published | None:
    """Return the published weights that the file at `path` is, bit for bit; None for any other file.

    sha256: the file's, in hexadecimal. Some zoos publish an MD5 instead, which is computed for files with the suffix of
    theirs. Raises BadInput for a file that cannot be read.
    """
    digests = {"sha256": sha256}
    for row in _all_rows():
        algorithm, _, digits = row.digest.partition(":")
        if algorithm not in digests and path.suffix == Path(row.file_name).suffix:
            digests[algorithm] = _digest(path, algorithm)
        if digests.get(algorithm, "").startswith(digits):
            return row
    return None


def has_published_name(path: Path) -> bool:
    """Tell whether one of the published files has the name of `path`."""
    return any(row.file_name == path.name for row in _all_rows())


def _all_rows() -> list[Published]:
    return [row for rows in published().values() for row in rows]


def _digest(path: Path, algorithm: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as problem:
        raise BadInput(f"{path} cannot be read: {problem.strerror}.") from None
