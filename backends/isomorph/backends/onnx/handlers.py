"""How operators of ONNX are recorded: what knows them by name, and what all of those share."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from isomorph.backends.graphs.graph import Tensor
from isomorph.backends.graphs.handlers import Handlers, channels_first, channels_last
from isomorph.backends.onnx.call import Call, to_float
from isomorph.spec.operations import Operation, Unknown

if TYPE_CHECKING:
    from isomorph.backends.onnx.tracer import Tracer

Handler = Callable[["Tracer", Call], None]

HANDLERS: Handlers[Handler] = Handlers()
"""Operator -> the function that records it."""

records, moves = HANDLERS.records, HANDLERS.moves

CONSTANT = frozenset(("Shape", "Size"))
"""Operators that take no more from a value than its shape."""


def on_map(tracer: "Tracer", call: Call, operation: Operation, tensors: dict[str, Tensor] | None = None) -> None:
    """Record an operation on a map, or on [N, C]."""
    read = tracer.read(call.x).moved(channels_last)
    tracer.recorder.add(call.result, operation, [read], channels_last(call.value), tensors, channels_first)


def on_each(
    tracer: "Tracer",
    call: Call,
    operation: Operation,
    operands: Sequence[str],
    tensors: dict[str, Tensor] | None = None,
) -> None:
    """Record an operation on each element alone."""
    reads = list(map(tracer.read, operands))
    tracer.recorder.add_each(call.result, operation, reads, call.value, tensors, channels_last)


def on_result(tracer: "Tracer", call: Call, operation: Operation) -> None:
    """Record an operation on each element of what has been recorded as an operator's result."""
    on_each(tracer, call, operation, [call.result])


def given(tracer: "Tracer", **tensors: str | None) -> dict[str, Tensor]:
    """Return the tensors that are given, by leaf."""
    return {leaf: tracer.constant(name) for leaf, name in tensors.items() if name is not None}


def are_constant(tracer: "Tracer", *names: str | None) -> bool:
    """Return whether none of these depends on the images."""
    return not any(map(tracer.flows, names))


def record_unknown(tracer: "Tracer", call: Call) -> None:
    """Record an operator that has no handler."""
    reads = [tracer.read(name).moved(channels_last) for name in call.inputs if tracer.flows(name)]
    for name in call.results:
        value = channels_last(to_float(tracer.values[name]))
        tracer.recorder.add(name, Unknown(call.name), reads, value, move=channels_first)
