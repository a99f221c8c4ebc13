"""The lattice of every end point: its step, a fraction, worked out from the specification alone.

Sums of integers are integers. A mean over n cells divides the step by n, a dropout that scales inference multiplies it
by its scale, and any other layer turns multiples of a step into multiples of it.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import lcm
from typing import cast

from isomorph.spec import Architecture, infer, plan
from isomorph.spec.layers import INPUT, AdaptivePool, AveragePool, Convolution, Layer, name_of
from isomorph.spec.padding import adaptive_windows

Size = tuple[int, int]

PREDICTIONS = "predictions"
"""The one end point that is on no lattice: the softmax."""


def lattice_steps(architecture: Architecture, height: int, width: int) -> dict[str, Fraction]:
    """Return the step of every end point but PREDICTIONS, in network order, for images of integers.

    Raises BadInput for images that are too small for the network.

    >>> from isomorph.spec import architecture
    >>> lattice_steps(architecture("cifar/resnet20"), 32, 32)["logits"]
    Fraction(1, 64)
    """
    planned = plan(architecture)
    # All are known, as the images' size is.
    sizes = {name: cast(Size, shape[1:3]) for name, shape in infer(architecture, height, width).shapes(1).items()}
    units = {unit.scope: unit for unit in planned.all_units}
    steps: dict[str, Fraction] = {}
    for part, read in planned.reads.items():
        step, size = (Fraction(1), (height, width)) if read == INPUT else (steps[read], sizes[read])
        if part in units:
            inside = _steps_inside(units[part].layers, step, size, steps)
            (steps[part],) = {inside[name] for name in units[part].wiring.joined}  # none of those averages
        elif part == "stem":
            _steps_inside(planned.stem, step, size, steps)
        else:
            if planned.global_pool:
                steps["global_pool"] = step = step / (size[0] * size[1])
            if planned.logits:
                steps["logits"] = _behind(planned.logits, step, size)
    steps |= {block: steps[unit] for block, unit in planned.block_ends.items()}
    return {name: steps[name] for name in planned.end_points if name != PREDICTIONS}


def _steps_inside(
    layers: Iterable[Layer], step: Fraction, size: Size, steps: dict[str, Fraction]
) -> dict[str, Fraction]:
    """Return, and add to `steps`, the steps behind the layers of a part whose input has this step and size."""
    inside = {INPUT: step}
    for layer in layers:
        steps[layer.scope] = inside[name_of(layer)] = _behind(layer, inside[layer.source], size)
    return inside


def _behind(layer: Layer, step: Fraction, size: Size) -> Fraction:
    match layer:
        case Convolution() if layer.dropout:
            return step * Fraction(layer.dropout.scale)
        case AveragePool():
            return step / layer.kernel**2
        case AdaptivePool():  # it always reads its part's input
            spans = ({end - begin for begin, end in adaptive_windows(length, layer.cells)} for length in size)
            return step / lcm(*next(spans)) / lcm(*next(spans))
    return step
