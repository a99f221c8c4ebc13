"""Values divided by others: some write a product with the inverse, as of a root that they have already."""

import numpy as np

from isomorph.backends.graphs.graph import Graph, Node, Read
from isomorph.backends.graphs.layout import Layout
from isomorph.spec.operations import Pointwise, Product, Quotient

INVERSE = Pointwise("power", (-1.0,))


def write_as_products(graph: Graph) -> None:
    """Write one value divided by another as its product with the other's inverse."""
    for node in list(graph.nodes.values()):
        if node.kind is not Quotient or node.value is None:
            continue
        dividend, divisor = node.reads
        value = graph.nodes[divisor.source].value
        if value is None or not np.all(value):
            continue
        whole = Layout.whole(value.shape)
        inverse = Node(graph.new_number(), INVERSE, (Read(divisor.source, whole),), {}, 1 / value, node.name)
        graph.nodes[inverse.number] = inverse
        node.operation, node.reads = Product(), (dividend, Read(inverse.number, divisor.layout))
    graph.put_in_order()
