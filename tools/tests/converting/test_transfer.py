"""Tensors that make up for what two networks say differently: the function stays, and what it costs is told."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.protocol import Options
from isomorph.conformance.cases import draw_images
from isomorph.conformance.small_networks import slim_small
from isomorph.spec import Architecture, BadInput, architecture, tensor_shapes
from isomorph.spec.convention import as_float32
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.converting.convert import convert
from isomorph.tools.converting.transfer import Rounding, can_transfer, transfer

from ..converted import R20, bits, in_toml, named, of_cifar
from ..tensors import Array, Tensors, plain

BOTH = Rounding(bias=True, epsilon=True)
NONE = Rounding()

# What the source has, what the target has, what must be allowed, and what is said.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Rounding, str]] = {
    "biases added": ({}, {"convolution_bias": True}, NONE, "biases of zero added (19 layers, first conv1)"),
    "biases folded": (
        {"convolution_bias": True},
        {},
        Rounding(bias=True),
        "biases folded into the batch norms' means, at one rounding (19 layers, first conv1)",
    ),
    "gammas added": ({"batch_norm_gamma": False}, {}, NONE, "gammas of one added (19 layers, first conv1)"),
    "a larger epsilon folded": (
        {"batch_norm_epsilon": 1e-3},
        {"batch_norm_epsilon": 1e-5},
        Rounding(epsilon=True),
        "the epsilons' difference folded into the variances, at one rounding (19 layers, first conv1)",
    ),
    "a smaller epsilon folded": (
        {"batch_norm_epsilon": 1e-5},
        {"batch_norm_epsilon": 1.001e-5},
        Rounding(epsilon=True),
        "the epsilons' difference folded into the variances, at one rounding (19 layers, first conv1)",
    ),
}


def wide(tensors: Mapping[str, Array]) -> Tensors:
    return {name: value.astype(np.float64) for name, value in tensors.items()}


def answer(network: Architecture, tensors: Mapping[str, Array]) -> Array:
    """The oracle's logits in float64, [2, 1, 1, classes]."""
    oracle = OracleNetwork(network, Options(dtype="float64"))
    oracle.load(tensors)
    return oracle.end_points(draw_images(network, 2, 16, 16))["logits"]


def distance(one: Array, other: Array) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


@pytest.mark.parametrize(("had", "has", "allowed", "words"), CASES.values(), ids=CASES)
def test_the_function_stays(had: dict[str, Any], has: dict[str, Any], allowed: Rounding, words: str) -> None:
    source, target = R20.with_options(**had), R20.with_options(**has)
    assert can_transfer(source, target)
    tensors = wide(plain(source))
    carried, changes = transfer(tensors, source, target, allowed)
    assert changes == [words]
    assert {name: value.shape for name, value in carried.items()} == tensor_shapes(target)
    assert list(carried) == list(tensor_shapes(target))
    before = answer(source, tensors)
    # Without what was carried the two are far apart, or the case would show nothing.
    kept = {name: tensors.get(name, np.ones(shape)) for name, shape in tensor_shapes(target).items()}
    exact = allowed == NONE
    assert distance(before, answer(target, carried)) <= (0 if exact else 1e-11)
    assert exact or distance(before, answer(target, kept)) > 1e-9


@pytest.mark.parametrize(
    "target", [slim_small(convolution_bias=True), slim_small(batch_norm_epsilon=1e-3, convolution_bias=True)]
)
def test_a_bottleneck_network_may_be_carried_there_and_back(target: Architecture) -> None:
    source = slim_small(batch_norm_epsilon=2e-3)
    tensors = wide(plain(source))
    there, _ = transfer(tensors, source, target, BOTH)
    back, _ = transfer(there, target, source, BOTH)
    assert distance(answer(source, tensors), answer(target, there)) < 1e-11
    assert {name: np.allclose(value, tensors[name], rtol=1e-15, atol=1e-15) for name, value in back.items()} == (
        dict.fromkeys(tensors, True)
    )


def test_folding_costs_one_rounding_of_the_tensors_dtype() -> None:
    source, target = R20.with_options(convolution_bias=True, batch_norm_epsilon=1e-3), R20
    tensors = plain(source)
    carried, _ = transfer(tensors, source, target, BOTH)
    for name, value in carried.items():
        assert value.dtype == np.float32
        if name.endswith("moving_mean"):
            biases = tensors[name.replace("BatchNorm/moving_mean", "biases")]
            expected = tensors[name].astype(np.float64) - biases
        elif name.endswith("moving_variance"):
            expected = tensors[name].astype(np.float64) + as_float32(1e-3) - as_float32(1e-5)
        else:
            assert value is tensors[name]
            continue
        np.testing.assert_array_equal(value, expected.astype(np.float32))


def test_what_needs_nothing_is_left_as_it_is() -> None:
    tensors = plain(R20)
    carried, changes = transfer(tensors, R20, replace(R20, name="mine/other"), NONE)
    assert (changes, [name for name in carried if carried[name] is not tensors[name]]) == ([], [])


