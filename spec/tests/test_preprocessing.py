"""What zoos do to a photograph, in the numbers of their own sources."""

from dataclasses import replace

import pytest

from isomorph.spec import Preprocessing, architecture
from isomorph.spec.preprocessing import NORMALISATIONS

# What the values 0 and 255 become, in the order of the channels.
SCALES: dict[str, tuple[str, tuple[float, ...], tuple[float, ...]]] = {
    "caffe": ("BGR", (-103.939, -116.779, -123.68), (151.061, 138.221, 131.32)),
    "torch": (
        "RGB",
        (-2.1179039301310043, -2.0357142857142856, -1.8044444444444445),
        (2.2489082969432315, 2.428571428571429, 2.64),
    ),
    "tf": ("RGB", (-1.0,) * 3, (1.0,) * 3),
    "unit": ("RGB", (0.0,) * 3, (1.0,) * 3),
    "none": ("RGB", (0.0,) * 3, (255.0,) * 3),
}


def test_every_normalisation_has_its_scale_here() -> None:
    assert NORMALISATIONS.keys() == SCALES.keys()


@pytest.mark.parametrize("name", SCALES)
def test_values_end_up_on_the_scale(name: str) -> None:
    found = Preprocessing().normalised(name)
    channels, lowest, highest = SCALES[name]
    assert found.channels == channels
    for value, expected in ((0, lowest), (255, highest)):
        scaled = [(value - mean) / std for mean, std in zip(found.mean, found.std, strict=True)]
        assert scaled == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_normalising_leaves_the_geometry_alone() -> None:
    given = Preprocessing("stretch", None, (192, 256), "nearest", central_fraction=0.5)
    found = given.normalised("caffe")
    assert (found.fit, found.resize, found.size, found.interpolation) == ("stretch", None, (192, 256), "nearest")
    assert found.central_fraction == 0.5
    assert found != given


INCEPTION = Preprocessing(
    fit="stretch", central_fraction=0.875, mean=(127.5,) * 3, std=(127.5,) * 3, resampler="tensorflow1"
)
IMAGENET = Preprocessing(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))


# From the sources that the zoos' files name.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "slim/resnet_v1_50",
            Preprocessing(
                mean=(123.68, 116.78, 103.94),
                std=(1.0, 1.0, 1.0),
                resampler="tensorflow1",
                longer_side="round",
                crop_offset="floor",
            ),
        ),
        ("slim/resnet_v2_50", replace(INCEPTION, size=(299, 299))),
        ("slim/mobilenet_v1", INCEPTION),
        ("torchvision/resnet50", IMAGENET),
        ("paddle/resnet50", replace(IMAGENET, resampler="opencv", longer_side="round", crop_offset="floor")),
        (
            "keras/ResNet50",
            Preprocessing(
                fit="stretch",
                interpolation="nearest",
                channels="BGR",
                mean=(103.939, 116.779, 123.68),
                std=(1.0, 1.0, 1.0),
            ),
        ),
        ("timm/resnet50", replace(IMAGENET, interpolation="bicubic")),
        ("transformers/resnet-50", replace(IMAGENET, interpolation="bicubic", crop_offset="floor")),
        ("cifar/resnet20", replace(IMAGENET, resize=None, size=(32, 32))),
    ],
)
def test_a_zoos_photographs_are_prepared_as_its_own_pipeline_does(name: str, expected: Preprocessing) -> None:
    found = architecture(name).convention.preprocessing
    assert found.mean == pytest.approx(expected.mean, rel=1e-12)
    assert found.std == pytest.approx(expected.std, rel=1e-12)
    assert replace(found, mean=expected.mean, std=expected.std) == expected


def test_the_defaults_are_what_most_zoos_do() -> None:
    """So that the table above says all."""
    found = Preprocessing()
    assert (found.fit, found.resize, found.size) == ("crop", 256, (224, 224))
    assert (found.interpolation, found.channels, found.central_fraction) == ("bilinear", "RGB", 1.0)
    assert (found.resampler, found.longer_side, found.crop_offset) == ("pillow", "floor", "round")
