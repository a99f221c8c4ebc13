"""Where windows lie by every rule of padding: even kernels, strides above the kernel, sides that strides do not divide.

The cells are typed by hand, from what `isomorph.spec.padding` says of each rule.
"""

import numpy as np
import pytest

from isomorph.conformance.small_networks import alone, create_input, plain_tensors
from isomorph.conformance.suite.conftest import Build
from isomorph.spec import StemConvolution, StemPool

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])

# rule, kernel, stride; height and width of the map; the first row that each window sees, and the first column.
POOLS = [
    ("ceil", 2, 3, (3, 5), [0], [0, 3]),
    ("ceil", 2, 3, (4, 6), [0, 3], [0, 3]),
    ("ceil", 1, 2, (3, 4), [0, 2], [0, 2]),
    ("ceil", 3, 2, (5, 6), [0, 2], [0, 2, 4]),
    ("valid", 2, 3, (5, 7), [0, 3], [0, 3]),
    ("explicit", 2, 2, (5, 4), [0, 2], [0, 2]),
    ("explicit", 4, 2, (6, 7), [0, 1, 3], [0, 1, 3]),
    ("same", 2, 3, (5, 6), [0, 3], [0, 3]),
    ("same", 2, 1, (3, 4), [0, 1, 2], [0, 1, 2, 3]),
    ("same", 4, 3, (5, 7), [0, 2], [0, 2, 5]),
]

# The same of convolutions, with the number of rows and of columns that each window sees.
CONVOLUTIONS = [
    ("explicit", 2, 1, (3, 4), [2, 2], [2, 2, 2]),
    ("explicit", 2, 2, (5, 4), [2, 2], [2, 2]),
    ("explicit", 4, 1, (5, 6), [3, 4, 4, 3], [3, 4, 4, 4, 3]),
    ("explicit", 4, 3, (5, 7), [3, 3], [3, 4]),
    ("same", 2, 1, (3, 4), [2, 2, 1], [2, 2, 2, 1]),
    ("same", 2, 2, (5, 4), [2, 2, 1], [2, 2]),
    ("same", 4, 3, (5, 7), [3, 3], [3, 4, 2]),
]


def called(case: tuple[str, int, int, tuple[int, int], list[int], list[int]]) -> str:
    rule, kernel, stride, (height, width), *_ = case
    return f"{rule} {kernel}x{kernel}, stride {stride}, on {height}x{width}"


@DTYPES
@pytest.mark.parametrize(
    ("rule", "kernel", "stride", "size", "rows", "columns"), POOLS, ids=[called(case) for case in POOLS]
)
def test_a_pool_sees(
    rule: str,
    kernel: int,
    stride: int,
    size: tuple[int, int],
    rows: list[int],
    columns: list[int],
    dtype: str,
    build: Build,
) -> None:
    """Of -1 - row - column, the maximum of a window is its first cell that is no padding."""
    network = build(alone(StemPool("pool1", kernel, stride), pool_padding=rule), dtype)
    found = network.end_points(-1 - create_input(1, *size, 1))["pool1"]
    np.testing.assert_array_equal(found[0, :, :, 0], -1 - np.add.outer(rows, columns))


@DTYPES
@pytest.mark.parametrize(
    ("rule", "kernel", "stride", "size", "rows", "columns"), CONVOLUTIONS, ids=[called(case) for case in CONVOLUTIONS]
)
def test_a_convolution_sees(
    rule: str,
    kernel: int,
    stride: int,
    size: tuple[int, int],
    rows: list[int],
    columns: list[int],
    dtype: str,
    build: Build,
) -> None:
    """Of ones, by a kernel of ones, the sum is the number of cells that are no padding."""
    design = alone(StemConvolution("conv1", 1, kernel, stride), convolution_padding=rule)
    network = build(design, dtype)
    network.load(plain_tensors(design, {"conv1": np.ones((kernel, kernel, 1, 1))}))
    found = network.end_points(np.ones((1, *size, 1)))["conv1"]
    np.testing.assert_allclose(found[0, :, :, 0], np.multiply.outer(rows, columns), rtol=1e-6)


@DTYPES
@pytest.mark.parametrize(
    ("size", "expected"),
    [(4, [[-1, 0], [0, 0]]), (5, [[0, 0, 0], [0, -3, 0], [0, 0, 0]])],
    ids=["an even side", "an odd side"],
)
def test_zeros_around_same_exceed_what_is_negative(
    size: int, expected: list[list[int]], dtype: str, build: Build
) -> None:
    """Of -1 - row - column, by a 3x3 pool of stride 2."""
    network = build(alone(StemPool("pool1", 3, 2), pool_padding="same", pool_fill="zero"), dtype)
    found = network.end_points(-1 - create_input(1, size, size, 1))["pool1"]
    np.testing.assert_array_equal(found[0, :, :, 0], expected)
