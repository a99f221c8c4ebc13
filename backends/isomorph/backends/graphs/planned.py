"""The graph of a plan: each layer as the primitive operations that it is made of, at one size of images.

A convolution with its batch norm and its activation is three nodes, all under the name of the layer's end point; the
tensors have their canonical names. A layer that only moves elements is a layout of those that read it.
"""

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Graph, Node, Read, Tensor
from isomorph.backends.graphs.layout import Layout, Shape
from isomorph.spec import layers, operations
from isomorph.spec.graph import Join, Mean, graph
from isomorph.spec.layers import INPUT, Activation, Layer
from isomorph.spec.operations import RELU, RELU6, SCALE, SHIFT, Operation
from isomorph.spec.padding import out_size
from isomorph.spec.plan import Plan
from isomorph.spec.tensors import OF_BATCH_NORM, tensor_name, tensors_of

_ACTIVATIONS = {"relu": RELU, "relu6": RELU6}


def graph_of(
    plan: Plan,
    images: Shape,
    tensors: Mapping[str, Array] | None = None,
    shapes: Mapping[int, Shape] | None = None,
) -> Graph:
    """Return the graph of a plan for images [N, H, W, C], whose values nothing has computed yet.

    tensors: canonical name -> tensor; one that is not there is of its shape, and of no number.
    shapes: number of a node -> the axes that its value has, where another model has computed it otherwise; what
        follows is resolved to those.

    >>> from isomorph.spec import architecture, plan
    >>> resnet20 = graph_of(plan(architecture("cifar/resnet20")), (1, 32, 32, 3))
    >>> [(node.name, node.kind.__name__) for node in resnet20.nodes.values()][:4]
    [('input', 'Input'), ('conv1', 'Convolution'), ('conv1', 'BatchNorm'), ('conv1', 'Pointwise')]
    >>> list(resnet20.outputs)
    ['logits']
    """
    return _Builder(plan, images, tensors, shapes or {}).build()


