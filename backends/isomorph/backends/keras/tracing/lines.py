"""Put single multiplications and additions together that are one operation elsewhere: batch norms, and biases."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from isomorph.backends.graphs.graph import Node, Tensor
from isomorph.backends.keras.tracing.call import Call
from isomorph.backends.keras.tracing.formulas import Formula, Line, as_batch_norm
from isomorph.spec.operations import BatchNorm, Convolution, Dense, TransposedConvolution
from isomorph.spec.tensors import BIASES

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer


def follow(tracer: "Tracer", call: Call, x: Any, scale: Formula, shift: Formula) -> None:
    """Follow a call that was recorded: `x` times a constant plus another. Where it ends a batch norm, record that."""
    node = tracer.read(call.result).source
    lines = [*tracer.lines.get(tracer.key(x), ()), Line(tracer.read(x))]
    lines = [line.then(scale, shift, node) for line in lines if line.is_short]
    if any(_record_batch_norm(tracer, call, line) for line in lines):
        norm = tracer.read(call.result).source  # which a longer one may replace
        lines = [replace(line, nodes=(*line.nodes, norm)) for line in lines]
    tracer.lines[tracer.key(call.result)] = lines


def _record_batch_norm(tracer: "Tracer", call: Call, line: Line) -> bool:
    """Record a batch norm in the place of a line's operations; return False where it is none of the features."""
    found = as_batch_norm(line)
    if found is None:
        return False
    epsilon, tensors = found
    key = tracer.key(call.result)
    before = tracer.recorder.reads[key]
    operation = BatchNorm(tracer.shortest(epsilon))
    tracer.recorder.add_each(key, operation, [line.start], tracer.value(call.result), tensors)
    node = tracer.recorder.graph.nodes[tracer.recorder.reads[key].source]
    if any(tensor.layout.shape != (node.reads[0].shape[-1],) for tensor in node.tensors.values()):
        del tracer.recorder.graph.nodes[node.number]
        tracer.recorder.reads[key] = before
        return False
    tracer.replaced.update(line.nodes)
    return True


def record_bias(tracer: "Tracer", call: Call, x: Any, shift: Tensor) -> bool:
    """Record a constant that is added to each feature of a convolution or dense layer as its bias, if it is that."""
    read = tracer.read(x)
    node: Node = tracer.recorder.graph.nodes[read.source]
    if not isinstance(node.operation, Convolution | Dense | TransposedConvolution) or BIASES in node.tensors:
        return False
    key = tracer.key(call.result)
    if read.shape != tuple(call.result.shape) or not read.layout.reads_all_once:
        return False
    assert node.value is not None
    tracer.recorder.add_each(key, node.operation, [read], tracer.value(call.result), {BIASES: shift})
    new = tracer.recorder.graph.nodes[tracer.recorder.reads[key].source]
    if new.tensors[BIASES].layout.shape != node.value.shape[-1:]:
        del tracer.recorder.graph.nodes[new.number]
        del tracer.recorder.reads[key]
        return False
    new.reads, new.tensors = node.reads, node.tensors | new.tensors
    tracer.replaced.add(node.number)
    return True
