"""Every report names a network in the same way, with what is not the named network's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec import architecture
from isomorph.tools import bench, check, check_training, convert, inspect, predict, run, show
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.designs.titles import title, width_of

from ..converted import named
from ..tensors import plain

NARROW = architecture("keras/MobileNet", width_multiplier=0.25, num_classes=3)
TITLE = "keras/MobileNet with width_multiplier 0.25"
ORACLE: dict[str, Any] = {"backends": ["oracle"], "size": (32, 32)}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("narrow") / "narrow.safetensors"
    write_safetensors(path, named(NARROW, "keras", plain(NARROW)), {})
    return path


REPORTS: dict[str, Callable[[Path], Any]] = {
    "check": lambda path: check(path, batch=1, **ORACLE),
    "check of two files": lambda path: check(path, path, batch=1, **ORACLE),
    "check of training": lambda _: check_training(NARROW, **ORACLE),
    "run": lambda path: run(path, backend="oracle", size=(32, 32), batch=1),
    "predict": lambda path: predict(path, np.zeros((1, 32, 32, 3), np.float32), backends=["oracle"], size=(32, 32)),
    "convert": lambda path: convert(path, path.with_name("narrow.h5"), force=True),
    "bench": lambda path: bench(
        path, modes=["eager"], batches=[1], training_batch=None, rounds=1, turn=0.0, product=64, **ORACLE
    ),
    "inspect": inspect,
    "show": lambda _: show(NARROW),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_a_report_says_how_wide_the_network_is(report: Callable[[Path], Any], narrow: Path) -> None:
    assert TITLE in " ".join(str(report(narrow)).split())


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("keras/MobileNet", {}, "keras/MobileNet"),
        ("keras/MobileNet", {"num_classes": 3}, "keras/MobileNet"),
        ("keras/MobileNet", {"alpha": 0.5}, "keras/MobileNet with width_multiplier 0.5"),
        ("keras/MobileNet", {"width_multiplier": 0.3}, "keras/MobileNet with width_multiplier 0.3"),
        ("torchvision/googlenet", {"aux_logits": False}, "torchvision/googlenet without auxiliary heads"),
        ("cifar/resnet20", {"output_stride": 1}, "cifar/resnet20"),
    ],
)
def test_a_title_is(name: str, options: dict[str, Any], words: str) -> None:
    assert title(architecture(name, **options)) == words


def test_a_network_of_your_own_has_its_own_width() -> None:
    own = type(NARROW)("mine/narrow", NARROW.stem, NARROW.blocks, NARROW.head, NARROW.convention)
    assert (title(own), width_of(own)) == ("mine/narrow", 1.0)
