"""transformers itself beside this package: each reads the other's folders, and both answer the same."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isomorph.spec import Architecture
from isomorph.tools import run
from isomorph.tools.checkpoints import read_checkpoint, write_transformers_folder
from isomorph.tools.checkpoints.transformers.config import read_config
from isomorph.tools.images.images import read_images

from ..command import environment
from ..tensors import Array
from ..transformers_folders import CONFIG, SMALL, tensors

IMAGES = np.random.default_rng(0).normal(size=(2, 40, 33, 3)).astype(np.float32)
PHOTOGRAPH = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)

NETWORKS: Mapping[str, dict[str, Any]] = {
    "bottlenecks": {},
    "the stride in the first 1x1": {"downsample_in_bottleneck": True},
    "basic units, striding at once": {
        "layer_type": "basic",
        "hidden_sizes": [16, 32],
        "downsample_in_first_stage": True,
    },
}


FIRST, *OTHERS = (pytest.param(fields, id=name) for name, fields in NETWORKS.items())


@pytest.fixture(
    scope="module",
    params=[FIRST, *(pytest.param(*other.values, id=other.id, marks=pytest.mark.thorough) for other in OTHERS)],
)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both have written their folders, and transformers its answers."""
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        pytest.skip("needs transformers, with PyTorch")
    path = tmp_path_factory.mktemp("peer")
    config = {**CONFIG, **request.param}
    network = read_config(config)
    write_transformers_folder(path / "ours", tensors(network), network)
    np.save(path / "images.npy", IMAGES)
    Image.fromarray(PHOTOGRAPH).save(path / "photograph.png")
    (path / "theirs.json").write_text(json.dumps(config))
    script = Path(__file__).parents[1] / "transformers_peer.py"
    done = subprocess.run(
        [sys.executable, script],
        cwd=path,
        env=environment(HF_HUB_OFFLINE="1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return path


@pytest.fixture
def answers(folder: Path) -> Mapping[str, Array]:
    with np.load(folder / "answers.npz") as found:
        return dict(found)


def network(folder: Path) -> Architecture:
    return read_config(json.loads((folder / "theirs.json").read_text()))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param("ours", "ours", id="what this package wrote"),
        pytest.param("ours", "auto", id="what this package wrote, by AutoModelForImageClassification"),
        pytest.param("theirs", "theirs", id="what transformers saved in several files"),
        pytest.param("bin", "theirs", id="what PyTorch saved"),
    ],
)
def test_both_answer_the_same_to(name: str, answer: str, folder: Path, answers: Mapping[str, Array]) -> None:
    report = run(folder / name, backend="oracle", dtype="float64", images=IMAGES)
    assert report.architecture == SMALL.name
    np.testing.assert_allclose(report.end_points["logits"][:, 0, 0], answers[answer], rtol=1e-10, atol=1e-12)


def test_several_files_are_what_transformers_saved(folder: Path) -> None:
    assert len(read_checkpoint(folder / "theirs").shards) > 1


def test_the_image_processor_does_what_the_preprocessing_does(folder: Path, answers: Mapping[str, Array]) -> None:
    own = read_images([folder / "photograph.png"], network(folder))
    np.testing.assert_allclose(answers["photograph"], own, rtol=0, atol=1e-5)
