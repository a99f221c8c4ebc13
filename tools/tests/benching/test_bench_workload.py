"""What all modes of a bench are given: images, labels and batches."""

from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import Architecture, architecture
from isomorph.tools.benching import workload as module
from isomorph.tools.benching.workload import Workload, draw_workload

from ..tensors import plain

TEN = architecture("cifar/resnet20")
NONE = architecture("cifar/resnet20", num_classes=None)


def drawn(folder: Path, *batches: int, training_batch: int | None = None, network: Architecture = TEN) -> Workload:
    """On images of 8x10, with tensors that are not drawn."""
    return draw_workload(network, (8, 10), batches, training_batch, 0, folder, None, plain(network))


@pytest.mark.parametrize(
    ("batches", "training_batch", "count"),
    [
        pytest.param((4, 1), None, 4, id="for the largest batch"),
        pytest.param((4, 1), 6, 6, id="for training, where its batch is larger"),
        pytest.param((4, 1), 3, 4, id="for answers, where theirs is"),
        pytest.param((1,), None, 2, id="two, on which statistics are calibrated"),
    ],
)
def test_as_many_images_are_drawn_as_are_needed(
    batches: tuple[int, ...], training_batch: int | None, count: int, tmp_path: Path
) -> None:
    found = drawn(tmp_path, *batches, training_batch=training_batch).images.open()
    assert found["images"].shape == (count, 8, 10, 3)
    assert found["labels"].shape == (count,)


@pytest.mark.parametrize(
    ("values", "count"), [(3 * 240, 3), (3 * 240 + 239, 3), (0, 2)], ids=["three", "not quite four", "two, however few"]
)
def test_no_more_are_drawn_than_fit_into_a_limit(
    values: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image has 240 values. Larger batches repeat them."""
    monkeypatch.setattr(module, "DRAWN", values)
    assert len(drawn(tmp_path, 16).images.open()["images"]) == count


def test_labels_are_of_all_classes(tmp_path: Path) -> None:
    assert np.unique(drawn(tmp_path, 256).images.open()["labels"]).tolist() == list(range(10))


def test_without_classes_labels_are_zero(tmp_path: Path) -> None:
    assert np.unique(drawn(tmp_path, 4, network=NONE).images.open()["labels"]).tolist() == [0]


def test_batches_are_in_ascending_order(tmp_path: Path) -> None:
    assert drawn(tmp_path, 4, 1, 2).batches == (1, 2, 4)
