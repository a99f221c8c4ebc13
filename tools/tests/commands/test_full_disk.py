"""Commands whose folder for temporary files is full: undecided, with the folder's name, and nothing is left in it."""

from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import architecture
from isomorph.tools.checkpoints import write_safetensors

from ..command import left
from ..full_disk import isomorph_on_full_disk
from ..tensors import plain

pytestmark = pytest.mark.usefixtures("empty_folder")

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


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_it_is_undecided(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    temporary = tmp_path / "full"
    temporary.mkdir()
    write_safetensors(tmp_path / "x.pth", plain(architecture("cifar/resnet20")), {})
    np.save(tmp_path / "x.npy", np.ones((1, 8, 10, 3)))
    done = isomorph_on_full_disk(*arguments, temporary=temporary)
    said = "".join((done.stdout + done.stderr).split())  # tables break their lines anywhere
    sentence = f"Temporary files cannot be written in {temporary}: File too large; set TMPDIR to a folder with more"
    assert done.returncode == 3, done.stdout + done.stderr
    assert "".join(sentence.split()) in said
    assert "Traceback" not in done.stderr
    assert list(temporary.iterdir()) == []
    assert left() == []
