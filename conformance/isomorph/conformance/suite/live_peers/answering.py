"""The peer's side: it loads a framework's own networks, runs them in both dtypes, and returns answers and tensors.

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

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.protocol import Array
from isomorph.backends.scratch import end_with_owner


class Peer(ABC):
    """A network as its own framework builds it, in inference mode, its fresh weights the same each time.

    name, options: the framework's. size: height and width of its images. head: whether it has its classifier, or ends
    in its last map. dtype: of its whole computation.
    """

    @abstractmethod
    def __init__(
        self, name: str, options: Mapping[str, Any], size: tuple[int, int], head: bool, dtype: str
    ) -> None: ...

    @abstractmethod
    def tensors(self) -> dict[str, Array]:
        """Return all its tensors, under its own names."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Array]) -> None:
        """Load tensors, one for each of its own."""

    @abstractmethod
    def calibrate(self, images: Array) -> None:
        """Make the images' own statistics the running ones, by one pass in training mode."""

    @abstractmethod
    def answer(self, images: Array, output: str) -> Array:
        """Return one of its outputs for images [N, H, W, C]: [N, classes]; without a head a map [N, h, w, C]."""


def own_weights(network: Peer, small: Collection[str], images: Array) -> dict[str, Array]:
    """Return fresh kernels as the framework drew them, vectors moved away from 0 and 1, and statistics that fit both.

    small: the names of the gammas that are divided by four.
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
    """Return the answers and tensors of one network, as SharedArrays' document."""
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

    arrays_out = {f"{source}/{name}": value for source, held in weights.items() for name, value in held.items()}
    for dtype in ("float32", "float64"):  # one after the other: Keras has one switch for all networks
        for name, run in runs.items():
            network = built(size_of(run), run["head"], dtype)
            network.load({tensor: weights[run["weights"]][tensor] for tensor in network.tensors()})
            arrays_out[f"answer/{name}/{dtype}"] = network.answer(arrays["images"][name].astype(dtype), run["output"])
    return SharedArrays.write(request["out"], arrays_out).to_document()


def size_of(run: Mapping[str, Any]) -> tuple[int, int]:
    """Return height and width of a run's images."""
    return run["height"], run["width"]


def main(build: type[Peer]) -> None:
    """Answer requests, one after the other; the reply to one that fails is text."""
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
