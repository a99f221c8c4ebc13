"""A file's own preprocessing: of the published weights that it is, of a note in it, or of a folder's JSON."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.spec import Architecture, Preprocessing, architecture
from isomorph.spec.document import to_document
from isomorph.tools import convert, predict
from isomorph.tools.checkpoints import METADATA, write_safetensors
from isomorph.tools.published import Published, lookup
from isomorph.tools.subjects.subject import find_subject

from ..tensors import Tensors, plain
from ..transformers_folders import tensors as of_transformers
from ..transformers_folders import write_config

R20 = architecture("cifar/resnet20")
USUAL = R20.convention.preprocessing
OWN = replace(USUAL, resize=40, interpolation="bicubic")


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    return draw_tensors(R20, draw_images(R20, 2, 32, 32))


@pytest.fixture
def weights(tmp_path: Path, tensors: Tensors, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is all that has been published."""
    path = tmp_path / "r20-ab.safetensors"
    write_safetensors(path, tensors, {})
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    row = Published("cifar/resnet20", "V2", f"https://x/{path.name}", f"sha256:{digits}", "x", own_preprocessing=OWN)
    monkeypatch.setattr(lookup, "published", lambda: {"cifar/resnet20": (row,)})
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def noted(network: Architecture) -> dict[str, str]:
    return {METADATA: json.dumps(to_document(network))}


def prepared(file: Path, **options: Any) -> tuple[Preprocessing, str]:
    subject = find_subject(file, **options)
    return subject.architecture.convention.preprocessing, subject.preprocessing_source


def test_published_weights_have_their_own(weights: Path, tmp_path: Path) -> None:
    expected = OWN, "cifar/resnet20 V2, the published weights that this file is"
    assert prepared(weights) == expected
    assert prepared(weights.rename(tmp_path / "mine.safetensors")) == expected


def test_it_is_kept_where_the_architecture_is_named(weights: Path) -> None:
    assert prepared(weights, arch="cifar/resnet20")[0] == OWN


def test_a_toml_has_the_last_word(weights: Path, tmp_path: Path) -> None:
    text = '[convention]\nlike = "cifar"\npreprocessing.resize = 36\n'
    stem = '[[stem]]\nconvolution = "conv1"\ndepth = 16\nkernel = 3\n'
    blocks = "".join(
        f'[[blocks]]\nscope = "block{number}"\nunit = "basic"\nunits = [[{depth}, {depth}, {stride}],'
        f" {{ times = 2, numbers = [{depth}, {depth}, 1] }}]\n"
        for number, depth, stride in ((1, 16, 1), (2, 32, 2), (3, 64, 2))
    )
    mine = tmp_path / "mine.toml"
    mine.write_text(f"{stem}{blocks}[head]\nnum_classes = 10\n{text}")
    assert prepared(weights, arch=str(mine)) == (replace(USUAL, resize=36), str(mine))


def test_any_other_file_has_what_is_usual_in_its_zoo(weights: Path, tmp_path: Path, tensors: Tensors) -> None:
    write_safetensors(tmp_path / "other.safetensors", tensors, {"another": "hash"})
    assert prepared(tmp_path / "other.safetensors") == (USUAL, "")


def test_a_conversion_carries_it_along(weights: Path, tmp_path: Path) -> None:
    convert(weights, tmp_path / "converted.pth")
    assert prepared(tmp_path / "converted.pth") == (OWN, "isomorph.architecture, noted in the file")


def test_predict_does_it_and_says_whose_it_is(weights: Path, photo: Path) -> None:
    report = predict(weights, [photo], backends=["oracle"])
    assert report.preprocessing.startswith("shorter side to 40, bicubic, 32x32 from the middle;")
    assert report.preprocessing_source == "cifar/resnet20 V2, the published weights that this file is"
    assert json.loads(report.to_json())["preprocessing_source"] == report.preprocessing_source
    usual = predict(weights, [photo], backends=["oracle"], preprocess="cifar/resnet20")
    assert usual.preprocessing.startswith("shorter side to 32, bilinear,")
    assert usual.preprocessing_source == "--preprocess cifar/resnet20"
    assert np.ptp([usual.probabilities["oracle"], report.probabilities["oracle"]], axis=0).max() > 1e-3


def test_predict_says_that_nobody_says(tmp_path: Path, tensors: Tensors, photo: Path) -> None:
    write_safetensors(tmp_path / "mine.safetensors", tensors, {})
    report = predict(tmp_path / "mine.safetensors", [photo], backends=["oracle"])
    assert report.preprocessing_source == "cifar/resnet20, as the file does not say"
    array = predict(tmp_path / "mine.safetensors", np.zeros((1, 32, 32, 3)), backends=["oracle"])
    assert array.preprocessing_source is None


# Folders of transformers'.


def folder_of(path: Path, preprocessor: dict[str, Any] | None) -> Path:
    write_config(path)
    write_safetensors(path / "model.safetensors", of_transformers(), {"format": "pt"})
    if preprocessor is not None:
        (path / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return path


def test_a_folder_has_what_its_image_processor_does(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "net", {"crop_pct": 0.9, "size": 180, "resample": 2, "do_normalize": False})
    rule, source = prepared(folder)
    assert source == "its preprocessor_config.json"
    assert (rule.resize, rule.size, rule.interpolation, rule.crop_offset) == (200, (180, 180), "bilinear", "floor")
    assert (rule.mean, rule.std) == ((0.0,) * 3, (255.0,) * 3)


def test_a_folder_without_one_has_what_is_usual(tmp_path: Path) -> None:
    usual = architecture("transformers/resnet-50").convention.preprocessing
    assert prepared(folder_of(tmp_path / "net", None)) == (usual, "")


def test_a_conversion_to_another_zoo_carries_it_along(tmp_path: Path) -> None:
    """A crop that cannot stand in the very middle is cut to a whole pixel there."""
    network = architecture("torchvision/resnet18", preprocessing=Preprocessing(resize=232).normalised("torch"))
    write_safetensors(tmp_path / "x.safetensors", plain(network), noted(network))
    convert(tmp_path / "x.safetensors", tmp_path / "net", to="transformers")
    rule, source = prepared(tmp_path / "net")
    assert source == "its preprocessor_config.json"
    assert rule == replace(network.convention.preprocessing, crop_offset="floor")
