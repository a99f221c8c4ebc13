"""Padding against integers that were worked out by hand, and against windows that are laid out one by one."""

from collections.abc import Iterator
from itertools import product
from typing import get_args

import pytest

from isomorph.spec import BadInput
from isomorph.spec.padding import Rule, out_size, pad_alike, pads

# TensorFlow's SAME: ceil(size / stride) results, the odd one of the padding behind.
SAME = [
    # size, kernel, stride, rate, before, after, results
    (4, 3, 2, 1, 0, 1, 2),
    (5, 3, 2, 1, 1, 1, 3),
    (112, 3, 2, 1, 0, 1, 56),
    (113, 3, 2, 1, 1, 1, 57),
    (224, 7, 2, 1, 2, 3, 112),
    (225, 7, 2, 1, 3, 3, 113),
    (7, 3, 1, 1, 1, 1, 7),
    (8, 3, 1, 1, 1, 1, 8),
    (9, 3, 1, 2, 2, 2, 9),
    (9, 3, 1, 4, 4, 4, 9),
    (8, 2, 1, 1, 0, 1, 8),
    (4, 1, 2, 1, 0, 0, 2),
    (5, 1, 2, 1, 0, 0, 3),
    (2, 3, 2, 1, 0, 1, 1),
    (1, 3, 2, 1, 1, 1, 1),
    (6, 3, 2, 2, 1, 2, 3),
    (10, 3, 4, 1, 0, 1, 3),
]

# Slim's `conv2d_same` and PyTorch's `padding=`: half of rate * (kernel - 1) on either side, whatever the size.
EXPLICIT = [
    (4, 3, 2, 1, 1, 1, 2),
    (5, 3, 2, 1, 1, 1, 3),
    (224, 7, 2, 1, 3, 3, 112),
    (225, 7, 2, 1, 3, 3, 113),
    (112, 3, 2, 1, 1, 1, 56),
    (8, 3, 1, 1, 1, 1, 8),
    (9, 3, 1, 2, 2, 2, 9),
    (9, 3, 1, 4, 4, 4, 9),
    (8, 2, 1, 1, 0, 0, 7),
    (5, 1, 2, 1, 0, 0, 3),
    (1, 3, 2, 1, 1, 1, 1),
    (6, 3, 2, 2, 2, 2, 3),
    (8, 4, 1, 1, 1, 1, 7),
    (8, 4, 2, 1, 1, 1, 4),
    (8, 2, 2, 3, 1, 1, 4),
]

# Keras's MobileNet: ZeroPadding2D(((0, 1), (0, 1))) before a window that strides, "same" before one that does not.
AFTER = [
    (112, 3, 2, 1, 0, 1, 56),
    (113, 3, 2, 1, 0, 1, 56),
    (56, 3, 1, 1, 1, 1, 56),
    (14, 3, 1, 2, 2, 2, 14),
    (25, 1, 2, 1, 0, 0, 13),
    (24, 2, 2, 1, 0, 0, 12),
]

# PyTorch's ceil_mode without padding, and none: as torch.nn.MaxPool2d(3, 2) and (2, 2) count their results, and as
# those (2.13) do whose stride is above their kernel.
CEIL = [
    (112, 3, 2, 1, 0, 1, 56),
    (113, 3, 2, 1, 0, 1, 56),
    (5, 2, 2, 1, 0, 1, 3),
    (6, 2, 2, 1, 0, 1, 3),
    (3, 3, 2, 1, 0, 1, 1),
    (3, 2, 3, 1, 0, 1, 1),
    (4, 2, 3, 1, 0, 1, 2),
    (5, 2, 3, 1, 0, 1, 2),
    (6, 2, 3, 1, 0, 1, 2),
    (7, 2, 3, 1, 0, 1, 3),
    (4, 1, 2, 1, 0, 0, 2),
    (5, 1, 2, 1, 0, 0, 3),
    (1, 3, 3, 1, 0, 2, 1),
    (13, 3, 4, 1, 0, 2, 4),
    (14, 3, 4, 1, 0, 2, 4),
    (7, 2, 4, 2, 0, 2, 2),
]
VALID = [
    (112, 3, 2, 1, 0, 0, 55),
    (113, 3, 2, 1, 0, 0, 56),
    (5, 2, 2, 1, 0, 0, 2),
    (6, 2, 2, 1, 0, 0, 3),
    (3, 3, 2, 1, 0, 0, 1),
]

