"""Honest draws: small networks, whose errors are all noise, in a backend that lives in this process.

    .venv/bin/python -m benchmarks.honest_draws BACKEND COUNT FIRST SECONDS RESULT.npz

`benchmarks.false_alarms` runs this, as libraries choose their kernels when they are loaded. Each draw is another seed
of one of CASES, whose maps are as small as they come: few values, single channels, one image.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import numpy as np

from isomorph.backends import load_backend
from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import ORDERS
from isomorph.backends.protocol import Array, Network, Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.small_networks import KIN, RIGID, slim_small
from isomorph.conformance.verdict import UNIT_ROUNDOFF, EndPoints, relative_l2, values_in
from isomorph.spec import Architecture, BadInput, architecture, plan
from isomorph.spec.layers import INPUT

COUNTS = (2, 4, ORDERS)
"""Numbers of orders of summation that noise floors are taken from; where maps are as small, `noise` takes all."""

SINGLE, PARTS, DOUBLE = "float32", "float32, parts alone", "float64"
SHARE = 8
"""One evaluation in so many is in parts and in float64, too."""

NOISE_OF_DOUBLE = 2.0**-29
"""Noise of float64 in parts of float32's."""


@dataclass(frozen=True)
class Case:
    """A network on `batch` images of a size; `together` such batches are drawn, and judged one by one."""

    network: Architecture
    height: int
    width: int
    batch: int = 1
    together: int = 8


CASES = {
    "slim's small network, 1x32x32": Case(slim_small(), 32, 32),
    "slim's small network, 2x64x64": Case(slim_small(), 64, 64, batch=2),
    "slim's small network, two classes": Case(slim_small(num_classes=2), 48, 48),
    "bottlenecks that stride in conv1": Case(KIN["bottlenecks that stride in conv1"], 32, 32),
    "basic units": Case(KIN["basic units, the last striding"], 32, 32),
    "zero channels": Case(KIN["zero channels"], 32, 32),
    "grouped bottlenecks": Case(KIN["grouped bottlenecks"], 32, 32),
    "pre-activated bottlenecks": Case(KIN["pre-activated bottlenecks"], 32, 32),
    "separable units": Case(KIN["separable units"], 32, 32),
    "inverted residuals": Case(KIN["inverted residuals"], 32, 32),
    "inceptions": Case(RIGID["inceptions"], 49, 64),
    "joined inceptions": Case(RIGID["inceptions that activate what they join"], 49, 64),
    "dense layers": Case(RIGID["dense layers behind a flattened map"], 16, 16),
    "cifar/resnet20": Case(architecture("cifar/resnet20"), 16, 16),
    "mlperf_tiny/resnet8": Case(architecture("mlperf_tiny/resnet8"), 16, 16),
}


@dataclass(frozen=True)
class Row:
    """One end point of one draw: of how many values its error is, and its ratio by each of COUNTS."""

    tier: str
    place: str
    figures: tuple[float, ...]


class Draws:
    """One of CASES in the oracle and in a backend, drawn again and again."""

    def __init__(self, name: str, backend: str) -> None:
        self.name = name
        self.case = CASES[name]
        network = self.case.network
        self.reads = plan(network).reads
        self.exact = OracleNetwork(network, Options(dtype="float64"))
        self.orders = [OracleNetwork(network, Options(dtype="float32"), order) for order in range(ORDERS)]
        build = load_backend(backend).build
        self.single, self.double = (build(network, dtype=dtype) for dtype in ("float32", "float64"))

    def draw(self, seed: int, thorough: bool) -> list[list[Row]]:
        """Of each draw that there is something to say of, all rows. thorough: in parts and in float64, too."""
        case = self.case
        images = draw_images(case.network, case.together * case.batch, case.height, case.width, seed)
        tensors = draw_tensors(case.network, images, seed)
        for oracle in (self.exact, *self.orders):
            oracle.borrow(tensors)
        self.single.load(tensors)
        exact, runs = self.exact.end_points(images), [oracle.end_points(images) for oracle in self.orders]
        tiers = [(SINGLE, exact, runs, self.single.end_points(images))]
        if thorough:
            self.double.load(tensors)
            tiers.append((DOUBLE, exact, runs, self.double.end_points(images)))
            inputs = {part: images if read == INPUT else exact[read] for part, read in self.reads.items()}
            inputs = {part: x.astype(np.float32) for part, x in inputs.items()}
            local = [_parts(network, inputs) for network in (self.exact, *self.orders, self.single)]
            tiers.append((PARTS, local[0], local[1:-1], local[-1]))
        draws = []
        for number in range(case.together):
            own = slice(number * case.batch, (number + 1) * case.batch)
            place = f"{self.name}, seed {seed}, draw {number}"
            try:
                draws.append([row for tier in tiers for row in _rows(own, place, *tier)])
            except BadInput:  # an end point of nothing but zeros, which `check` refuses as well
                continue
        return draws


def _parts(network: Network, inputs: Mapping[str, Array]) -> dict[str, Array]:
    return {name: y for part, x in inputs.items() for name, y in network.part(part, x).items()}


def _rows(
    own: slice, place: str, tier: str, exact: EndPoints, runs: Sequence[EndPoints], found: EndPoints
) -> Iterator[Row]:
    """One for each end point, of the images in `own`.

    Raises BadInput where an end point is nothing but zeros.
    """
    (exact, found, *runs) = ({name: y[own] for name, y in each.items()} for each in (exact, found, *runs))
    scale = NOISE_OF_DOUBLE if tier == DOUBLE else 1.0
    for name, wanted in exact.items():
        if not wanted.any():
            raise BadInput(f"{name} is nothing but zeros")
        errors = [relative_l2(run[name], wanted) for run in runs]
        floors = [max(UNIT_ROUNDOFF[SINGLE], *errors[:number]) for number in COUNTS]
        error = relative_l2(found[name], wanted)
        values = min(values_in(run[name] - wanted) for run in runs[:2])
        yield Row(tier, f"{place}, {name}", (values, *(error / (scale * floor) for floor in floors)))


def main(backend: str, number: int, first: int, seconds: float, path: Path) -> None:
    """Draw `number` times, from each of CASES in turn, with seeds from `first` on, and save what came of it.

    seconds: after which no more is drawn.
    """
    started = time.monotonic()
    draws = {name: Draws(name, backend) for name in CASES}
    drawn: list[list[Row]] = []
    for seed, each in ((seed, each) for seed in count(first) for each in draws.values()):
        if len(drawn) >= number or time.monotonic() - started > seconds:
            break
        drawn += each.draw(seed, thorough=seed % SHARE == 0)
    rows = list(chain.from_iterable(drawn[:number]))
    tiers, places, figures = zip(*((row.tier, row.place, row.figures) for row in rows), strict=True)
    np.savez(path, tiers=tiers, places=places, figures=figures, draws=min(number, len(drawn)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
