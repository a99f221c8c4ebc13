"""`bench` in the frameworks: their zoos' networks with the same weights, training, autocast. No speed is asserted."""

from typing import Any

import pytest

from ..benched import quick

IN_PRECISION = {"eager": "float32", "zoo": "float32", "eager-bfloat16": "bfloat16", "eager-nhwc": "float32"}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("backend", "network", "modes", "zoo"),
    [
        pytest.param(
            "pytorch", "torchvision/resnet18", ["eager", "eager-bfloat16"], ("torchvision", "a plain"), id="pytorch"
        ),
        pytest.param("keras", "keras/MobileNet", ["eager"], ("keras.appl",), id="keras"),
        pytest.param(
            "paddle",
            "torchvision/resnet18",
            ["eager", "eager-nhwc"],
            ("paddle.vision",),
            id="paddle",
        ),
    ],
)
def test_modes_and_the_zoos_network_answer_alike_and_are_trained(
    backend: str, network: str, modes: list[str], zoo: tuple[str, ...]
) -> None:
    report = quick(*modes, backend=backend, network=network, size=(64, 64), rounds=1, num_classes=10, threads=1)
    assert [(row.mode, row.status, row.message) for row in report.rows] == [
        (mode, "measured", "") for mode in (*modes, "zoo")
    ]
    for row in report.rows:
        assert row.noise_ratio is not None, "the zoo's network has other weights than ours"
        assert row.noise_ratio <= 8
        assert row.precision == IN_PRECISION[row.mode]
        assert [(timing.work, timing.batch) for timing in row.timings] == [
            ("inference", 1),
            ("inference", 2),
            ("training", 2),
        ]
        assert row.memory and row.training_memory and row.threads == 1
        assert (row.disk is None) == (row.mode == "zoo")
    assert report.rows[-1].lines.startswith(zoo)
    assert "for training, steps of SGD" in str(report)
    assert {limit.precision for limit in report.limits} == {IN_PRECISION[mode] for mode in modes}
    ratio = report.ranking.ratio(report.rows[0])
    assert ratio and ratio.median > 0


@pytest.mark.thorough
def test_a_batch_that_does_not_fit_in_a_frameworks_memory_costs_its_figures_alone() -> None:
    asked: dict[str, Any] = {"size": (128, 128), "batches": [256], "training_batch": None, "rounds": 1, "threads": 1}
    report = quick("eager", backend="pytorch", memory=0.7 * 2**30, **asked)  # one map of the first block has 0.25 GiB
    for row in report.rows:
        assert [timing.batch for timing in row.timings] == [1]
        assert row.message.startswith("not at 256 images: ")
    assert report.exit_status == 0
