"""The peer's side: a framework's own networks, filled, run in both dtypes, and asked for what they hold.

PYTHON -P -m isomorph.conformance.suite.live_peers.FRAMEWORK SOCKET, until the other end is closed.
"""

import sys
import traceback
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.scratch import end_with_owner

Array = npt.NDArray[Any]


class Peer(ABC):
    """A network as its own framework builds it, in inference mode, its fresh weights the same each time.

    name, options: the framework's. size: height and width of its images. head: whether it has its classifier, or ends
    in its last map. dtype: of all it computes.
    """

    @abstractmethod
    def __init__(
        self, name: str, options: Mapping[str, Any], size: tuple[int, int], head: bool, dtype: str
    ) -> None: ...

    @abstractmethod
    def tensors(self) -> dict[str, Array]:
        """All that it holds, under its own names."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Array]) -> None:
        """Take over tensors, one for each that it holds."""

    @abstractmethod
    def calibrate(self, images: Array) -> None:
        """Make the images' own statistics the running ones, by one pass in training mode."""

    @abstractmethod
    def answer(self, images: Array, output: str) -> Array:
        """[N, H, W, C] -> one of its outputs, [N, classes]; without a head a map [N, h, w, C]."""


def own_weights(network: Peer, small: Collection[str], images: Array) -> dict[str, Array]:
    """Fresh kernels as the framework drew them, vectors moved away from 0 and 1, and statistics that fit both.

    small: the vectors, gammas, of which a quarter is left.
    """
    random = np.random.default_rng(0)
    tensors = network.tensors()
    for name, value in tensors.items():
        if value.ndim == 1:
            moved = value + random.uniform(-0.5, 0.5, value.shape).astype(value.dtype)
            tensors[name] = moved / 4 if name in small else moved
    network.load(tensors)
    network.calibrate(images)
    return network.tensors()


def answer(build: type[Peer], request: dict[str, Any]) -> dict[str, Any]:
    """What one network answered and held, as SharedArrays' document."""
    arrays = {name: SharedArrays.from_document(request[name]).open() for name in ("tensors", "images")}
    runs = request["runs"]

    @cache
    def built(size: tuple[int, int], head: bool, dtype: str) -> Peer:
        return build(request["network"], request["options"], size, head, dtype)

    on = request["calibrate_on"]
    network = built(size_of(runs[on]), True, "float32")
    weights = {}
    if any(run["weights"] == "own" for run in runs.values()):
        weights["own"] = own_weights(network, request["small"], arrays["images"][on])
    network.load(arrays["tensors"])
    weights["given"] = network.tensors()

    found = {f"{whose}/{name}": value for whose, held in weights.items() for name, value in held.items()}
    for dtype in ("float32", "float64"):  # one after the other: Keras has one switch for all networks
        for name, run in runs.items():
            network = built(size_of(run), run["head"], dtype)
            network.load({tensor: weights[run["weights"]][tensor] for tensor in network.tensors()})
            found[f"answer/{name}/{dtype}"] = network.answer(arrays["images"][name].astype(dtype), run["output"])
    return SharedArrays.write(request["out"], found).to_document()


def size_of(run: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width of a run's images."""
    return run["height"], run["width"]


def main(build: type[Peer]) -> None:
    """Answer requests, one after the other; what went wrong with one is text."""
    end_with_owner()
    parent = Connection(int(sys.argv[1]))
    while True:
        try:
            request = parent.recv()
        except EOFError:
            return
        try:
            reply: dict[str, Any] | str = answer(build, request)
        except Exception:  # the next network may do
            reply = traceback.format_exc()
        parent.send(reply)
