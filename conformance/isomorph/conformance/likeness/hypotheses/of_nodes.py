"""The mistakes that ports are known for, at each kind of node."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import inf

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node
from isomorph.backends.oracle.evaluation import apply, evaluate
from isomorph.backends.oracle.operations import softmax
from isomorph.conformance.likeness.causes.modes import PRECISIONS, rounded
from isomorph.conformance.likeness.causes.words import number, short, word
from isomorph.conformance.likeness.hypotheses.hypothesis import Computation, Hypothesis
from isomorph.conformance.likeness.hypotheses.segment import Segment
from isomorph.spec.convention import as_float32
from isomorph.spec.operations import (
    RELU,
    RELU6,
    SCALE,
    SHIFT,
    Affine,
    BatchNorm,
    Concatenation,
    Convolution,
    MaxPool,
    Mean,
    Operation,
    Pads,
    Pointwise,
    Sum,
)
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

EPSILONS = (1e-2, 1e-3, 1e-4, 1e-5, 1.001e-5, 2e-5, 1e-6, 1e-12, 0.0)
"""Those of batch norm in the zoos, and what people write by mistake."""

Tensors = dict[str, Array]


def hypotheses(segment: Segment) -> Iterator[Hypothesis]:
    """Yield all mistakes that may have been made in a segment, node by node."""
    for each in segment.nodes:
        node = segment.graph.nodes[each]
        yield from _of_node(segment, node)
    yield from _wirings(segment)


def _of_node(segment: Segment, node: Node) -> Iterator[Hypothesis]:
    match node.operation:
        case Convolution():
            yield from _convolutions(segment, node, node.operation)
        case BatchNorm():
            yield from _batch_norms(segment, node, node.operation)
        case Pointwise():
            yield from _functions(node, node.operation)
        case MaxPool():
            yield from _pools(node, node.operation)
        case Affine():
            yield from _affines(node)
        case Mean():
            yield _says(node, "missing mean", "has no mean", lambda xs: xs[0])
        case Sum() | Concatenation():
            yield from _joins(node)
    if node.kind is not Pointwise:
        for function in (RELU, RELU6):
            says = f"has a {word(function)} too many behind its {short(node.operation)}"
            yield _says(node, f"extra {word(function)}", says, _behind(node, function))
        if node.number == segment.target:
            yield _says(node, "extra softmax", "has a softmax too many", lambda xs: softmax(_plain(node)(xs)))


def _says(
    node: Node, cause: str, says: str, computed: Computation, field: str | None = None, value: object = None
) -> Hypothesis:
    return Hypothesis(cause, node.name, says, {node.number: computed}, {}, field, value)


def _plain(node: Node) -> Computation:
    return lambda xs: evaluate(node.operation, xs, node.arrays)


def _with(operation: Operation, tensors: Tensors) -> Computation:
    return lambda xs: evaluate(operation, xs, tensors)


def _behind(node: Node, function: Pointwise) -> Computation:
    return lambda xs: apply(function, evaluate(node.operation, xs, node.arrays))


# Convolutions.


def _convolutions(segment: Segment, node: Node, operation: Convolution) -> Iterator[Hypothesis]:
    rows, columns, *_ = node.arrays[WEIGHTS].shape
    for cause, other in _geometries(operation, rows, columns):
        name = {"padding": "pads"}.get(cause, cause)
        found, expected = getattr(other, name), getattr(operation, name)
        says = f"has {cause} {number(found)}, expected {number(expected)}"
        yield _says(node, cause, says, _with(other, node.arrays), None, found)
    for cause, says, tensors in _kernels(segment, node):
        yield _says(node, cause, f"{node.name}/{says}", _with(operation, tensors))
    for name, bits in PRECISIONS.items():
        kernel = rounded(node.arrays[WEIGHTS], bits)

        def compute(xs: Sequence[Array], kernel: Array = kernel, bits: int = bits) -> Array:
            return evaluate(operation, [rounded(xs[0], bits)], node.arrays | {WEIGHTS: kernel})

        yield _says(node, "precision", f"multiplies operands that are rounded to {name}", compute)


def _geometries(operation: Convolution, rows: int, columns: int) -> Iterator[tuple[str, Convolution]]:
    """Yield other strides, rates and pads."""
    for stride in (1, 2, 4):
        if (stride, stride) != operation.stride:
            yield "stride", replace(operation, stride=(stride, stride))
    if rows == columns == 1:
        return
    for rate in (1, 2, 4, 8):
        half = (rate * (rows - 1) // 2,) * 2, (rate * (columns - 1) // 2,) * 2
        other = replace(operation, rate=(rate, rate), pads=half)
        if (rate, rate) != operation.rate:
            yield "rate", other
            yield "rate", replace(other, stride=(1, 1))
    for pads in _other_pads(operation.rate[0] * (rows - 1), operation.rate[1] * (columns - 1)):
        if pads != operation.pads:
            yield "padding", replace(operation, pads=pads)


def _other_pads(down: int, across: int) -> Iterator[Pads]:
    """Yield pads of a window that reaches so far: as many on both sides, one more on one, all on one, and none."""

    def sides(reach: int) -> list[tuple[int, int]]:
        half = reach // 2
        near = {(half, half), (half, reach - half), (half - 1, half), (half, half - 1), (half + 1, half + 1), (0, 0)}
        return sorted(pair for pair in near | {(0, reach), (reach, 0), (half - 1, half - 1), (0, 1)} if min(pair) >= 0)

    yield from product(sides(down), sides(across))


def _kernels(segment: Segment, node: Node) -> Iterator[tuple[str, str, Tensors]]:
    """Yield what a convolution's tensors may have become."""
    arrays = node.arrays
    kernel = arrays[WEIGHTS]
    rows, columns, depth, outputs = kernel.shape
    forms: list[tuple[str, str, Array]] = [("BGR", "has its input channels reversed, BGR for RGB", kernel[:, :, ::-1])]
    if rows == columns > 1:
        forms.append(("transposed in space", "is transposed in space", kernel.swapaxes(0, 1)))
    if rows > 1:
        forms.append(("flipped", "is flipped", kernel[::-1, ::-1]))
        to_last = kernel.reshape(depth, rows, columns, outputs).transpose(1, 2, 0, 3)
        to_first = kernel.transpose(2, 0, 1, 3).reshape(kernel.shape)
        words = "is in the order of a map that is flattened with its channels at the other end"
        forms += [("flatten order", words, to_last), ("flatten order", words, to_first)]
    if depth == outputs:
        forms.append(("transposed", "is transposed", kernel.swapaxes(2, 3)))
    forms += [("outputs shifted", f"has its outputs shifted by {by}", np.roll(kernel, by, 3)) for by in (1, -1)]
    reshaped = kernel.transpose(3, 2, 0, 1)
    words = "was reshaped where it had to be transposed"
    forms += [
        ("reshaped", words, reshaped.reshape(kernel.shape)),
        ("reshaped", words, kernel.reshape(reshaped.shape).transpose(2, 3, 1, 0)),
        ("reshaped", words, kernel.swapaxes(2, 3).reshape(kernel.shape)),
        ("reshaped", words, kernel.reshape(rows, columns, outputs, depth).swapaxes(2, 3)),
    ]
    groups = getattr(node.operation, "groups", 1)
    if groups > 1 and outputs % groups == 0:
        interleaved = kernel.reshape(rows, columns, depth, groups, -1).swapaxes(-1, -2).reshape(kernel.shape)
        forms.append(("groups interleaved", f"has the outputs of its {groups} groups interleaved", interleaved))
    with np.errstate(over="ignore"):
        forms.append(("cast", "was rounded to float16", kernel.astype(np.float16).astype(kernel.dtype)))
    forms += [
        ("cast", f"was rounded to {name}", rounded(kernel, bits)) for name, bits in (("bfloat16", 8), ("float32", 24))
    ]
    for cause, says, other in forms:
        yield cause, f"{WEIGHTS} {says}", arrays | {WEIGHTS: other}
    if BIASES in arrays:
        biases = arrays[BIASES]
        yield "not loaded", f"{BIASES} is zero everywhere", arrays | {BIASES: np.zeros_like(biases)}
        for by in (1, -1):
            shifted = {WEIGHTS: np.roll(kernel, by, 3), BIASES: np.roll(biases, by)}
            yield (
                "outputs shifted",
                f"{WEIGHTS} has its outputs shifted by {by}, and so have its biases",
                arrays | shifted,
            )
    for other_node in segment.graph.nodes.values():
        if other_node.number != node.number and other_node.kind is Convolution:
            other = other_node.arrays[WEIGHTS]
            if other.shape == kernel.shape:
                yield (
                    "another layer's tensors",
                    f"{WEIGHTS} holds {other_node.name}/{WEIGHTS}",
                    arrays | {WEIGHTS: other},
                )


