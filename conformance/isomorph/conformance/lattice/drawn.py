"""One comparison on a lattice, ready to run: a network, the size of its images, and a drawn case."""

from dataclasses import dataclass, field
from functools import cached_property

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.process import RemoteNetwork
from isomorph.backends.protocol import Array
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.lattice.case import LatticeCase, draw_lattice
from isomorph.conformance.lattice.verdict import LatticeVerdict, judge_lattice
from isomorph.spec import Architecture


@dataclass(frozen=True)
class Lattice:
    """A lattice to draw: a network, the size and number of its images, and the seed."""

    network: Architecture
    height: int
    width: int
    batch: int = 2
    seed: int = 0

    def draw(self) -> LatticeCase:
        """Draw its images and tensors; they differ from seed to seed."""
        return draw_lattice(self.network, self.batch, self.height, self.width, self.seed)

    def with_tensors(self, share: Share) -> "DrawnLattice":
        """Draw its images and tensors, to be shared with backends."""
        return DrawnLattice(self.draw(), share)


@dataclass(frozen=True)
class DrawnLattice:
    """A drawn lattice, shared with backends."""

    case: LatticeCase
    share: Share = field(repr=False)

    @property
    def tensors(self) -> dict[str, Array]:
        """The case's tensors."""
        return self.case.tensors

    @cached_property
    def shared(self) -> tuple[SharedArrays, SharedArrays]:
        """Tensors and images in files that every backend can map."""
        return self.share(self.case.tensors), self.share({"images": self.case.images})

    def run(self, network: RemoteNetwork) -> LatticeVerdict:
        """Load a backend's network with the case's tensors, and return the verdict on it."""
        tensors, images = self.shared
        network.load(tensors)
        return judge_lattice(network.end_points(images), self.case.exact, self.case.steps)
