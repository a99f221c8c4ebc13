"""transformers' preprocessor_config.json, read and written."""

from dataclasses import replace
from typing import Any

import pytest

from isomorph.spec import BadInput, Preprocessing
from isomorph.tools.checkpoints.transformers.preprocessor import read_preprocessor, write_preprocessor

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}

# As microsoft/resnet-50 has it, to go by what transformers' test of the recorded photographs was told.
RESNET = {
    "crop_pct": 0.875,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "ConvNextFeatureExtractor",
    "resample": 3,
    "size": 224,
    **IMAGENET,
}
EXPECTED = Preprocessing(interpolation="bicubic", crop_offset="floor").normalised("torch")
BIT = {
    "image_processor_type": "BitImageProcessorFast",
    "resample": 2,
    "size": {"shortest_edge": 232},
    "crop_size": {"height": 224, "width": 200},
    **IMAGENET,
}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(RESNET, EXPECTED, id="ConvNext's, which ResNets have"),
        pytest.param({**RESNET, "feature_extractor_type": None}, EXPECTED, id="that of no name"),
        pytest.param({**RESNET, "size": {"shortest_edge": 224}}, EXPECTED, id="its size as an object"),
        pytest.param({**RESNET, "crop_pct": 0.95}, replace(EXPECTED, resize=235), id="another share"),
        pytest.param(
            {**RESNET, "size": {"shortest_edge": 384}},
            replace(EXPECTED, fit="stretch", size=(384, 384)),
            id="one that stretches",
        ),
        pytest.param({**RESNET, "do_normalize": False}, EXPECTED.normalised("unit"), id="values 0..1"),
        pytest.param(
            {**RESNET, "do_normalize": False, "do_rescale": False}, EXPECTED.normalised("none"), id="values 0..255"
        ),
        pytest.param(
            {**RESNET, "image_mean": 0.5, "image_std": [0.5] * 3}, EXPECTED.normalised("tf"), id="one mean for all"
        ),
        pytest.param(
            {**RESNET, "rescale_factor": 1 / 127.5},
            replace(EXPECTED, mean=tuple(x / 2 for x in EXPECTED.mean), std=tuple(x / 2 for x in EXPECTED.std)),
            id="another scale",
        ),
        pytest.param(
            {"size": 224, "resample": 0},
            replace(EXPECTED, interpolation="nearest").normalised("tf"),
            id="what ConvNext's leaves out",
        ),
        pytest.param(
            BIT,
            Preprocessing(resize=232, size=(224, 200), crop_offset="floor").normalised("torch"),
            id="BiT's",
        ),
        pytest.param(
            {**BIT, "crop_size": 200},
            Preprocessing(resize=232, size=(200, 200), crop_offset="floor").normalised("torch"),
            id="BiT's crop as a number",
        ),
        pytest.param(
            {**BIT, "do_center_crop": False, "size": {"height": 64, "width": 96}},
            Preprocessing(fit="stretch", size=(64, 96), crop_offset="floor").normalised("torch"),
            id="BiT's that stretches",
        ),
    ],
)
def test_what_a_file_says_is_read(document: dict[str, Any], expected: Preprocessing) -> None:
    assert read_preprocessor(document) == expected