@pytest.mark.parametrize(
    ("option", "leaf", "value", "words"),
    [
        pytest.param("convolution_bias", "biases", 0, "biases of zero dropped", id="biases"),
        pytest.param("batch_norm_gamma", "gamma", 1, "gammas of one dropped", id="gammas"),
    ],
)
def test_what_does_nothing_is_dropped(option: str, leaf: str, value: int, words: str) -> None:
    source, target = R20.with_options(**{option: True}), R20.with_options(**{option: False})
    tensors = {
        name: np.full_like(each, value) if name.endswith(leaf) and not name.startswith("logits") else each
        for name, each in wide(plain(source)).items()
    }
    carried, changes = transfer(tensors, source, target, NONE)
    assert changes == [f"{words} (19 layers, first conv1)"]
    assert distance(answer(source, tensors), answer(target, carried)) == 0


@pytest.mark.parametrize(
    ("option", "leaf", "nothing", "sentence"),
    [
        pytest.param("batch_norm_gamma", "BatchNorm/gamma", 1, "is not one everywhere", id="gamma that is not one"),
        pytest.param("convolution_bias", "biases", 0, "has a bias that is not zero", id="bias that is not zero"),
    ],
)
@pytest.mark.parametrize("layer", ["conv1", "block2/unit_1/basic_v1/conv2"])
@pytest.mark.parametrize("channel", [0, 7, -1], ids=["first channel", "eighth channel", "last channel"])
def test_nothing_is_dropped_for_one(
    option: str, leaf: str, nothing: int, sentence: str, layer: str, channel: int
) -> None:
    source, target = R20.with_options(**{option: True}), R20.with_options(**{option: False})
    tensors = {
        name: np.full_like(value, nothing) if name.endswith(leaf) and not name.startswith("logits") else value
        for name, value in plain(source).items()
    }
    tensors[f"{layer}/{leaf}"][channel] = 0.5
    with pytest.raises(BadInput, match=f"^{layer}.* {sentence}"):
        transfer(tensors, source, target, NONE)


# What is refused.

EPSILONS = ({"batch_norm_epsilon": 1e-5}, {"batch_norm_epsilon": 1e-3})
VGG = architecture("torchvision/vgg11")
REFUSED: dict[str, tuple[Architecture, dict[str, Any], Rounding, str]] = {
    "a bias without leave": (
        R20.with_options(convolution_bias=True),
        {"convolution_bias": False},
        Rounding(epsilon=True),
        "^conv1 has a bias that is not zero, .*; --fold-bias takes it into the batch norm's mean",
    ),
    "an epsilon without leave": (
        R20,
        {"batch_norm_epsilon": 1e-3},
        Rounding(bias=True),
        "^The batch norms' epsilon is 1e-05 in one network and 0.001 in the other; --fold-epsilon takes",
    ),
    "a gamma that is not one": (
        R20,
        {"batch_norm_gamma": False},
        BOTH,
        "^conv1/BatchNorm/gamma is not one everywhere, and the other network's batch norms have no gamma",
    ),
    "a variance that would be negative": (
        R20,
        {"batch_norm_epsilon": 1.0},
        BOTH,
        r"^\d+ of 16 variances of conv1 are smaller than the difference of the two epsilons, 1, and none",
    ),
    "a bias that no batch norm can take": (
        VGG,
        {"convolution_bias": False},
        BOTH,
        "has a bias that is not zero, and there is neither a bias in the other network nor a batch norm",
    ),
}


@pytest.mark.parametrize(("source", "has", "allowed", "sentence"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused(source: Architecture, has: dict[str, Any], allowed: Rounding, sentence: str) -> None:
    target = source.with_options(**has)
    assert can_transfer(source, target)
    tensors = {name: np.broadcast_to(np.float32(0.75), shape) for name, shape in tensor_shapes(source).items()}
    with pytest.raises(BadInput, match=sentence):
        transfer(tensors, source, target, allowed)


@pytest.mark.parametrize("option", [{"shortcut": "none"}, {"activation": "relu6"}, {"pool_padding": "same"}])
def test_another_function_cannot_be_carried(option: dict[str, Any]) -> None:
    source = R20 if "pool_padding" not in option else architecture("torchvision/resnet18")
    assert not can_transfer(source, source.with_options(**option))


def test_convert_asks_for_leave_and_tells_what_it_did(tmp_path: Path) -> None:
    own = in_toml(tmp_path / "own.toml", replace(R20.with_options(batch_norm_epsilon=1e-6), name="cifar/own"))
    source, target = of_cifar(tmp_path / "a.safetensors"), tmp_path / "b.safetensors"
    with pytest.raises(BadInput, match="--fold-epsilon"):
        convert(source, target, to=str(own))
    assert not target.exists()
    report = convert(source, target, to=str(own), rounding=Rounding(epsilon=True))
    assert report.changes == (CASES["a larger epsilon folded"][3],)
    expected, _ = transfer(plain(R20), R20, R20.with_options(batch_norm_epsilon=1e-6), BOTH)
    assert bits(read_checkpoint(target).tensors) == bits(named(R20, "cifar", expected))
