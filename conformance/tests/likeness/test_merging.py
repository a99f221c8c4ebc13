"""One mistake that is seen in many places is one cause: norms behind sums, and tokens in another order."""

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Tensor
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.diagnosis import compare_models
from isomorph.spec.operations import (
    SHIFT,
    Affine,
    Dense,
    LayerNorm,
    MatrixProduct,
    Mean,
    Operation,
    Pointwise,
    Softmax,
    Sum,
)

from .written import told

DEPTH, TOKENS = 6, 12


class Transformer:
    """A transformer of two blocks over the cells of a map, each with one head of attention and a dense layer."""

    def __init__(self, norm: str = "before", turned: bool = False) -> None:
        self.random = np.random.default_rng(0)
        self.norm = norm
        self.recorder = Recorder()
        self.count = 0
        images = np.random.default_rng(1).normal(size=(2, 3, 4, DEPTH))

        def tokens(x: Array) -> list[Array]:
            return [(x.swapaxes(1, 2) if turned else x).reshape(2, TOKENS, DEPTH)]

        self.recorder.images("x", images)
        self.recorder.move(self.add(Dense(), "x", weights=self.drawn(DEPTH, DEPTH)), ["tokens"], tokens)
        x = self.placed("tokens")
        for _ in range(2):
            x = self.beside(x, self.attention)
            x = self.beside(x, self.dense)
        x = self.add(Dense(), self.add(Mean(), x), weights=self.drawn(DEPTH, 5))
        self.recorder.output("", x)

    def drawn(self, *shape: int) -> Array:
        return self.random.normal(size=shape)

    def add(self, operation: Operation, *keys: str, **tensors: Array) -> str:
        reads = [self.recorder.reads[key] for key in keys]
        value = evaluate(operation, [self.recorder.graph.take(read) for read in reads], tensors)
        self.count += 1
        self.recorder.module = f"layer{self.count}"
        own = {leaf: Tensor.computed(tensor) for leaf, tensor in tensors.items()}
        self.recorder.add(f"{self.count}", operation, reads, value, own)
        return f"{self.count}"

    def placed(self, x: str) -> str:
        """Add a number of each place and feature, as frameworks add one array to another."""
        shift, read = self.drawn(TOKENS, DEPTH), self.recorder.reads[x]
        value = self.recorder.graph.take(read) + shift
        self.recorder.add_each("placed", Affine(), [read], value, {SHIFT: Tensor.computed(shift)})
        return "placed"

    def normalised(self, x: str) -> str:
        gamma, beta = 1 + self.drawn(DEPTH) / 4, self.drawn(DEPTH) / 4
        return self.add(LayerNorm(1e-6), x, gamma=gamma, beta=beta)

    def beside(self, x: str, function: object) -> str:
        """Add a function of `x` to it, with a norm before the function or behind the sum."""
        assert callable(function)
        if self.norm == "before":
            return self.add(Sum(), x, function(self.normalised(x)))
        gamma, beta = 1 + self.drawn(DEPTH) / 4, self.drawn(DEPTH) / 4
        return self.add(LayerNorm(1e-6), self.add(Sum(), x, function(x)), gamma=gamma, beta=beta)

    def attention(self, x: str) -> str:
        queries, keys, values = (self.add(Dense(), x, weights=self.drawn(DEPTH, DEPTH)) for _ in range(3))
        self.recorder.move(keys, ["turned"], lambda k: [k.transpose(0, 2, 1)])
        scores = self.add(Softmax(), self.add(MatrixProduct(0.4), queries, "turned"))
        return self.add(Dense(), self.add(MatrixProduct(), scores, values), weights=self.drawn(DEPTH, DEPTH))

    def dense(self, x: str) -> str:
        hidden = self.add(Pointwise("gelu"), self.add(Dense(), x, weights=self.drawn(DEPTH, 9)))
        return self.add(Dense(), hidden, weights=self.drawn(9, DEPTH))

    @property
    def graph(self) -> Graph:
        return self.recorder.graph


def test_a_transformer_is_itself() -> None:
    assert told(compare_models(Transformer().graph, Transformer().graph)) == []


@pytest.mark.parametrize(
    ("first", "second", "cause"),
    [("before", "behind", "norm behind sum"), ("behind", "before", "norm before sum")],
    ids=["post-norm for pre-norm", "pre-norm for post-norm"],
)
def test_norms_on_the_other_side_of_sums_are_one_cause(first: str, second: str, cause: str) -> None:
    diagnosis = compare_models(Transformer(first).graph, Transformer(second).graph)
    assert [each.first.cause for each in diagnosis.causes] == [cause]
    assert len(diagnosis.causes[0].findings) > 4
    assert diagnosis.proved


def test_tokens_in_another_order_are_one_cause() -> None:
    diagnosis = compare_models(Transformer().graph, Transformer(turned=True).graph)
    assert [each.first.cause for each in diagnosis.causes] == ["another order"]
    assert diagnosis.proved
