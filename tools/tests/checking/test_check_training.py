"""`check --training`: what it compares and reports, what it tells apart, and what it refuses."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.memory import Sizes, fit_at_once, training_process
from isomorph.spec import BadInput, architecture, tensor_shapes
from isomorph.spec.tensors import is_trainable
from isomorph.tools import TrainingReport, check_training
from isomorph.tools.checkpoints import sha256, write_safetensors

from ..command import isomorph, refused_here
from ..converted import R20, named

pytestmark = pytest.mark.usefixtures("empty_folder")

R8 = "mlperf_tiny/resnet8"
SMALL = (R8, "--training", "--input", "8x10", "--backends", "oracle")

QUANTITIES = [
    ("gradients", "float64"),
    ("statistics after 1 batch", "float64"),
    ("statistics after 10 batches", "float64"),
    ("step 1", "float64"),
    ("step 2", "float64"),
    ("gradients", "float32"),
    ("statistics after 1 batch", "float32"),
    ("statistics after 10 batches", "float32"),
]


def check_small(**more: Any) -> TrainingReport:
    given: dict[str, Any] = {"backends": ["oracle"], "size": (8, 10), "seed": 3}
    return check_training(R8, **(given | more))


@pytest.fixture(scope="module")
def report() -> TrainingReport:
    return check_small()


def test_everything_is_compared_tensor_by_tensor(report: TrainingReport) -> None:
    (row,) = report.backends
    assert [(run.quantity, run.dtype) for run in row.runs] == QUANTITIES
    gradients = [tensor.name for tensor in row.runs[0].tensors]
    learned = [name for name in tensor_shapes(architecture(R8)) if is_trainable(name)]
    assert gradients == ["loss", *reversed(learned), "images"]
    assert (report.agree, report.exit_status, report.input) == (True, 0, (4, 8, 10, 3))


def test_it_prints_itself_within_80_columns(report: TrainingReport) -> None:
    lines = [line.rstrip() for line in str(report).splitlines()]
    assert lines[:3] == [f"training {R8}", "input       4x8x10x3", "drawn       images, labels and weights, seed 3"]
    assert max(map(len, lines)) <= 80
    assert str(report).count("PASS") == len(QUANTITIES) + 1


def test_json_has_every_tensor(report: TrainingReport) -> None:
    document = json.loads(report.to_json())
    assert document["agree"] is True
    (row,) = document["backends"]
    first = row["runs"][0]["tensors"][0]
    assert first.keys() == {"name", "shape", "error", "limit", "is_zero", "verdict"}
    assert (first["name"], first["verdict"]) == ("loss", "pass")


def test_what_the_device_computed_in_is_proved(report: TrainingReport) -> None:
    assert {run.dtype: run.precision for run in report.backends[0].runs} == {"float64": "float64", "float32": "float32"}


def test_a_coarser_precision_is_told(report: TrainingReport) -> None:
    (row,) = report.backends
    runs = tuple(replace(run, precision="tf32") if run.dtype == "float32" else run for run in row.runs)
    coarse = replace(report, backends=(replace(row, runs=runs),))
    assert "oracle float32: the device proved to compute in tf32" in str(coarse)


@pytest.mark.parametrize(("memory", "processes"), [(None, 3), (1e12, 3), (1.3e9, 2), (1.0, 1)])
def test_as_many_backends_train_at_a_time_as_memory_holds(memory: float | None, processes: int) -> None:
    assert fit_at_once(training_process(Sizes.of(architecture(R8), 4, 8, 10)), memory, 3) == processes


def test_frozen_batch_norms_are_compared_too() -> None:
    found = check_small(freeze_batch_norm=True)
    assert found.agree, str(found)
    assert "batch norms  frozen" in str(found)
    gradients = {tensor.name for tensor in found.backends[0].runs[0].tensors}
    assert not any("BatchNorm" in name for name in gradients)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of R20."""
    path = tmp_path_factory.mktemp("file") / "r20.safetensors"
    write_safetensors(path, named(R20, "cifar", draw_tensors(R20, draw_images(R20, 2, 16, 20))), {})
    return path


