"""What a counterpart reads is arranged as the node itself would read it, wherever in the first model that is."""

from collections.abc import Callable

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.graphs.layout import Layout
from isomorph.conformance.likeness.anchors import Pairs
from isomorph.conformance.likeness.comparison import Comparison
from isomorph.conformance.likeness.operands import aligned, their_read
from isomorph.spec.operations import (
    AveragePool,
    Convolution,
    Dense,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pointwise,
    Product,
    Sum,
)

from .sketched import Sketch
from .walked import DEPTH, SHAPE, dense, named, operands, tokens, value, walked

NORM, TANH = LayerNorm(1e-5), Pointwise("tanh")

Move = Callable[[Array], Array]


def as_it_is(x: Array) -> Array:
    return x


def turned(x: Array) -> Array:
    return x.swapaxes(1, 2)


def mapped(x: Array) -> Array:
    """Return the map of such tokens."""
    return x.reshape(2, 4, 3, -1).swapaxes(1, 2)


# ------------------------------------------------------------------------------------------- operands


def test_sums_have_their_operands_in_any_order() -> None:
    def summed(order: tuple[int, int]) -> Graph:
        net = Sketch(*SHAPE)
        parts = [dense(net, "x", "a"), dense(net, "x", "b")]
        return net.ends_in(net.add(Sum(), *(parts[place] for place in order), named="sum"))

    comparison = walked(summed((0, 1)), summed((1, 0)))
    found = operands(comparison, "sum")
    assert [operand.place for operand in found] == [1, 0]
    np.testing.assert_array_equal(found[0].value, value(comparison.other, "a"))


def test_operands_of_a_sum_that_have_no_counterpart_take_what_is_left() -> None:
    def summed(function: Pointwise, order: int) -> Graph:
        net = Sketch(*SHAPE)
        parts = [net.add(function, dense(net, "x", "a"), named="f"), dense(net, "x", "b")]
        return net.ends_in(net.add(Sum(), *parts[::order], named="sum"))

    comparison = walked(summed(TANH, 1), summed(Pointwise("exp"), -1), f="")
    found = operands(comparison, "sum")
    assert [operand.place for operand in found] == [1, 0]


def test_operands_of_a_matrix_product_keep_their_order() -> None:
    def scores(order: int) -> Graph:
        net = Sketch(*SHAPE)
        parts = [net.move(dense(net, "x", name), lambda x: x[:, :, 0, :3]) for name in ("q", "k")]
        return net.ends_in(net.add(MatrixProduct(), *parts[::order], named="scores"))

    comparison = walked(scores(1), scores(-1))
    assert [operand.place for operand in operands(comparison, "scores")] == [0, 1]


def test_another_number_of_operands_is_not_aligned() -> None:
    def joined(count: int) -> Graph:
        net = Sketch(*SHAPE)
        x = dense(net, "x", "a")
        return net.ends_in(net.add(Sum((1.0,) * count), *[x] * count, named="sum"))

    comparison = walked(joined(2), joined(3))
    node, partner = (named(graph, "sum") for graph in (comparison.one, comparison.other))
    assert aligned(comparison, node, partner, comparison.inputs(node, partner)) is None


def chained(reads: str, *, twice: bool = False, back: bool = False) -> Graph:
    """A map, a norm of its tokens, and a layer of one of the two, backward.

    reads: which. twice: whether the norm is normalised again. back: whether the layer reads maps.
    """
    net = Sketch(*SHAPE)
    keys = {"a": dense(net, "x", "a")}
    keys["norm"] = net.add(NORM, net.move(keys["a"], tokens), named="norm")
    if twice:
        keys["again"] = net.add(NORM, keys["norm"], named="again", gamma=net.drawn(DEPTH), beta=net.drawn(DEPTH))
    read = keys[reads]
    if back and reads != "a":
        read = net.move(read, mapped)
    if not back and reads == "a":
        read = net.move(read, tokens)
    read = net.move(read, lambda x: x[:, ::-1])
    last = net.add(Dense(), read, named="last", weights=np.random.default_rng(5).normal(size=(DEPTH, 7)))
    return net.ends_in(last)


@pytest.mark.parametrize(
    ("ours", "theirs", "more", "move"),
    [
        ("norm", "again", {"twice": True}, as_it_is),
        ("norm", "a", {}, tokens),
        ("again", "a", {"twice": True}, tokens),
        ("a", "norm", {"back": True}, mapped),
    ],
    ids=["of the same axes", "as the norm reads it", "as another one reads it", "turned back into a map"],
)
def test_what_stands_elsewhere_is_read_there(ours: str, theirs: str, more: dict[str, bool], move: Move) -> None:
    """An operand that another node of the first model gives is read of that one, with the axes of its own."""
    one, other = chained(ours, **more), chained(theirs, **more)
    comparison = walked(one, other)
    (operand,) = operands(comparison, "last")
    assert operand.read is not None
    assert operand.read.source == named(one, theirs).number
    np.testing.assert_array_equal(operand.value, one.take(operand.read))
    np.testing.assert_allclose(operand.value, move(value(other, theirs))[:, ::-1], rtol=1e-12)


