"""Where the channels of a map are: the one thing that NCHW and NHWC disagree about."""

from dataclasses import dataclass

import jax
from jax import Array

Pads = tuple[int, int]


@dataclass(frozen=True)
class Form:
    """How maps lie in memory.

    layout: "NCHW" or "NHWC".
    """

    layout: str

    @property
    def channels(self) -> int:
        """The axis of the channels."""
        return self.layout.index("C")

    @property
    def space(self) -> tuple[int, int]:
        """The axes of height and width."""
        return self.layout.index("H"), self.layout.index("W")

    @property
    def convolution(self) -> tuple[str, str, str]:
        """The dimension numbers of map, kernel and result."""
        return self.layout, "HWIO", self.layout

    def over(self, extent: int) -> tuple[int, ...]:
        """What a square window takes of each axis: one image, one channel."""
        return tuple(extent if axis in "HW" else 1 for axis in self.layout)

    def pads(self, height: Pads = (0, 0), width: Pads = (0, 0), channels: Pads = (0, 0)) -> list[Pads]:
        """What `jnp.pad` takes."""
        borders = {"N": (0, 0), "C": channels, "H": height, "W": width}
        return [borders[axis] for axis in self.layout]

    def along(self, vector: Array) -> Array:
        """A vector [C] where it can be added to a map."""
        return vector.reshape([-1 if axis == "C" else 1 for axis in self.layout])

    def from_nhwc(self, x: Array) -> Array:
        """[N, H, W, C] in this layout."""
        return x if self.layout == "NHWC" else x.transpose(0, 3, 1, 2)

    def to_nhwc(self, y: Array) -> Array:
        """A map as [N, H, W, C]."""
        return y if self.layout == "NHWC" else y.transpose(0, 2, 3, 1)

    def subsample(self, x: Array, stride: int) -> Array:
        """Every `stride`-th row and column."""
        for axis in self.space:
            x = jax.lax.slice_in_dim(x, 0, None, stride, axis)
        return x
