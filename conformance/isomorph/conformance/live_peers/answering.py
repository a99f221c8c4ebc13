"""The peer's side: a framework's own network, filled, run in both dtypes, and asked for what it holds.

PYTHON -P -m isomorph.conformance.live_peers.FRAMEWORK REQUEST REPLY, both JSON files.
"""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.arrays import SharedArrays

Array = npt.NDArray[Any]


class Peer(ABC):
    """A network as its own framework builds it, in inference mode, its fresh weights the same each time.

    name: the framework's. head: whether it has its classifier, or ends in its last map. dtype: of all it computes.
    """

    @abstractmethod
    def __init__(self, name: str, head: bool, dtype: str) -> None: ...

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
    def answer(self, images: Array) -> Array:
        """[N, H, W, C] -> logits [N, classes], or a map [N, h, w, C]."""


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


def main(build: type[Peer]) -> None:
    """Answer one request."""
    request = json.loads(Path(sys.argv[1]).read_text())
    arrays = {name: SharedArrays.from_document(request[name]).open() for name in ("tensors", "images")}
    built = cache(lambda head, dtype: build(request["network"], head, dtype))
    network = built(True, "float32")
    own = own_weights(network, request["small"], arrays["images"][request["calibrate_on"]])
    network.load(arrays["tensors"])
    weights = {"given": network.tensors(), "own": own}

    found = {f"{whose}/{name}": value for whose, held in weights.items() for name, value in held.items()}
    for dtype in ("float32", "float64"):  # one after the other: Keras has one switch for all networks
        for name, run in request["runs"].items():
            network = built(run["head"], dtype)
            network.load({tensor: weights[run["weights"]][tensor] for tensor in network.tensors()})
            found[f"answer/{name}/{dtype}"] = network.answer(arrays["images"][name].astype(dtype))
    reply = SharedArrays.write(request["out"], found)
    Path(sys.argv[2]).write_text(json.dumps(reply.to_document()))
