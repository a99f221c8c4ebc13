"""Where the functions are entered that record calls of PyTorch's operations, and what they share.

Maps are [N, C, h, w] here.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Read
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.graphs.handlers import Handlers, channels_first, channels_last
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.pytorch.tracing.call import Call, to_array
from isomorph.spec.operations import Operation, Pad, Pair, Unknown

if TYPE_CHECKING:
    from isomorph.backends.pytorch.tracing.tracer import Tracer

Handler = Callable[["Tracer", Call], None]

HANDLERS: Handlers[Handler] = Handlers()
"""Operation -> the function that records a call of it. It raises InexpressibleError where it has no words for one."""

records, moves = HANDLERS.records, HANDLERS.moves


class InexpressibleError(Exception):
    """A call that is none of `isomorph.spec.operations`."""


def on_map(tracer: "Tracer", call: Call, operation: Operation, tensors: dict[str, GraphTensor] | None = None) -> None:
    """Record an operation on a map, or on [N, C]."""
    read = tracer.read(call.x).moved(channels_last)
    tracer.recorder.add(
        tracer.key(call.result), operation, [read], channels_last(call.value), tensors, move=channels_first
    )


def on_each(
    tracer: "Tracer",
    call: Call,
    operation: Operation,
    operands: Sequence[Tensor],
    tensors: dict[str, GraphTensor] | None = None,
) -> None:
    """Record an operation on each element alone."""
    reads = [tracer.read(each) for each in operands]
    tracer.recorder.add_each(tracer.key(call.result), operation, reads, call.value, tensors, channels_last)


def record_unknown(tracer: "Tracer", call: Call) -> None:
    """Record an operation that has no handler: all that it gave, of all that it read."""
    reads = [tracer.read(each) for each in call.inputs if tracer.flows(each)]
    for result in call.results:
        record_result(tracer, call, result, reads)


def record_result(tracer: "Tracer", call: Call, result: Tensor, reads: Sequence[Read]) -> None:
    """Record one of the results of an operation that nothing here can evaluate."""
    moved = [read.moved(channels_last) for read in reads]
    value = channels_last(to_array(result))
    tracer.recorder.add(tracer.key(result), Unknown(call.name), moved, value, move=channels_first)


def record_concatenation(
    recorder: Recorder, key: Hashable, parts: Sequence[Read | GraphTensor], value: Array, axis: int
) -> None:
    """Record values and constants one behind the other; one value between equal constants is padded with them.

    A constant of the model's own stays one, whatever it holds: it may be trained.
    """
    constants = [part for part in parts if not isinstance(part, Read)]
    fills = {float(fill) for part in constants for fill in np.unique(part.value)}
    lengths = [(part.shape if isinstance(part, Read) else part.value.shape)[axis] for part in parts]
    place = next(place for place, part in enumerate(parts) if isinstance(part, Read))
    pads = [(0, 0)] * value.ndim
    pads[axis] = sum(lengths[:place]), sum(lengths[place + 1 :])
    read = parts[place]
    if (
        isinstance(read, Read)
        and len(constants) == len(parts) - 1
        and len(fills) == 1
        and not any(part.name for part in constants)
        and can_pad(pads)
    ):
        record_pad(recorder, key, read, pads, fills.pop(), value)
        return
    recorder.concatenate(key, as_reads(recorder, parts), value, axis)


def as_reads(recorder: Recorder, parts: Sequence[Read | GraphTensor]) -> list[Read]:
    """Return where in the graph values are, and constants, which become values there."""
    return [part if isinstance(part, Read) else recorder.as_value(part) for part in parts]


def can_pad(pads: Sequence[Pair]) -> bool:
    """Return whether there are words for padding all axes so."""
    return 1 < len(pads) <= 4 and pads[0] == (0, 0)


def record_pad(recorder: Recorder, key: Hashable, read: Read, pads: Sequence[Pair], fill: float, value: Array) -> None:
    """Record cells of one value around [N, C, h, w], [N, T, C] or [N, C]; `pads` are of each of its axes."""
    rank = len(pads)

    def as_map(x: Array) -> Array:
        """[N, T, C] -> [N, T, 1, C], [N, C] -> [N, 1, 1, C]."""
        return channels_last(x) if rank == 4 else x.reshape(*x.shape[:-1], *[1] * (4 - rank), x.shape[-1])

    inner = [pads[2], pads[3]] if rank == 4 else [*pads[1:-1], *[(0, 0)] * (4 - rank)]
    channels = pads[1] if rank == 4 else pads[-1]
    recorder.add(
        key,
        Pad((inner[0], inner[1], channels), fill),
        [read.moved(as_map)],
        as_map(value),
        move=lambda x: channels_first(x) if rank == 4 else x.reshape(value.shape),
    )
