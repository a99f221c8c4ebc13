"""The parts of an explanation, each alone: images, precision, what is read, sentences, and the proof."""

from math import inf

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.conformance.likeness.causes import wiring
from isomorph.conformance.likeness.causes.images import fit_images
from isomorph.conformance.likeness.causes.modes import PRECISIONS, precision, rounded, rounding_of
from isomorph.conformance.likeness.causes.words import called, number, short, word
from isomorph.conformance.likeness.diagnosis import compare_with
from isomorph.conformance.likeness.finding import Cause, Finding, group
from isomorph.spec.operations import (
    RELU,
    Affine,
    BatchNorm,
    Convolution,
    Dense,
    Input,
    LayerNorm,
    MaxPool,
    Operation,
    Pointwise,
    Sum,
    Unknown,
)

from .written import Written

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 1, size=(2, 5, 6, 3))


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (IMAGES, "as they are"),
        (IMAGES[..., ::-1], "as BGR"),
        (IMAGES[..., [1, 2, 0]], "with channels (1, 2, 0)"),
        (IMAGES * 255, "times 255"),
        (IMAGES / 0.25 - 1.2, "times 4, plus -1.2"),
        ((IMAGES - [0.1, 0.2, 0.3])[..., ::-1], "as BGR, plus (-0.3, -0.2, -0.1)"),
    ],
    ids=["as they are", "BGR", "turned", "of bytes", "normalised", "BGR less means"],
)
def test_what_is_done_to_images_is_fitted(read: Array, sentence: str) -> None:
    assert str(fit_images(IMAGES, read)) == sentence


def test_images_that_are_no_line_of_themselves_are_not_fitted() -> None:
    assert fit_images(IMAGES, IMAGES**2) is None


@pytest.mark.parametrize("name", PRECISIONS)
def test_products_of_rounded_operands_are_told(name: str) -> None:
    graph = Graph()
    read = graph.add(Node(0, Input(), value=RANDOM.normal(size=(4, 64))))
    kernel = RANDOM.normal(size=(64, 8))
    bits = PRECISIONS[name]
    value = rounded(np.asarray(graph.nodes[0].value), bits) @ rounded(kernel, bits)
    node = Node(1, Dense(), (read,), {"weights": Tensor.computed(kernel)}, value)
    graph.add(node)
    told = precision(graph, node)
    assert told is not None
    assert told[0] == name
    node.value = np.asarray(graph.nodes[0].value) @ kernel
    assert precision(graph, node) is None


def test_rounded_numbers_are_told() -> None:
    x = RANDOM.normal(size=100)
    assert rounding_of(x, rounded(x, 8)) == "bfloat16"
    assert rounding_of(x, x * 1.1) is None


def chain(*operations: Operation) -> Graph:
    """Return a graph of operations, each of the one before."""
    graph = Graph()
    read = graph.add(Node(0, Input(), value=IMAGES, name="input"))
    for place, operation in enumerate(operations, start=1):
        reads = (read,) * (2 if operation == Sum() else 1)
        value = evaluate(operation, [graph.take(each) for each in reads], {})
        read = graph.add(Node(place, operation, reads, value=value, name=f"layer{place}"))
    graph.outputs = {"": read}
    return graph


def test_a_trail_ends_at_what_is_known() -> None:
    graph = chain(RELU, Pointwise("tanh"), Pointwise("exp"))
    way = wiring.trail(graph, graph.outputs[""], {1: 10})
    assert [node.number for node in way.nodes] == [3, 2]
    assert way.sources == [10]
    assert wiring.trail(graph, graph.outputs[""], {}).sources == [0]


@pytest.mark.parametrize(
    ("theirs", "how"),
    [
        (IMAGES[..., ::-1], "with its last axis reversed"),
        (IMAGES.swapaxes(1, 2), "with rows and columns exchanged"),
        (IMAGES[:, ::-1], "with its axis 1 reversed"),
        (IMAGES[::-1], "in another order"),
        (IMAGES + 1, None),
        (IMAGES[:1], None),
    ],
    ids=["channels", "rows and columns", "upside down", "images", "others", "fewer"],
)
def test_an_order_is_described(theirs: Array, how: str | None) -> None:
    assert wiring.reordered(IMAGES, theirs) == how


def test_what_is_read_of_a_map_is_told_by_rows_and_columns() -> None:
    shape = (2, 6, 8, 3)
    whole = Layout.whole(shape)
    assert wiring.subsampling(shape, whole) == (1, 1)
    assert wiring.subsampling(shape, whole.moved(lambda x: x[:, ::2, ::4])) == (2, 4)
    assert wiring.subsampling(shape, whole.moved(lambda x: x[:, ::-1])) is None
    assert wiring.subsampling(shape, whole.moved(lambda x: x.reshape(2, -1))) is None


def test_layers_are_grouped_by_their_convolutions() -> None:
    nodes = [
        Node(1, Convolution(), name="conv"),
        Node(2, BatchNorm(1e-5), name="conv"),
        Node(3, RELU, name="join"),
    ]
    assert [[node.number for node in layer] for layer in wiring.by_layer(nodes)] == [[1, 2], [3]]
    assert wiring.missing(nodes[:2]) == ("missing layer", "is missing: convolution and batch norm")
    assert wiring.missing(nodes[2:]) == ("missing ReLU", "has no ReLU")
    assert wiring.extra(nodes[2:], nodes[0]) == ("extra ReLU", "has a ReLU too many behind its convolution")
    assert wiring.extra(nodes[:2], None)[0] == "extra layer"


