"""Photographs: what zoos' own pipelines made of three, recorded, beside what is made of them here."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec import Preprocessing, architecture
from isomorph.tools.images.images import read_images

BICUBIC = Preprocessing(interpolation="bicubic").normalised("torch")

# Recording -> the preprocessing that it is of, where that is not its architecture's own, from the settings it lists.
RECORDED: dict[str, Preprocessing | None] = {
    "keras_MobileNetV2": None,
    "keras_ResNet50": None,
    "keras_ResNet50V2": None,
    "paddleclas_ResNet50": None,
    "slim_inception_224": None,
    "slim_vgg_224": None,
    "timm_resnet50.a1_in1k": replace(BICUBIC, resize=235),  # 224 / 0.95 is 235.79, of which timm takes the floor
    "timm_resnet50.a1_in1k_test": replace(BICUBIC, resize=288, size=(288, 288)),
    "timm_resnet50.tv_in1k": Preprocessing().normalised("torch"),
    "torchvision_googlenet_IMAGENET1K_V1": None,
    "torchvision_mobilenet_v2_IMAGENET1K_V2": Preprocessing(resize=232).normalised("torch"),
    "torchvision_resnet18_IMAGENET1K_V1": None,
    "torchvision_resnet50_IMAGENET1K_V1": None,
    "torchvision_vgg16_IMAGENET1K_V1": None,
    "transformers_ConvNextImageProcessorPil": None,
}
PHOTOGRAPHS = ("skimage_chelsea.png", "skimage_coffee.png", "tflite_support_burger.jpg")

ROUNDING = 2.0**-21
"""Of the largest value: zoos normalise in float32, by two to five operations that each round; here float64 rounds once.
The values 0..255 are the same ones: where a single one differed by 1, it would be off by a hundredth of a deviation."""


def test_every_recording_is_in_the_table(shared: Path) -> None:
    recordings = {path.stem.removeprefix("preprocessing_") for path in (shared / "peers").glob("preprocessing_*.json")}
    assert recordings == RECORDED.keys()


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize("recording", RECORDED)
def test_a_photograph_becomes_what_the_zoos_own_code_made_of_it(shared: Path, recording: str, photograph: str) -> None:
    document: dict[str, Any] = json.loads((shared / "peers" / f"preprocessing_{recording}.json").read_text())
    assert set(document["photographs"]) == set(PHOTOGRAPHS)
    expected = document["photographs"][photograph]
    network = architecture(document["architecture"])
    rule = RECORDED[recording] or network.convention.preprocessing
    network = network.with_options(preprocessing=replace(rule, size=tuple(expected["shape"][:2])))
    pixels = read_images([shared / "photos" / photograph], network)[0]
    assert (list(pixels.shape), pixels.dtype.name) == (expected["shape"], expected["dtype"])
    rows, columns, channels, values = zip(*expected["values"], strict=True)
    tolerance = ROUNDING * np.abs(pixels).max()
    np.testing.assert_allclose(pixels[rows, columns, channels], values, rtol=0, atol=tolerance)
    exact = pixels.astype(np.float64)
    np.testing.assert_allclose(exact.mean((0, 1)), expected["mean"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(exact.std((0, 1)), expected["std"], rtol=0, atol=tolerance)
