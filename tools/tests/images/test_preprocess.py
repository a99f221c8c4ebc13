"""Preprocessing by name and in words, and every zoo's against its own code or formula."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isomorph.spec import BadInput, Preprocessing, architecture, architectures, zoos
from isomorph.spec.preprocessing import NORMALISATIONS
from isomorph.tools.images.images import read_images
from isomorph.tools.images.preprocessing import describe, find_preprocessing
from isomorph.tools.images.resampling import resample

from ..tensors import Array

OWN = Preprocessing(fit="crop", resize=40, size=(32, 36), interpolation="bicubic", mean=(1.0, 2.0, 3.0))

# By name.


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_a_normalisation_leaves_the_geometry(name: str) -> None:
    found = find_preprocessing(name, OWN)
    assert (found.fit, found.resize, found.size, found.interpolation) == ("crop", 40, (32, 36), "bicubic")
    assert {field: getattr(found, field) for field in NORMALISATIONS[name]} == NORMALISATIONS[name]


@pytest.mark.parametrize("name", architectures())
def test_an_architecture_gives_all_of_its_own(name: str) -> None:
    assert find_preprocessing(name, OWN) == architecture(name).convention.preprocessing


# Zoos that preprocess for their networks differently, and the first of each kind.
DIFFER = {
    "keras": "keras/ResNet50 and keras/ResNet50V2",
    "slim": "slim/resnet_v1_50, slim/resnet_v2_50 and slim/inception_v1",
    "tutorial": "tutorial/resnet34 and tutorial/googlenet",
    "paddle": "paddle/resnet18 and paddle/LeNet",
    "cifar": "cifar/resnet20, cifar/resnet18 and cifar/wide_resnet16_8",
}


@pytest.mark.parametrize("name", [name for name in zoos() if name not in DIFFER])
def test_a_zoo_gives_what_all_its_networks_have(name: str) -> None:
    found = {network.convention.preprocessing for network in zoos()[name].networks.values()}
    assert found == {find_preprocessing(name, OWN)}


@pytest.mark.parametrize(("name", "networks"), DIFFER.items())
def test_a_zoo_whose_networks_differ_is_refused(name: str, networks: str) -> None:
    with pytest.raises(BadInput) as caught:
        find_preprocessing(name, OWN)
    assert str(caught.value) == f"{name} preprocesses differently for {networks}; name the network."


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cafe", "did you mean caffe"),
        ("Keras", "did you mean keras or "),
        ("", "one of caffe, torch, tf, unit, none, a zoo or an architecture is expected."),
        ("zzz", "one of caffe, torch, tf, unit, none, a zoo or an architecture is expected."),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        find_preprocessing(name, OWN)
    assert str(caught.value).startswith(f"There is no preprocessing {name!r}; {hint}")


# In words.


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        pytest.param(
            "torchvision",
            None,
            "shorter side to 256, bilinear, 224x224 from the middle; RGB, mean 123.675 116.28 103.53, std 58.395 57.12"
            " 57.375",
            id="of a crop",
        ),
        pytest.param(
            "timm",
            (320, 288),
            "shorter side to 366, bicubic, 320x288 from the middle; RGB, mean 123.675 116.28 103.53, std 58.395 57.12"
            " 57.375",
            id="of a crop to another size",
        ),
        pytest.param(
            "keras/ResNet50",
            (448, 224),
            "stretched to 448x224, nearest; BGR, mean 103.939 116.779 123.68, std 1",
            id="of stretching",
        ),
        pytest.param(
            "slim/resnet_v2_50",
            None,
            "middle 0.875 of both sides, stretched to 299x299, bilinear as tensorflow1 has it; RGB, mean 127.5, std"
            " 127.5",
            id="of stretching the middle",
        ),
    ],
)
def test_words(name: str, size: tuple[int, int] | None, words: str) -> None:
    assert describe(find_preprocessing(name, OWN), size) == words


# Against the zoos.


def write_noise(folder: Path) -> Path:
    """A photograph of which no two pixels are alike."""
    pixels = np.random.default_rng(0).integers(0, 256, (300, 451, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "noise.png")
    return folder / "noise.png"


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    return write_noise(tmp_path)


def as_it_is(pixels: Array) -> Array:
    """keras_model.py and train.py: values 0..255."""
    return pixels.astype(np.float32)


def as_a_share(pixels: Array) -> Array:
    """transforms.ToTensor, in float32."""
    return np.asarray(pixels.astype(np.float32) / np.float32(255))


def by_imagenets_mean(pixels: Array) -> Array:
    """transforms.ToTensor and Normalize."""
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    return np.asarray((as_a_share(pixels) - mean) / std)


def by_cifars_mean(pixels: Array) -> Array:
    """kuangliu/pytorch-cifar, main.py: ToTensor, and Normalize with CIFAR-10's mean and, of each image, deviation."""
    mean, std = np.array([0.4914, 0.4822, 0.4465], np.float32), np.array([0.2023, 0.1994, 0.2010], np.float32)
    return np.asarray((as_a_share(pixels) - mean) / std)


