"""Whether values agree: of trained files as they are, with layers exchanged, or as another network, and of new ones."""

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pytest

from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.small_networks import KIN, RIGID
from isomorph.spec import Architecture, architecture, plan, tensor_shapes
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import OF_BATCH_NORM, tensor_name, tensors_of
from isomorph.tools.converting.initialisation import initialise
from isomorph.tools.weights.inspect import inspect
from isomorph.tools.weights.values.agreement import find_agreement
from isomorph.tools.weights.weights import read_weights

from ...converted import named, of_cifar
from ...tensors import Array, Tensors, plain

TRAINED = {
    "cifar_pytorch/resnet20-12fca82f.th": "cifar/resnet20",
    "more/resnet32-d509ac18.th": "cifar/resnet32",
    "more/resnet44-014dd654.th": "cifar/resnet44",
    "cifar_pytorch/resnet56-4bfd9763.th": "cifar/resnet56",
    "found/kejeon_rn20_ckpt.pth": "cifar/resnet20",
    "mlperf_tiny/pretrainedResnet.h5": "mlperf_tiny/resnet8",
    "more/resnet_v1_8_32_cifar10.h5": "mlperf_tiny/resnet8",
    "keras_mobilenet/mobilenet_v1_0.25_224_imagenet.h5": "keras/MobileNet",
}
"""Files whose names tell the network."""

BY_STRUCTURE = {"found/atreides_resnet20.pth": "cifar/resnet20", "more/vww_96.h5": "keras/MobileNet"}
"""Files that need `--arch`."""

LEAVES: dict[str, tuple[str, ...]] = {
    "kernel and batch norm": ("weights", "biases", *OF_BATCH_NORM),
    "batch norm": OF_BATCH_NORM,
    "kernel": ("weights",),
    "running statistics": OF_BATCH_NORM[2:],
}
EXCHANGES = 12
"""How many exchanges of a file are tried, drawn from all that are possible."""


def trained(shared: Path, file: str) -> tuple[Architecture, Tensors]:
    weights = read_weights(shared / "weights" / file)
    return weights.architecture, dict(weights.tensors)


def like_layers(network: Architecture) -> Iterator[tuple[Convolution, Convolution]]:
    """Pairs of convolutions with a batch norm that have tensors of the same shapes and the same groups."""
    layers = [layer for layer in plan(network).convolutions if layer.batch_norm]
    for one, other in combinations(layers, 2):
        if (tensors_of(one), one.groups) == (tensors_of(other), other.groups):
            yield one, other


def exchanged(tensors: Tensors, one: Convolution, other: Convolution, leaves: tuple[str, ...]) -> Tensors:
    changed = dict(tensors)
    for leaf in leaves:
        first, second = tensor_name(one, leaf), tensor_name(other, leaf)
        if first in tensors:
            changed[first], changed[second] = tensors[second], tensors[first]
    return changed


@pytest.mark.parametrize("file", TRAINED)
def test_a_trained_file_agrees_in_its_worst_layer(shared: Path, file: str) -> None:
    report = inspect(shared / "weights" / file)
    assert report.architecture is not None
    assert report.agreement is not None
    assert report.architecture.name == TRAINED[file]
    assert report.agreement.status == "agree"
    assert report.agreement.worst is not None
    assert report.agreement.worst[1] > 0.94
    assert len(report.agreement.compared) >= len(report.agreement.correlations) - 2  # the first, and narrow ones


@pytest.mark.parametrize("file", BY_STRUCTURE)
def test_a_trained_file_that_shapes_tell_agrees(shared: Path, file: str) -> None:
    report = inspect(shared / "weights" / file)
    assert report.agreement is not None
    assert report.agreement.status == "agree"
    assert str(report.title).startswith(BY_STRUCTURE[file])


