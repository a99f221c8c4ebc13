"""Pipes and devices in the place of every file that a command reads: refused in a sentence, or read to their end.

Without an end to wait for, each of these commands would run until it is stopped, and the test with it.
"""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from isomorph.spec import architecture
from isomorph.tools.checkpoints.safetensors_file import write_safetensors

from ..command import COMMAND, environment, refused
from ..tensors import plain

R20 = "cifar/resnet20"
ORACLE = ("--backends", "oracle", "--batch", "1")

READ: dict[str, tuple[str, tuple[str, ...]]] = {
    "a photograph to check with": ("x.png", ("check", R20, *ORACLE, "--images", "x.png")),
    "a photograph to predict": ("x.png", ("predict", "net.safetensors", "x.png", "--backends", "oracle")),
    "an array of images": ("x.npy", ("check", R20, *ORACLE, "--images", "x.npy")),
    "labels": ("x", ("predict", "net.safetensors", "photo.png", "--backends", "oracle", "--labels", "x")),
    "an architecture": ("x.toml", ("show", "x.toml")),
    "the architecture of a checkpoint": ("x.toml", ("inspect", "net.safetensors", "--arch", "x.toml")),
    "expected failures": ("x", ("conformance", "run", "--backends", "oracle", "--expected-failures", "x")),
    "a checkpoint": ("x.pth", ("inspect", "x.pth")),
    "a recorded answer": ("x.npz", ("check", R20, *ORACLE, "--reference", "x.npz")),
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_safetensors("net.safetensors", plain(architecture(R20)), {})
    Image.new("RGB", (32, 32), "teal").save("photo.png")


@pytest.mark.parametrize(("name", "command"), READ.values(), ids=READ)
def test_a_pipe_that_nothing_writes_to_is_refused(name: str, command: tuple[str, ...]) -> None:
    os.mkfifo(name)
    assert "pipe" in refused(*command)


@pytest.mark.parametrize(("name", "command"), READ.values(), ids=READ)
def test_a_device_is_refused(name: str, command: tuple[str, ...]) -> None:
    Path(name).symlink_to("/dev/zero")
    assert "device" in refused(*command)


PREDICT = ("predict", "net.safetensors", "--backends", "oracle")
GIVEN = {
    "a photograph": ("photo.png", (*PREDICT, "PIPE"), "class "),
    "labels": ("labels.txt", (*PREDICT, "photo.png", "--labels", "PIPE"), "class of many words"),
}


@pytest.mark.parametrize(("file", "command", "sentence"), GIVEN.values(), ids=GIVEN)
def test_what_a_shells_process_substitution_gives_is_read(file: str, command: tuple[str, ...], sentence: str) -> None:
    Path("labels.txt").write_text("class of many words\n" * 10)
    line = " ".join(f"<(cat {file})" if word == "PIPE" else shlex.quote(word) for word in (*COMMAND, *command))
    done = subprocess.run(["bash", "-c", line], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert sentence in done.stdout


def test_labels_come_from_standard_input() -> None:
    line = (*COMMAND, *PREDICT, "photo.png", "--labels", "/dev/stdin")
    names = "class of many words\n" * 10
    done = subprocess.run(line, env=environment(), input=names, capture_output=True, text=True, check=True)
    assert "class of many words" in done.stdout
