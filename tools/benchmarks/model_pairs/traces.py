"""Graphs of the networks in each framework, traced in one process of it, and kept as bytes: comparing changes them."""

import importlib
import pickle
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.model_pairs.networks.fault import Fault
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.process import BackendProcess

FAMILIES = {"unet": (28, 36), "transformer": (32, 40), "squeeze": (32, 40)}
"""Name -> height and width of the images."""

STYLES = {
    "pytorch": ("", "matmul", "sdpa", "einsum"),
    "keras": ("", "matmul", "einsum"),
    "paddle": ("", "matmul", "einsum"),
}
"""Framework -> the ways in which its transformer's attention is written; "" is the framework's own layer."""


def faults(family: str) -> dict[str, Fault]:
    """Return the mistakes that may be planted in the networks of a family."""
    found: dict[str, Fault] = importlib.import_module(f"benchmarks.model_pairs.networks.{family}_design").FAULTS
    return found


@dataclass(frozen=True)
class Network:
    """One network: of a family, in a framework, with tensors by a seed, a mistake or none, attention in some style."""

    family: str
    framework: str
    seed: int = 0
    fault: str = ""
    style: str = ""

    @property
    def factory(self) -> str:
        """What makes it."""
        return f"benchmarks.model_pairs.networks.{self.family}_in_{self.framework}:make"


@dataclass
class Traces:
    """Graphs of networks, on the same images, in one dtype."""

    dtype: str = "float64"
    kept: dict[Network, bytes] = field(default_factory=dict)

    def trace(self, networks: Iterable[Network]) -> None:
        """Trace what is not there yet, each framework's in one process."""
        waiting: dict[str, list[Network]] = {}
        for network in networks:
            if network not in self.kept:
                waiting.setdefault(network.framework, []).append(network)
        for framework, several in waiting.items():
            with BackendProcess(framework, timeout=300) as process:
                for network in several:
                    self.kept[network] = pickle.dumps(self._traced(process, network))

    def _traced(self, process: BackendProcess, network: Network) -> Graph:
        call = {"seed": network.seed, "fault": network.fault, "style": network.style}
        model = process.open(network.factory, call)
        model.cast(self.dtype)
        images = np.random.default_rng(0).normal(size=(2, *FAMILIES[network.family], 3))
        return model.trace(images.astype(self.dtype))

    def graph(self, network: Network) -> Graph:
        """Return a graph that may be changed."""
        graph: Graph = pickle.loads(self.kept[network])
        return graph
