"""Draw mistakes that matter: the port runs, and answers otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from random import Random

import numpy as np
import torch

from benchmarks.port_faults import geometry, habits, layers, tensors, wiring
from benchmarks.port_faults.port import Kind, Mistake, Port
from isomorph.backends.protocol import Images
from isomorph.conformance.likeness.noise import distance

GROUPS = (geometry.KINDS, layers.KINDS, wiring.KINDS, tensors.KINDS, habits.KINDS)

MATTERS = 1e-4
"""How far the answers have to be from the right ones, in parts of the largest: more than noise in float32."""


@dataclass(frozen=True)
class Planted:
    """A port with mistakes."""

    port: Port
    mistakes: tuple[Mistake, ...]


def _overlap(one: Mistake, other: Mistake) -> bool:
    """Return whether one of two mistakes may hide the other: the place of one lies in the other's."""
    pairs = [(f"{first}/", f"{second}/") for first in one.places for second in other.places]
    return any(first.startswith(second) or second.startswith(first) for first, second in pairs)


class Drawer:
    """Draws ports with so many mistakes of a right one, on images [N, H, W, C]."""

    def __init__(self, right: Port, images: Images, seed: int) -> None:
        self.right, self.random = right, Random(seed)
        self.images = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
        self.expected = self._answers(right)

    def draw(self, count: int) -> Iterator[Planted]:
        """Yield ports without end."""
        while True:
            planted = self._planted([self._one() for _ in range(count)])
            if planted:
                yield planted

    def _one(self) -> tuple[Kind, int]:
        """Return a kind of mistake and a seed for its place, of one that matters."""
        while True:
            kinds = self.random.choice(GROUPS)
            kind, seed = self.random.choice(kinds), self.random.randrange(2**31)
            if self._planted([(kind, seed)]):
                return kind, seed

    def _planted(self, chosen: list[tuple[Kind, int]]) -> Planted | None:
        """Return a port with some mistakes; None where it does not run, or where they do not matter or overlap."""
        port, mistakes = self.right.copy(), []
        for kind, seed in chosen:
            alone = kind(self.right.copy(), Random(seed))
            try:
                mistake = kind(port, Random(seed))
            except AttributeError:  # of a unit that another mistake has written anew
                return None
            if mistake is None or mistake != alone:
                return None
            mistakes.append(mistake)
        if any(_overlap(one, other) for one, other in combinations(mistakes, 2)):
            return None
        try:
            answers = self._answers(port)
        except RuntimeError:  # shapes that do not fit: its author would have seen that
            return None
        if not np.isfinite(answers).all() or distance(answers, self.expected) < MATTERS:
            return None
        return Planted(port, tuple(mistakes))

    def _answers(self, port: Port) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        dtype = next(port.module.parameters()).dtype
        with torch.no_grad():
            answers: torch.Tensor = port.module(self.images.to(dtype))
        return answers.double().numpy()
