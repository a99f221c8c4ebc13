"""How dropout is judged: masks of the right share and scale pass, all others are told, and what cannot be seen is said.

The networks here have gradients by the rule itself, and masks drawn by NumPy.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from isomorph.backends import load_backend
from isomorph.backends.protocol import Array
from isomorph.backends.training import Gradients
from isomorph.conformance.small_networks import RIGID
from isomorph.conformance.training.dropout import DTYPE, DropoutCase, chance, judge
from isomorph.conformance.training.verdict import TrainingVerdict
from isomorph.spec import Architecture, BadInput, Head, Stem, StemConvolution, architecture
from isomorph.spec.layers import Convolution, Dropout

Mask = Callable[[np.random.Generator, tuple[int, ...]], Array]

READ, BIAS = np.linspace(0.5, 2.0, 64).reshape(1, 1, 64), np.linspace(-1.0, 1.0, 8)


def layer(share: float = 0.2, downscaled: bool = False) -> Convolution:
    return Convolution("fc", 64, 8, dropout=Dropout(share, downscaled))


def verdict_on(mask: Mask, own: Convolution, batches: int = 8) -> TrainingVerdict:
    """What is said of kernels whose gradients are multiplied by masks."""
    random = np.random.default_rng(0)
    kernels = [READ[..., None] * BIAS * mask(random, (1, 1, 64, 8)) for _ in range(batches)]
    return judge(own, READ, [(kernel, BIAS) for kernel in kernels])


def dropping(share: float, scale: float) -> Mask:
    """Of values, which all columns of the kernel see."""
    return lambda random, shape: scale * (random.random((*shape[:-1], 1)) >= share)


@pytest.mark.parametrize(
    ("mask", "own"),
    [
        pytest.param(dropping(0.2, 1.25), layer(), id="scaled up in training"),
        pytest.param(dropping(0.2, 1.0), layer(downscaled=True), id="scaled down at inference"),
        pytest.param(dropping(0.2, float(np.float32(1.25))), layer(), id="a scale in float32"),
        pytest.param(dropping(0.0, 1 / 0.999), layer(0.001), id="a share too small to be seen"),
    ],
)
def test_what_is_right_passes(mask: Mask, own: Convolution) -> None:
    found = verdict_on(mask, own)
    assert (found.verdict, found.message, found.quantity) == ("pass", "", "dropout before fc")


def every_connection(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return 1.25 * (random.random(shape) >= 0.2)


def the_same(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return dropping(0.2, 1.25)(np.random.default_rng(1), shape)


@pytest.mark.parametrize(
    ("mask", "own", "message"),
    [
        pytest.param(
            dropping(0.2, 1.0), layer(), "a value is multiplied by 1; expected 0 or 1.25", id="not scaled in training"
        ),
        pytest.param(
            dropping(0.2, 1.25),
            layer(downscaled=True),
            "a value is multiplied by 1.25; expected 0 or 1",
            id="scaled in training, too",
        ),
        pytest.param(
            dropping(0.0, 1.25),
            layer(),
            "0 of 512 values are dropped; expected a share of 0.2",
            id="nothing is dropped",
        ),
        pytest.param(
            dropping(0.8, 1.25),
            layer(),
            r"\d+ of 512 values are dropped; expected a share of 0.2",
            id="the rest is kept",
        ),
        pytest.param(
            every_connection, layer(), "a value is multiplied by 0 to 1.25; expected 0 or", id="connections are dropped"
        ),
        pytest.param(
            the_same, layer(), "the same values are dropped in each of 8 batches", id="a mask that is always the same"
        ),
    ],
)
def test_what_is_wrong_is_told(mask: Mask, own: Convolution, message: str) -> None:
    found = verdict_on(mask, own)
    assert (found.verdict, found.first_divergence) == ("fail", "fc")
    assert re.match(message, found.message), found.message


def test_values_that_are_zero_tell_nothing() -> None:
    read = np.where(np.arange(64) % 2, READ, 0.0)
    kernels = [(read[..., None] * BIAS * 1.25, BIAS)] * 8
    assert judge(layer(), read, kernels).message == "0 of 256 values are dropped; expected a share of 0.2"
    for nothing in (judge(layer(), np.zeros_like(READ), kernels), judge(layer(), read, [])):
        assert (nothing.verdict, nothing.message) == ("unavailable", "nothing passes through fc")


@pytest.mark.parametrize("dropped", [0, 30, 100, 400, 512])
def test_chances_are_those_of_the_binomial(dropped: int) -> None:
    """By the sum of the other tail."""
    share, values = 0.2, 512
    other = range(dropped + 1, values + 1) if dropped < share * values else range(dropped)
    ways, expected = 1, 1.0
    for number in range(values + 1):
        if number in other:
            expected -= ways * share**number * (1 - share) ** (values - number)
        ways = ways * (values - number) // (number + 1)
    assert chance(dropped, values, share) == pytest.approx(expected, abs=1e-12)


class Still:
    """Gradients of a network that drops nothing, from the case's own tensors."""

    def __init__(self) -> None:
        self.given: Mapping[str, Array] = {}

    def load(self, tensors: Mapping[str, Array]) -> None:
        self.given = tensors

    def gradients(self, images: Array, labels: Array) -> Gradients:
        return Gradients(0.0, {name: np.ones_like(value) for name, value in self.given.items()}, images)


