"""Record what normalises, and was computed by single multiplications and additions, as one operation."""

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Read, Tensor
from isomorph.backends.keras.tracing.call import Call
from isomorph.backends.keras.tracing.formulas import Line, Normalization, as_normalization
from isomorph.backends.keras.tracing.registry import between
from isomorph.spec.operations import BatchNorm, GroupNorm, LayerNorm

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer


def record_normalization(tracer: "Tracer", call: Call, line: Line) -> bool:
    """Record a call as the end of a normalisation, if it is one; return whether it is."""
    found = as_normalization(line)
    if found is None or line.start.shape != tuple(call.result.shape):
        return False
    last = tracer.read(call.result).source
    recorded = _record_batch_norm if found.axes is None else _record_of_statistics
    if not recorded(tracer, call, line.start, found):
        return False
    tracer.replaced.update(between(tracer.recorder.graph, line.start.source, last))
    return True


def _record_batch_norm(tracer: "Tracer", call: Call, start: Read, found: Normalization) -> bool:
    """Record a batch norm at inference, wherever the features lie."""
    key, graph = tracer.key(call.result), tracer.recorder.graph
    before = tracer.recorder.reads[key]
    operation = BatchNorm(tracer.shortest(found.epsilon))
    tracer.recorder.add_each(key, operation, [start], tracer.value(call.result), found.tensors)
    node = graph.nodes[tracer.recorder.reads[key].source]
    if all(tensor.layout.shape == node.reads[0].shape[-1:] for tensor in node.tensors.values()):
        return True
    del graph.nodes[node.number]
    tracer.recorder.reads[key] = before
    return False


def _record_of_statistics(tracer: "Tracer", call: Call, start: Read, found: Normalization) -> bool:
    """Record what normalises by statistics of its own, if there is a word for the axes that they are over."""
    shape, axes, epsilon = start.shape, found.axes, tracer.shortest(found.epsilon)
    rank, grouped = len(shape), shape
    operation: BatchNorm | LayerNorm | GroupNorm
    if axes == (rank - 1,):
        operation = LayerNorm(epsilon)
    elif axes == tuple(range(rank - 1)):
        operation = BatchNorm(epsilon, batch_statistics=True)
    elif axes == tuple(range(1, rank)):
        operation = GroupNorm(1, epsilon)
    elif axes == tuple(range(1, rank - 1)):
        operation = GroupNorm(shape[-1], epsilon)
    elif axes == (*range(1, rank - 2), rank - 1):  # [N, ..., groups, C / groups]
        operation = GroupNorm(shape[-2], epsilon)
        grouped = (*shape[:-2], shape[-2] * shape[-1])
    else:
        return False
    if not all(_is_along(tensor, shape[len(grouped) - 1 :]) for tensor in found.tensors.values()):
        return False

    def back(x: Array) -> Array:
        return x.reshape(shape)

    tracer.recorder.add(
        tracer.key(call.result),
        operation,
        [start.moved(lambda x: x.reshape(grouped))],
        tracer.value(call.result).reshape(grouped),
        _flat(found.tensors),
        back,
    )
    return True


def _is_along(tensor: Tensor, last: tuple[int, ...]) -> bool:
    """Return whether a tensor has an element for each of the features, which are along the last axes."""
    own = tensor.layout.shape
    return own[-len(last) :] == last and prod(own) == prod(last)


def _flat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {leaf: tensor.moved(lambda x: x.reshape(-1)) for leaf, tensor in tensors.items()}
