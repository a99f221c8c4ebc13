"""Which architectures a model is most like, by its layers and what they read."""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any

from isomorph.backends.graphs.graph import Graph
from isomorph.backends.graphs.planned import graph_of
from isomorph.conformance.likeness.anchors import Pairs, Sight, count_alike, label, pair_anchors
from isomorph.conformance.likeness.canonical import bring_into_form
from isomorph.spec import Architecture, plan

CANDIDATES = 12
"""Architectures with the most layers of the same shapes, of which the layers are paired."""


def nearest_architectures(model: Graph, architectures: Iterable[Architecture], least: float) -> list[Architecture]:
    """Return the architectures that a model is most like: several, where nothing here tells them apart.

    Most like is the largest share of common layers, and of those that have it the largest share of common operations.

    model: in form. least: the share of layers that has to be common.
    """
    theirs = Sight(model)
    labels = Counter(label(model.nodes[number]) for number in theirs.anchors)
    shares = [(_share(labels, _labels(each)), each) for each in architectures]
    likely = [each for alike, each in sorted(shares, key=lambda pair: -pair[0])[:CANDIDATES] if alike >= least]
    operations = _operations(theirs)
    scores = []
    for each in likely:
        sight = _sight(each, model)
        share = share_of_layers(sight, theirs, pair_anchors(sight, theirs))
        scores.append((share, _share(operations, _operations(sight))))
    best = max(scores, default=(0.0, 0.0))
    return [each for each, score in zip(likely, scores, strict=True) if score == best and best[0] >= least]


def share_of_layers(one: Sight, other: Sight, pairs: Pairs) -> float:
    """Return the share of the anchors of both graphs that have a counterpart of their own shape."""
    both = len(one.anchors) + len(other.anchors)
    return 2 * count_alike(one, other, pairs) / both if both else 0.0


def _sight(architecture: Architecture, model: Graph) -> Sight:
    """Return the anchors of an architecture's graph, without auxiliary heads."""
    graph = graph_of(plan(architecture), model.images.shape)
    graph.outputs = dict(list(graph.outputs.items())[:1])
    return Sight(bring_into_form(graph))


def _labels(architecture: Architecture) -> Counter[tuple[int, int]]:
    """Return how many convolutions of each label an architecture has."""
    planned = plan(architecture)
    heads = tuple(f"{head.scope}/" for _, head in planned.auxiliary)
    layers = (layer for layer in planned.convolutions if not layer.scope.startswith(heads or ("/",)))
    return Counter((layer.kernel**2 * layer.depth_in // layer.groups, layer.depth) for layer in layers)


def _operations(sight: Sight) -> Counter[Hashable]:
    """Return how many operations of each kind, with the same attributes, a graph has."""
    return Counter(node.operation for node in sight.graph.nodes.values())


def _share(one: Counter[Any], other: Counter[Any]) -> float:
    """Return the share of all in either that is in both."""
    return 2 * (one & other).total() / max(one.total() + other.total(), 1)
