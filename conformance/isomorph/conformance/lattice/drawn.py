"""One comparison on a lattice, ready to run: which network at which size, and what is drawn for it."""

from dataclasses import dataclass, field
from functools import cached_property

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.process import RemoteNetwork
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.lattice.case import LatticeCase, draw_lattice
from isomorph.conformance.lattice.verdict import LatticeVerdict, judge_lattice
from isomorph.conformance.verdict import Array
from isomorph.spec import Architecture


@dataclass(frozen=True)
class Lattice:
    """A network, the size of its images and how many there are, and what all is drawn from."""

    network: Architecture
    height: int
    width: int
    batch: int = 2
    seed: int = 0

    def draw(self) -> LatticeCase:
        """Draw its images and tensors, other ones for each seed."""
        return draw_lattice(self.network, self.batch, self.height, self.width, self.seed)

    def with_tensors(self, share: Share) -> "DrawnLattice":
        """Draw them, to be given to backends."""
        return DrawnLattice(self.draw(), share)


@dataclass(frozen=True)
class DrawnLattice:
    """A network on a lattice, and how backends are given it."""

    case: LatticeCase
    share: Share = field(repr=False)

    @property
    def tensors(self) -> dict[str, Array]:
        """The case's."""
        return self.case.tensors

    @cached_property
    def shared(self) -> tuple[SharedArrays, SharedArrays]:
        """Tensors and images where every backend can map them."""
        return self.share(self.case.tensors), self.share({"images": self.case.images})

    def run(self, network: RemoteNetwork) -> LatticeVerdict:
        """The verdict on a backend's network, which is loaded."""
        tensors, images = self.shared
        network.load(tensors)
        return judge_lattice(network.end_points(images), self.case.exact, self.case.steps)
