"""Layers that move a window over a map, by every rule of padding, and what the oracle makes of maps of many sizes.

Maps and kernels hold small whole numbers, so that no order of a sum rounds: convolutions and max pools give the same
numbers everywhere. Maps are negative, so that a max pool shows what it is padded with.
"""

import os
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.oracle.layers import Maker
from isomorph.backends.oracle.operations import Precision
from isomorph.spec import Architecture, BadInput, Stem, plan
from isomorph.spec.layers import AdaptivePool, AveragePool, Convolution, Layer, MaxPool
from isomorph.spec.padding import Rule, out_size

Array = npt.NDArray[Any]

KERNELS, SIDES = "ISOMORPH_NATIVE_KERNELS", "ISOMORPH_NATIVE_SIDES"
"""Sizes of the kernels that windows are tried with, and of the maps, if not all."""

DEPTH = 3

POOL_RULES: tuple[Rule, ...] = ("valid", "explicit", "same", "ceil")
CONVOLUTION_RULES: tuple[Rule, ...] = ("valid", "explicit", "same", "after")
FILLS = {"-inf": float("-inf"), "zeros": 0.0}
STRIDES = (1, 2, 3, 4)
SAMPLINGS = ((1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (4, 1))
"""(stride, rate): none has both above 1, in no plan and in no framework but PyTorch and Paddle."""


def _kernels() -> tuple[int, ...]:
    return tuple(map(int, os.environ.get(KERNELS, "1 2 3 4 5").split()))


def _sides() -> tuple[int, ...]:
    return tuple(map(int, os.environ.get(SIDES, "1 2 3 4 5 6 7 8 9 10 11 12 13 14").split()))


def _windows() -> Iterator[tuple[str, Layer]]:
    for (fill, value), rule, kernel, stride in product(FILLS.items(), POOL_RULES, _kernels(), STRIDES):
        called = f"max pool, {rule} with {fill}, {kernel}x{kernel}, stride {stride}"
        yield called, MaxPool("pool1", DEPTH, kernel, stride, rule, value)
    for groups, rule, kernel, (stride, rate) in product((1, DEPTH), CONVOLUTION_RULES, _kernels(), SAMPLINGS):
        called = f"{'depthwise' if groups > 1 else 'convolution'}, {rule}, {kernel}x{kernel}, {stride=}, {rate=}"
        geometry: dict[str, Any] = {"kernel": kernel, "stride": stride, "rate": rate, "groups": groups, "padding": rule}
        yield called, Convolution("conv1", DEPTH, DEPTH, **geometry, batch_norm=False, activation=None)


def _means() -> Iterator[tuple[str, Layer]]:
    for kernel, stride in product(_kernels(), STRIDES):
        yield f"average pool, {kernel}x{kernel}, stride {stride}", AveragePool("pool1", DEPTH, kernel, stride)
    for cells in _kernels():
        yield f"adaptive pool, {cells} cells", AdaptivePool("pool1", DEPTH, cells)


WINDOWS = dict(_windows())
"""Max pools and convolutions, by what one would call them."""

MEANS = dict(_means())
"""Average and adaptive pools."""


PLAN = plan(Architecture("isomorph/windows", Stem(()), ()))
"""What layers are made under; nothing in it matters to a window."""


def negative_map(height: int, width: int) -> Array:
    """[2, height, width, DEPTH], float64: whole numbers from -9 to -1."""
    drawn = np.random.default_rng((height, width)).integers(1, 10, (2, height, width, DEPTH))
    return -drawn.astype(np.float64)


def kernel_of(layer: Convolution) -> Array:
    """[kernel, kernel, depth_seen, depth], float64: whole numbers from -4 to 4."""
    shape = (layer.kernel, layer.kernel, layer.depth_seen, layer.depth)
    return np.random.default_rng(shape).integers(-4, 5, shape).astype(np.float64)


def sizes_of(layer: Layer) -> list[tuple[int, int]]:
    """Heights and widths of maps in which the layer's window finds room; none is square."""
    sides = [side for side in _sides() if _has_room(layer, side)]
    return list(zip(sides, sides[2:] + sides[:2], strict=True))


def by_oracle(layer: Layer, x: Array) -> Array:
    """What the oracle makes of a map."""
    make = Maker(1e-5, Precision())
    run = make(layer)
    if isinstance(layer, Convolution):
        make.parametrised[layer.scope].tensors["weights"] = kernel_of(layer)
    return run(x)


def differing(layer: Layer, run: Callable[[Array], Array], dtype: str = "float64", error: float = 0.0) -> list[str]:
    """The sizes of maps of which `run` makes something else than the oracle, and the shapes of what both make.

    run: [N, H, W, C] -> [N, h, w, C]. error: relative, of the largest value.
    """
    found = []
    for size in sizes_of(layer):
        x = negative_map(*size)
        expected, y = by_oracle(layer, x), run(x.astype(dtype))
        if y.shape != expected.shape or np.abs(y - expected).max() > error * np.abs(expected).max():
            found.append(f"{size}: {y.shape[1:3]}, expected {expected.shape[1:3]}")
    return found


def _has_room(layer: Layer, side: int) -> bool:
    match layer:
        case Convolution():
            window: tuple[Any, ...] = (layer.padding, side, layer.kernel, layer.stride, layer.rate)
        case MaxPool():
            window = (layer.padding, side, layer.kernel, layer.stride, 1)
        case AveragePool():
            window = ("valid", side, layer.kernel, layer.stride, 1)
        case _:
            return True
    try:
        out_size(*window)
    except BadInput:
        return False
    return True
