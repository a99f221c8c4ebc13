"""Dropout in training: before every layer that has it, the right share is dropped, and what is left is scaled right."""

from dataclasses import replace

import pytest

from isomorph.conformance.small_networks import RIGID
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.learning import assert_passes, unless_unavailable
from isomorph.conformance.suite.selection import but_in_pytorch
from isomorph.conformance.training.dropout import DTYPE, DropoutCase
from isomorph.spec import Architecture


def widened(network: Architecture, **options: object) -> Architecture:
    """The same with more values for auxiliary heads to drop, so that few batches show enough of them."""
    heads = tuple(replace(head, depth=16, hidden=32) for head in network.auxiliary)
    return network.with_options(auxiliary=heads, **options)


JOINS = widened(RIGID["inceptions that activate what they join"])

# The network, the size of its image, and the layers that drop what they read.
CASES = {
    "inceptions": (widened(RIGID["inceptions"]), (49, 64), ["aux1/logits", "logits"]),
    "both layers of an auxiliary head": (
        JOINS.with_options(dropout_mode="upscale_in_train"),
        (37, 41),
        ["aux1/fc1", "aux1/logits", "logits"],
    ),
    "both layers of an auxiliary head, scaled at inference": (JOINS, (37, 41), ["aux1/fc1", "aux1/logits", "logits"]),
    "dense layers in a row": (RIGID["dense layers behind a flattened map"], (49, 64), ["fc7", "logits"]),
    "dense layers in a row, scaled at inference": (
        RIGID["dense layers behind a flattened map"].with_options(dropout_mode="downscale_in_infer"),
        (49, 64),
        ["fc7", "logits"],
    ),
}


@pytest.fixture(scope="module")
def dropping(request: pytest.FixtureRequest) -> DropoutCase:
    """One of CASES, drawn once for all backends."""
    network, (height, width), layers = CASES[request.param]
    case = DropoutCase(network, height, width)
    assert list(case.layers) == layers
    return case


@pytest.mark.thorough_where(where=but_in_pytorch("dropping", next(iter(CASES))))
@pytest.mark.parametrize("dropping", CASES, indirect=True)
def test_what_layers_read_is_dropped_and_scaled(dropping: DropoutCase, build: Build) -> None:
    with unless_unavailable():
        network = build(dropping.architecture, DTYPE, training=True, freeze_batch_norm=True)
        for verdict in dropping.verdicts(network):
            assert_passes(verdict)