# Batch norms.


def _batch_norms(segment: Segment, node: Node, operation: BatchNorm) -> Iterator[Hypothesis]:
    arrays = node.arrays
    for epsilon in dict.fromkeys(map(as_float32, EPSILONS)):
        if epsilon != operation.epsilon:
            says = f"has epsilon {number(epsilon)}, expected {number(operation.epsilon)}"
            other = replace(operation, epsilon=epsilon)
            yield _says(node, "epsilon", says, _with(other, arrays), "batch_norm_epsilon", epsilon)
    in_training = replace(operation, batch_statistics=True)
    yield _says(node, "training batch norm", "normalises by the statistics of the batch", _with(in_training, arrays))
    yield _says(node, "missing batch norm", "has no batch norm", lambda xs: xs[0])
    for cause, says, tensors in _statistics(arrays):
        yield _says(node, cause, f"{node.name}/{says}", _with(operation, tensors))
    for layer in segment.graph.nodes.values():
        if layer.number != node.number and layer.kind is BatchNorm and _alike(layer, node):
            yield from _another_layer(segment, node, layer)


def _another_layer(segment: Segment, node: Node, other: Node) -> Iterator[Hypothesis]:
    """Yield the batch norm of another layer, alone and with the convolution before it."""
    says = f"holds the batch norm of {other.name}"
    yield _says(node, "another layer's tensors", says, _with(node.operation, other.arrays))
    nodes = segment.graph.nodes
    before, other_before = nodes[node.reads[0].source], nodes[other.reads[0].source]
    are_convolutions = before.kind is Convolution and other_before.kind is Convolution
    if before.number in segment.nodes and are_convolutions and _alike(before, other_before):
        computed = {
            node.number: _with(node.operation, other.arrays),
            before.number: _with(before.operation, other_before.arrays),
        }
        yield Hypothesis("another layer's tensors", node.name, f"holds the tensors of {other.name}", computed)


