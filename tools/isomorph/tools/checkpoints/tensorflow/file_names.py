"""The names of a TensorFlow checkpoint's files: PREFIX.index and PREFIX.data-00000-of-00001, ..."""

import re
from pathlib import Path

from isomorph.tools.checkpoints.wording import refusal

SHARD = re.compile(r"(?P<prefix>.+)\.data-\d{5,}-of-\d{5,}", re.DOTALL)


def index_of(path: Path) -> Path:
    """Return the index of the checkpoint of which `path` is the prefix or a shard; else `path` itself.

    Raises BadInput for a shard without its index.
    """
    shard = SHARD.fullmatch(path.name)
    try:
        index = path.with_name((shard["prefix"] if shard else path.name) + ".index")
        there, beside = path.exists(), index.exists()
    except (OSError, ValueError):  # an impossible name, which is refused where it is opened
        return path
    if shard and there and not beside:
        raise refusal(path, f"is a shard of a TensorFlow checkpoint, whose index {index.name} was expected beside it")
    return index if beside and (shard or not there) else path