class _Builder:
    def __init__(
        self, plan: Plan, images: Shape, tensors: Mapping[str, Array] | None, shapes: Mapping[int, Shape]
    ) -> None:
        self.plan = plan
        self.tensors = tensors
        self.shapes = shapes
        self.graph = Graph()
        self.results: dict[str, Read] = {INPUT: self.add(operations.Input(), [], images, INPUT)}

    def build(self) -> Graph:
        auxiliary = [head.scope for _, head in self.plan.auxiliary]
        for node in graph(self.plan):
            reads = [self.results[name] for name in node.reads]
            match node.operation:
                case Join():
                    result = self.join(node.operation, reads, node.name)
                case Mean():
                    result = self.mean(reads[0], node.name)
                case _:
                    result = self.layer(node.operation, reads[0], node.name)
            self.results[node.name] = result
            last = node.name
        self.graph.outputs = {name: self.results[name] for name in (last, *auxiliary)}
        return self.graph

    def add(
        self,
        operation: Operation,
        reads: list[Read],
        shape: Shape,
        name: str,
        tensors: dict[str, Tensor] | None = None,
    ) -> Read:
        """Add a node whose value will have these axes."""
        node = Node(self.graph.new_number(), operation, tuple(reads), tensors or {}, None, name)
        self.graph.nodes[node.number] = node
        found = self.shapes.get(node.number, shape)
        return Read(node.number, Layout.whole(found if len(found) == len(shape) else shape))

    def each(self, operation: Operation, read: Read, name: str, tensors: dict[str, Tensor] | None = None) -> Read:
        """Add a node whose value has the axes of what it reads."""
        return self.add(operation, [read], read.shape, name, tensors)

    def layer(self, layer: Layer, read: Read, name: str) -> Read:
        """Add the nodes of a layer."""
        batch, height, width, depth = read.shape
        match layer:
            case layers.Convolution():
                return self.convolution(layer, read, name)
            case layers.BatchNorm():
                return self.activation(layer.activation, self.batch_norm(layer, read, name), name)
            case layers.MaxPool():
                sizes = (out_size(layer.padding, size, layer.kernel, layer.stride, 1) for size in (height, width))
                pool = operations.max_pool_at(layer, height, width)
                return self.add(pool, [read], (batch, *sizes, depth), name)
            case layers.AveragePool():
                sizes = (out_size("valid", size, layer.kernel, layer.stride, 1) for size in (height, width))
                return self.add(operations.average_pool_of(layer), [read], (batch, *sizes, depth), name)
            case layers.AdaptivePool():
                cells = (layer.cells,) * 2
                return self.add(operations.AdaptivePool(cells), [read], (batch, *cells, depth), name)
            case layers.Affine():
                scale, shift = (Tensor.computed(np.array(values)) for values in (layer.scale, layer.shift))
                return self.each(operations.Affine(), read, name, {SCALE: scale, SHIFT: shift})
            case layers.Subsample():
                return read.moved(lambda x: x[:, :: layer.stride, :: layer.stride])
            case layers.ZeroChannels():
                read = read.moved(lambda x: x[:, :: layer.stride, :: layer.stride])
                pad = operations.Pad(((0, 0), (0, 0), (layer.before, layer.after)))
                return self.add(pad, [read], (*read.shape[:3], layer.depth), name)
            case never:
                assert_never(never)

    def convolution(self, layer: layers.Convolution, read: Read, name: str) -> Read:
        """Add a convolution, what its dropout leaves at inference, its batch norm and its activation."""
        if layer.dropout and layer.dropout.downscaled:
            read = self.each(operations.Pointwise("linear", (layer.dropout.scale, 0.0)), read, name)
        batch, height, width, _ = read.shape
        sizes = (out_size(layer.padding, size, layer.kernel, layer.stride, layer.rate) for size in (height, width))
        own = {leaf: self.tensor(layer, leaf) for leaf in tensors_of(layer) if leaf not in OF_BATCH_NORM}
        convolution = operations.convolution_at(layer, height, width)
        read = self.add(convolution, [read], (batch, *sizes, layer.depth), name, own)
        if layer.batch_norm:
            read = self.batch_norm(layer, read, name)
        return self.activation(layer.activation, read, name)

    def batch_norm(self, layer: layers.Parametrised, read: Read, name: str) -> Read:
        """Add the batch norm of a layer."""
        own = {leaf: self.tensor(layer, leaf) for leaf in tensors_of(layer) if leaf in OF_BATCH_NORM}
        return self.each(operations.BatchNorm(self.plan.epsilon), read, name, own)

    def activation(self, activation: Activation, read: Read, name: str) -> Read:
        """Add an activation, if there is one."""
        return read if activation is None else self.each(_ACTIVATIONS[activation], read, name)

    def join(self, join: Join, reads: list[Read], name: str) -> Read:
        """Add the sum or the concatenation of several results, and its activation."""
        result = reads[0]
        if join.concatenated:
            depth = sum(read.shape[3] for read in reads)
            result = self.add(operations.Concatenation(), reads, (*reads[0].shape[:3], depth), name)
        elif len(reads) > 1:
            result = self.add(operations.Sum((1.0,) * len(reads)), reads, reads[0].shape, name)
        return self.activation(join.activation, result, name)

    def mean(self, read: Read, name: str) -> Read:
        """Add the mean over space."""
        batch, height, width, depth = read.shape
        flat = read.moved(lambda x: x.reshape(batch, height * width, depth))
        return self.add(operations.Mean(), [flat], (batch, depth), name).moved(lambda x: x.reshape(batch, 1, 1, depth))

    def tensor(self, layer: layers.Parametrised, leaf: str) -> Tensor:
        """Return one of a layer's tensors."""
        name, shape = tensor_name(layer, leaf), tensors_of(layer)[leaf]
        known = (self.tensors or {}).get(name)
        stored = np.broadcast_to(np.nan, shape) if known is None else np.asarray(known)
        return Tensor(stored, Layout.whole(shape), name)
