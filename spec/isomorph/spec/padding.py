"""How many zeros (or -inf, for a max pool) go on either side of an axis, and how long the result is.

Every padding in every backend comes from here or is TensorFlow's own SAME, which `pads("same", ...)` restates.
"""

from typing import Literal

from isomorph.spec.errors import BadInput

Rule = Literal["explicit", "same", "after", "ceil", "valid"]


def pads(rule: Rule, size: int, kernel: int, stride: int, rate: int) -> tuple[int, int]:
    """Padding before and after an axis of `size`, on which "same" alone depends.

    explicit: as slim's `conv2d_same` and PyTorch's `padding=` have it, alike on both sides.
    same: TensorFlow's: ceil(size / stride) results, the odd one of the padding after (tf-slim, resnet_utils.py).
    after: a window that strides is padded behind alone, as by Keras's MobileNet; others as "explicit".
    ceil: no window is left out for want of some cells, as with PyTorch's `ceil_mode=True`; valid: none is made up.
    """
    extent = rate * (kernel - 1)
    match rule:
        case "same":
            total = max((-(-size // stride) - 1) * stride + extent + 1 - size, 0)
            return total // 2, total - total // 2
        case "after" if stride > 1:
            return 0, extent - 1
        case "ceil":
            return 0, stride - 1
        case "valid":
            return 0, 0
    return extent // 2, extent // 2


def out_size(rule: Rule, size: int, kernel: int, stride: int, rate: int) -> int:
    """Length of the result along an axis of `size`. Raises BadInput where the window finds no room."""
    room = size + sum(pads(rule, size, kernel, stride, rate)) - rate * (kernel - 1) - 1
    if size < 1 or room < 0:
        raise BadInput(f"A map of size {size} is too small for a {kernel}x{kernel} window.")
    return room // stride + 1


def adaptive_windows(size: int, cells: int) -> list[tuple[int, int]]:
    """Begin and end of each of the `cells` windows along an axis of `size`, as PyTorch's and Paddle's adaptive pools.

    They overlap where `cells` does not divide `size`.
    """
    return [(cell * size // cells, -(-(cell + 1) * size // cells)) for cell in range(cells)]