def test_a_branch_of_the_same_axes_is_read_there() -> None:
    def branches(reads: str) -> Graph:
        net = Sketch(*SHAPE)
        keys = {name: dense(net, "x", name) for name in "ab"}
        rest = net.add(Mean(), net.move(keys["b"], tokens), named="mean")
        joined = net.add(Mean(), net.move(dense(net, keys[reads], "last"), tokens))
        return net.ends_in(net.add(Sum(), joined, rest))

    comparison = walked(branches("a"), branches("b"))
    (operand,) = operands(comparison, "last")
    assert operand.read is not None
    assert operand.read.source == named(comparison.one, "b").number


def test_what_is_the_nodes_own_is_read_as_its_own() -> None:
    (operand,) = operands(walked(chained("norm"), chained("norm")), "last")
    assert (operand.read, operand.place) == (None, 0)


def test_what_no_other_node_gives_is_read_with_the_axes_of_its_own() -> None:
    """Of two values of the same axes that lie otherwise, it lies as the one in whose place it is."""

    moves: tuple[Move, Move] = (turned, lambda x: x[:, ::-1])

    def square(is_moved: bool) -> Graph:
        net = Sketch(2, 4, 4, DEPTH)
        parts = [
            dense(net, net.move("x", move) if is_moved else "x", name) for move, name in zip(moves, "ab", strict=True)
        ]
        if is_moved:
            parts[0] = net.add(TANH, parts[0], named="tanh")
        else:
            parts = [net.move(part, move) for part, move in zip(parts, moves, strict=True)]
        return net.ends_in(net.add(Product(), *parts, named="last"))

    comparison = walked(square(False), square(True))
    first, second = operands(comparison, "last")
    np.testing.assert_allclose(first.value, np.tanh(turned(value(comparison.one, "a"))), rtol=1e-12)
    np.testing.assert_allclose(second.value, value(comparison.one, "b")[:, ::-1], rtol=1e-12)


def test_what_its_counterpart_reads_with_other_axes_is_told_by_how_its_source_lies() -> None:
    def rows(is_turned: bool) -> Graph:
        net = Sketch(*SHAPE)
        x = dense(net, net.move("x", turned) if is_turned else "x", "a")
        x = net.add(TANH, x, named="tanh") if is_turned else x
        return net.ends_in(dense(net, net.move(x, lambda y: y.reshape(2, 12, DEPTH)), "last"))

    comparison = walked(rows(False), rows(True))
    (operand,) = operands(comparison, "last")
    np.testing.assert_allclose(operand.value, np.tanh(value(comparison.one, "a")).reshape(2, 12, DEPTH), rtol=1e-12)


# ------------------------------------------------------------------------------------------- other axes


def layered(is_turned: bool, kernel: float = 0.0, rounding: Move = as_it_is, operation: str = "convolution") -> Graph:
    """Two layers over a map, whose rows may be its columns.

    kernel: what is added to the second one's. rounding: of what that gives.
    """
    net = Sketch(*SHAPE)
    x = dense(net, net.move("x", turned) if is_turned else "x", "first")
    weights = net.drawn(DEPTH, 9) + kernel
    if operation == "convolution":
        x = net.add(Convolution(), x, named="second", weights=weights[None, None])
    else:
        x = net.add(Dense(), x, named="second", rounding=rounding, weights=weights)
    return net.ends_in(x)


def test_a_wrong_layer_tells_how_it_lies_by_what_its_counterpart_makes_of_the_same() -> None:
    comparison = walked(layered(False), layered(True, kernel=1.0))
    theirs = value(comparison.other, "second")
    (difference,) = comparison.differences
    assert difference.node.name == "second"
    np.testing.assert_array_equal(difference.expected, turned(theirs))


def test_a_wrong_dense_layer_for_a_convolution_of_single_cells_tells_it_likewise() -> None:
    comparison = walked(layered(False), layered(True, kernel=1.0, operation="dense"))
    (difference,) = comparison.differences
    np.testing.assert_array_equal(difference.expected, turned(value(comparison.other, "second")))


