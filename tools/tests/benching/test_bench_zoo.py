"""The network of a framework's own zoo in `bench`: what its process is asked for, without the framework."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isomorph.backends import Unavailable
from isomorph.spec import architecture
from isomorph.tools.benching.baselines import Baseline
from isomorph.tools.benching.runner import ZooRunner
from isomorph.tools.benching.workload import draw_workload

from ..tensors import plain

LENET = architecture("paddle/LeNet", num_classes=7)
TENSORS = {name: value.astype("float16") for name, value in plain(LENET).items()}
CALL = "paddle.vision.models.LeNet"
PLAIN = "a plain NCHW module, eager, as torchvision builds it"


class Process:
    """A process that is none, and keeps what it is asked for."""

    def __init__(self, has_a_zoo: bool) -> None:
        self.has_a_zoo = has_a_zoo
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, **given: Any) -> None:
        if method == "build_zoo" and not self.has_a_zoo:
            raise Unavailable("There is no torchvision.")
        self.asked.append((method, given))

    def build(self, _network: object, device: str, **options: Any) -> SimpleNamespace:
        self.asked.append((f"build on {device}", options))
        return SimpleNamespace(key=3, load=lambda _: self.asked.append(("load", {})))

    def share(self, tensors: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(to_document=lambda: tensors)


def prepared(
    folder: Path, *, backend: str = "paddle", same: bool = True, has_a_zoo: bool = True, classes: int = 7
) -> tuple[ZooRunner, Process]:
    """The runner of LeNet on images of 28x28, and its process."""

    def start(name: str, *, tf32: bool = False) -> Any:
        assert (name, tf32) == (backend, False)
        return process

    process = Process(has_a_zoo)
    workload = draw_workload(LENET, (28, 28), [1], None, 0, folder, None, TENSORS)
    runner = ZooRunner(backend, start, workload, Baseline(LENET.with_options(num_classes=classes), same), "cpu")
    runner.start()
    return runner, process


BUILT = ("build_zoo", {"key": -1, "name": "LeNet", "classes": 7, "size": (28, 28, 1), "device": "cpu"})
"""Its key is none of the others', which count from 0."""


def test_the_very_network_takes_the_weights_under_its_own_names(tmp_path: Path) -> None:
    runner, process = prepared(tmp_path)
    assert runner.build(training=False) == -1
    built, (loads, given) = process.asked
    assert built == BUILT
    assert (loads, given["key"]) == ("load_zoo", -1)
    assert {name: value.shape for name, value in given["tensors"].items()} == {
        "features.0.weight": (6, 1, 3, 3),
        "features.0.bias": (6,),
        "features.3.weight": (16, 6, 5, 5),
        "features.3.bias": (16,),
        "fc.0.weight": (400, 120),
        "fc.0.bias": (120,),
        "fc.1.weight": (120, 84),
        "fc.1.bias": (84,),
        "fc.2.weight": (84, 7),
        "fc.2.bias": (7,),
    }
    assert {str(value.dtype) for value in given["tensors"].values()} == {"float32"}
    assert (runner.judged, runner.facts["lines"]) == (True, CALL)


def test_another_network_of_that_name_has_its_own_weights_and_is_not_judged(tmp_path: Path) -> None:
    runner, process = prepared(tmp_path, same=False)
    assert runner.build(training=False) == -1
    assert process.asked == [BUILT]
    assert (runner.judged, runner.facts["lines"]) == (False, CALL)


def test_its_multiply_accumulates_are_its_own(tmp_path: Path) -> None:
    """The last layer's are 84 for each class."""
    row = prepared(tmp_path, same=False, classes=70)[0].row()
    assert row.macs == prepared(tmp_path)[0].row().macs + 63 * 84 == 346_296
    assert row.options == {}


@pytest.mark.parametrize("training", [False, True], ids=["to answer", "to be trained"])
def test_where_torchvision_is_not_installed_a_plain_module_stands_for_it(training: bool, tmp_path: Path) -> None:
    runner, process = prepared(tmp_path, backend="pytorch", same=False, has_a_zoo=False)
    assert runner.build(training=training) == 3
    assert process.asked == [("build on cpu", {"training": training, "layout": "NCHW"}), ("load", {})]
    assert (runner.judged, runner.facts["lines"]) == (True, PLAIN)


def test_a_zoo_that_came_with_its_framework_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    runner, _ = prepared(tmp_path, has_a_zoo=False)
    with pytest.raises(Unavailable):
        runner.build(training=False)