REFUSED = {
    "another image processor": ({"image_processor_type": "ViTImageProcessor"}, "its image processor is 'ViTImagePro"),
    "one of no text": ({"image_processor_type": 5}, "its image processor is 5, ConvNextImageProcessor or BitIm"),
    "photographs as they are": ({"do_resize": False}, "its do_resize is False, true, as photographs are of any size,"),
    "a switch that is none": ({"do_normalize": 1}, "its do_normalize is 1, true or false was expected"),
    "padding": ({"do_pad": True}, "its do_pad is True, false, as nothing here does it, was expected"),
    "another filter": ({"resample": 1}, "its resample is 1, 0, 2 or 3 (Pillow's nearest, bilinear or bicubic) was"),
    "a filter that is true": ({"resample": True}, "its resample is True, 0, 2 or 3"),
    "a deviation of zero": ({"image_std": [0.2, 0, 0.2]}, "std of its preprocessing is 0.0, expected numbers above 0."),
    "a deviation below zero": ({"image_std": [0.2, -1, 0.2]}, "std of its preprocessing is -255.0, expected numb"),
    "a deviation of no number": (
        {"image_std": [0.2, float("nan"), 0.2]},
        "std of its preprocessing is nan, expected a",
    ),
    "two means": ({"image_mean": [0.2, 0.2]}, "its image_mean has 2 numbers, 3 were expected"),
    "a mean as text": ({"image_mean": "0.2"}, "its image_mean is '0.2', 3 numbers was expected"),
    "a scale of zero": ({"rescale_factor": 0}, "its rescale_factor is 0, a number above 0 was expected"),
    "an infinite scale": ({"rescale_factor": float("inf")}, "its rescale_factor is inf, a number above 0 was expected"),
    "more than all": ({"crop_pct": 1.5}, "its crop_pct is 1.5, a number above 0 and up to 1 was expected"),
    "nothing": ({"crop_pct": 0}, "its crop_pct is 0, a number above 0 was expected"),
    "a size of two": (
        {"size": {"height": 4, "width": 4}},
        "its size has no shortest_edge, by which ConvNextImageProcessor scales",
    ),
    "a size of none": ({"size": 0}, "its size is 0, 1 to 16,384 pixels was expected"),
    "a size beyond all": ({"size": {"shortest_edge": 10**9}}, "its size is 1000000000, 1 to 16,384 pixels was"),
    "a crop beside its share": ({"do_center_crop": True}, "its do_center_crop is True, false, as ConvNextImageProc"),
}


@pytest.mark.parametrize(("changed", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_file_is_refused_that_asks_for(changed: dict[str, Any], sentence: str) -> None:
    document = {key: value for key, value in RESNET.items() if key != "feature_extractor_type"}
    with pytest.raises(BadInput) as caught:
        read_preprocessor({**document, **changed})
    assert str(caught.value).startswith(sentence)


def test_bits_needs_a_crop_behind_a_shortest_edge() -> None:
    with pytest.raises(BadInput, match=r"^its size is not a shortest_edge with a crop_size, nor a height and a width"):
        read_preprocessor({**BIT, "do_center_crop": False})


@pytest.mark.parametrize(
    "preprocessing",
    [
        pytest.param(Preprocessing(fit="stretch"), id="a photograph that is stretched"),
        pytest.param(Preprocessing().normalised("caffe"), id="channels in the other order"),
        pytest.param(Preprocessing(central_fraction=0.875), id="a middle that is cut out first"),
        pytest.param(Preprocessing(resampler="opencv"), id="another library's way of scaling"),
        pytest.param(Preprocessing(longer_side="round"), id="a longer side that is rounded"),
    ],
)
def test_transformers_has_no_preprocessing_for(preprocessing: Preprocessing) -> None:
    assert write_preprocessor(preprocessing) is None


@pytest.mark.parametrize("size", [(32, 36), (36, 32)], ids=["a wide crop", "a high crop"])
def test_without_a_size_to_scale_to_the_shorter_side_is_scaled_to_that_of(size: tuple[int, int]) -> None:
    document = write_preprocessor(Preprocessing(resize=None, size=size))
    assert document is not None
    assert document["size"] == {"shortest_edge": 32}
    assert document["crop_size"] == {"height": size[0], "width": size[1]}


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_what_is_written_is_read_again(interpolation: Any) -> None:
    own = Preprocessing(
        resize=40, size=(32, 36), interpolation=interpolation, mean=(1.0, 2.0, 3.0), crop_offset="floor"
    )
    document = write_preprocessor(own)
    assert document is not None
    assert read_preprocessor(document) == own
