"""Which of the published files a file is: told by its hash, whatever it is called now."""

import hashlib
from pathlib import Path

from isomorph.spec import BadInput
from isomorph.tools.published import Published, published


def find_published(path: Path, sha256: str) -> Published | None:
    """The published weights that the file at `path` holds, bit for bit; None for any other file.

    sha256: the file's, in hexadecimal. Zoos publish its first digits, or an MD5, which is reckoned of a file that has
    the suffix of one whose MD5 is known. Raises BadInput for a file that cannot be read.
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
    """Whether one of the published files is called so."""
    return any(row.file_name == path.name for row in _all_rows())


def _all_rows() -> list[Published]:
    return [row for rows in published().values() for row in rows]


def _digest(path: Path, algorithm: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as problem:
        raise BadInput(f"{path} cannot be read: {problem.strerror}.") from None
