"""`convert` killed at any moment: there is no file, or a whole one; an older one stands until the new one does."""

import multiprocessing
import random
import time
from functools import partial
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import Architecture
from isomorph.tools.checkpoints import read_checkpoint, write_safetensors
from isomorph.tools.converting.containers import Container
from isomorph.tools.converting.convert import convert

from ..converted import ALL_CONTAINERS, Bits, bits, named, subject_of, target_in
from ..tensors import plain

KILLS = -(-20 // len(ALL_CONTAINERS))
"""Of each container, with and without an older file: some forty in all."""


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that start at once, as one that has imported all waits to be copied."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["isomorph.tools.converting.convert"])
    return context


def bits_of_target(container: Container, path: Path) -> Bits | None:
    """None where there is no checkpoint."""
    return bits(read_checkpoint(path).tensors) if container.files(path)[0].exists() else None


def begun(folder: Path) -> bool:
    """Whether an unfinished file, or one of several, is there."""
    return any(path.name.startswith(".") for path in folder.iterdir())


@pytest.mark.parametrize("older", [False, True], ids=["no older file", "an older file"])
@pytest.mark.parametrize("container", ALL_CONTAINERS, ids=lambda container: container.name)
def test_a_killed_conversion_leaves_nothing_or_all(
    tmp_path: Path, processes: ForkServerContext, container: Container, older: bool
) -> None:
    network, to = subject_of(container)
    files = {name: written(tmp_path / f"{name}.safetensors", network, sign) for name, sign in (("new", 1), ("old", -1))}
    forced = partial(convert, to=to, arch=network.name, force=True)

    def started(folder: Path) -> multiprocessing.process.BaseProcess:
        """A process that converts, as soon as it has begun to write, or has ended."""
        process = processes.Process(target=forced, args=(files["new"], target_in(folder, container)))
        process.start()
        while process.is_alive() and not begun(folder):
            time.sleep(0.0002)
        return process

    expected: dict[str, Bits | None] = {}
    for name, path in files.items():
        (tmp_path / name).mkdir()
        forced(path, target_in(tmp_path / name, container))
        expected[name] = bits_of_target(container, target_in(tmp_path / name, container))
    (tmp_path / "timed").mkdir()
    process = started(tmp_path / "timed")
    start = time.monotonic()
    process.join()
    whole = time.monotonic() - start

    draw = random.Random(f"{container.name} {older}")
    allowed = [expected["new"], expected["old"] if older else None]
    if len(container.files(tmp_path)) > 1:
        allowed.append(None)
    for number in range(KILLS):
        folder = tmp_path / f"killed-{number}"
        folder.mkdir()
        if older:
            forced(files["old"], target_in(folder, container))
        process = started(folder)
        time.sleep(draw.uniform(0, whole))
        process.kill()
        process.join()
        assert bits_of_target(container, target_in(folder, container)) in allowed, f"kill {number}"


def written(path: Path, network: Architecture, sign: int) -> Path:
    zoo_name = network.name.partition("/")[0]
    values = {name: np.float32(sign) * value for name, value in plain(network).items()}
    write_safetensors(path, named(network, zoo_name, values), {})
    return path