def _alike(first: Node, second: Node) -> bool:
    """Return whether two nodes have tensors of the same names and axes."""
    return {leaf: x.shape for leaf, x in first.arrays.items()} == {leaf: x.shape for leaf, x in second.arrays.items()}


def _statistics(arrays: Tensors) -> Iterator[tuple[str, str, Tensors]]:
    """Yield what a batch norm's tensors may have become."""
    zero, one = np.zeros_like(arrays[MOVING_MEAN]), np.ones_like(arrays[MOVING_MEAN])
    fresh = {MOVING_MEAN: zero, MOVING_VARIANCE: one}
    yield "not loaded", "moving_mean is zero everywhere, and moving_variance is one", arrays | fresh
    yield "not loaded", "all its tensors are those of a fresh one", fresh | {GAMMA: one, BETA: zero}
    exchanged = {MOVING_MEAN: arrays[MOVING_VARIANCE], MOVING_VARIANCE: arrays[MOVING_MEAN]}
    yield "moving_mean and moving_variance exchanged", "moving_mean holds moving_variance", arrays | exchanged
    if BETA in arrays:
        yield "not loaded", "beta is zero everywhere", arrays | {BETA: zero}
    if GAMMA in arrays:
        yield "not loaded", "gamma is one everywhere", arrays | {GAMMA: one}
        yield "not loaded", "gamma is zero everywhere", arrays | {GAMMA: zero}
        if BETA in arrays:
            swapped = {GAMMA: arrays[BETA], BETA: arrays[GAMMA]}
            yield "beta and gamma exchanged", "gamma holds beta", arrays | swapped
    variance = arrays[MOVING_VARIANCE]
    for epsilon in (1e-5, 1e-3):
        for sign in (1, -1):
            says = f"moving_variance is {sign * epsilon:+.4g} off"
            yield "off by a constant", says, arrays | {MOVING_VARIANCE: variance + sign * epsilon}


