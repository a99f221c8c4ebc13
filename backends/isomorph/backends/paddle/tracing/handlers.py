"""How operations of Paddle are recorded: what knows them by name, and what all of those share."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from paddle import Tensor

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.graphs.handlers import Handlers
from isomorph.backends.paddle.tracing.call import Call, to_array, to_numbers
from isomorph.spec.operations import Operation, Pair, Unknown

if TYPE_CHECKING:
    from isomorph.backends.paddle.tracing.tracer import Tracer

Handler = Callable[["Tracer", Call], None]

HANDLERS: Handlers[Handler] = Handlers()
"""Operation -> the function that records a call of it."""

records, moves = HANDLERS.records, HANDLERS.moves

RANDOM = frozenset(("bernoulli", "gaussian", "randint", "randperm", "truncated_gaussian_random", "uniform"))
"""Operations that draw."""

CONSTANT = frozenset(("empty_like", "full_like", "numel", "ones_like", "shape", "shape64", "zeros_like"))
"""Operations that take no more from a tensor than its shape."""


class Axes:
    """How the axes of one call's maps lie, after its data_format."""

    def __init__(self, call: Call) -> None:
        self.are_last = not str(call.get("data_format", "NCHW")).startswith("NC")

    def last(self, x: Array) -> Array:
        """Put the features last."""
        return x if self.are_last or x.ndim < 3 else np.moveaxis(x, 1, -1)

    def first(self, x: Array) -> Array:
        """Undo `last`."""
        return x if self.are_last or x.ndim < 3 else np.moveaxis(x, -1, 1)

    def size(self, tensor: Tensor) -> Pair:
        """Return the rows and columns of a map."""
        rows, columns = tensor.shape[1:3] if self.are_last else tensor.shape[2:4]
        return int(rows), int(columns)


def to_pair(values: Any) -> Pair:
    """Return what an operation takes as numbers for the rows and for the columns."""
    numbers = to_numbers(values)
    return int(numbers[0]), int(numbers[-1])


def on_map(tracer: "Tracer", call: Call, operation: Operation, tensors: dict[str, GraphTensor] | None = None) -> None:
    """Record an operation on what has an axis of features."""
    axes = Axes(call)
    read = tracer.read(call.x).moved(axes.last)
    tracer.recorder.add(tracer.key(call.result), operation, [read], axes.last(call.value), tensors, axes.first)


def on_each(
    tracer: "Tracer",
    call: Call,
    operation: Operation,
    operands: Sequence[Tensor],
    tensors: dict[str, GraphTensor] | None = None,
) -> None:
    """Record an operation on each element alone."""
    reads = [tracer.read(each) for each in operands]
    tracer.recorder.add_each(tracer.key(call.result), operation, reads, call.value, tensors, tracer.last)


def given(tracer: "Tracer", **tensors: Tensor | None) -> dict[str, GraphTensor]:
    """Return the tensors that are given, by leaf."""
    return {leaf: tracer.constant(tensor) for leaf, tensor in tensors.items() if tensor is not None}


def are_constant(tracer: "Tracer", *tensors: Tensor | None) -> bool:
    """Return whether none of these depends on the images."""
    return not any(map(tracer.flows, tensors))


def record_unknown(tracer: "Tracer", call: Call) -> None:
    """Record an operation that has no handler."""
    reads = [tracer.read(each).moved(tracer.last) for each in call.inputs if tracer.flows(each)]
    for result in call.results:
        value = tracer.last(to_array(result))
        tracer.recorder.add(tracer.key(result), Unknown(call.name), reads, value, move=tracer.first)


def on_result(tracer: "Tracer", call: Call, operation: Operation) -> None:
    """Record an operation on each element of what has been recorded as a call's result, which gives that result."""
    key = tracer.key(call.result)
    tracer.recorder.add_each(key, operation, [tracer.recorder.reads[key]], call.value, move=tracer.last)


def is_number(value: Any) -> bool:
    """Return whether a constant is one number."""
    return not isinstance(value, Tensor) or value.size == 1
