"""Padding against integers that were worked out by hand."""

import pytest

from isomorph.spec import BadInput
from isomorph.spec.padding import Rule, out_size, pads

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
]

# Keras's MobileNet: ZeroPadding2D(((0, 1), (0, 1))) before a window that strides, "same" before one that does not.
AFTER = [
    (112, 3, 2, 1, 0, 1, 56),
    (113, 3, 2, 1, 0, 1, 56),
    (56, 3, 1, 1, 1, 1, 56),
    (14, 3, 1, 2, 2, 2, 14),
]

# PyTorch's ceil_mode without padding, and none: as torch.nn.MaxPool2d(3, 2) and (2, 2) count their results.
CEIL = [
    (112, 3, 2, 1, 0, 1, 56),
    (113, 3, 2, 1, 0, 1, 56),
    (5, 2, 2, 1, 0, 1, 3),
    (6, 2, 2, 1, 0, 1, 3),
    (3, 3, 2, 1, 0, 1, 1),
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


def test_the_two_rules_part_where_a_strided_window_meets_an_even_size() -> None:
    parted = [size for size in range(1, 9) if pads("same", size, 3, 2, 1) != pads("explicit", size, 3, 2, 1)]
    assert parted == [2, 4, 6, 8]


@pytest.mark.parametrize("rule", ["same", "explicit"])
def test_a_map_without_cells_has_no_room_for_a_window(rule: Rule) -> None:
    with pytest.raises(BadInput, match=r"^A map of size 0 is too small for a 3x3 window\.$"):
        out_size(rule, 0, 3, 2, 1)
