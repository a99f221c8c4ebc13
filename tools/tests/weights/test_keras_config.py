"""A Keras model's own configuration beside what its tensors are taken for."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from isomorph.spec import BadInput, architecture
from isomorph.tools.checkpoints import METADATA, read_checkpoint
from isomorph.tools.subjects.subject import find_subject
from isomorph.tools.weights.namings import OWN_NAMINGS

from ..keras_files import KERNEL, archive, configured, keras2, keras3
from ..tensors import Tensors, of_zoo

RESNET = architecture("keras/ResNet50", num_classes=2)
TENSORS = of_zoo(RESNET, "keras")

# Of layers that the tests change, what keras.applications.ResNet50 says: resnet.py, Keras 3.15.
SAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "conv1_conv": ("Conv2D", {"strides": [2, 2], "dilation_rate": [1, 1], "activation": "linear"}),
    "conv1_bn": ("BatchNormalization", {"epsilon": 1.001e-05}),
    "conv3_block1_1_conv": ("Conv2D", {"strides": [2, 2], "dilation_rate": [1, 1], "activation": "linear"}),
    "conv3_block1_2_conv": ("Conv2D", {"strides": [1, 1], "dilation_rate": [1, 1], "activation": "linear"}),
    "conv1_relu": ("Activation", {"activation": "relu"}),
    "predictions": ("Dense", {"activation": "softmax"}),
}
STRANGE = "the_layer"


def by_layer(tensors: Tensors) -> dict[str, Tensors]:
    layers: dict[str, Tensors] = {}
    for name, value in tensors.items():
        layer = name.rpartition("/")[0]
        layers.setdefault(layer, {})[f"{name}:0"] = value
    return layers


def config_of(changed: Mapping[str, tuple[str, dict[str, Any]]]) -> dict[str, object]:
    return configured(*((kind, name, options) for name, (kind, options) in {**SAYS, **changed}.items()))


def write_h5(path: Path, config: str | None) -> Path:
    def note(root: h5py.File) -> None:
        if config is not None:
            root.attrs["model_config"] = config

    path.write_bytes(keras2(by_layer(TENSORS), "model_weights", note))
    return path


ALIKE: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "all as it is": {},
    "what training alone sees": {STRANGE: ("RandomFlip", {}), "noise": ("GaussianNoise", {})},
    "a stride as one number": {"conv1_conv": ("Conv2D", {"strides": 2})},
    "another activation of the head": {"predictions": ("Dense", {"activation": "sigmoid"})},
    "an activation of a class of its own": {"conv1_relu": ("ReLU", {"max_value": None, "negative_slope": 0.0})},
}

ELSE: dict[str, tuple[dict[str, tuple[str, dict[str, Any]]], str]] = {
    "another epsilon": (
        {"conv1_bn": ("BatchNormalization", {"epsilon": 1e-3})},
        "'conv1_bn' epsilon 0.001, and keras/ResNet50 has 1.001e-05 there",
    ),
    "another stride": (
        {"conv3_block1_1_conv": ("Conv2D", {"strides": [1, 1]})},
        "'conv3_block1_1_conv' strides a list, and keras/ResNet50 has [2, 2] there",
    ),
    "another rate": (
        {"conv3_block1_2_conv": ("Conv2D", {"dilation_rate": 2})},
        "'conv3_block1_2_conv' dilation_rate 2, and keras/ResNet50 has [1, 1] there",
    ),
    "another activation": (
        {"conv1_relu": ("Activation", {"activation": "gelu"})},
        "'conv1_relu' the activation 'gelu', and keras/ResNet50 has none such",
    ),
    "a bound of the activation": (
        {"conv1_relu": ("ReLU", {"max_value": 6.0})},
        "'conv1_relu' the activation relu6 with a slope of 0, and keras/ResNet50 has none such",
    ),
    "a slope of the activation": (
        {"conv1_relu": ("ReLU", {"max_value": None, "negative_slope": 0.1})},
        "'conv1_relu' the activation relu with a slope of 0.1, and keras/ResNet50 has none such",
    ),
    "preprocessing inside": (
        {STRANGE: ("Rescaling", {"scale": 0.1})},
        "'the_layer' the class 'Rescaling', and keras/ResNet50 has none such",
    ),
    "code": ({STRANGE: ("Lambda", {})}, "'the_layer' the class 'Lambda', and keras/ResNet50 has none such"),
}


@pytest.mark.parametrize("changed", ALIKE.values(), ids=ALIKE)
def test_a_model_is_read_that_says(tmp_path: Path, changed: dict[str, tuple[str, dict[str, Any]]]) -> None:
    path = write_h5(tmp_path / "x.h5", json.dumps(config_of(changed)))
    assert find_subject(path).architecture == RESNET


@pytest.mark.parametrize(("changed", "sentence"), ELSE.values(), ids=ELSE)
def test_a_model_is_refused_that_says(
    tmp_path: Path, changed: dict[str, tuple[str, dict[str, Any]]], sentence: str
) -> None:
    path = write_h5(tmp_path / "x.h5", json.dumps(config_of(changed)))
    with pytest.raises(BadInput) as caught:
        find_subject(path)
    assert str(caught.value) == (
        f"{path} is a Keras model whose configuration gives its layer {sentence}; --arch says what to read its tensors"
        " as without its word."
    )
    assert find_subject(path, arch="keras/ResNet50").architecture == RESNET


def test_an_archive_says_it_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    inner = configured(("Dense", "top", {"units": 2}), ("Conv2D", "conv", {"strides": 3}))
    config = configured(
        ("Conv2D", "conv", {"strides": 2}), ("Functional", "inner", {"layers": inner["config"]["layers"]})
    )
    path.write_bytes(archive(keras3({"layers/conv2d": [KERNEL]}), config))
    layers = read_checkpoint(path).layers
    assert layers["conv"] == {"name": "conv", "strides": 2, "class_name": "Conv2D"}
    assert layers["top"] == {"name": "top", "units": 2, "class_name": "Dense"}


@pytest.mark.parametrize("noted", [{}, {METADATA: "é"}], ids=["nothing", "what isomorph notes in it"])
def test_the_metadata_of_an_archive_are(noted: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    path.write_bytes(archive(keras3({"layers/conv2d": [KERNEL]}), configured()))
    with zipfile.ZipFile(path, "a") as file:
        for name, text in noted.items():
            file.writestr(name, text)
    assert read_checkpoint(path).metadata == noted


def test_isomorphs_own_networks_have_classes_of_their_own(tmp_path: Path) -> None:
    """Such as the layer that pads channels with zeros, in what Keras saves of a network that isomorph built."""
    network = architecture("cifar/resnet20")
    tensors = {
        name.name: np.zeros(name.shape, np.float32)
        for name in OWN_NAMINGS["isomorph's keras"].tensors(network).values()
    }
    config = configured(("Pad", "pad", {}), ("Rescaling", "dropout", {"scale": 0.6}))
    path = tmp_path / "x.h5"

    def note(root: h5py.File) -> None:
        root.attrs["model_config"] = json.dumps(config)

    path.write_bytes(keras2(by_layer(tensors), "model_weights", note))
    assert find_subject(path).architecture == network


@pytest.mark.parametrize("config", [None, "no JSON", "[]", '{"config": 5}'], ids=["nothing", "no JSON", "a list", "5"])
def test_weights_that_say_nothing_are_told_by_their_tensors(tmp_path: Path, config: str | None) -> None:
    assert find_subject(write_h5(tmp_path / "x.h5", config)).architecture == RESNET
