"""Where a long name goes on in another line: behind one of its parts, not anywhere."""

import re
from collections.abc import Iterator

from rich.cells import cell_len

_PARTS = re.compile(r"[^/._-]*[/._-]+|[^/._-]+")


def line_breaks(text: str, width: int) -> list[int]:
    """Return the offsets at which words of more than `width` cells go on in another line, behind `/`, `.`, `_` or `-`.

    >>> line_breaks("layer1.0.bn1.running_mean is float32", 14)
    [13]

    A part that is itself longer than a line is left to the terminal, which breaks it anywhere.
    """
    words = re.finditer(r"\S+", text)
    return [offset for word in words if cell_len(word[0]) > width for offset in _breaks(word[0], word.start(), width)]


def _breaks(word: str, start: int, width: int) -> Iterator[int]:
    used = 0
    for part in _PARTS.finditer(word):
        length = cell_len(part[0])
        if used and used + length > width:
            yield start + part.start()
            used = 0
        used = (used + length - 1) % width + 1
