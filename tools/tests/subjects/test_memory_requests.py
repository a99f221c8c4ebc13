"""Commands refuse what their oracle has no memory for, before anything is drawn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from isomorph.conformance import memory
from isomorph.spec import BadInput, architecture
from isomorph.tools import bench, check, check_training, predict, run
from isomorph.tools.checkpoints import write_safetensors

from ..tensors import plain

R20 = "cifar/resnet20"

COMMANDS: dict[str, Callable[[str], Any]] = {
    "check": lambda file: check(R20, backends=["oracle"]),
    "check of a file": lambda file: check(file, backends=["oracle"]),
    "check of a given array": lambda file: check(file, images=np.zeros((2, 32, 32, 3)), backends=["oracle"]),
    "check_training": lambda file: check_training(R20, backends=["oracle"]),
    "run": lambda file: run(R20, backend="oracle"),
    "run of a file": lambda file: run(file, backend="oracle"),
    "predict": lambda file: predict(file, np.zeros((2, 32, 32, 3)), backends=["oracle"]),
    "bench": lambda file: bench(R20, backends=["oracle"]),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_it_is_refused_for_lack_of_memory(
    command: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(*_: object, **__: object) -> NoReturn:
        raise AssertionError("it was drawn all the same")

    for module in (
        "conformance.cases",
        "tools.subjects.subject",
        "tools.benching.workload",
        "conformance.training.case",
    ):
        monkeypatch.setattr(f"isomorph.{module}.draw_images", drawn)
    monkeypatch.setattr(memory, "available_memory", lambda: 2**20)
    file = tmp_path / "x.safetensors"
    write_safetensors(file, plain(architecture(R20)), {})
    with pytest.raises(
        BadInput, match=r"^cifar/resnet20 on .* takes .* GiB of memory in the oracle, and there are 0\.0"
    ):
        command(str(file))
