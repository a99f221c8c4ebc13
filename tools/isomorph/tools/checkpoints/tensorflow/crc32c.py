"""CRC-32C (Castagnoli), as LevelDB and TensorFlow store it: masked, so that data which holds checksums has sound ones.

google-crc32c computes it with the processor's own instruction; NumPy or plain Python would take longer than all else.
"""

import google_crc32c

from isomorph.tools.checkpoints.mapped_file import MappedFile

_PIECE = 1 << 20  # bytes copied at once
_MASK_DELTA = 0xA282EAD8  # leveldb/util/crc32c.h


def masked_crc32c(data: bytes) -> int:
    """Return the masked checksum of `data`."""
    return masked(google_crc32c.value(data))


def masked(crc: int) -> int:
    """Return the masked form of a checksum."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def masked_crc32c_of(file: MappedFile, start: int, count: int, crc: int = 0) -> int:
    """Return the masked checksum of `count` bytes of `file` from `start`, without a copy of them all.

    crc: the plain checksum of what stands before them.
    """
    end = start + count
    for position in range(start, end, _PIECE):
        crc = google_crc32c.extend(crc, file.read(position, min(_PIECE, end - position)))
    return masked(crc)
