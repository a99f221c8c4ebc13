"""Where windows lie by every rule of padding: even kernels, strides above the kernel, sides that strides do not divide.

The cells are typed by hand, from what `isomorph.spec.padding` says of each rule.
"""

from typing import NamedTuple

import numpy as np
import pytest

from isomorph.conformance.small_networks import alone, create_input, plain_tensors
from isomorph.conformance.suite.conftest import Build
from isomorph.spec import StemConvolution, StemPool

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


class Windows(NamedTuple):
    """How a window moves over a map, and what each one sees of the map's rows, and of its columns.

    size: height and width of the map.
    """

    rule: str
    kernel: int
    stride: int
    size: tuple[int, int]
    rows: list[int]
    columns: list[int]

    def __str__(self) -> str:
        height, width = self.size
        return f"{self.rule} {self.kernel}x{self.kernel}, stride {self.stride}, on {height}x{width}"


# The first row that each window sees, and the first column.
POOLS = [
    Windows("ceil", 2, 3, (3, 5), [0], [0, 3]),
    Windows("ceil", 2, 3, (4, 6), [0, 3], [0, 3]),
    Windows("ceil", 1, 2, (3, 4), [0, 2], [0, 2]),
    Windows("ceil", 3, 2, (5, 6), [0, 2], [0, 2, 4]),
    Windows("valid", 2, 3, (5, 7), [0, 3], [0, 3]),
    Windows("explicit", 2, 2, (5, 4), [0, 2], [0, 2]),
    Windows("explicit", 4, 2, (6, 7), [0, 1, 3], [0, 1, 3]),
    Windows("same", 2, 3, (5, 6), [0, 3], [0, 3]),
    Windows("same", 2, 1, (3, 4), [0, 1, 2], [0, 1, 2, 3]),
    Windows("same", 4, 3, (5, 7), [0, 2], [0, 2, 5]),
]

# The number of rows that each window sees, and of columns.
CONVOLUTIONS = [
    Windows("explicit", 2, 1, (3, 4), [2, 2], [2, 2, 2]),
    Windows("explicit", 2, 2, (5, 4), [2, 2], [2, 2]),
    Windows("explicit", 4, 1, (5, 6), [3, 4, 4, 3], [3, 4, 4, 4, 3]),
    Windows("explicit", 4, 3, (5, 7), [3, 3], [3, 4]),
    Windows("same", 2, 1, (3, 4), [2, 2, 1], [2, 2, 2, 1]),
    Windows("same", 2, 2, (5, 4), [2, 2, 1], [2, 2]),
    Windows("same", 4, 3, (5, 7), [3, 3], [3, 4, 2]),
]


@DTYPES
@pytest.mark.parametrize("windows", POOLS, ids=str)
def test_a_pool_sees(windows: Windows, dtype: str, build: Build) -> None:
    """Of -1 - row - column, the maximum of a window is its first cell that is no padding."""
    network = build(alone(StemPool("pool1", windows.kernel, windows.stride), pool_padding=windows.rule), dtype)
    found = network.end_points(-1 - create_input(1, *windows.size, 1))["pool1"]
    np.testing.assert_array_equal(found[0, :, :, 0], -1 - np.add.outer(windows.rows, windows.columns))


@DTYPES
@pytest.mark.parametrize("windows", CONVOLUTIONS, ids=str)
def test_a_convolution_sees(windows: Windows, dtype: str, build: Build) -> None:
    """Of ones, by a kernel of ones, the sum is the number of cells that are no padding."""
    design = alone(StemConvolution("conv1", 1, windows.kernel, windows.stride), convolution_padding=windows.rule)
    network = build(design, dtype)
    network.load(plain_tensors(design, {"conv1": np.ones((windows.kernel, windows.kernel, 1, 1))}))
    found = network.end_points(np.ones((1, *windows.size, 1)))["conv1"]
    np.testing.assert_allclose(found[0, :, :, 0], np.multiply.outer(windows.rows, windows.columns), rtol=1e-6)


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