def test_what_a_layer_reads_depends_on_no_other_dropout() -> None:
    case = DropoutCase(RIGID["dense layers behind a flattened map"], 49, 64)
    network = Still()
    seen = []
    for verdict in case.verdicts(network):
        seen.append((verdict.quantity, bool(network.given["fc7/weights"].any()), network.given["fc7/biases"].min() > 0))
    assert seen == [("dropout before fc7", True, False), ("dropout before logits", False, True)]


class Blocked(Still):
    """One through which nothing flows back in every other batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def gradients(self, images: Array, labels: Array) -> Gradients:
        found = super().gradients(images, labels)
        self.batches += 1
        return replace(found, tensors={name: value * (self.batches % 2) for name, value in found.tensors.items()})


def test_batches_through_which_nothing_passes_are_not_looked_at() -> None:
    case = DropoutCase(RIGID["dense layers behind a flattened map"], 49, 64)
    through, blocked = Still(), Blocked()
    assert list(case.verdicts(blocked)) == list(case.verdicts(through))
    assert blocked.batches > 4


def test_a_layer_that_reads_a_map_tells_nothing() -> None:
    case = DropoutCase(RIGID["inceptions that activate what they join"], 49, 64)
    first, *_ = case.verdicts(Still())
    said = "aux1/fc1 reads a map of 3x4; its dropout shows where it reads one window"
    assert (first.quantity, first.verdict, first.message) == ("dropout before aux1/fc1", "unavailable", said)


class Halving(Still):
    """One that drops half of what `logits` reads: means of a map that is normalised by running statistics."""

    def __init__(self, network: Architecture) -> None:
        super().__init__()
        self.oracle = load_backend("oracle").build(network, dtype=DTYPE)
        self.random = np.random.default_rng(0)

    def gradients(self, images: Array, labels: Array) -> Gradients:
        self.oracle.load(self.given)
        read = self.oracle.end_points(images)["global_pool"][0] * 2 * self.random.integers(0, 2, 64)
        bias = np.ones(3)
        return Gradients(0.0, {"logits/weights": read[..., None] * bias, "logits/biases": bias}, images)


def test_what_a_layer_reads_is_normalised_by_running_statistics() -> None:
    """As in the networks that are judged, which are built with freeze_batch_norm=True."""
    stem = Stem((StemConvolution("conv1", 64, 3),))
    network = Architecture("isomorph/tiny", stem, (), Head(3, dropout=0.5))
    found = list(DropoutCase(network, 9, 9).verdicts(Halving(network)))
    assert [(verdict.verdict, verdict.message) for verdict in found] == [("pass", "")]


def test_a_network_without_classes_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^torchvision/mobilenet_v2 has no classes to learn"):
        DropoutCase(architecture("torchvision/mobilenet_v2", num_classes=None), 32, 32)
