"""What `run` recorded elsewhere beside what runs here: matched, judged, shown."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from isomorph.backends.oracle.backend import Oracle
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.spec import BadInput, architecture
from isomorph.tools import CheckReport, RunReport, check, run
from isomorph.tools.recording.npz import read_record
from isomorph.tools.recording.record import write_end_points

R20 = architecture("cifar/resnet20")
SMALL: dict[str, Any] = {"size": (8, 10), "batch": 1}
SEED = 3
ON_A_GPU: dict[str, Any] = {"device": "gpu", "device_name": "NVIDIA H200", "version": "9.9+cu"}


@pytest.fixture(scope="module")
def report() -> RunReport:
    return run(R20, backend="oracle", seed=SEED, **SMALL)


@pytest.fixture(scope="module")
def recorded(report: RunReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As if a GPU had computed it."""
    path = tmp_path_factory.mktemp("recorded") / "y.npz"
    write_end_points(path, report.end_points, replace(report.record, backend="pytorch", **ON_A_GPU))
    return path


def check_recorded(*references: Path, **more: Any) -> CheckReport:
    return check(R20, backends=["oracle"], references=references, **({"seed": SEED} | SMALL | more))


def test_a_record_says_all_that_its_end_points_depend_on(report: RunReport, recorded: Path) -> None:
    record, end_points = read_record(recorded)
    assert record == replace(report.record, backend="pytorch", **ON_A_GPU)
    assert (record.architecture, record.input, record.dtype, record.precision) == (R20, (1, 8, 10, 3), *["float32"] * 2)
    assert list(end_points) == list(report.end_points)
    assert all(np.array_equal(value, report.end_points[name]) for name, value in end_points.items())


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_other_precisions_are_recorded_without_loss(dtype: str, tmp_path: Path) -> None:
    report = run(R20, backend="oracle", dtype=dtype, **SMALL)
    write_end_points(tmp_path / "y.npz", report.end_points, report.record)
    record, end_points = read_record(tmp_path / "y.npz")
    assert (record.dtype, record.precision) == (dtype, dtype)
    assert all(np.array_equal(value, report.end_points[name]) for name, value in end_points.items())


def test_it_stands_beside_what_runs_here(recorded: Path) -> None:
    report = check_recorded(recorded)
    live, row = report.backends
    assert (report.agree, live.name, row.name) == (True, "oracle", "pytorch, recorded")
    assert (row.version, row.device, row.device_name, row.status) == ("9.9+cu", "gpu", "NVIDIA H200", "pass")
    assert row.logits_shape == live.logits_shape
    (verdict,) = row.runs
    same = next(each for each in live.runs if each.dtype == "float32")
    assert [point.rel_l2 for point in verdict.end_points] == [point.rel_l2 for point in same.end_points]
    assert {point.local_noise_ratio for point in verdict.end_points} == {None}


def test_it_is_judged_in_its_own_precision(report: RunReport, recorded: Path, tmp_path: Path) -> None:
    double = run(R20, backend="oracle", dtype="float64", seed=SEED, **SMALL)
    write_end_points(tmp_path / "double.npz", double.end_points, double.record)
    claimed = replace(report.record, dtype="float64", precision="float64")
    wide = {name: value.astype(np.float64) for name, value in report.end_points.items()}
    write_end_points(tmp_path / "claimed.npz", wide, claimed)
    rows = check_recorded(tmp_path / "double.npz", tmp_path / "claimed.npz", recorded).backends[1:]
    assert [(row.runs[0].dtype, row.status) for row in rows] == [
        ("float64", "pass"),
        ("float64", "fail"),  # float32's values, whatever the record claims
        ("float32", "pass"),
    ]


def test_what_parts_there_fails_here(report: RunReport, tmp_path: Path) -> None:
    part = next(name for name in report.end_points if name.startswith("block2/") and name.endswith("conv1"))
    wrong = {name: value * (1.001 if name == part else 1) for name, value in report.end_points.items()}
    write_end_points(tmp_path / "y.npz", wrong, report.record)
    found = check_recorded(tmp_path / "y.npz")
    assert (found.agree, found.backends[1].runs[0].first_divergence) == (False, part)
    assert found.backends[1].runs[0].message.startswith(f"{part} is the first to differ, by ")


