"""A value divided by another is its product with the inverse, in whatever operations the two are written."""

import numpy as np

from isomorph.backends.graphs.graph import Graph
from isomorph.conformance.likeness.diagnosis import compare_models
from isomorph.spec.operations import Convolution, Dense, Mean, Pointwise, Product, Quotient

from .sketched import Sketch


def normalised(inverted: bool, least: float = 1e-12) -> Graph:
    """Features divided by the root of their mean square, or multiplied by its inverse."""
    net = Sketch(2, 5, 4, 3)
    x = net.add(Convolution(), "x", named="body", weights=net.drawn(1, 1, 3, 8))
    x = net.add(Mean(), net.move(x, lambda y: y.reshape(2, -1, 8)), named="body")
    squares = net.move(net.add(Pointwise("power", (2.0,)), x, named="norm"), lambda y: y[..., None])
    mean = net.add(Mean(), squares, named="norm")
    if inverted:
        enough = net.add(Pointwise("clip", (least**2, np.inf)), mean, named="norm")
        factor = net.add(Pointwise("power", (-0.5,)), enough, named="norm")
    else:
        root = net.add(Pointwise("power", (0.5,)), mean, named="norm")
        factor = net.add(Pointwise("clip", (least, np.inf)), root, named="norm")
    stretched = net.move(factor, lambda y: np.broadcast_to(y, (2, 8)))
    x = net.add(Product() if inverted else Quotient(), x, stretched, named="norm")
    return net.ends_in(net.add(Dense(), x, named="head", weights=net.drawn(8, 3)))


def test_a_root_in_the_divisor_is_its_inverse_as_a_factor() -> None:
    for first, second in ((False, True), (True, False)):
        diagnosis = compare_models(normalised(first), normalised(second))
        assert (list(map(str, diagnosis.causes)), diagnosis.first_divergence) == ([], None)
        assert diagnosis.proved


def test_a_bound_that_is_reached_is_told() -> None:
    diagnosis = compare_models(normalised(False), normalised(True, least=10.0))
    assert diagnosis.causes
    assert diagnosis.first_divergence is not None