Row = tuple[int, int, int, int, int, int, int]
RULES: dict[Rule, list[Row]] = {"same": SAME, "explicit": EXPLICIT, "after": AFTER, "ceil": CEIL, "valid": VALID}
CASES: list[tuple[Rule, Row]] = [(rule, row) for rule, rows in RULES.items() for row in rows]


@pytest.mark.parametrize(
    ("rule", "row"),
    CASES,
    ids=[f"{rule} padding of {row[0]} for a window of {row[1]}, stride {row[2]}, rate {row[3]}" for rule, row in CASES],
)
def test_padding(rule: Rule, row: Row) -> None:
    size, kernel, stride, rate, before, after, results = row
    assert pads(rule, size, kernel, stride, rate) == (before, after)
    assert out_size(rule, size, kernel, stride, rate) == results


# Windows one by one, from what the frameworks' own documents say of each rule.

KERNELS, STRIDES, RATES, SIZES = (1, 2, 3, 4, 5, 7), (1, 2, 3, 4, 6), (1, 2, 3), range(1, 20)
WINDOWS = list(product(KERNELS, STRIDES, RATES))
EVERY_WINDOW = pytest.mark.parametrize(
    ("kernel", "stride", "rate"), WINDOWS, ids=[f"{k}x{k}, stride {s}, rate {r}" for k, s, r in WINDOWS]
)


def first_cells(rule: Rule, size: int, kernel: int, stride: int, rate: int) -> list[int]:
    """Where each window's first cell lies, the axis's first one being 0; below that is padding."""
    reach = rate * (kernel - 1)
    match rule:
        case "same":
            # TensorFlow: as many as cells that strides step on; what they see beyond the axis is shared out evenly.
            starts = list(range(0, size, stride))
            beyond = max(starts[-1] + reach + 1 - size, 0)
            return [start - beyond // 2 for start in starts]
        case "ceil":
            # PyTorch: up to the one that ends on or behind the last cell, if that wants less than a stride.
            return list(_up_to_the_end(size, stride, reach)) if size + stride - 1 > reach else []
        case "valid":
            return [start for start in range(0, size, stride) if start + reach < size]
        case "explicit":
            before, after = reach // 2, reach // 2
        case "after":
            before, after = (reach // 2, reach // 2) if stride == 1 else (0, reach - 1 if reach else 0)
    return [start for start in range(-before, size, stride) if start + reach < size + after]


def _up_to_the_end(size: int, stride: int, reach: int) -> Iterator[int]:
    for start in range(0, size, stride):
        yield start
        if start + reach >= size - 1:
            return


@EVERY_WINDOW
@pytest.mark.parametrize("rule", get_args(Rule))
def test_windows_lie_where_the_rule_puts_them(rule: Rule, kernel: int, stride: int, rate: int) -> None:
    """Sizes that have no room for a window are refused, and nothing is cut off where there is."""
    laid_out = {size: first_cells(rule, size, kernel, stride, rate) for size in SIZES}
    assert {size: windows(rule, size, kernel, stride, rate) for size in SIZES} == laid_out
    assert all(min(pads(rule, size, kernel, stride, rate)) >= 0 for size in SIZES)


def windows(rule: Rule, size: int, kernel: int, stride: int, rate: int) -> list[int]:
    """Where each window's first cell lies, by the rule's padding and count; none where it is refused."""
    before, _ = pads(rule, size, kernel, stride, rate)
    try:
        count = out_size(rule, size, kernel, stride, rate)
    except BadInput:
        return []
    return [number * stride - before for number in range(count)]


@EVERY_WINDOW
def test_rules_are_alike_where_they_pad_all_sizes_by_as_much(kernel: int, stride: int, rate: int) -> None:
    pairs = list(product(get_args(Rule), repeat=2))
    padded = {rule: [pads(rule, size, kernel, stride, rate) for size in range(1, 40)] for rule in get_args(Rule)}
    assert [(one, other) for one, other in pairs if pad_alike(one, other, kernel, stride, rate)] == [
        (one, other) for one, other in pairs if padded[one] == padded[other]
    ]


def test_the_two_rules_part_where_a_strided_window_meets_an_even_size() -> None:
    parted = [size for size in range(1, 9) if pads("same", size, 3, 2, 1) != pads("explicit", size, 3, 2, 1)]
    assert parted == [2, 4, 6, 8]


@pytest.mark.parametrize("rule", ["same", "explicit"])
def test_a_map_without_cells_has_no_room_for_a_window(rule: Rule) -> None:
    with pytest.raises(BadInput, match=r"^A map of size 0 is too small for a 3x3 window\.$"):
        out_size(rule, 0, 3, 2, 1)
