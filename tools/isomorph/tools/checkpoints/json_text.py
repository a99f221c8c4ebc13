"""JSON that describes a network beside its tensors, read where it is not far larger than that needs."""

import json

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import shown

_FREE = 1 << 20  # bytes that any may have; a thousand layers' worth
_SHARE = 32  # JSON becomes Python objects of up to thirty times its size


def read_json(file: MappedFile, start: int, size: int, what: str, whole: int) -> object:
    """Return the value of the JSON in `[start, start + size)` of `file`.

    what: what it is, as a refusal calls it. whole: the bytes of all that was read with it.
    Raises BadInput where it is no JSON, or far larger than layers are.
    """
    if size > _FREE + whole // _SHARE:
        raise file.bad(f"its {what} takes {size:,} of {whole:,} bytes, far more than layers do")
    try:
        return json.loads(file.read(start, size))
    except (ValueError, RecursionError) as problem:
        raise file.damaged(f"its {what} cannot be read ({shown(str(problem), 100)})") from None
