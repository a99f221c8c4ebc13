"""The planted faults that stand closest to noise, in noise floors: what a larger floor would lose first.

.venv/bin/python -m benchmarks.smallest_faults
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from benchmarks.honest_draws import COUNTS
from isomorph.backends import load_backend
from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import ORDERS
from isomorph.backends.protocol import Array, Backend, Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.faults.catalogue import CATALOGUE
from isomorph.conformance.faults.fault import Fault, Surgery
from isomorph.conformance.faults.networks import CASES
from isomorph.conformance.faults.surgery import pytorch
from isomorph.conformance.verdict import FLOORS, noise_floors, relative_l2
from isomorph.spec import plan

SHOWN = 8
"""How many faults are printed."""

DOUBLE = 2.0**-29
"""Noise of float64 in parts of float32's."""


@dataclass(frozen=True)
class ReferenceCase:
    """One of the networks that faults are planted in, and the oracle's answers.

    floors: by each of COUNTS, those of float32.
    """

    images: Array
    tensors: dict[str, Array]
    exact: dict[str, Array]
    floors: tuple[dict[str, float], ...]


@cache
def reference_case(name: str) -> ReferenceCase:
    """Return the reference case for one of CASES."""
    case = CASES[name]
    images = draw_images(case.network, case.batch, case.height, case.width, case.seed)
    tensors = draw_tensors(case.network, images, case.seed)

    def answers(dtype: str, order: int = 0) -> dict[str, Array]:
        network = OracleNetwork(case.network, Options(dtype=dtype), order)
        network.borrow(tensors)
        return network.end_points(images)

    exact, runs = answers("float64"), [answers("float32", order) for order in range(ORDERS)]
    floors = tuple(noise_floors(exact, runs[:number], "float32") for number in COUNTS)
    return ReferenceCase(images, tensors, exact, floors)


@dataclass(frozen=True)
class Standing:
    """How far a fault stands from the oracle at its own place, in noise floors by each of COUNTS."""

    fault: str
    place: str
    dtype: str
    ratios: tuple[float, ...]


def standings(fault: Fault, backend: Backend) -> Iterator[Standing]:
    """Yield the error of a fault in float32 and in float64."""
    reference, place = reference_case(fault.network), fault.place
    assert place
    for dtype, scale in (("float32", 1.0), ("float64", DOUBLE)):
        network = backend.build(fault.architecture.undrawn(), dtype=dtype)
        if isinstance(fault.plant, Surgery):
            getattr(pytorch, fault.plant.function)(network, **fault.plant.arguments)
        network.load(fault.tensors(reference.tensors), partial=True)
        error = relative_l2(network.end_points(reference.images)[place], reference.exact[place])
        yield Standing(fault.name, place, dtype, tuple(error / (scale * floors[place]) for floors in reference.floors))


def print_faults() -> None:
    """Print those that stand lowest of all that are seen, in PyTorch, and what part of them would still be seen."""
    backend = load_backend("pytorch")
    inference = [fault for fault in CATALOGUE.values() if fault.place and not fault.learned]
    seen = [fault for fault in inference if fault.place in plan(fault.architecture).end_points]
    errors = [standing for fault in seen for standing in standings(fault, backend)]
    errors = sorted((each for each in errors if max(each.ratios) > FLOORS), key=lambda each: min(each.ratios))
    print(f"\n| fault | dtype | {' | '.join(f'{number} orders' for number in COUNTS)} | seen from |")
    print(f"|{' --- |' * (3 + len(COUNTS))}")
    for each in errors[:SHOWN]:
        ratios = " | ".join(f"{ratio:.3g}" for ratio in each.ratios)
        part = FLOORS / each.ratios[-1]
        print(f"| {each.fault} at {each.place} | {each.dtype} | {ratios} | {part:.1%} of it |", flush=True)


if __name__ == "__main__":
    print_faults()