def by_cifars_mean_in_pixels(pixels: Array) -> Array:
    """xternalz/WideResNet-pytorch, train.py: Normalize with x / 255.0 of these."""
    mean, std = np.array([125.3, 123.0, 113.9], np.float32), np.array([63.0, 62.1, 66.7], np.float32)
    return np.asarray((pixels.astype(np.float32) - mean) / std)


def halved_and_doubled(pixels: Array) -> Array:
    """inception_preprocessing.py, `preprocess_for_eval`: values 0..1, less a half, times two."""
    return np.asarray((as_a_share(pixels) - np.float32(0.5)) * np.float32(2))


def less_vggs_mean(pixels: Array) -> Array:
    """vgg_preprocessing.py, `_mean_image_subtraction` of _R_MEAN, _G_MEAN and _B_MEAN."""
    return np.asarray(pixels.astype(np.float32) - np.array([123.68, 116.78, 103.94], np.float32))


# 300 x 451 to a shorter side of 256: 451 * 256 / 300 is 384.85. The crop's corner is (384 - 224) / 2, (256 - 224) / 2.
CROPS: dict[str, tuple[tuple[int, int], int, int, Image.Resampling, Callable[[Array], Array]]] = {
    "torchvision/resnet18": ((384, 256), 80, 224, Image.Resampling.BILINEAR, by_imagenets_mean),
    "timm/resnet18": ((384, 256), 80, 224, Image.Resampling.BICUBIC, by_imagenets_mean),
    "transformers/resnet-18": ((384, 256), 80, 224, Image.Resampling.BICUBIC, by_imagenets_mean),
    "cifar/resnet20": ((48, 32), 8, 32, Image.Resampling.BILINEAR, by_imagenets_mean),
    "cifar/resnet18": ((48, 32), 8, 32, Image.Resampling.BILINEAR, by_cifars_mean),
    "cifar/wide_resnet16_8": ((48, 32), 8, 32, Image.Resampling.BILINEAR, by_cifars_mean_in_pixels),
    "tutorial/resnet34": ((384, 256), 80, 224, Image.Resampling.BILINEAR, by_imagenets_mean),
    # Test4_googlenet/predict.py, Resize((224, 224)); ToTensor and Normalize by halves are 2 x - 1.
    "tutorial/googlenet": ((224, 224), 0, 224, Image.Resampling.BILINEAR, halved_and_doubled),
    "wsl/resnext101_32x8d": ((384, 256), 80, 224, Image.Resampling.BILINEAR, by_imagenets_mean),
    "mlperf_tiny/resnet8": ((48, 32), 8, 32, Image.Resampling.BILINEAR, as_it_is),
    "d2l/resnet18": (
        (96, 96),
        0,
        96,
        Image.Resampling.BILINEAR,
        as_a_share,
    ),  # transforms.Resize of both sides, in grey
    # 451 * 28 / 300 is 42.09. Normalize(mean=[127.5], std=[127.5]) is 2 x - 1, too.
    "paddle/LeNet": ((42, 28), 7, 28, Image.Resampling.BILINEAR, halved_and_doubled),
}


