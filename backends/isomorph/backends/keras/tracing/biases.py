"""Put an addition into the convolution or dense layer before it, whose bias it is elsewhere."""

from typing import TYPE_CHECKING, Any

from isomorph.backends.graphs.graph import Node, Tensor
from isomorph.backends.keras.tracing.call import Call
from isomorph.spec.operations import Convolution, Dense, TransposedConvolution
from isomorph.spec.tensors import BIASES

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer


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
