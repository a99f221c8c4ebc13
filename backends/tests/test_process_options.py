"""What crosses to a backend's process beside tensors and end points: options, answers, the environment."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import Unavailable, load_backend
from isomorph.backends.process import CORES, ENVIRONMENT, TF32_OVERRIDE, BackendProcess
from isomorph.spec import Architecture, BadInput

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]

PROCESSES = Path("/proc")


@pytest.mark.parametrize("shared", [False, True], ids=["given", "shared"])
@pytest.mark.parametrize("fold_batch_norm", [False, True], ids=["with batch norms", "with folded batch norms"])
def test_an_answer_in_a_process_is_the_same_as_one_here(
    fold_batch_norm: bool, shared: bool, tiny: Architecture, weights: Weights
) -> None:
    images = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).transpose(0, 2, 1, 3)  # not contiguous
    options: dict[str, Any] = {"layout": "NHWC", "fold_batch_norm": fold_batch_norm}
    here = load_backend("oracle").build(tiny, dtype="float64", **options)
    here.load(weights(tiny))
    with BackendProcess("oracle", timeout=60) as process:
        network = process.build(tiny, dtype="float64", **options)
        network.load(weights(tiny))
        answer = network.answer(process.share({"images": images}) if shared else images)
        assert list(network.tensors()) == list(here.tensors())
    assert np.array_equal(answer, here.answer(images))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param({"layout": "HWCN"}, BadInput, "There is no layout 'HWCN'; there are NCHW, NHWC.", id="a layout"),
        pytest.param(
            {"compiled": True}, Unavailable, "The oracle is plain NumPy and has no compiler.", id="a compiler"
        ),
        pytest.param(
            {"training": True, "fold_batch_norm": True},
            BadInput,
            "Folded batch norms are for inference; a network that is to be trained needs its own.",
            id="training",
        ),
    ],
)
def test_what_build_refuses_crosses_as_itself(
    options: dict[str, Any], error: type[Exception], message: str, tiny: Architecture
) -> None:
    with BackendProcess("oracle", timeout=60) as process, pytest.raises(error) as caught:
        process.build(tiny, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("set_here", "expected"),
    [
        pytest.param({}, ENVIRONMENT, id="unless it is set"),
        pytest.param({"OMP_NUM_THREADS": "3"}, ENVIRONMENT | {"OMP_NUM_THREADS": "3"}, id="and left as it is if it is"),
    ],
)
def test_the_environment_is_set(
    set_here: dict[str, str], expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    for name, value in set_here.items():
        monkeypatch.setenv(name, value)
    found = environment_of_a_process(tmp_path)
    assert {name: found.get(name) for name in expected} == expected
    assert ENVIRONMENT["OMP_NUM_THREADS"] == str(CORES)


@pytest.mark.parametrize("set_here", [None, "0"], ids=["as it is", "where this process does"])
def test_where_tf32_is_wanted_the_environment_does_not_forbid_it(
    set_here: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if set_here:
        monkeypatch.setenv(TF32_OVERRIDE, set_here)
    found = environment_of_a_process(tmp_path, tf32=True)
    assert TF32_OVERRIDE not in found
    assert found["CUBLAS_WORKSPACE_CONFIG"] == ENVIRONMENT["CUBLAS_WORKSPACE_CONFIG"]


def environment_of_a_process(folder: Path, tf32: bool = False) -> dict[str, str]:
    python, seen = folder / "python", folder / "environment"
    python.write_text(f'#!/bin/sh\nenv > "{seen}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    with BackendProcess("oracle", python=str(python), timeout=60, tf32=tf32) as process:
        process.describe()
    return dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)


def threads_of_paddle(count: int, architecture: Architecture, monkeypatch: pytest.MonkeyPatch) -> int:
    """The threads of a process that has computed an answer with `count` of them."""
    monkeypatch.setenv("OMP_NUM_THREADS", str(count))
    with BackendProcess("paddle", timeout=120) as process:
        process.build(architecture, compiled=True).answer(np.ones((2, 33, 33, 3)))
        return len(list((PROCESSES / str(process._process.pid) / "task").iterdir()))


@pytest.mark.thorough  # it starts Paddle twice; that the variable is left as it is stands for it
@pytest.mark.skipif(not PROCESSES.exists(), reason="only Linux tells how many threads a process has")
def test_paddle_computes_with_as_many_threads_as_it_is_told(
    designs: dict[str, Architecture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paddle sets OMP_NUM_THREADS to 1 for itself if nobody did."""
    one, three = (threads_of_paddle(count, designs["slim"], monkeypatch) for count in (1, 3))
    assert three - one >= 2
