"""The network on which capabilities are tried: one unit of each thing that frameworks compute otherwise."""

from dataclasses import dataclass

from isomorph.backends.process import RemoteNetwork
from isomorph.backends.protocol import Array
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.reference import Reference
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import Architecture, Block, Head, Stem, StemConvolution, StemPool

TINY = Architecture(
    "isomorph/tiny",
    Stem((StemConvolution("conv1", 16, 7, stride=2), StemPool("pool1", 3, stride=2))),
    (Block("block1", "bottleneck", ((16, 8, 1), (32, 8, 2))),),
    Head(10),
)
"""A strided stem, a pool, a bottleneck with a shortcut and one without, batch norms, and ten classes."""

SIZE = (33, 38)
IMAGES = 2


class Lacks(Exception):  # noqa: N818 - it names what was found
    """A capability that is not there, and what was seen instead."""


@dataclass(frozen=True)
class Trial:
    """The network's tensors and images [2, 33, 38, 3], and what the oracle answers."""

    tensors: dict[str, Array]
    images: Array
    reference: Reference

    def ask(self, network: RemoteNetwork, precision: str) -> tuple[Array, float]:
        """The answer of a network with these tensors, and its error in noise floors of `precision`.

        Raises Lacks where it is another answer.
        """
        network.load(self.tensors)
        answer = network.answer(self.images)
        return answer, self.judge(answer, precision)

    def judge(self, answer: Array, precision: str) -> float:
        """The error of an answer in noise floors; raises Lacks where there are more than pass."""
        ratio = self.reference.answer_ratio(answer, precision)
        if ratio > FLOORS:
            raise Lacks(f"its answer is {ratio:.3g} noise floors of {precision} off; up to {FLOORS:g} pass")
        return ratio


def draw_trial() -> Trial:
    """The same on every machine."""
    images = draw_images(TINY, IMAGES, *SIZE)
    tensors = draw_tensors(TINY, images)
    return Trial(tensors, images, Reference(TINY, tensors, images))
