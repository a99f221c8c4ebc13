"""One mistake that is seen in many places is one cause: norms behind sums, and tokens in another order."""

import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Tensor
from isomorph.conformance.likeness.anchors import Pairs
from isomorph.conformance.likeness.comparison import Comparison
from isomorph.conformance.likeness.diagnosis import Diagnosis, compare_models
from isomorph.conformance.likeness.explaining.explanation import Explanation
from isomorph.conformance.likeness.finding import Finding
from isomorph.conformance.likeness.merging import merge
from isomorph.spec.operations import (
    RELU,
    SHIFT,
    Affine,
    Convolution,
    Dense,
    LayerNorm,
    MatrixProduct,
    Mean,
    Pointwise,
    Product,
    Softmax,
    Sum,
)

from .sketched import Sketch
from .written import told

DEPTH, TOKENS = 6, 12


class Transformer(Sketch):
    """A transformer of two blocks over the cells of a map, each with one head of attention and a dense layer."""

    def __init__(self, norm: str = "before", turned: bool = False) -> None:
        super().__init__(2, 3, 4, DEPTH)
        self.norm = norm

        def tokens(x: Array) -> Array:
            return (x.swapaxes(1, 2) if turned else x).reshape(2, TOKENS, DEPTH)

        x = self.placed(self.move(self.add(Dense(), "x", weights=self.drawn(DEPTH, DEPTH)), tokens))
        for _ in range(2):
            x = self.beside(x, self.attention)
            x = self.beside(x, self.dense)
        self.ends_in(self.add(Dense(), self.add(Mean(), x), weights=self.drawn(DEPTH, 5)))

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
        turned = self.move(keys, lambda k: k.transpose(0, 2, 1))
        scores = self.add(Softmax(), self.add(MatrixProduct(0.4), queries, turned))
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


def gated(*, early: bool = False, gate: bool = True, moved: bool = False) -> Graph:
    """Two convolutions, a gate on the channels of the second one, and a classifier.

    early: whether the gate stands before the second one's activation. gate: whether there is one. moved: whether the
    mean of the classifier stands behind its hidden layer.
    """
    net = Sketch(2, 6, 5, 3)
    x = net.add(Convolution(), "x", named="first", weights=net.drawn(1, 1, 3, 8))
    x = net.add(RELU, x, named="first")
    own = net.add(Convolution(), x, named="second", weights=net.drawn(1, 1, 8, 8))
    swish = Pointwise("hard_swish", (1 / 6, 0.5))
    active = own if early else net.add(swish, own, named="second")
    squeezed = net.move(net.add(Mean(), net.move(active, flat), named="gate"), lambda y: y[:, None, None])
    weights = net.drawn(1, 1, 8, 2), net.drawn(1, 1, 2, 8)
    if gate:
        hidden = net.add(RELU, net.add(Convolution(), squeezed, named="gate.down", weights=weights[0]), named="gate")
        opened = net.add(Convolution(), hidden, named="gate.up", weights=weights[1])
        active = net.add(Product(), active, net.add(Pointwise("sigmoid"), opened, named="gate"), named="gate")
    x = net.add(swish, active, named="second") if early else active
    head, last = net.drawn(8, 7), net.drawn(7, 4)
    x = net.move(x, flat)
    if not moved:
        x = net.add(Mean(), x, named="head")
    x = net.add(Pointwise("tanh"), net.add(Dense(), x, named="hidden", weights=head), named="hidden")
    if moved:
        x = net.add(Mean(), x, named="head")
    return net.ends_in(net.add(Dense(), x, named="classifier", weights=last))


def flat(x: Array) -> Array:
    return x.reshape(len(x), -1, x.shape[-1])


def sentences(diagnosis: Diagnosis) -> list[str]:
    return list(map(str, diagnosis.causes))


def test_a_branch_that_is_left_out_or_added_is_one_cause() -> None:
    missing, extra = compare_models(gated(), gated(gate=False)), compare_models(gated(gate=False), gated())
    words = "mean, convolution, ReLU, sigmoid and product"
    assert sentences(missing) == [f"missing branch: gate is missing with all of its branch: {words}"]
    assert sentences(extra) == [
        f"extra branch: second has a branch too many behind its hard swish: {words} (theirs: gate)"
    ]
    assert missing.proved
    assert extra.proved


def test_what_stands_further_on_is_moved() -> None:
    later, sooner = compare_models(gated(), gated(moved=True)), compare_models(gated(moved=True), gated())
    assert sentences(later) == ["mean moved: head stands after hidden (theirs: head)"]
    assert sentences(sooner) == ["mean moved: head stands after gate (theirs: head)"]
    assert later.proved
    assert sooner.proved


def test_who_reads_before_what_is_exchanged_has_that_cause() -> None:
    for first, second, cause in (
        (False, True, "product before hard swish"),
        (True, False, "hard swish before product"),
    ):
        diagnosis = compare_models(gated(early=first), gated(early=second))
        assert {each.first.cause for each in diagnosis.causes} == {cause}
        assert len(diagnosis.causes[0].findings) > 1
        assert diagnosis.proved


def test_causes_that_are_one_but_for_the_activation_are_one() -> None:
    explanation = Explanation(Comparison(gated(), gated(), Pairs()))
    said = ["extra ReLU", "extra hard swish", "missing tanh", "product before SiLU", "product before mish", "stride"]
    explanation.findings = [(1, Finding(cause, "second", "has it")) for cause in said]
    merge(explanation)
    assert [finding.cause for _, finding in explanation.findings] == [
        *["extra activation"] * 2,
        "missing tanh",
        *["product before activation"] * 2,
        "stride",
    ]
