"""Padding rules: how many zeros (or -inf, for a max pool) pad either side of an axis, and how long the result is.

Every padding in every backend comes from here or is TensorFlow's own SAME, which `pads("same", ...)` restates.
"""

from typing import Literal

from isomorph.spec.errors import BadInput

Rule = Literal["valid", "explicit", "same", "after", "ceil"]
"""How a window's axis is padded; `pads` explains each."""


def pads(rule: Rule, size: int, kernel: int, stride: int, rate: int) -> tuple[int, int]:
    """Return the padding before and after an axis of `size`; only "same" depends on the size.

    explicit: the same on both sides, as PyTorch's `padding=`: half of rate * (kernel - 1), rounded down. For odd
        kernels it is slim's `conv2d_same`, which pads an even one that strides by one more, behind.
    same: TensorFlow's: ceil(size / stride) results, the odd one of the padding after (tf-slim, resnet_utils.py).
    after: a window that strides is padded behind alone, as by Keras's MobileNet; others as "explicit".
    ceil: a last window that lacks some cells counts, unless it would begin behind the last cell, as with PyTorch's
        `ceil_mode=True`. Paddle's (3.3) counts that window, too, and gives float32's lowest number for it.
    valid: no padding.

    >>> pads("explicit", 224, kernel=7, stride=2, rate=1)
    (3, 3)
    >>> pads("same", 224, kernel=7, stride=2, rate=1)
    (2, 3)
    >>> pads("same", 225, kernel=7, stride=2, rate=1)
    (3, 3)
    >>> pads("after", 112, kernel=3, stride=2, rate=1)
    (0, 1)
    >>> pads("ceil", 5, kernel=2, stride=3, rate=1)
    (0, 1)
    >>> pads("valid", 112, kernel=3, stride=2, rate=1)
    (0, 0)
    """
    extent = rate * (kernel - 1)
    match rule:
        case "same":
            total = max((-(-size // stride) - 1) * stride + extent + 1 - size, 0)
            return total // 2, total - total // 2
        case "after" if stride > 1:
            return 0, max(extent - 1, 0)
        case "ceil":
            return 0, min(stride - 1, extent)
        case "valid":
            return 0, 0
    return extent // 2, extent // 2


def out_size(rule: Rule, size: int, kernel: int, stride: int, rate: int) -> int:
    """Return the length of the result along an axis of `size`. Raises BadInput where the window does not fit.

    >>> out_size("same", 225, kernel=7, stride=2, rate=1)
    113
    >>> out_size("valid", 225, kernel=7, stride=2, rate=1)
    110
    >>> out_size("valid", 2, kernel=3, stride=1, rate=1)
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: A map of size 2 is too small for a 3x3 window.
    """
    room = size + sum(pads(rule, size, kernel, stride, rate)) - rate * (kernel - 1) - 1
    if size < 1 or room < 0:
        raise BadInput(f"A map of size {size} is too small for a {kernel}x{kernel} window.")
    return room // stride + 1


def pad_alike(rule: Rule, other: Rule, kernel: int, stride: int, rate: int) -> bool:
    """Return whether two rules pad axes of every size alike for this window.

    >>> pad_alike("same", "explicit", kernel=3, stride=1, rate=2)
    True
    >>> pad_alike("same", "explicit", kernel=3, stride=2, rate=1)
    False
    """
    # What "same" pads depends on the size's remainder by the stride, and is the least at 0 and the most at 1.
    return all(
        pads(rule, size, kernel, stride, rate) == pads(other, size, kernel, stride, rate)
        for size in (stride, stride + 1)
    )


def adaptive_windows(size: int, cells: int) -> list[tuple[int, int]]:
    """Return begin and end of each of the `cells` windows along an axis of `size`, as in adaptive pools.

    They are PyTorch's and Paddle's, and overlap where `cells` does not divide `size`.

    >>> adaptive_windows(7, cells=3)
    [(0, 3), (2, 5), (4, 7)]
    """
    return [(cell * size // cells, -(-(cell + 1) * size // cells)) for cell in range(cells)]
