"""Find two layers of one shape that changed places, by what running means say of both orders."""

from collections.abc import Iterable, Iterator, Mapping

from isomorph.spec.layers import INPUT, Convolution, Parametrised
from isomorph.tools.weights.values.correlations import LEAST, Correlation
from isomorph.tools.weights.values.predictions import Exchanged, Predictor
from isomorph.tools.weights.values.signals import Signal

DOUBTFUL = 0.98
"""The correlation below which a layer, or one that it reads, is tried in other places."""

MOST_DOUBTFUL = 2
"""How many layers are tried in other places, those of the lowest correlations. An exchange lowers three or more."""

MOST_TRIED = 8
"""Exchanges that are worked out to the end, of those that make their two layers likeliest."""

LEAST_GAIN = 0.5
"""By how many nats for each channel, summed over layers, an exchange has to make what was recorded likelier.

Undoing one gives 1.6 or more in trained files; of tensors in their own places, also of those of a network that has
hardly been trained, whose batch norms are all alike, no exchange gives more than 0.12.
"""


def find_exchange(predictor: Predictor, correlations: Mapping[str, Correlation | None]) -> tuple[str, ...]:
    """Return the scopes of two layers that have each other's tensors, kernels and all; empty if none have.

    In each other's place they agree better, and all layers agree then.
    correlations: of each layer with a batch norm, as they are.
    """
    doubtful = sorted(((each.value, scope) for scope, each in correlations.items() if each and each.value < DOUBTFUL))
    if not doubtful:
        return ()
    inputs = {layer.scope: (layer, read) for layer, read in predictor.inputs()}
    suspects = _with_sources(predictor, [scope for _, scope in doubtful[:MOST_DOUBTFUL]])
    pairs = {pair for suspect in suspects if suspect in inputs for pair in _like_pairs(inputs, suspect)}
    likeliest = sorted(pairs, key=lambda pair: (-_gain_of_two(predictor, inputs, pair), pair))[:MOST_TRIED]
    undone = {pair: _undone(predictor, pair) for pair in likeliest}
    best = max(likeliest, key=lambda pair: _likelihood_of(undone[pair]), default=None)
    if best is None or any(each.value < LEAST for each in undone[best] if each):
        return ()
    return best if _likelihood_of(undone[best]) > _likelihood_of(correlations.values()) + LEAST_GAIN else ()


def _undone(predictor: Predictor, pair: tuple[str, str]) -> list[Correlation | None]:
    return [prediction.correlation for prediction in predictor.predict(_exchange(pair)).values()]


def _likelihood_of(correlations: Iterable[Correlation | None]) -> float:
    return sum(each.likelihood for each in correlations if each)


def _with_sources(predictor: Predictor, scopes: list[str]) -> set[str]:
    """Return the layers, and the last one before each whose result it reads."""
    nodes = {node.name: node for node in predictor.nodes}

    def source(scope: str) -> str:
        read = nodes[scope].reads[-1]
        return read if read == INPUT or isinstance(nodes[read].operation, Parametrised) else source(read)

    return {*scopes, *map(source, scopes)}


def _like_pairs(inputs: Mapping[str, tuple[Parametrised, Signal]], scope: str) -> Iterator[tuple[str, str]]:
    form = _form(inputs[scope][0])
    for other, (layer, _) in inputs.items():
        if other != scope and form is not None and _form(layer) == form:
            yield (min(scope, other), max(scope, other))


def _form(layer: Parametrised) -> tuple[int | bool, ...] | None:
    """Return the numbers that layers have alike whose tensors could stand for one another's; None of a norm alone."""
    if not isinstance(layer, Convolution):
        return None
    return layer.kernel, layer.depth_in, layer.depth, layer.groups, layer.bias, layer.gamma is None


def _gain_of_two(
    predictor: Predictor, inputs: Mapping[str, tuple[Parametrised, Signal]], pair: tuple[str, str]
) -> float:
    """Return how many nats likelier two layers alone are in each other's place, with what stands before each."""
    exchanged = _exchange(pair)
    gain = 0.0
    for scope in pair:
        layer, read = inputs[scope]
        before, after = (predictor.predict_layer(layer, read, at) for at in (scope, exchanged[scope]))
        gain += _likelihood_of([after.correlation]) - _likelihood_of([before.correlation])
    return gain


def _exchange(pair: tuple[str, str]) -> Exchanged:
    one, other = pair
    return {one: other, other: one}
