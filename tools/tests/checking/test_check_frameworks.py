"""`check` in the real frameworks: honest ones pass on published weights, and a fault is named where it was planted.

A check is one test, as starting the frameworks is what takes its time; it compares all their rows at once.
"""

from pathlib import Path
from typing import Any

import pytest

from isomorph.conformance.small_networks import slim_small
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import architecture, count_parameters
from isomorph.tools import BackendReport, CheckReport, check
from isomorph.tools.subjects.backends import COMPARED


def outcomes(row: BackendReport) -> list[tuple[str, str | None, str, str | None]]:
    """Of each run: dtype, proved precision, verdict and first end point that parts."""
    return [(run.dtype, run.precision, run.verdict, run.first_divergence) for run in row.runs]


PASSES = [("float64", "float64", "pass", None), ("float32", "float32", "pass", None)]


def test_published_weights_tell_their_architecture_and_pass_in_every_backend(shared: Path) -> None:
    path = shared / "weights" / "cifar_pytorch" / "resnet56-4bfd9763.th"
    report = check(path, size=(24, 32), batch=1)
    assert (report.architecture, report.agree, report.exit_status) == ("cifar/resnet56", True, 0)
    assert report.weights.source == str(path)
    assert report.weights.sha256.startswith("4bfd9763")  # as its name says
    assert {row.name: outcomes(row) for row in report.backends} == dict.fromkeys(COMPARED, PASSES)
    facts = {row.name: (row.status, row.message, row.parameters, row.logits_shape) for row in report.backends}
    _, parameters = count_parameters(architecture("cifar/resnet56"))
    assert facts == dict.fromkeys(COMPARED, ("pass", "", parameters, (1, 1, 1, 10)))


def planted(**fault: Any) -> CheckReport:
    report = check(slim_small(), size=(32, 32), batch=1, plant=fault)
    assert (report.agree, report.exit_status, report.planted) == (False, 1, fault)
    assert {row.name: (row.status, row.message) for row in report.backends} == dict.fromkeys(COMPARED, ("fail", ""))
    return report


@pytest.mark.thorough
def test_a_stride_that_moved_to_the_first_1x1_is_found_where_the_map_shrinks() -> None:
    report = planted(bottleneck_stride="conv1")
    first = "block1/unit_3/bottleneck_v1/conv1"  # slim strides in a block's last unit
    fails = [(dtype, dtype, "fail", first) for dtype in ("float64", "float32")]
    assert {row.name: outcomes(row) for row in report.backends} == dict.fromkeys(COMPARED, fails)
    messages = {run.message for row in report.backends for run in row.runs}
    assert messages == {f"{first} is 1x4x4x1, the oracle's is 1x8x8x1"}


@pytest.mark.thorough
def test_an_explicitly_padded_pool_is_found_at_the_pool() -> None:
    """On an image of even sides SAME pads at the end alone."""
    report = planted(pool_padding="explicit")
    fails = [(dtype, dtype, "fail", "pool1") for dtype in ("float64", "float32")]
    assert {row.name: outcomes(row) for row in report.backends} == dict.fromkeys(COMPARED, fails)
    messages = [run.message for row in report.backends for run in row.runs]
    assert [message for message in messages if not message.endswith(": the error is born there")] == []


@pytest.mark.thorough
def test_epsilon_1_001e_5_is_found_in_float64_and_lost_in_float32s_noise() -> None:
    report = planted(batch_norm_epsilon=1.001e-5)
    expected = [("float64", "float64", "fail", "conv1"), ("float32", "float32", "pass", None)]
    assert {row.name: outcomes(row) for row in report.backends} == dict.fromkeys(COMPARED, expected)
    worst = {(row.name, run.dtype): run.worst.noise_ratio for row in report.backends for run in row.runs if run.worst}
    assert len(worst) == 2 * len(COMPARED)
    assert {key: ratio for key, ratio in worst.items() if key[1] == "float64" and ratio < 1e6} == {}
    assert {key: ratio for key, ratio in worst.items() if key[1] == "float32" and ratio > FLOORS / 2} == {}


@pytest.mark.thorough
def test_a_dtype_that_one_framework_lacks_is_unavailable_there_and_compared_in_the_others() -> None:
    report = check(slim_small(), size=(64, 64), dtype="bfloat16", device="cpu")
    passes = [PASSES[0], ("bfloat16", "bfloat16", "pass", None)]
    lacks = [PASSES[0], ("bfloat16", None, "unavailable", None)]
    assert {row.name: (row.status, outcomes(row)) for row in report.backends} == {
        "pytorch": ("pass", passes),
        "keras": ("pass", passes),
        "paddle": ("unavailable", lacks),
    }
    (paddle,) = (row for row in report.backends if row.name == "paddle")
    assert "has no bfloat16" in paddle.runs[1].message
    assert (report.agree, report.exit_status) == (True, 0)
