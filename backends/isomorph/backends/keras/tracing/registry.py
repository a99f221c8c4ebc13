"""Which function records calls of an operation of TensorFlow, and how all of them record."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Read
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.graphs.handlers import channels_first, channels_last
from isomorph.backends.keras.tracing.call import Call
from isomorph.spec.operations import Operation, Pads, Pair, Pointwise, Unknown

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer

Handler = Callable[["Tracer", Call], None]


ALIASES = frozenset(
    (
        *("CheckNumerics", "DeepCopy", "EnsureShape", "Identity", "IdentityN", "PreventGradient", "ReadVariableOp"),
        *("Snapshot", "StopGradient"),
    )
)
"""Operations that give what they take, as it is."""

RANDOM = ("Random", "TruncatedNormal", "Multinomial")
"""Words in the names of operations that draw."""

ASSIGNMENTS = frozenset(("AssignAddVariableOp", "AssignSubVariableOp", "AssignVariableOp"))
"""Operations that put a value into a variable, for the next time."""

CONSTANT = frozenset(("OnesLike", "Rank", "Shape", "ShapeN", "Size", "ZerosLike"))
"""Operations that take no more from a tensor than its shape."""


def record_unknown(tracer: "Tracer", call: Call) -> None:
    """Record an operation that has no handler."""
    reads = [tracer.read(each) for each in call.inputs if tracer.flows(each)]
    for result in call.results:
        tracer.recorder.add(tracer.key(result), Unknown(call.name), reads, tracer.value(result))


def on_map(
    tracer: "Tracer", call: Call, operation: Operation, x: Any, tensors: dict[str, GraphTensor] | None = None
) -> None:
    """Record an operation on a map, in the call's order of its axes."""
    read, value, back = tracer.read(x), tracer.value(call.result), None
    if call.channels_first:
        read, value, back = read.moved(channels_last), channels_last(value), channels_first
    tracer.recorder.add(tracer.key(call.result), operation, [read], value, tensors, back)


def size_of(call: Call, tensor: Any) -> Pair:
    """Return the rows and columns of one of a call's maps."""
    rows, columns = tensor.shape[2:4] if call.channels_first else tensor.shape[1:3]
    return int(rows), int(columns)


def on_each(
    tracer: "Tracer",
    call: Call,
    operation: Operation,
    operands: Sequence[Any],
    tensors: dict[str, GraphTensor] | None = None,
) -> None:
    """Record an operation on each element alone."""
    reads = [tracer.read(each) for each in operands]
    tracer.recorder.add_each(tracer.key(call.result), operation, reads, tracer.value(call.result), tensors)


def step(tracer: "Tracer", operation: Pointwise | Operation, reads: Sequence[Read], value: Array) -> Read:
    """Record a part of an operation of TensorFlow that is two here, with the value between them."""
    between = object()
    tracer.recorder.add_each(between, operation, reads, value.astype(tracer.dtype, copy=False))
    return tracer.recorder.reads.pop(between)


def are_constant(tracer: "Tracer", *tensors: Any) -> bool:
    """Return whether none of the tensors depends on the images."""
    return not any(map(tracer.flows, tensors))


def pads_of(pads: Sequence[int]) -> Pads:
    """Return four numbers as pads."""
    before_rows, behind_rows, before_columns, behind_columns = map(int, pads)
    return (before_rows, behind_rows), (before_columns, behind_columns)


def between(graph: Graph, start: int, last: int) -> set[int]:
    """Return the numbers of the nodes that lead from one to another, which is among them."""
    found: set[int] = set()
    waiting = [last]
    while waiting:
        number = waiting.pop()
        if number > start and number not in found:
            found.add(number)
            waiting += [read.source for read in graph.nodes[number].reads]
    return found