def branch(*names: str, reads: tuple[int, ...] = ()) -> list[Node]:
    """Return convolutions in a row, each with a ReLU of no module behind it; the first reads others."""
    nodes: list[Node] = []
    for place, name in enumerate(names):
        sources = (nodes[-1].number,) if nodes else reads
        number = 2 * place + 1
        nodes.append(Node(number, Convolution(), tuple(Read(each, WHOLE) for each in sources), name=name))
        nodes.append(Node(number + 1, RELU, (Read(number, WHOLE),), name=f"{name}.active"))
    return nodes


WHOLE = Layout.whole((1,))


def numbers(groups: list[list[Node]]) -> list[list[int]]:
    return [sorted(node.number for node in group) for group in groups]


def test_layers_that_hang_together_are_one_branch() -> None:
    gate = branch("gate.down", "gate.up")
    alone = Node(9, Convolution(), (Read(20, WHOLE),), name="other")
    assert numbers(wiring.by_branch([alone, *gate])) == [[9], [1, 2, 3, 4]]
    assert numbers(wiring.by_branch(gate[::-1])) == [[1, 2, 3, 4]]


def test_one_layer_alone_is_no_branch_with_what_hangs_on_it() -> None:
    assert numbers(wiring.by_branch(branch("conv"))) == [[1], [2]]


def test_two_layers_that_join_behind_are_one_branch() -> None:
    first = Node(1, Convolution(), (Read(0, WHOLE),), name="a")
    second = Node(2, Convolution(), (Read(0, WHOLE),), name="b")
    joined = Node(3, Sum(), (Read(1, WHOLE), Read(2, WHOLE)), name="join")
    assert numbers(wiring.by_branch([first, second])) == [[1], [2]]
    assert numbers(wiring.by_branch([first, second, joined])) == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (["block.gate.down", "block.gate.up"], "block.gate"),
        (["block/gate/down", "block/gate/up"], "block/gate"),
        (["gate1", "gate2"], "gate1"),
        (["block.gate", "block.gate.up"], "block.gate"),
        (["alone"], "alone"),
    ],
    ids=["of a module", "of a scope", "with nothing but letters in common", "one in the other", "of one"],
)
def test_a_branch_stands_in_the_module_around_all_of_it(names: list[str], place: str) -> None:
    assert wiring.place_of([node for node in branch(*names) if node.kind is Convolution][::-1]) == place


def test_nodes_without_a_common_module_stand_where_their_first_layer_does() -> None:
    nodes = [Node(1, RELU, name="a"), Node(4, Convolution(), name="c"), Node(3, Convolution(), name="b")]
    assert wiring.place_of(nodes) == "b"
    assert wiring.place_of([Node(1, RELU, name="a"), Node(2, RELU, name="b")]) == "b"


def test_branches_and_factors_have_causes_of_their_own() -> None:
    gate, half = branch("gate.down", "gate.up"), [Node(1, Pointwise("linear", (0.5, 0.0)), name="half")]
    more = [Node(1, Pointwise("linear", (0.5, 2.0)), name="more")]
    behind = Node(9, Convolution(), name="conv")
    assert wiring.missing(gate) == ("missing branch", "is missing with all of its branch: convolution and ReLU")
    assert wiring.extra(gate, behind) == (
        "extra branch",
        "has a branch too many behind its convolution: convolution and ReLU",
    )
    assert wiring.missing(half) == ("missing factor", "does not have a factor of 0.5")
    assert wiring.extra(half, None) == ("extra factor", "has a factor of 0.5 too many in front of it")
    assert wiring.missing(more) == ("missing affine", "has no affine")
    assert wiring.extra(more, behind)[0] == "extra affine"


def test_operations_have_words() -> None:
    assert word(Pointwise("clip", (0.0, inf))) == "ReLU"
    assert word(Pointwise("linear", (2.0, 1.0))) == "a factor of 2 and 1 more"
    assert short(Pointwise("linear", (2.0, 1.0))) == "affine"
    assert word(Unknown("fft")) == "fft"
    assert called(Node(1, MaxPool((3, 3), (2, 2)), name="pool1")) == "max pool of pool1"
    assert called(Node(1, LayerNorm(1e-5))) == "layer norm"
    assert word(Affine()) == "affine"
    assert number(((1, 1), (1, 1))) == "1"


def test_findings_of_one_cause_are_one() -> None:
    findings = [Finding("stride", "a", "says"), Finding("padding", "b", "other"), Finding("stride", "c", "says")]
    causes = group(findings)
    assert [(cause.first.cause, len(cause.findings)) for cause in causes] == [("stride", 2), ("padding", 1)]
    assert str(Cause([Finding("stride", "a", "has it", "theirs")])) == "stride: a has it (theirs: theirs)"


def test_a_proof_fails_where_a_cause_is_not_applied() -> None:
    """It is computed from the images on, and not from the model's own values."""
    model = Written.of("basic units, the first striding")
    model.change("conv1", BatchNorm, epsilon=1e-1)
    graph = model.run()
    diagnosis = compare_with(model.network, graph, model.tensors)
    assert diagnosis.before is not None
    assert diagnosis.proof is not None
    assert diagnosis.proof < 1e-12
    assert diagnosis.before > 1e-3
    assert diagnosis.first_divergence is not None
    assert diagnosis.first_divergence[0] == "conv1"


def test_a_read_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="elements"):
        Read(0, Layout.whole((2, 3))).layout.take(np.ones(7))