@pytest.mark.parametrize(("name", "rule"), CROPS.items(), ids=CROPS)
def test_the_crop_of(noise: Path, name: str, rule: tuple[Any, ...]) -> None:
    scaled, left, crop, interpolation, normalised = rule
    top = (scaled[1] - crop) // 2
    network = architecture(name)
    with Image.open(noise) as image:
        image.convert("RGB" if network.in_channels == 3 else "L").save(noise)
    with Image.open(noise) as image:
        pixels = np.asarray(image.resize(scaled, interpolation))[top : top + crop, left : left + crop]
    found = read_images([noise], network)
    pixels = pixels.reshape(crop, crop, network.in_channels)
    np.testing.assert_allclose(found[0], normalised(pixels), rtol=0, atol=2e-6)


# Zoos that scale by another library, whose own answers are in test_resampling.py: the rows and columns of the crop.
RESAMPLED: dict[str, tuple[tuple[int, int], int, int, int, Callable[[Array], Array]]] = {
    # 451 * 256 / 300 is 384.85, and 385 to the nearest; (385 - 224) / 2 is 80.5, and 80 by integer division.
    "paddle/resnet18": ((256, 385), 16, 80, 224, by_imagenets_mean),
    "slim/resnet_v1_50": ((256, 385), 16, 80, 224, less_vggs_mean),
    "slim/resnet_v2_50": ((299, 299), 0, 0, 299, halved_and_doubled),
    "slim/mobilenet_v1": ((224, 224), 0, 0, 224, halved_and_doubled),
}


@pytest.mark.parametrize(("name", "rule"), RESAMPLED.items(), ids=RESAMPLED)
def test_the_crop_by_another_library_of(noise: Path, name: str, rule: tuple[Any, ...]) -> None:
    """Of Inception's an eighth of 300 and 451 is 37.5 and 56.4; half of it, 18 and 28 pixels, goes on either side."""
    scaled, top, left, crop, normalised = rule
    network = architecture(name)
    preprocessing = network.convention.preprocessing
    with Image.open(noise) as image:
        photograph = image.crop((28, 18, 423, 282)) if preprocessing.fit == "stretch" else image.copy()
    pixels = resample(photograph, scaled[0], scaled[1], preprocessing)[top : top + crop, left : left + crop]
    np.testing.assert_allclose(read_images([noise], network)[0], normalised(pixels), rtol=0, atol=2e-5)


# Keras's own code, in a process of its own: module -> a network of it.
MODULES = {
    "resnet": "keras/ResNet50",
    "resnet_v2": "keras/ResNet50V2",
    "mobilenet": "keras/MobileNet",
    "mobilenet_v2": "keras/MobileNetV2",
}
KERAS = """
import sys
import numpy as np
import keras

image = keras.utils.img_to_array(keras.utils.load_img(sys.argv[1], target_size=(224, 224)))
np.savez(sys.argv[2], **{
    module: getattr(keras.applications, module).preprocess_input(image.copy()) for module in sys.argv[3:]
})
"""


@pytest.fixture(scope="module")
def by_keras(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Array]]:
    """A photograph, and what each module makes of it."""
    folder = tmp_path_factory.mktemp("keras")
    photograph, answers = write_noise(folder), folder / "answers.npz"
    command: list[str | Path] = [sys.executable, "-P", "-c", KERAS, photograph, answers, *MODULES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(answers) as found:
        return photograph, dict(found)


@pytest.mark.thorough
@pytest.mark.parametrize(("module", "name"), MODULES.items(), ids=MODULES)
def test_kerass_own_code_does_the_same(module: str, name: str, by_keras: tuple[Path, dict[str, Array]]) -> None:
    photograph, expected = by_keras
    found = read_images([photograph], architecture(name))
    np.testing.assert_allclose(found[0], expected[module], rtol=0, atol=2e-5)


def test_every_preprocessing_of_every_network_is_held_against_its_zoos_own() -> None:
    held = {architecture(name).convention.preprocessing for name in (*CROPS, *RESAMPLED, *MODULES.values())}
    others = [name for name in architectures() if architecture(name).convention.preprocessing not in held]
    assert others == []
