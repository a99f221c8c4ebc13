"""Read what isomorph notes in the files that it writes: the architecture of their tensors."""

from isomorph.tools.checkpoints.checkpoint import METADATA
from isomorph.tools.checkpoints.mapped_file import MappedFile

_LONGEST = 1 << 20  # bytes: a hundred times what any architecture takes


def noted(file: MappedFile, start: int, size: int) -> dict[str, str]:
    """Return the metadata in the note at `[start, start + size)`. Raises BadInput where that is no such text."""
    if size > _LONGEST:
        raise file.bad(
            f"its record {METADATA} has {size:,} bytes, at most {_LONGEST:,} were expected: save the file again without"
            " it"
        )
    try:
        return {METADATA: file.read(start, size).decode()}
    except UnicodeDecodeError:
        raise file.damaged(f"its record {METADATA} is no text in UTF-8") from None
