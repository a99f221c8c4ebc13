"""The tiny network on which capabilities are tried: one of each thing that frameworks compute differently."""

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
    """A backend lacks a capability; the message says what it does instead."""


@dataclass(frozen=True)
class Trial:
    """The network's tensors, images [2, 33, 38, 3], and the oracle's answers to them."""

    tensors: dict[str, Array]
    images: Array
    reference: Reference

    def ask(self, network: RemoteNetwork, precision: str) -> tuple[Array, float]:
        """Return a network's answer with these tensors, and its error in noise floors of `precision`.

        Raises Lacks where the answer differs from the oracle's.
        """
        network.load(self.tensors)
        answer = network.answer(self.images)
        return answer, self.judge(answer, precision)

    def judge(self, answer: Array, precision: str) -> float:
        """Return the error of an answer in noise floors. Raises Lacks where it is too large."""
        ratio = self.reference.answer_ratio(answer, precision)
        if ratio > FLOORS:
            raise Lacks(f"its answer is {ratio:.3g} noise floors of {precision} off; up to {FLOORS:g} pass")
        return ratio


def draw_trial() -> Trial:
    """Draw the trial, the same on every machine."""
    images = draw_images(TINY, IMAGES, *SIZE)
    tensors = draw_tensors(TINY, images)
    return Trial(tensors, images, Reference(TINY, tensors, images))