def test_a_wrong_pool_tells_it_by_the_pool_that_it_is() -> None:
    def pooled(pool: Operation, is_turned: bool) -> Graph:
        net = Sketch(2, 8, 6, DEPTH)
        x = dense(net, net.move("x", turned) if is_turned else "x", "a")
        return net.ends_in(net.add(pool, x, named="pool"))

    comparison = walked(pooled(MaxPool((2, 2), (2, 2)), False), pooled(AveragePool((2, 2), (2, 2)), True))
    (difference,) = comparison.differences
    np.testing.assert_array_equal(difference.expected, turned(value(comparison.other, "pool")))


def test_a_layer_whose_value_is_rounded_tells_how_it_lies_by_the_rows_that_it_reads() -> None:
    def half(x: Array) -> Array:
        return x.astype(np.float16).astype(np.float64)

    comparison = walked(layered(False, operation="dense"), layered(True, rounding=half, operation="dense"))
    (difference,) = comparison.differences
    np.testing.assert_array_equal(difference.expected, turned(value(comparison.other, "second")))


def test_axes_are_other_ones_where_a_value_has_other_axes_or_another_size() -> None:
    """What is read of a value that no longer lies as it was planned is what the counterpart reads of it."""
    comparison = walked(chained("norm"), chained("norm"))
    last = named(comparison.one, "last")
    (read,) = last.reads
    assert not comparison.has_other_axes(read)
    whole = comparison.values[read.source]
    for other in (whole.reshape(12, 2, DEPTH), whole[:1]):
        comparison.values[read.source] = other
        assert comparison.has_other_axes(read)
        np.testing.assert_array_equal(
            comparison.inputs(last, named(comparison.other, "last"))[0], value(comparison.other, "norm")[:, ::-1]
        )


def test_a_value_that_was_only_planned_has_other_axes_where_it_has_another_size() -> None:
    comparison = walked(chained("norm"), chained("norm"))
    (read,) = named(comparison.one, "last").reads
    whole = comparison.values[read.source]
    comparison.one.nodes[read.source].value = None
    for other, is_other in ((whole.reshape(12, 2, DEPTH), False), (whole[:1], True)):
        comparison.values[read.source] = other
        assert comparison.has_other_axes(read) == is_other


@pytest.mark.parametrize("operation", [Product(), MatrixProduct()], ids=["product", "matrix product"])
def test_their_read_has_the_nodes_axes_but_for_those_of_a_matrix_product(operation: Operation) -> None:
    def squared() -> Graph:
        net = Sketch(2, 4, 4, 4)
        x = net.add(TANH, "x", named="a")
        return net.ends_in(net.add(operation, x, x, named="last"))

    comparison = walked(squared(), squared())
    node, partner = (named(graph, "last") for graph in (comparison.one, comparison.other))
    own = node.reads[0]
    comparison.arranger.known[own.shape, own.shape] = Layout.whole(own.shape).moved(turned)
    read = their_read(comparison, own, partner, 0)
    assert read is not None
    theirs = value(comparison.other, "a")
    expected = theirs if operation == MatrixProduct() else turned(theirs)
    np.testing.assert_array_equal(comparison.other.take(read), expected)


def test_their_read_is_of_the_same_value_at_its_own_place_first() -> None:
    def doubled(is_turned: bool) -> Graph:
        net = Sketch(*SHAPE)
        x = dense(net, net.move("x", turned) if is_turned else "x", "a")
        first, second = net.move(x, lambda y: y[..., :3]), net.move(x, lambda y: y[..., 3:])
        product = net.add(Product(), first, second, named="product")
        return net.ends_in(product)

    comparison = walked(doubled(False), doubled(True))
    node, partner = (named(graph, "product") for graph in (comparison.one, comparison.other))
    theirs = turned(value(comparison.other, "a"))
    for place, part in enumerate((theirs[..., :3], theirs[..., 3:])):
        read = their_read(comparison, node.reads[place], partner, place)
        assert read is not None
        np.testing.assert_array_equal(comparison.other.take(read), part)
    assert their_read(comparison, node.reads[0], None, 0) is None
    assert their_read(comparison, node.reads[0], named(comparison.other, "a"), 0) is None


# ------------------------------------------------------------------------------------------- what is behind


def test_a_node_leads_to_pairs_if_one_behind_it_has_a_counterpart() -> None:
    net = Sketch(*SHAPE)
    first = net.add(TANH, "x", named="first")
    second = net.add(TANH, first, named="second")
    net.add(TANH, first, named="end")
    graph = net.ends_in(net.add(TANH, second, named="third"))
    comparison = Comparison(graph, graph, Pairs({named(graph, "third").number: named(graph, "third").number}))
    assert [comparison.leads_to_pairs(named(graph, name)) for name in ("first", "second", "third", "end")] == [
        *[True] * 3,
        False,
    ]
