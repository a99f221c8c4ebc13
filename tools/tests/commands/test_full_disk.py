"""Commands whose folder for temporary files is full: undecided, with the folder's name, and nothing is left in it."""

import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import architecture
from isomorph.tools.checkpoints import write_safetensors

from ..command import COMMAND, environment, left
from ..tensors import plain

pytestmark = pytest.mark.usefixtures("empty_folder")

MOST = 2000
"""Bytes of any file, the nearest to a full disk that any user can have; a worker's pipe and words are smaller."""

SMALL = ("cifar/resnet20", "--input", "8x10", "--batch", "1")

COMMANDS = {
    "check": ("check", *SMALL, "--backends", "oracle"),
    "check --training": ("check", *SMALL, "--training", "--backends", "oracle"),
    "run": ("run", *SMALL, "--backend", "oracle", "--out", "x.npz"),
    "predict": ("predict", "../x.pth", "../x.npy", "--backends", "oracle"),
    "bench": ("bench", *SMALL, "--backends", "oracle", "--modes", "eager", "--training-batch", "0"),
    "list --capabilities": ("list", "--capabilities", "--backends", "oracle"),
    "conformance run": (
        "conformance",
        "run",
        "--backends",
        "oracle",
        "--only",
        "test_a_stack_without_a_root",
        "--jobs",
        "1",
    ),
    "conformance faults": ("conformance", "faults", "--backends", "oracle", "--fault", "stride-on-first-1x1"),
}


def limited(*arguments: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    """Run `isomorph` with that folder for temporary files, and with files that cannot grow beyond MOST bytes."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(TMPDIR=str(temporary)),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, MOST)),
    )


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_it_is_undecided(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    temporary = tmp_path / "full"
    temporary.mkdir()
    write_safetensors(tmp_path / "x.pth", plain(architecture("cifar/resnet20")), {})
    np.save(tmp_path / "x.npy", np.ones((1, 8, 10, 3)))
    done = limited(*arguments, temporary=temporary)
    said = "".join((done.stdout + done.stderr).split())  # tables break their lines anywhere
    sentence = f"Temporary files cannot be written in {temporary}: File too large; set TMPDIR to a folder with more"
    assert done.returncode == 3, done.stdout + done.stderr
    assert "".join(sentence.split()) in said
    assert "Traceback" not in done.stderr
    assert list(temporary.iterdir()) == []
    assert left() == []
