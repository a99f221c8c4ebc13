"""Put dilated convolutions together that TensorFlow computes in three operations.

It takes the cells apart between which a kernel of a rate above 1 leaves others out, as images of their own, convolves
them by a plain kernel and puts the cells where they were. Depthwise convolutions have no other way.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isomorph.backends.graphs.graph import Tensor
from isomorph.backends.graphs.handlers import Handlers
from isomorph.backends.keras.tracing.call import Call, to_array
from isomorph.backends.keras.tracing.registry import Handler, are_constant, record_unknown
from isomorph.spec.operations import UNPADDED, Convolution, Pad, Pads, Pair

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer

HANDLERS: Handlers[Handler] = Handlers()
"""What records calls of these operations."""


@dataclass(frozen=True)
class Apart:
    """A map whose cells were taken apart.

    x: the map before.
    pads: zeros around it.
    rate: how many images it became, by rows and by columns.
    convolution: what was computed of them, if anything, and its tensors.
    nodes: the numbers of the nodes that this took.
    """

    x: Any
    pads: Pads
    rate: Pair
    convolution: Convolution | None = None
    tensors: dict[str, Tensor] | None = None
    nodes: tuple[int, ...] = ()


@HANDLERS.records("SpaceToBatchND")
def _space_to_batch(tracer: "Tracer", call: Call) -> None:
    """Record what pads the map as a pad, and else a move."""
    if call.x.shape.rank != 4 or len(call.integers(1)) != 2 or not are_constant(tracer, *call.inputs[1:]):
        record_unknown(tracer, call)
        return
    pads, (rows, columns) = _pairs(call), call.integers(1)
    read = tracer.read(call.x)
    nodes: tuple[int, ...] = ()
    if pads != UNPADDED:
        value = np.pad(tracer.value(call.x), [(0, 0), *pads, (0, 0)])
        between = object()
        tracer.recorder.add(between, Pad((*pads, (0, 0))), [read], value)
        read = tracer.recorder.reads.pop(between)
        nodes = (read.source,)
    key = tracer.key(call.result)
    unpadded = np.zeros((2, 2), np.int32)
    tracer.recorder.reads[key] = read.moved(lambda x: call.again(x, paddings=unpadded))
    tracer.apart[key] = Apart(call.x, pads, (rows, columns), nodes=nodes)


def convolve_apart(tracer: "Tracer", x: Any, result: Any, convolution: Convolution, tensors: dict[str, Tensor]) -> None:
    """Remember a convolution, which has been recorded, if it is of a map that was taken apart."""
    apart = tracer.apart.get(tracer.key(x))
    if apart and apart.convolution is None and convolution == Convolution(groups=convolution.groups):
        nodes = (*apart.nodes, tracer.read(result).source)
        tracer.apart[tracer.key(result)] = Apart(apart.x, apart.pads, apart.rate, convolution, tensors, nodes)


@HANDLERS.records("BatchToSpaceND")
def _batch_to_space(tracer: "Tracer", call: Call) -> None:
    """Record a dilated convolution, if that is what was computed, or else a move."""
    if not are_constant(tracer, *call.inputs[1:]):
        record_unknown(tracer, call)
        return
    apart = tracer.apart.get(tracer.key(call.x))
    crops, rate = _pairs(call), tuple(call.integers(1))
    if apart is None or apart.convolution is None or apart.rate != rate:
        tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [call.again(x)])
        return
    rows, columns = (
        (before - cut_before, behind - cut_behind)
        for (before, behind), (cut_before, cut_behind) in zip(apart.pads, crops, strict=True)
    )
    if min(*rows, *columns) < 0:
        tracer.recorder.move(tracer.key(call.x), [tracer.key(call.result)], lambda x: [call.again(x)])
        return
    operation = Convolution(pads=(rows, columns), rate=apart.rate, groups=apart.convolution.groups)
    read, value = tracer.read(apart.x), tracer.value(call.result)
    tracer.recorder.add(tracer.key(call.result), operation, [read], value, apart.tensors)
    tracer.replaced.update(apart.nodes)


def _pairs(call: Call) -> Pads:
    """Return what is added to, or cut off, rows and columns."""
    rows, columns = to_array(call.inputs[2])
    return (int(rows[0]), int(rows[1])), (int(columns[0]), int(columns[1]))
