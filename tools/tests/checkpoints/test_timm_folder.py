"""Folders of timm's on the hub: their own word on architecture and preprocessing, and what of it is refused."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isomorph.spec import BadInput, Preprocessing, architecture
from isomorph.tools import inspect
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.checkpoints.transformers.timm_config import read_config
from isomorph.tools.subjects.subject import find_subject

from ..command import refused
from ..tensors import of_zoo

# As timm 1.0.31 writes it beside resnet18.a1_in1k, less what says nothing of the network or of photographs.
A1: dict[str, Any] = {
    "architecture": "resnet18",
    "num_classes": 1000,
    "num_features": 512,
    "global_pool": "avg",
    "pretrained_cfg": {
        "tag": "a1_in1k",
        "input_size": [3, 224, 224],
        "test_input_size": [3, 288, 288],
        "test_crop_pct": 1.0,
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "crop_mode": "center",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "num_classes": 1000,
        "first_conv": "conv1",
        "classifier": "fc",
    },
}
BICUBIC = Preprocessing(interpolation="bicubic").normalised("torch")


def of(config: dict[str, Any], **pretrained: Any) -> dict[str, Any]:
    """The configuration with some fields of its `pretrained_cfg` changed."""
    return {**config, "pretrained_cfg": {**config["pretrained_cfg"], **pretrained}}


def write_folder(path: Path, config: dict[str, Any], network: str = "torchvision/resnet18", **options: Any) -> Path:
    path.mkdir()
    tensors = of_zoo(architecture(network, **options), "torchvision")
    write_safetensors(path / "model.safetensors", tensors, {"format": "pt"})
    (path / "config.json").write_text(json.dumps(config))
    return path


def test_a_folder_is_what_it_says(tmp_path: Path) -> None:
    subject = find_subject(write_folder(tmp_path / "net", A1))
    assert subject.architecture == architecture("timm/resnet18", preprocessing=replace(BICUBIC, resize=235))
    assert subject.preprocessing_source == "its config.json"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param(of(A1, crop_pct=None), BICUBIC, id="no share"),
        pytest.param({"architecture": "resnet18"}, BICUBIC, id="nothing but the architecture"),
        pytest.param(
            of(A1, interpolation="bilinear", crop_pct=0.875), replace(BICUBIC, interpolation="bilinear"), id="tv"
        ),
        pytest.param(
            of(A1, input_size=[3, 160, 160]), replace(BICUBIC, resize=168, size=(160, 160)), id="160 pixels at 0.95"
        ),
        pytest.param(of(A1, crop_pct=1.0), replace(BICUBIC, resize=224), id="all of the photograph"),
        pytest.param(of(A1, mean=[0.5], std=0.5, crop_pct=0.875), BICUBIC.normalised("tf"), id="one number for all"),
        pytest.param(
            {"architecture": "resnet18", "crop_pct": 0.95, "num_classes": 1000},
            replace(BICUBIC, resize=235),
            id="the oldest form",
        ),
        pytest.param(
            {**A1, "model_type": "timm_wrapper", "architectures": ["TimmWrapperForImageClassification"]},
            replace(BICUBIC, resize=235),
            id="a wrapper of transformers'",
        ),
    ],
)
def test_its_photographs_are_prepared_as_create_transform_does(config: dict[str, Any], expected: Preprocessing) -> None:
    assert read_config(config).convention.preprocessing == expected


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("resnet26", "timm/resnet26"),
        ("resnet50.a1_in1k", "timm/resnet50"),
        ("resnext50_32x4d", "timm/resnext50_32x4d"),
        ("wide_resnet50_2", "torchvision/wide_resnet50_2"),
        ("wide_resnet101_2", "torchvision/wide_resnet101_2"),
        ("resnext101_32x8d", "torchvision/resnext101_32x8d"),
        ("resnext101_64x4d", "torchvision/resnext101_64x4d"),
        ("resnext101_32x16d", "wsl/resnext101_32x16d"),
        ("resnext101_32x32d", "wsl/resnext101_32x32d"),
    ],
)
def test_a_name_of_timms_is_one_here(name: str, ours: str) -> None:
    assert read_config({**A1, "architecture": name}).name == ours


def test_classes_and_channels_are_its_own(tmp_path: Path) -> None:
    config = of({**A1, "num_classes": 7, "model_args": {"in_chans": 1}}, mean=[0.5], std=[0.5])
    subject = find_subject(write_folder(tmp_path / "net", config, num_classes=7, in_channels=1))
    assert (subject.architecture.head.num_classes, subject.architecture.in_channels) == (7, 1)


def test_no_classes_are_no_head(tmp_path: Path) -> None:
    subject = find_subject(write_folder(tmp_path / "net", {**A1, "num_classes": 0}, num_classes=None))
    assert subject.architecture.head.num_classes is None


@pytest.mark.parametrize(
    ("changed", "said", "has"),
    [
        pytest.param({"num_classes": 10}, "10 classes", "1000", id="classes"),
        pytest.param({"model_args": {"in_chans": 4}}, "4 channels of images", "3", id="channels"),
    ],
)
def test_tensors_that_are_not_as_it_says_are_refused(
    tmp_path: Path, changed: dict[str, Any], said: str, has: str
) -> None:
    folder = write_folder(tmp_path / "net", {**A1, **changed})
    with pytest.raises(BadInput) as caught:
        find_subject(folder)
    assert str(caught.value) == (
        f"{folder} says that its network has {said}, and its tensors are those of {has}; fetch it again, or say with"
        " --arch what it is."
    )


REFUSED = {
    "an architecture that is not here": (
        {**A1, "architecture": "resnetblur18"},
        "its architecture is timm's 'resnetblur18', which is not among those here (resnet18, resnet26, resnet34,",
    ),
    "another zoo's architecture": (
        {**A1, "architecture": "torchvision/resnet18"},
        "its architecture is timm's 'torchvi",
    ),
    "an architecture of no text": (
        {**A1, "architecture": ["resnet18"]},
        "its architecture is a list, the name of one of timm's was",
    ),
    "another stride": (
        {**A1, "model_args": {"output_stride": 8}},
        "its model_args.output_stride is 8, only num_classes and in_chans, as no network here has it, was expected",
    ),
    "another pool": ({**A1, "global_pool": "max"}, "its global_pool is 'max', avg was expected"),
    "half a class": ({**A1, "num_classes": 0.5}, "its num_classes is 0.5, a number of classes was expected"),
    "no channels": ({**A1, "model_args": {"in_chans": 0}}, "its in_chans is 0, a number of channels was expected"),
    "arguments in a list": (
        {**A1, "model_args": ["in_chans"]},
        "its model_args is a list, an object was expected",
    ),
    "a configuration in a list": (
        {**A1, "pretrained_cfg": [1]},
        "its pretrained_cfg is a list, an object was expected",
    ),
    "another filter": (of(A1, interpolation="random"), "its interpolation is 'random', nearest, bilinear or bicubic"),
    "another crop": (of(A1, crop_mode="border"), "its crop_mode is 'border', center was expected"),
    "a rectangle": (of(A1, input_size=[3, 224, 320]), "its input_size is 224x320 pixels, a square was expected"),
    "a size of two": (
        of(A1, input_size=[224, 224]),
        "its input_size is a list, a list of channels, height and width, each",
    ),
    "more than all": (of(A1, crop_pct=1.5), "its crop_pct is 1.5, a number above 0 and up to 1 was expected"),
    "a share as text": (of(A1, crop_pct="0.9"), "its crop_pct is '0.9', a number above 0 and up to 1 was expected"),
    "a deviation of zero": (of(A1, std=[0.2, 0, 0.2]), "std of its preprocessing is 0, expected numbers above 0"),
    "a deviation below zero": (of(A1, std=[0.2, -1.0, 0.2]), "std of its preprocessing is -255.0, expected numbers"),
    "a deviation of no number": (of(A1, std=[float("nan")]), "std of its preprocessing is nan, expected a number"),
    "a mean as text": (of(A1, mean="0.5"), "its mean is '0.5', 3 numbers was expected"),
}


@pytest.mark.parametrize(("config", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_folder_is_refused_that_says(tmp_path: Path, config: dict[str, Any], sentence: str) -> None:
    folder = write_folder(tmp_path / "net", config)
    with pytest.raises(BadInput) as caught:
        find_subject(folder)
    assert str(caught.value).startswith(f"{folder / 'config.json'}: {sentence}")
    assert str(caught.value).endswith("; --arch says what to read the folder as without its word.")
    # By --arch it is read, and prepared as that architecture's zoo does.
    assert find_subject(folder, arch="timm/resnet18").architecture == architecture("timm/resnet18")


def test_inspect_says_why_the_network_is_not_told(tmp_path: Path) -> None:
    report = inspect(write_folder(tmp_path / "net", {**A1, "architecture": "resnetblur18"}))
    assert report.architecture is None
    assert "its architecture is timm's 'resnetblur18', which is not among those here" in str(report.problem)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"model_type": "vit", "architectures": ["ViTForImageClassification"]}, id="another model"),
        pytest.param({"model_type": "resnet18-custom", "auto_map": {}}, id="a model whose code is elsewhere"),
    ],
)
def test_another_model_of_transformers_is_refused_by_its_name(tmp_path: Path, config: dict[str, Any]) -> None:
    folder = write_folder(tmp_path / "net", config)
    with pytest.raises(BadInput) as caught:
        find_subject(folder)
    assert str(caught.value) == (
        f"{folder / 'config.json'}: its model_type is {config['model_type']!r}, and of transformers' models resnet"
        " alone is here; --arch says what to read the folder as without its word."
    )


def test_a_folder_that_says_nothing_is_told_by_its_tensors(tmp_path: Path) -> None:
    assert find_subject(write_folder(tmp_path / "net", {})).architecture == architecture("torchvision/resnet18")


def test_a_hub_folder_of_a_network_that_is_not_here(shared: Path, tmp_path: Path) -> None:
    script = shared / "cases" / "files" / "timm_hub_folder_blur.py"
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "resnetblur18"
    sentence = refused("check", folder, "--backends", "oracle")
    assert sentence.startswith(f"{folder}/config.json: its architecture is timm's 'resnetblur18', which is not among")
