"""Commands and oracles that run as forks do what they do where they are started: the tests of this floor lean on it."""

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from forks.oracle import start_process
from isomorph.backends import process
from isomorph.backends.process import BackendEnded, BackendProcess
from isomorph.conformance.cases import draw_images
from isomorph.spec import architecture

from .command import COMMAND, WARM, children, environment, gone, isomorph, wait_for

pytestmark = pytest.mark.usefixtures("empty_folder")

R8 = architecture("mlperf_tiny/resnet8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", R8.name),
        ("show", "nothing"),
        ("check", R8.name, "--backends", "oracle", "--batch", "1"),
        ("check", R8.name, "--backend", "oracle"),
        ("--version",),
    ],
    ids=" ".join,
)
def test_a_command_says_the_same_with_the_same_status(arguments: tuple[str, ...]) -> None:
    assert WARM.serves(environment())
    started = subprocess.run([*COMMAND, *arguments], env=environment(), capture_output=True, text=True, check=False)
    served = isomorph(*arguments)
    assert (served.returncode, served.stdout, served.stderr) == (started.returncode, started.stdout, started.stderr)


@pytest.mark.parametrize("name", ["PYTHONPATH", "OPENBLAS_NUM_THREADS"])
def test_a_variable_that_is_read_at_the_start_is_for_a_command_of_its_own(name: str) -> None:
    assert not WARM.serves(environment(**{name: "7"}))


def test_a_command_has_its_own_folder() -> None:
    Path("here.toml").write_text("")
    assert "nor such a file" not in isomorph("show", "here.toml").stderr


def test_an_oracle_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    images = draw_images(R8, 2, 32, 32)
    answers = []
    for start in (process.start, start_process):
        monkeypatch.setattr(process, "start", start)
        with BackendProcess("oracle") as backend:
            answers.append(backend.build(R8, dtype="float64").answer(images))
            assert (Path(f"/proc/{backend.pid}/stat").read_text().split()[3]) == str(os.getpid())
    forked, started = answers
    np.testing.assert_allclose(forked, started, rtol=1e-12)


def test_it_is_a_process_of_its_own_whose_end_is_told() -> None:
    with BackendProcess("oracle") as backend, BackendProcess("oracle") as other:
        backend.describe()
        assert {backend.pid, other.pid} <= {*children(os.getpid())}
        os.kill(backend.pid, signal.SIGKILL)
        with pytest.raises(BackendEnded, match="was ended by SIGKILL"):
            backend.build(R8)
        assert other.describe()["gpu"] is False
    assert gone(other.pid)


def test_it_ends_when_its_parent_closes_its_connection() -> None:
    with BackendProcess("oracle") as backend, BackendProcess("oracle") as other:
        for one in (backend, other):
            one.describe()
        backend._connection.close()
        wait_for(lambda: gone(backend.pid))
        assert not gone(other.pid)
