"""Tensors of strings in a TensorFlow checkpoint: the lengths, a checksum of those, and the strings one after the other.

The checksum of the whole is that of the lengths as integers of four bytes, or of eight from 4 GiB on, of their checksum
and of the strings, as if those were one run of bytes.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc (`WriteStringTensor`, `ReadStringTensor`).
"""

import google_crc32c

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.protobuf import varint
from isomorph.tools.checkpoints.tensorflow.crc32c import masked, masked_crc32c_of

_FOUR_BYTES = 1 << 32


def only_string(file: MappedFile, start: int, size: int, crc32c: int) -> slice:
    """Return where in `file` the string is that fills, with its length, `size` bytes from `start`.

    crc32c: the masked checksum of the whole. Raises ValueError where that is another, or there is no such string.
    """
    length, position = varint(file, start)
    text = slice(position + 4, start + size)
    if length != text.stop - text.start:
        raise ValueError(f"its string has {text.stop - text.start:,} bytes, {length:,} were expected")
    crc = google_crc32c.value(length.to_bytes(4 if length < _FOUR_BYTES else 8, "little"))
    of_length = masked(crc).to_bytes(4, "little")
    if file.read(position, 4) != of_length:
        raise ValueError("the checksum of its string's length is not that of the length")
    if masked_crc32c_of(file, text.start, length, google_crc32c.extend(crc, of_length)) != crc32c:
        raise ValueError("the checksum of its string is not that of its bytes")
    return text