# Functions, pools, affines, joins.


def _functions(node: Node, operation: Pointwise) -> Iterator[Hypothesis]:
    yield _says(node, f"missing {word(operation)}", f"has no {word(operation)}", lambda xs: xs[0], "activation")
    others = (
        RELU,
        RELU6,
        Pointwise("leaky_relu", (0.01,)),
        Pointwise("silu"),
        Pointwise("gelu"),
        Pointwise("elu", (1.0,)),
    )
    for other in others:
        if other != operation and operation.function != "linear":
            says = f"has a {word(other)} where a {word(operation)} is expected"
            yield _says(node, f"{word(other)} for {word(operation)}", says, _with(other, {}), "activation", word(other))


def _pools(node: Node, operation: MaxPool) -> Iterator[Hypothesis]:
    rows, columns = operation.kernel
    for pads in _other_pads(rows, columns):
        for fill in (-inf, 0.0):
            other = replace(operation, pads=pads, fill=fill)
            if other == operation:
                continue
            if pads == operation.pads:
                says = f"has fill {number(fill)}, expected {number(operation.fill)}"
                yield _says(node, "pool padded with", says, _with(other, {}), "pool_fill", fill)
            else:
                says = f"has pads {number(pads)}, expected {number(operation.pads)}"
                yield _says(node, "pool padding", says, _with(other, {}), "pool_padding", pads)


def _affines(node: Node) -> Iterator[Hypothesis]:
    yield _says(node, "images", "reads the images as they are", lambda xs: xs[0])
    scale, shift = node.arrays[SCALE], node.arrays[SHIFT]
    for says, tensors in (
        ("has its summands in the order of BGR", {SCALE: scale, SHIFT: shift[::-1]}),
        ("has its factors and summands in the order of BGR", {SCALE: scale[::-1], SHIFT: shift[::-1]}),
        ("subtracts what it should add", {SCALE: scale, SHIFT: -shift}),
        (
            "has constants that are rounded to float32",
            {k: x.astype(np.float32).astype(x.dtype) for k, x in node.arrays.items()},
        ),
    ):
        yield _says(node, "images", says, _with(node.operation, tensors))


def _joins(node: Node) -> Iterator[Hypothesis]:
    for place in range(len(node.reads)):
        if isinstance(node.operation, Sum):
            yield _says(node, "missing sum", "has no sum", lambda xs, place=place: xs[place])  # type: ignore[misc]
    if isinstance(node.operation, Concatenation):
        says = "joins its operands in the reverse order"
        yield _says(node, "operands exchanged", says, lambda xs: evaluate(node.operation, xs[::-1], {}))


# What is read.


def _wirings(segment: Segment) -> Iterator[Hypothesis]:
    """Yield activations before their batch norms, and known values in the place of others."""
    nodes = segment.graph.nodes
    for each in segment.nodes:
        node = nodes[each]
        norm = nodes[node.reads[0].source]
        if isinstance(node.operation, Pointwise) and norm.kind is BatchNorm and norm.number in segment.nodes:
            computed = {norm.number: _behind_function(norm, node.operation), node.number: _first}
            function = word(node.operation)
            says = f"has its {function} before its batch norm"
            yield Hypothesis(f"{function} before batch norm", node.name, says, computed)
    for each in segment.nodes:
        reads = tuple(read.source for read in nodes[each].reads)
        for place, source in enumerate(reads):
            if source not in segment.known:
                continue
            for other, value in segment.known.items():
                if other != source and other < each and value.shape == segment.known[source].shape:
                    instead = (*reads[:place], other, *reads[place + 1 :])
                    says = f"reads {nodes[other].name} instead of {nodes[source].name}"
                    yield Hypothesis("reads another", nodes[each].name, says, {}, {each: instead})


def _first(xs: Sequence[Array]) -> Array:
    return xs[0]


def _behind_function(norm: Node, function: Pointwise) -> Computation:
    return lambda xs: evaluate(norm.operation, [apply(function, xs[0])], norm.arrays)
