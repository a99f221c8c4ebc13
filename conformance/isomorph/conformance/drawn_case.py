"""One comparison, ready to run: a network with images and tensors drawn for it, and the oracle's answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.process import RemoteNetwork
from isomorph.backends.protocol import Array
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.reference import Reference
from isomorph.conformance.verdict import RunVerdict
from isomorph.spec import Architecture

Share = Callable[[Mapping[str, Array]], SharedArrays]
"""Writes arrays once for all backends to map."""


@dataclass(frozen=True)
class Case:
    """A case to draw: a network, the size and number of its images, and the seed."""

    network: Architecture
    height: int
    width: int
    batch: int = 2
    seed: int = 0

    def with_tensors(self, share: Share) -> "DrawnCase":
        """Draw its images and tensors."""
        images = draw_images(self.network, self.batch, self.height, self.width, self.seed)
        return DrawnCase(self.network, images, draw_tensors(self.network, images, self.seed), share)


@dataclass(frozen=True)
class DrawnCase:
    """A drawn case: a network, its images and tensors, and the oracle's answers."""

    network: Architecture
    images: Array = field(repr=False)
    tensors: dict[str, Array] = field(repr=False)
    share: Share = field(repr=False)

    @cached_property
    def reference(self) -> Reference:
        """The oracle's answers."""
        return Reference(self.network, self.tensors, self.images)

    @cached_property
    def shared(self) -> tuple[SharedArrays, SharedArrays]:
        """Tensors and images in files that every backend can map."""
        return self.share(self.tensors), self.share({"images": self.images})

    def run(self, network: RemoteNetwork, dtype: str) -> tuple[dict[str, Array], RunVerdict]:
        """Run a network that has the case's tensors, and return its end points and the verdict on them."""
        tensors, images = self.shared
        network.load(tensors)
        end_points = network.end_points(images)
        parts = network.parts(self.reference.parts(dtype).inputs)
        return end_points, self.reference.judge(dtype, dtype, end_points, parts)
