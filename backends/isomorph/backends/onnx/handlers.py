"""How operators of ONNX are recorded: what knows them by name, and what all of those share."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Tensor
from isomorph.backends.onnx.call import Call, to_float
from isomorph.spec.operations import Operation, Unknown

if TYPE_CHECKING:
    from isomorph.backends.onnx.tracer import Tracer

Handler = Callable[["Tracer", Call], None]

HANDLERS: dict[str, Handler] = {}
"""Operator -> the function that records it."""

MOVING: set[str] = set()
"""Operators that only move elements. They are followed from the model's own tensors on, too."""

CONSTANT = frozenset(("Shape", "Size"))
"""Operators that take no more from a value than its shape."""


def records(*names: str) -> Callable[[Handler], Handler]:
    """Enter a function in HANDLERS."""

    def enter(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return enter


def moves(*names: str) -> Callable[[Handler], Handler]:
    """Enter a function in HANDLERS and its operators in MOVING."""
    MOVING.update(names)
    return records(*names)


def channels_last(x: Array) -> Array:
    """[N, C, h, w] -> [N, h, w, C]; others stay."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def channels_first(x: Array) -> Array:
    """[N, h, w, C] -> [N, C, h, w]; others stay."""
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


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