def test_maps_of_another_shape_fail(report: RunReport, tmp_path: Path) -> None:
    wrong = {name: value[:, 1:] if name == "conv1" else value for name, value in report.end_points.items()}
    write_end_points(tmp_path / "y.npz", wrong, report.record)
    row = check_recorded(tmp_path / "y.npz").backends[1]
    assert (row.status, row.runs[0].message) == ("fail", "conv1 is 1x7x10x16, the oracle's is 1x8x10x16")


def test_it_is_printed_and_written(recorded: Path) -> None:
    report = check_recorded(recorded, recorded)
    text = str(report)
    assert max(map(len, text.splitlines())) <= 80
    assert "pytorch, recorded  9.9+cu" in text
    assert "gpu         NVIDIA H200" in text
    rows = json.loads(report.to_json())["backends"]
    assert [row["recorded"] and row["recorded"]["file"] for row in rows] == [None, str(recorded), str(recorded)]
    assert rows[1]["recorded"].keys() == {"file", "isomorph", "python", "system"}


OTHER: dict[str, tuple[dict[str, Any], str]] = {
    "other images": (
        {"seed": 4},
        "was recorded on other images (drawn, seed 3, 1x8x10x3) than these (drawn, seed 4, 1x8x10x3); give the same"
        " seed and size, or the same files.",
    ),
    "images of another size": (
        {"size": (8, 11)},
        "was recorded on other images (drawn, seed 3, 1x8x10x3) than these (drawn, seed 3, 1x8x11x3); give the same"
        " seed and size, or the same files.",
    ),
    "other options": (
        {"output_stride": 2},
        "was recorded of another cifar/resnet20: output_stride none there and 2 here; give the same options, or record"
        " it again.",
    ),
    "another epsilon": (
        {"batch_norm_epsilon": 1e-3},
        "was recorded of another cifar/resnet20: batch_norm_epsilon 1e-05 there and 0.001 here; give the same options,"
        " or record it again.",
    ),
}


@pytest.mark.parametrize("what", OTHER)
def test_it_is_refused_with(what: str, recorded: Path) -> None:
    options, message = OTHER[what]
    with pytest.raises(BadInput) as refused:
        check_recorded(recorded, **options)
    assert str(refused.value) == f"{recorded} {message}"


def test_it_is_refused_with_another_architecture(recorded: Path) -> None:
    with pytest.raises(BadInput, match=r"y\.npz was recorded of cifar/resnet20, not of cifar/resnet32; name that one"):
        check("cifar/resnet32", backends=["oracle"], references=[recorded], **SMALL)


def test_it_is_refused_with_other_weights(report: RunReport, recorded: Path) -> None:
    """The same images, given as an array, and weights that were drawn from another seed."""
    images = np.random.default_rng(0).normal(size=(1, 8, 10, 3)).astype(np.float32)
    mine = run(R20, backend="oracle", images=images, seed=1)
    write_end_points(recorded.with_name("own.npz"), mine.end_points, mine.record)
    given: dict[str, Any] = {"backends": ["oracle"], "images": images, "references": [recorded.with_name("own.npz")]}
    assert check(R20, seed=1, **given).agree is True
    with pytest.raises(BadInput, match=r"was recorded with other weights \(drawn, seed 1\) than these \(drawn, seed 2"):
        check(R20, seed=2, **given)


def test_it_does_not_go_with_two_files(recorded: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    save_file(Oracle().build(R20).tensors(), weights)
    with pytest.raises(BadInput, match="was recorded of one network; compare it with one checkpoint, not with two"):
        check(weights, weights, arch="cifar/resnet20", backends=["oracle"], references=[recorded])


@pytest.mark.filterwarnings("ignore:The values of .* do not agree:UserWarning")  # statistics of one image of 8x10
def test_digests_do_not_depend_on_the_file(recorded: Path, tmp_path: Path) -> None:
    """Weights drawn there, and read from a file of the same here."""
    images = draw_images(R20, 1, 8, 10, SEED)
    np.save(tmp_path / "images.npy", images)
    save_file(draw_tensors(R20, images, SEED), tmp_path / "weights.safetensors")
    found = check(
        tmp_path / "weights.safetensors",
        arch="cifar/resnet20",
        backends=["oracle"],
        images=[str(tmp_path / "images.npy")],
        references=[recorded],
    )
    assert (found.agree, found.backends[1].name) == (True, "pytorch, recorded")
