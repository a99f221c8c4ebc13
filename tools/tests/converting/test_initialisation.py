"""Fresh tensors: drawn as each zoo draws them, each from the seed and its own name, with no framework."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from isomorph.spec import Architecture, Initializer, architecture, tensor_shapes
from isomorph.tools.converting.convert import convert
from isomorph.tools.converting.initialisation import initialise, with_new_head
from isomorph.tools.weights.weights import read_weights

from ..converted import R20, of_cifar
from ..tensors import Array, canonical, plain

KERNEL = "block3/unit_3/basic_v1/conv2/weights"  # [3, 3, 64, 64]


def drawn(initializer: Initializer, name: str = KERNEL, seed: int = 0) -> Array:
    network = R20.with_options(convolution_initializer=initializer)
    return initialise(network, frozenset((name,)), seed)[name]


@pytest.mark.parametrize(
    ("distribution", "furthest", "kurtosis"),
    [("normal", 4.6, 3.0), ("truncated_normal", 2.0, 2.36), ("uniform", 3**0.5, 1.8)],
)
def test_the_distribution_is_the_initialisers(
    distribution: Literal["normal", "truncated_normal", "uniform"], furthest: float, kurtosis: float
) -> None:
    """Its width and its shape: the fourth moment over the squared second; of 36,864 values."""
    deviation = 0.25
    values = drawn(Initializer(distribution, deviation**2, "one")).astype(np.float64)
    if distribution == "truncated_normal":
        assert values.std() == pytest.approx(0.8796 * deviation, rel=0.02), "it is not rescaled after the cut"
    else:
        assert values.std() == pytest.approx(deviation, rel=0.02)
    assert abs(values.mean()) < 0.02 * deviation
    assert abs(values).max() <= furthest * deviation * (1 + 1e-6)
    assert abs(values).max() > 0.97 * min(furthest, 3.5) * deviation
    assert np.mean(values**4) / np.mean(values**2) ** 2 == pytest.approx(kurtosis, rel=0.05)


@pytest.mark.parametrize(
    ("name", "fan", "count"),
    [
        ("block3/unit_1/basic_v1/conv1/weights", "fan_in", 9 * 32),
        ("block3/unit_1/basic_v1/conv1/weights", "fan_out", 9 * 64),
        ("block3/unit_1/basic_v1/conv1/weights", "fan_avg", 9 * 48),
        ("block3/unit_1/basic_v1/conv1/weights", "one", 1),
    ],
)
def test_the_fan_counts_inputs_or_outputs(
    name: str, fan: Literal["fan_in", "fan_out", "fan_avg", "one"], count: int
) -> None:
    assert drawn(Initializer("normal", 2.0, fan), name).std() == pytest.approx((2 / count) ** 0.5, rel=0.02)


def test_a_group_sees_its_own_inputs_alone() -> None:
    network = architecture("torchvision/resnext50_32x4d", convolution_initializer=Initializer("normal", 1.0, "fan_in"))
    name = next(name for name in tensor_shapes(network) if name.endswith("conv2/weights"))
    assert tensor_shapes(network)[name] == (3, 3, 4, 128)
    assert initialise(network, frozenset((name,)), 0)[name].std() == pytest.approx((1 / 36) ** 0.5, rel=0.05)


def test_all_else_starts_where_training_does() -> None:
    network = R20.with_options(last_gamma=0.0)
    fresh = initialise(network, frozenset(tensor_shapes(network)), 0)
    assert {name: value.dtype.name for name, value in fresh.items()} == dict.fromkeys(tensor_shapes(network), "float32")
    assert {name: value.shape for name, value in fresh.items()} == tensor_shapes(network)
    values = {name: set(value.ravel().tolist()) for name, value in fresh.items() if "BatchNorm" in name}
    last = {name for name in values if name.endswith("conv2/BatchNorm/gamma")}
    assert [name for name in last if values[name] != {0.0}] == []
    starts = {"gamma": {1.0}, "beta": {0.0}, "moving_mean": {0.0}, "moving_variance": {1.0}}
    assert {name: each for name, each in values.items() if name not in last} == {
        name: starts[name.rpartition("/")[2]] for name in values if name not in last
    }


def test_a_tensor_depends_on_the_seed_and_its_name_alone() -> None:
    kernels = frozenset(name for name in tensor_shapes(R20) if name.endswith("weights"))
    all_of_them, again = initialise(R20, kernels, 3), initialise(R20, kernels, 3)
    other = initialise(R20, kernels, 4)
    alone = initialise(R20, frozenset((KERNEL,)), 3)
    np.testing.assert_array_equal(alone[KERNEL], all_of_them[KERNEL])
    for name in kernels:
        np.testing.assert_array_equal(all_of_them[name], again[name])
        assert not np.array_equal(all_of_them[name], other[name])
    sames = [name for name in kernels if all_of_them[name].shape == all_of_them[KERNEL].shape]
    assert len({all_of_them[name].tobytes() for name in sames}) == len(sames) > 1


# A new head.


def test_a_new_head_leaves_all_else_as_it_was() -> None:
    tensors = plain(R20)
    network, made, names = with_new_head(R20, tensors, 3, seed=5)
    assert (network, names) == (R20.with_options(num_classes=3), ("logits/weights", "logits/biases"))
    assert [name for name in made if made[name] is not tensors[name]] == list(names)
    assert {name: value.shape for name, value in made.items()} == tensor_shapes(network)
    assert list(made) == list(tensor_shapes(network))
    assert made["logits/weights"].std() == pytest.approx((2 / 64) ** 0.5, rel=0.1)  # kaiming_normal_ of 64 inputs


def test_a_new_head_has_the_dtypes_of_the_old_one() -> None:
    tensors = {name: value.astype("f2" if "logits" in name else "f4") for name, value in plain(R20).items()}
    _, made, names = with_new_head(R20, tensors, 10, seed=0)
    assert {made[name].dtype.name for name in names} == {"float16"}


def test_a_network_without_a_head_gets_one() -> None:
    headless = R20.with_options(num_classes=None)
    tensors = {name: value.astype(np.float64) for name, value in plain(headless).items()}
    network, made, names = with_new_head(headless, tensors, 7, seed=0)
    assert (network.head.num_classes, names) == (7, ("logits/weights", "logits/biases"))
    assert made["logits/weights"].shape == (1, 1, 64, 7)
    assert {value.dtype.name for value in made.values()} == {"float64"}


@pytest.mark.parametrize("auxiliary", [True, False])
def test_auxiliary_heads_get_new_classifiers_too(auxiliary: bool) -> None:
    network = googlenet(auxiliary)
    changed, made, names = with_new_head(network, canonical(network), 7, seed=0)
    heads = ["logits", *(["aux1/logits", "aux2/logits"] if auxiliary else [])]
    assert sorted(names) == sorted(f"{head}/{leaf}" for head in heads for leaf in ("weights", "biases"))
    assert {made[f"{head}/biases"].shape for head in heads} == {(7,)}
    assert {name: value.shape for name, value in made.items()} == tensor_shapes(changed)


def googlenet(auxiliary: bool) -> Architecture:
    network = architecture("torchvision/googlenet")
    return network if auxiliary else network.with_options(auxiliary=())


def test_convert_replaces_the_head(tmp_path: Path) -> None:
    source = of_cifar(tmp_path / "a.safetensors")
    reports = [
        convert(source, tmp_path / f"{seed}.safetensors", new_head=True, num_classes=3, seed=seed) for seed in (0, 1)
    ]
    first, second = (read_weights(tmp_path / f"{seed}.safetensors") for seed in (0, 1))
    assert first.architecture == second.architecture == R20.with_options(num_classes=3)
    differing = [name for name in first.tensors if not np.array_equal(first.tensors[name], second.tensors[name])]
    assert tuple(differing) == reports[0].drawn == ("logits/weights", "logits/biases")
    assert reports[0].left_out == dict.fromkeys(("linear.weight", "linear.bias"), "a fresh one stands in its place")


def test_a_new_head_of_as_many_classes_needs_no_number(tmp_path: Path) -> None:
    convert(of_cifar(tmp_path / "a.safetensors"), tmp_path / "b.safetensors", new_head=True)
    assert read_weights(tmp_path / "b.safetensors").architecture == R20
