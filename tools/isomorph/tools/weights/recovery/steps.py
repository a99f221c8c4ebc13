"""Units as they stand in a file: which kernels, in any order, make a unit of which kind."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from isomorph.tools.weights.structure.layers import Kernel
from isomorph.tools.weights.structure.roles import names_a_shortcut


@dataclass(frozen=True)
class Step:
    """A unit or a single convolution that was recognised.

    numbers: the unit kind's, without the stride, which no file tells.
    depth_in, depth: channels of its input and of its result.
    kernels: in the unit's own order, a projection last.
    """

    kind: str
    numbers: tuple[int, ...]
    depth_in: int
    depth: int
    kernels: tuple[Kernel, ...]
    projects: bool = False


def single(kernel: Kernel) -> Step:
    """Return the step of a convolution that stands alone."""
    side, depth_seen, depth = kernel.shape
    return Step("convolution", (depth, side), depth_seen, depth, (kernel,))


Matcher = Callable[[Sequence[Kernel], int], Step | None]
"""Returns the unit that kernels in this order make of so many channels; None if they make none of the kind."""


def _projects(kernels: Sequence[Kernel], depth_in: int, depth: int) -> bool | None:
    """Return whether what is left of a unit's kernels is its projection; None if it cannot be."""
    if not kernels:
        return False if depth_in == depth else None
    return True if kernels[0].shape == (1, depth_in, depth) else None


def _bottleneck(kernels: Sequence[Kernel], depth_in: int) -> Step | None:
    first, second, third, *_ = (kernel.shape for kernel in kernels)
    width, depth = first.depth, third.depth
    if first != (1, depth_in, width) or third != (1, width, depth) or (second.side, second.depth) != (3, width):
        return None
    projects = _projects(kernels[3:], depth_in, depth)
    groups, remainder = divmod(width, second.depth_seen)
    if projects is None or remainder:
        return None
    kind, numbers = ("grouped_bottleneck", (depth, width, groups)) if groups > 1 else ("bottleneck", (depth, width))
    return Step(kind, numbers, depth_in, depth, tuple(kernels), projects)


def _basic(kernels: Sequence[Kernel], depth_in: int) -> Step | None:
    first, second, *_ = (kernel.shape for kernel in kernels)
    width, depth = first.depth, second.depth
    projects = _projects(kernels[2:], depth_in, depth)
    if first != (3, depth_in, width) or second != (3, width, depth) or projects is None:
        return None
    return Step("basic", (depth, width), depth_in, depth, tuple(kernels), projects)


def _basic_without_projection(kernels: Sequence[Kernel], depth_in: int) -> Step | None:
    first, second = (kernel.shape for kernel in kernels)
    depth = second.depth
    if first != (3, depth_in, depth) or second != (3, depth, depth) or depth < depth_in:
        return None
    return Step("basic", (depth, depth), depth_in, depth, tuple(kernels))


def _inverted_residual(kernels: Sequence[Kernel], depth_in: int) -> Step | None:
    *widening, depthwise, project = (kernel.shape for kernel in kernels)
    width = widening[0].depth if widening else depth_in
    expansion, remainder = divmod(width, depth_in)
    if remainder or (widening and (widening[0] != (1, depth_in, width) or expansion == 1)):
        return None
    if depthwise != (3, 1, width) or project != (1, width, project.depth):
        return None
    return Step("inverted_residual", (expansion, project.depth), depth_in, project.depth, tuple(kernels))


def _separable(kernels: Sequence[Kernel], depth_in: int) -> Step | None:
    depthwise, pointwise = (kernel.shape for kernel in kernels)
    if depthwise != (3, 1, depth_in) or pointwise != (1, depth_in, pointwise.depth):
        return None
    return Step("separable", (pointwise.depth,), depth_in, pointwise.depth, tuple(kernels))


@dataclass(frozen=True)
class Grammar:
    """How a network's convolutions may follow each other.

    sizes: how many kernels a unit takes, and whether the last of them, in the unit's order, is a projection.
    match: of the units; None of a plain network, a chain of convolutions.
    """

    name: str
    sizes: tuple[tuple[int, bool], ...] = ()
    match: Matcher | None = None

    def units(self, kernels: Sequence[Kernel], depth_in: int, shortcut_first: bool) -> Iterator[Step]:
        """Yield the units that may begin with the first of `kernels`, for each size the likeliest order.

        shortcut_first: whether the file's framework lists a projection before the other convolutions of its unit.
        """
        for size, projects in self.sizes:
            window = tuple(kernels[:size])
            if len(window) < size or self.match is None:
                continue
            orders = sorted(
                permutations(range(size)), key=lambda order: _unlikely(order, window, projects, shortcut_first)
            )
            found = (self.match([window[place] for place in order], depth_in) for order in orders)
            yield from [step for step in found if step][:1]


def _unlikely(
    order: Sequence[int], window: Sequence[Kernel], projects: bool, shortcut_first: bool
) -> tuple[bool, bool, tuple[int, ...]]:
    """Return what is smaller for a likelier order: its projection named as one, and in its framework's place."""
    if not projects:
        return False, False, tuple(order)
    usual = 0 if shortcut_first else len(window) - 1
    return not names_a_shortcut(window[order[-1]].scope), order[-1] != usual, tuple(order)


GRAMMARS = (
    Grammar("bottleneck", ((3, False), (4, True)), _bottleneck),
    Grammar("inverted_residual", ((3, False), (2, False)), _inverted_residual),
    Grammar("separable", ((2, False),), _separable),
    Grammar("basic", ((2, False), (3, True)), _basic),
    Grammar("basic without projections", ((2, False),), _basic_without_projection),
    Grammar("plain"),
)
"""In the order in which readings of a file are tried."""
