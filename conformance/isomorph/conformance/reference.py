"""The oracle's answers to one case, and the noise in a difference from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import ORDERS
from isomorph.backends.protocol import Array, Options, as_dtype
from isomorph.conformance.cases import check_decides, check_exercised, last_answer
from isomorph.conformance.verdict import (
    UNIT_ROUNDOFF,
    EndPoints,
    RunVerdict,
    judge,
    noise_floors,
    noise_ratios,
    relative_l2,
)
from isomorph.spec import Architecture, plan
from isomorph.spec.layers import INPUT

# float64 has nothing finer to be measured against: its floors are float32's, in the ratio of the roundoffs.
_DOUBLE = UNIT_ROUNDOFF["float64"] / UNIT_ROUNDOFF["float32"]


@dataclass(frozen=True)
class Parts:
    """The reference for the parts of a network that run alone, in one dtype.

    inputs: the oracle's input to each part, in the dtype.
    end_points: the oracle's, in float64, when every part runs alone on `inputs`; `floors`: their noise floors.
    """

    inputs: dict[str, Array]
    end_points: dict[str, Array]
    floors: dict[str, float]


class Reference:
    """The oracle's answers for one architecture with its tensors and images.

    tensors: canonical, in the dtype of the file they came from. images: [N, H, W, C].
    """

    def __init__(self, architecture: Architecture, tensors: Mapping[str, Array], images: Array) -> None:
        self.architecture = architecture
        self.plan = plan(architecture)
        self.tensors = tensors
        self.images = images
        self.floors = cache(self._floors)
        self.parts = cache(self._parts)
        self.answer_floor = cache(self._answer_floor)

    @cached_property
    def end_points(self) -> dict[str, Array]:
        """The float64 end points."""
        return self._oracle("float64").end_points(self.images)

    @cached_property
    def answer(self) -> Array:
        """The float64 answer alone, as `Network.answer`, without keeping a deep network's end points in memory."""
        return self._answer(self._oracle("float64"))

    def _answer_floor(self, dtype: str) -> float:
        """Return the noise floor of the answer in `dtype`."""
        if dtype == "float64":
            return _DOUBLE * self.answer_floor("float32")
        runs = ({"answer": self._answer(oracle)} for oracle in self._orders(dtype))
        return noise_floors({"answer": self.answer}, runs, dtype)["answer"]

    def answer_ratio(self, answer: Array, dtype: str) -> float:
        """Return the error of an answer computed in `dtype`, in noise floors."""
        return relative_l2(answer, self.answer) / self.answer_floor(dtype)

    def _floors(self, dtype: str) -> dict[str, float]:
        """Return the noise floor of every end point in `dtype`.

        Raises BadInput for a network that answers zeros, or whose answer does not depend on its images.
        """
        if dtype == "float64":
            return _in_double(self.floors("float32"))
        runs = (oracle.end_points(self.images) for oracle in self._orders(dtype))
        floors = noise_floors(self.end_points, runs, dtype)
        check_decides(self.architecture, dtype, last_answer(floors))
        check_exercised(self._oracle(dtype), self.images, last_answer(self.end_points), last_answer(floors))
        return floors

    def _parts(self, dtype: str) -> Parts:
        """Return the reference for parts that run alone in `dtype`."""
        if dtype == "float64":
            return Parts(self._inputs(), self.end_points, _in_double(self.parts("float32").floors))
        inputs = {part: x.astype(as_dtype(dtype)) for part, x in self._inputs().items()}
        end_points = _run_alone(self._oracle("float64"), inputs)
        runs = (_run_alone(oracle, inputs) for oracle in self._orders(dtype))
        return Parts(inputs, end_points, noise_floors(end_points, runs, dtype))

    def judge(
        self, dtype: str, precision: str | None, end_points: EndPoints, parts: EndPoints | None = None
    ) -> RunVerdict:
        """Judge one run in `dtype` by its end points and those of its parts, each run alone on `parts(dtype).inputs`.

        parts: None where they were not run; then nothing shows where an error arises.
        """
        ratios: dict[str, float] = {}
        if parts is not None:
            reference = self.parts(dtype)
            ratios = noise_ratios(parts, reference.end_points, reference.floors)
            ratios |= {block: ratios[unit] for block, unit in self.plan.block_ends.items()}
        return judge(dtype, precision, end_points, self.end_points, self.floors(dtype), ratios)

    def _oracle(self, dtype: str, order: int = 0) -> OracleNetwork:
        network = OracleNetwork(self.architecture, Options(dtype=dtype), order)
        network.borrow(self.tensors)
        return network

    def _orders(self, dtype: str) -> Iterator[OracleNetwork]:
        """Yield the oracle in every order of summation, each built when it is needed."""
        return (self._oracle(dtype, order) for order in range(ORDERS))

    def _answer(self, network: OracleNetwork) -> Array:
        """Return [N, classes], or a map [N, h, w, C], from the end points, as the oracle's `answer` is judged, too."""
        last = last_answer(network.end_points(self.images))
        return last[:, 0, 0] if self.plan.global_pool else last

    def _inputs(self) -> dict[str, Array]:
        """Return each part's input: the images, or the end point that it reads."""
        images = self.images.astype(np.float64)
        return {part: images if read == INPUT else self.end_points[read] for part, read in self.plan.reads.items()}


def _in_double(floors: Mapping[str, float]) -> dict[str, float]:
    return {name: _DOUBLE * floor for name, floor in floors.items()}


def _run_alone(network: OracleNetwork, inputs: Mapping[str, Array]) -> dict[str, Array]:
    return {name: y for part, x in inputs.items() for name, y in network.part(part, x).items()}
