"""The order of the layers of a Keras model, told without Keras and by Keras itself."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest

from isomorph.backends.keras.naming import NAMING
from isomorph.conformance.small_networks import KIN, RIGID
from isomorph.spec import Architecture, architecture, plan, tensor_shapes, zoo
from isomorph.spec.naming import ZooTensor
from isomorph.tools.checkpoints.keras.layer_order import DROPOUT, LayerOrder, layer_order

from ..keras_process import run_keras

OWN = KIN | RIGID
ZOO = {
    name: architecture(f"keras/{name}", num_classes=5)
    for name in ("ResNet50", "ResNet50V2", "MobileNet", "MobileNetV2", "VGG16")
}
# On images of 32x32 the first dense layer is given a single cell.
ZOO["VGG16"] = replace(
    ZOO["VGG16"],
    blocks=tuple(replace(block, args=((4096, 1),)) if block.scope == "fc6" else block for block in ZOO["VGG16"].blocks),
)

DESCRIBED = """
from keras.src.utils.naming import to_snake_case


def described(model):
    layers = [
        [layer.name, to_snake_case(type(layer).__name__), [[one.name, list(one.shape)] for one in layer.weights]]
        for layer in model.layers
        if layer.weights
    ]
    return layers, sum(bool(layer.variables) and not layer.weights for layer in model.layers)


found = {name: described(load_backend("keras").build(network).native) for name, network in networks.items()}
for name in ZOO:
    found[name] = described(getattr(keras.applications, name)(weights=None, classes=5, input_shape=(32, 32, 3)))
(folder / "layers.json").write_text(json.dumps(found))
"""


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Network -> its layers that have weights, as Keras orders them, and the number of those that draw numbers."""
    folder = tmp_path_factory.mktemp("layers")
    run_keras(f"ZOO = {list(ZOO)}\n{DESCRIBED}", folder)
    layers: dict[str, Any] = json.loads((folder / "layers.json").read_text())
    return layers


def told(order: LayerOrder) -> list[Any]:
    with_weights = [
        [
            layer.name,
            layer.kind,
            [[one.name.rpartition("/")[2], list(one.shape)] for one in layer.tensors.values()],
        ]
        for layer in order.layers
        if layer.kind != DROPOUT
    ]
    return [with_weights, sum(layer.kind == DROPOUT for layer in order.layers)]


def of_zoo(network: Architecture) -> dict[str, ZooTensor]:
    return zoo(network.name.partition("/")[0]).naming.tensors(network)


@pytest.mark.thorough
@pytest.mark.parametrize("name", OWN)
def test_the_order_is_that_of_isomorphs_own_model(name: str, described: dict[str, Any]) -> None:
    assert told(layer_order(OWN[name], NAMING.tensors(OWN[name]))) == described[name]


@pytest.mark.thorough
@pytest.mark.parametrize("name", ZOO)
def test_the_order_is_that_of_keras_applications(name: str, described: dict[str, Any]) -> None:
    assert told(layer_order(ZOO[name], of_zoo(ZOO[name]))) == described[name]


def test_the_order_is_that_of_a_published_file(shared: Path) -> None:
    """Of Keras 2, with projections of a single convolution."""
    network = architecture("mlperf_tiny/resnet8")
    with h5py.File(shared / "weights" / "mlperf_tiny" / "pretrainedResnet.h5") as root:
        layers = root["model_weights"].attrs["layer_names"].astype(str)
        names = [name for name in layers if root["model_weights"][name].attrs["weight_names"].size]
    assert [layer.name for layer in layer_order(network, of_zoo(network)).layers] == names
    assert names[8:11] == ["conv2d_4", "conv2d_5", "batch_normalization_4"], "the shortcut stands inside the residual"


def test_a_shortcut_behind_an_activation_stands_beside_what_is_as_far_from_the_sum() -> None:
    """As Keras orders a pre-activated unit, whose projection reads what its first convolution reads."""
    network = architecture("keras/ResNet50V2")
    unit = ("preact_bn", "1_conv", "1_bn", "2_conv", "2_bn", "0_conv", "3_conv")
    assert [layer.name for layer in layer_order(network, of_zoo(network)).layers][:8] == [
        "conv1_conv",
        *(f"conv2_block1_{layer}" for layer in unit),
    ]


def test_a_dropout_stands_in_front_of_what_reads_it() -> None:
    """keras/src/applications/mobilenet.py: a mean, a dropout, then a convolution to the classes."""
    network = architecture("keras/MobileNet")
    last = layer_order(network, of_zoo(network)).layers[-2:]
    assert [(layer.name, layer.kind, len(layer.tensors)) for layer in last] == [
        ("conv_preds_dropout", "dropout", 0),
        ("conv_preds", "conv2d", 2),
    ]


def test_a_layer_says_its_kind() -> None:
    """By which Keras names the groups of its newer files."""
    mobilenet, vgg16 = (architecture(f"keras/{name}") for name in ("MobileNet", "VGG16"))
    layers = layer_order(mobilenet, of_zoo(mobilenet)).layers[:4] + layer_order(vgg16, of_zoo(vgg16)).layers[-1:]
    assert [(layer.name, layer.kind) for layer in layers] == [
        ("conv1", "conv2d"),
        ("conv1_bn", "batch_normalization"),
        ("conv_dw_1", "depthwise_conv2d"),
        ("conv_dw_1_bn", "batch_normalization"),
        ("predictions", "dense"),
    ]


@pytest.mark.parametrize("name", OWN)
def test_every_tensor_has_one_place_or_is_an_auxiliary_heads(name: str) -> None:
    order = layer_order(OWN[name], NAMING.tensors(OWN[name]))
    placed = [tensor for layer in order.layers for tensor in layer.tensors]
    assert sorted((*placed, *order.left_out)) == sorted(tensor_shapes(OWN[name]))
    heads = tuple(f"{head.scope}/" for _, head in plan(OWN[name]).auxiliary)
    assert all(tensor.startswith(heads) for tensor in order.left_out)
    assert bool(order.left_out) == bool(heads)
