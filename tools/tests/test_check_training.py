"""`check --training`: what it compares and reports, what it tells apart, and what it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from isomorph.spec import BadInput, architecture, tensor_shapes
from isomorph.spec.tensors import is_trainable
from isomorph.tools import TrainingReport, check_training

from .command import isomorph, refused_here

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
    assert first.message.startswith(f"{tensor} is the first to part, by ")
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
    "a second file": ((*SMALL[:1], "x.npz", *SMALL[1:]), "--training draws its own images and weights; leave a second"),
    "images": ((*SMALL, "--images", "x.npy"), "--training draws its own images and weights; leave --images out."),
    "a dtype": ((*SMALL, "--dtype", "float16"), "--training compares float64 and float32; leave --dtype float16 out."),
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
