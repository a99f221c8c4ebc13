"""Bring graphs into one form: what models write in several ways, and what is the same function, is one node.

Each pass takes a graph, changes it in place, and leaves what its outputs compute as it is.
"""

from isomorph.backends.graphs.graph import Graph
from isomorph.conformance.likeness.canonical.affines import join_affines, move_into_bias
from isomorph.conformance.likeness.canonical.constants import pad_with_constants
from isomorph.conformance.likeness.canonical.dense import order_flattened, split_packed
from isomorph.conformance.likeness.canonical.functions import name_functions
from isomorph.conformance.likeness.canonical.groups import join_groups
from isomorph.conformance.likeness.canonical.norms import drop_neutral
from isomorph.conformance.likeness.canonical.pads import fold_pads
from isomorph.conformance.likeness.canonical.pools import simplify_pools
from isomorph.conformance.likeness.canonical.products import orient_products
from isomorph.conformance.likeness.canonical.quotients import write_as_products

PASSES = (
    Graph.remove_unread,
    pad_with_constants,
    write_as_products,
    name_functions,
    drop_neutral,
    simplify_pools,
    fold_pads,
    move_into_bias,
    join_affines,
    Graph.remove_unread,
    move_into_bias,
    join_groups,
    order_flattened,
    split_packed,
    orient_products,
    Graph.remove_unread,
    Graph.put_in_order,
)


def bring_into_form(graph: Graph) -> Graph:
    """Apply all passes to a graph, and return it."""
    for each in PASSES:
        each(graph)
    return graph
