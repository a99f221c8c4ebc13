"""The keys under which TensorFlow's first checkpoints keep slices: codes whose bytes sort as what they stand for does.

Sources: tensorflow/core/util/saved_tensor_slice_util.cc (`EncodeTensorNameSlice`) and
tensorflow/core/lib/strings/ordered_code.cc (`WriteString`, `WriteNumIncreasing`, `WriteSignedNumIncreasing`).
"""

from collections.abc import Sequence

Extent = tuple[int, int]
"""Where a slice starts along an axis, and its length there, or FULL."""

FULL = -1
"""tensor_slice.h, `kFullExtent`: the slice has all of an axis."""


def key_of_slice(name: str, extents: Sequence[Extent]) -> bytes:
    """Return the key of a slice of the tensor `name`.

    >>> from isomorph.tools.checkpoints.tensorflow.ordered_code import FULL, key_of_slice
    >>> key_of_slice("w", [(0, 2), (0, FULL)])
    b'\\x00w\\x00\\x01\\x01\\x02\\x80\\x82\\x80\\x7f'
    """
    escaped = name.encode().replace(b"\0", b"\0\xff").replace(b"\xff", b"\xff\0")
    numbers = b"".join(_signed(number) for extent in extents for number in extent)
    return _unsigned(0) + escaped + b"\0\1" + _unsigned(len(extents)) + numbers


def _unsigned(number: int) -> bytes:
    """Return how many bytes the number takes, and those, the highest first."""
    length = (number.bit_length() + 7) // 8
    return bytes([length]) + number.to_bytes(length, "big")


def _signed(number: int) -> bytes:
    """Return a number of at most 64 bits in two's complement, seven bits to a byte.

    As many bits as it has bytes stand before it, ones where it is not negative.
    """
    length = (number if number >= 0 else ~number).bit_length() // 7 + 1
    header = ((1 << length) - 1) << 7 * length
    return ((number % (1 << 8 * length)) ^ header).to_bytes(length, "big")