@pytest.mark.parametrize(("file", "name"), [pair for pair in TRAINED.items() if "cifar/" in pair[1]])
def test_a_residual_network_is_none_without_shortcuts(shared: Path, file: str, name: str) -> None:
    network, tensors = trained(shared, file)
    assert network.name == name
    assert find_agreement(network.with_options(shortcut="none"), tensors).status == "do not agree"


def test_values_say_which_of_two_functions_a_file_is_of(shared: Path) -> None:
    report = inspect(shared / "weights/found/atreides_resnet20.pth")
    assert report.alternatives == ("cifar/plain20 with convolution_bias = true",)
    assert report.spoken_for == "cifar/resnet20 with convolution_bias = true"


def test_a_file_read_as_a_plain_network_is_said_to_be_residual(shared: Path) -> None:
    report = inspect(shared / "weights/cifar_pytorch/resnet20-12fca82f.th", arch="cifar/plain20")
    assert report.agreement is not None
    assert report.agreement.status == "do not agree"
    assert report.spoken_for == "cifar/resnet20"
    assert "for which the values speak" in " ".join(str(report).split())


def test_a_plain_network_under_the_names_of_a_residual_one_is_said_to_be_plain(tmp_path: Path) -> None:
    network = architecture("cifar/plain20")
    report = inspect(of_cifar(tmp_path / "a.safetensors", named(network, "cifar", plain(network))))
    assert (report.title, report.spoken_for) == ("cifar/resnet20", "cifar/plain20")


@pytest.mark.parametrize("leaves", LEAVES)
@pytest.mark.parametrize("file", [*TRAINED][:1] + [*TRAINED][-1:])
def test_exchanged_layers_do_not_agree(shared: Path, file: str, leaves: str) -> None:
    assert_seen(*trained(shared, file), LEAVES[leaves], EXCHANGES)


@pytest.mark.thorough  # a ResNet-20 and a MobileNet stand for them
@pytest.mark.parametrize("leaves", LEAVES)
@pytest.mark.parametrize("file", TRAINED)
def test_exchanged_layers_of_every_trained_file_do_not_agree(shared: Path, file: str, leaves: str) -> None:
    assert_seen(*trained(shared, file), LEAVES[leaves], 60)


def assert_seen(network: Architecture, tensors: Tensors, leaves: tuple[str, ...], most: int) -> None:
    pairs = list(like_layers(network))
    pairs = Random(0).sample(pairs, min(most, len(pairs)))
    found = [find_agreement(network, exchanged(tensors, *pair, leaves)) for pair in pairs]
    missed = [pair for pair, agreement in zip(pairs, found, strict=True) if agreement.status != "do not agree"]
    assert len(missed) <= 0.05 * len(pairs), f"{len(missed)} of {len(pairs)} exchanges: {missed[:3]}"
    named = [{one.scope, other.scope} for one, other in pairs]
    assert all(set(each.exchanged) in (set(), pair) for each, pair in zip(found, named, strict=True))


def test_two_exchanged_layers_are_named(shared: Path) -> None:
    network, tensors = trained(shared, "cifar_pytorch/resnet56-4bfd9763.th")
    layers = {layer.scope: layer for layer in plan(network).convolutions}
    one, other = (f"block2/unit_{number}/basic_v1/conv2" for number in (3, 7))
    changed = exchanged(tensors, layers[one], layers[other], LEAVES["kernel and batch norm"])
    agreement = find_agreement(network, changed)
    assert agreement.exchanged == (one, other)
    assert (
        str(agreement) == "do not agree: block2/unit_3/conv2 and block2/unit_7/conv2 seem to have each other's tensors"
    )


@pytest.mark.parametrize("name", ["cifar/resnet20", "keras/MobileNetV2", "keras/ResNet50V2", "torchvision/googlenet"])
def test_a_new_network_is_not_trained(name: str) -> None:
    network = architecture(name)
    agreement = find_agreement(network, initialise(network, frozenset(tensor_shapes(network)), 0))
    assert str(agreement) == "not trained: all running means are 0 and all variances 1"
    assert agreement.image_mean == ()


