"""Models that are sketched operation by operation, without a framework: each is computed as it is added."""

from collections.abc import Callable

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Tensor
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.spec.operations import Operation


class Sketch:
    """A graph on drawn images, `x`, whose operations stand in modules "layer1", "layer2" and so on.

    seed: of the tensors that `drawn` gives; the images are always the same ones.
    """

    def __init__(self, *shape: int, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.recorder = Recorder()
        self.count = 0
        self.recorder.images("x", np.random.default_rng(1).normal(size=shape))

    def drawn(self, *shape: int) -> Array:
        return self.random.normal(size=shape)

    def add(
        self,
        operation: Operation,
        *keys: str,
        named: str = "",
        rounding: Callable[[Array], Array] = lambda x: x,
        **tensors: Array,
    ) -> str:
        """Add an operation on others, and return its own key.

        named: its module. rounding: what its framework makes of its value.
        """
        reads = [self.recorder.reads[key] for key in keys]
        value = rounding(evaluate(operation, [self.recorder.graph.take(read) for read in reads], tensors))
        self.count += 1
        self.recorder.module = named or f"layer{self.count}"
        own = {leaf: Tensor.computed(tensor) for leaf, tensor in tensors.items()}
        self.recorder.add(f"{self.count}", operation, reads, value, own)
        return f"{self.count}"

    def move(self, key: str, move: Callable[[Array], Array]) -> str:
        """Have others read a value in another order, and return its new key."""
        self.count += 1
        self.recorder.move(key, [f"{self.count}"], lambda x: [move(x)])
        return f"{self.count}"

    def ends_in(self, key: str) -> Graph:
        """Return the graph, whose output is one of its values."""
        self.recorder.output("", key)
        return self.recorder.graph
