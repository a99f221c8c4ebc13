"""What `bench` measures beside drawn networks in float32: checkpoints, TF32, and batches that do not fit in memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendFailed, BackendProcess
from isomorph.spec import BadInput
from isomorph.tools import bench
from isomorph.tools.benching.bench import WORKER
from isomorph.tools.benching.competitors import Described, describe
from isomorph.tools.benching.modes import choose_modes
from isomorph.tools.benching.results import ModeResult
from isomorph.tools.checkpoints import sha256

from ..benched import QUICK, quick
from ..converted import of_cifar

Install = Callable[[str], str]


def test_a_file_is_measured_with_its_own_tensors(tmp_path: Path) -> None:
    file = of_cifar(tmp_path / "weights.safetensors")
    report = quick("eager", network=str(file), rounds=1, training_batch=None)
    (row,) = report.rows
    assert (report.architecture, report.weights.source, row.status) == ("cifar/resnet20", str(file), "measured")
    assert report.input == (8, 10, 3)
    assert report.weights.sha256 == sha256(file)


def test_an_option_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    file = of_cifar(tmp_path / "weights.safetensors")
    with pytest.raises(BadInput, match=r"The num_classes of .* is 10, not 7; leave the option out"):
        quick("eager", network=str(file), num_classes=7)


def test_tf32_is_unavailable_on_a_cpu() -> None:
    report = quick("eager-tf32", "eager", rounds=1, training_batch=None)
    assert [(row.mode, row.status) for row in report.rows] == [("eager", "measured"), ("eager-tf32", "unavailable")]
    assert report.rows[1].message == "TF32 is a precision of GPUs, and oracle runs on the CPU here."


def test_without_a_gpu_tf32_is_left_out_unless_it_is_named() -> None:
    asked, _ = choose_modes(["eager", "eager-tf32"])
    found = describe(BackendProcess("oracle", worker=WORKER), asked, "auto", named=False)
    assert ([mode.name for mode, _ in found.modes], found.rows) == (["eager"], ())


class Refusing(AbstractContextManager["Refusing"]):
    """A backend's process that offers nothing."""

    name = "paddle"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __exit__(self, *_: object) -> None:
        """Nothing has to end."""

    def call(self, _method: str, **_: Any) -> NoReturn:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"), [(Unavailable("It has no GPU."), "unavailable"), (BackendFailed("It ended."), "error")]
)
def test_a_backend_that_offers_nothing_is_a_row_as_a_whole(error: Exception, status: str) -> None:
    process: Any = Refusing(error)
    found = describe(process, choose_modes(None)[0], "gpu", named=False)
    assert found == Described("paddle", "gpu", (), (ModeResult("paddle", "", status, str(error)),))  # type: ignore[arg-type]


def test_tf32_on_a_gpu_has_a_process_and_a_limit_of_its_own(install: Install) -> None:
    name = install("misbehaving:GPU")
    report = quick("eager", "eager-tf32", backend=name, rounds=1, training_batch=None)
    assert [(row.mode, row.status, row.precision) for row in report.rows] == [
        ("eager", "measured", "float32"),
        ("eager-tf32", "measured", "tf32"),
    ]
    exact, rounded = report.rows
    assert exact.noise_ratio and rounded.noise_ratio
    assert rounded.noise_ratio < exact.noise_ratio / 1000  # it is held against the noise of eleven bits
    assert [limit.precision for limit in report.limits] == ["float32", "tf32"]
    assert rounded.lines.startswith(f'load_backend("{name}").use_tf32()\n')


LARGE = 512
"""Images of 32x32: a map of ResNet-20's first block, 3x3 windows of which the oracle multiplies, has 300 MB."""


def test_a_batch_that_does_not_fit_costs_its_figures_and_no_others() -> None:
    asked = QUICK | {"size": (32, 32), "batches": [LARGE], "training_batch": None, "rounds": 1}
    report = bench("cifar/resnet20", backends=["oracle"], modes=["eager"], memory=2**28, **asked)
    (row,) = report.rows
    assert [(timing.batch, len(timing.rounds)) for timing in row.timings] == [(1, 1)]
    assert row.message.startswith(f"not at {LARGE} images: prepare_answers failed: ran out of memory")
    assert (row.status, report.exit_status) == ("measured", 0)
    assert f"oracle eager: not at {LARGE} images" in " ".join(str(report).split())


def test_a_batch_whose_images_alone_do_not_fit_is_not_drawn() -> None:
    room = 2**28
    report = quick("eager", batches=[10**7, 10**8], training_batch=10**9, rounds=1, memory=room)
    (row,) = report.rows
    assert [timing.batch for timing in row.timings] == [1]
    assert row.message == (
        "not at 10000000 images or more: they alone take 8.9 GiB, and a process may take 0.2; not trained at"
        " 1000000000 images: they alone take 894.1 GiB, and a process may take 0.2"
    )
    assert report.exit_status == 0


def test_images_of_which_none_fits_are_refused() -> None:
    with pytest.raises(BadInput) as caught:
        quick("eager", size=(100_000, 100_000), memory=2**30)
    assert str(caught.value) == (
        "Images of 100000x100000 are too large: one alone takes 111.8 GiB, and a process may take 1.0; expected smaller"
        " ones."
    )


def test_a_batch_that_ends_the_process_leaves_smaller_ones(install: Install) -> None:
    report = quick("eager", backend=install("misbehaving:abort@4 images"), batches=[2, 4, 8], training_batch=None)
    (row,) = report.rows
    assert [timing.batch for timing in row.timings] == [1, 2]
    assert row.message.startswith("not at 4 images or more: prepare_answers, the process was ended by SIGABRT")


def test_a_limit_that_no_process_could_keep_is_refused() -> None:
    with pytest.raises(BadInput, match="The memory limit is 0 bytes"):
        quick("eager", memory=0)