@pytest.mark.parametrize("network", [*KIN.values(), *RIGID.values()], ids=[*KIN, *RIGID])
def test_statistics_of_the_network_itself_agree(network: Architecture) -> None:
    """Those of images that are drawn, in networks of few channels: nothing is alarmed by chance.

    The images leave maps of 4x4 cells or more: of fewer, two images make no mean to speak of.
    """
    tensors = draw_tensors(network, draw_images(network, 2, 128, 128, 0), 0)
    assert find_agreement(network, tensors).status in ("agree", "not comparable")


SPOILT: dict[str, Callable[[Array], Array]] = {
    "NaN": lambda value: np.full_like(value, np.nan),
    "infinity": lambda value: np.full_like(value, np.inf),
    "the largest numbers": lambda value: np.full_like(value, np.finfo(value.dtype).max),
    "zeros": np.zeros_like,
    "negative numbers": lambda value: -abs(value) - 1,
}


@pytest.mark.parametrize("leaf", ["weights", "gamma", "beta", "moving_mean", "moving_variance"])
@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_whatever_tensors_hold_nothing_warns(spoilt: Callable[[Array], Array], leaf: str) -> None:
    network = architecture("cifar/resnet20")
    tensors = {name: spoilt(value) if name.endswith(leaf) else value for name, value in plain(network).items()}
    agreement = find_agreement(network, tensors)
    assert all(-1.001 < value < 1.001 for value in agreement.compared.values())


def test_a_dead_layer_is_not_compared_and_is_no_alarm(shared: Path) -> None:
    network, tensors = trained(shared, "cifar_pytorch/resnet20-12fca82f.th")
    dead = "block3/unit_2/basic_v1/conv1"
    for leaf in ("weights", "BatchNorm/moving_mean", "BatchNorm/moving_variance"):
        tensors[f"{dead}/{leaf}"] = tensors[f"{dead}/{leaf}"] * np.float32(1e-20)
    agreement = find_agreement(network, tensors)
    assert agreement.correlations[dead] is None


def test_a_network_without_batch_norms_is_not_comparable() -> None:
    network = architecture("cifar/resnet20").folded()
    assert find_agreement(network, plain(network)).status == "not comparable"


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "complex64"])
def test_other_dtypes_agree_alike_or_are_not_comparable(shared: Path, dtype: str) -> None:
    network, tensors = trained(shared, "mlperf_tiny/pretrainedResnet.h5")
    with np.errstate(over="ignore"):
        cast = {name: value.astype(dtype) for name, value in tensors.items()}
    status = find_agreement(network, cast).status
    assert status == ("agree" if dtype.startswith("float") else "not comparable")


MEANS = {
    # The mean of the images of CIFAR-10 that train, 0.4914, 0.4822, 0.4465 on the scale 0..1.
    "more/resnet_v1_8_32_cifar10.h5": ((0.4914, 0.4822, 0.4465), 0.005),
    "mlperf_tiny/pretrainedResnet.h5": ((125.3, 123.0, 113.9), 1.0),  # the same on 0..255
    # ImageNet's 123.68, 116.78, 103.94 on -1..1, cropped.
    "keras_mobilenet/mobilenet_v1_0.25_224_imagenet.h5": ((-0.030, -0.084, -0.185), 0.04),
}


@pytest.mark.parametrize("file", MEANS)
def test_the_first_layer_tells_the_mean_of_the_images(shared: Path, file: str) -> None:
    expected, tolerance = MEANS[file]
    report = inspect(shared / "weights" / file)
    assert report.agreement is not None
    np.testing.assert_allclose(report.agreement.image_mean, expected, atol=tolerance)
    assert "of a mean of about" in str(report)


def test_images_of_mean_zero_tell_no_mean(shared: Path) -> None:
    report = inspect(shared / "weights/found/atreides_resnet20.pth")  # normalised: what is recorded is mostly noise
    assert report.agreement is not None
    assert report.agreement.image_mean == ()