def test_a_file_is_trained_from_its_own_tensors(file: Path) -> None:
    found = check_training(file, backends=["oracle"], size=(16, 20), seed=3)
    assert found.agree, str(found)
    lines = [line.rstrip() for line in str(found).splitlines()]
    assert lines[2:4] == [f"weights     {file}", "drawn       images and labels, seed 3"]
    weights = json.loads(found.to_json())["weights"]
    assert weights == {"source": str(file), "sha256": sha256(file)}


def test_dropout_has_a_row_for_each_layer() -> None:
    """The oracle has no masks, and says so."""
    found = check_training(architecture(R8, dropout=0.5), backends=["oracle"], size=(8, 10))
    last = found.backends[0].runs[-1]
    assert (last.quantity, last.verdict) == ("dropout", "unavailable")
    assert last.message.startswith("The oracle draws no masks")
    assert found.agree


PLANTS = {
    "batch_norm_decay": (0.875, "statistics after 1 batch", "conv1/BatchNorm/moving_mean"),
    "running_variance": ("unbiased", "statistics after 1 batch", "conv1/BatchNorm/moving_variance"),
    "batch_norm_epsilon": (2e-3, "gradients", "loss"),
}


@pytest.mark.parametrize("field", PLANTS)
def test_the_first_quantity_and_tensor_that_part_are_named(field: str) -> None:
    value, quantity, tensor = PLANTS[field]
    found = check_small(plant={field: value})
    (row,) = found.backends
    first = next(run for run in row.runs if run.verdict == "fail")
    assert (first.quantity, first.dtype, first.first_divergence) == (quantity, "float64", tensor)
    assert first.message.startswith(f"{tensor} is the first to differ, by ")
    assert (found.agree, found.exit_status) == (False, 1)


def test_a_backend_that_cannot_be_trained_says_so(install: Callable[[str], str]) -> None:
    found = check_small(backends=[install("misbehaving:raise Unavailable@build")])
    (row,) = found.backends
    assert row.status == "unavailable"
    assert {run.verdict for run in row.runs} == {"unavailable"}
    assert found.exit_status == 3


def test_the_command_prints_tensors_and_writes_json() -> None:
    done = isomorph("check", *SMALL, "--end-points", "--json", "x.json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[:3] for line in lines if line.startswith("gradients in")] == [
        ["gradients", "in", "float64"],
        ["gradients", "in", "float32"],
    ]


REFUSALS = {
    "a second file": ((*SMALL[:1], "x.npz", *SMALL[1:]), "--training draws its own images; leave a second"),
    "images": ((*SMALL, "--images", "x.npy"), "--training draws its own images; leave --images out."),
    "a dtype": ((*SMALL, "--dtype", "float16"), "--training compares float64 and float32; leave --dtype float16 out."),
    "freezing without training": (
        (R8, "--freeze-batch-norm", "--input", "8x10", "--backends", "oracle"),
        "--freeze-batch-norm is about training; give --training, too, or leave it out.",
    ),
    "no images in a batch": ((*SMALL, "--batch", "0"), "A batch of 0 images was asked for; expected at least one."),
    "images of no height": ((*SMALL, "--input", "0x5"), f"Images of 0x5 are too small for {R8}: "),
    "a seed below zero": ((*SMALL, "--seed", "-1"), "The seed -1 is out of range; expected 0 to 2^64 - 1."),
    "no such output stride": ((*SMALL, "--output-stride", "3"), "The target output_stride cannot be reached"),
    "no such file": (("./x.pth", *SMALL[1:]), "x.pth: there is no such file"),
    "no classes": ((*SMALL, "--num-classes", "none"), f"{R8} has no classes to learn: it needs num_classes and a"),
    "no pool": ((*SMALL, "--no-global-pool"), f"{R8} has no classes to learn: it needs num_classes and a pool"),
    "one value in a batch norm": (
        (R8, "--training", "--input", "1x1", "--backends", "oracle", "--batch", "1"),
        f"conv1 of {R8} has one value in each channel of this batch, which has no variance; larger images or",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_bad_input_is_one_sentence(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, begins = REFUSALS[what]
    assert refused_here(capsys, "check", *arguments).startswith(begins)


def test_a_network_is_taken_as_an_object() -> None:
    found = check_training(architecture(R8), backends=["oracle"], size=(8, 10), seed=3, num_classes=7)
    assert found.agree, str(found)


def test_a_planted_field_that_there_is_not() -> None:
    with pytest.raises(BadInput, match=r"has no option 'epsilon'"):
        check_small(plant={"epsilon": 1})
