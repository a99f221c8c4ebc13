"""What `check` refuses before it starts, and which backends it takes."""

import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from isomorph.backends import registry
from isomorph.spec import BadInput, architecture
from isomorph.tools import CheckReport, check

R20 = architecture("cifar/resnet20")
SMALL: dict[str, Any] = {"size": (8, 10), "batch": 1}


def check_small(*backends: str, **more: Any) -> CheckReport:
    report: CheckReport = check(R20, backends=backends, **(SMALL | more))
    return report


@pytest.mark.parametrize(
    ("backends", "options", "sentence"),
    [
        pytest.param([], {}, "No backend was named; expected some of oracle, pytorch, ", id="no backend"),
        pytest.param(
            ["onnx"],
            {},
            "The backend onnx builds no networks: it opens models of others alone.",
            id="a backend that builds nothing",
        ),
        pytest.param(["pytroch"], {}, "There is no backend 'pytroch'; did you mean pytorch", id="an unknown backend"),
        pytest.param(
            ["oracle"],
            {"python": {"oracle": "/absent/python"}},
            "The interpreter /absent/python for oracle cannot be started: No such file or directory.",
            id="a broken interpreter",
        ),
        pytest.param(
            ["oracle"],
            {"python": {"paddle": sys.executable}},
            "An interpreter was given for paddle, which is not among the backends to compare.",
            id="an interpreter for another",
        ),
        pytest.param(
            ["oracle"], {"python": {"x": "y"}}, "There is no backend 'x'; there are", id="an interpreter for nobody"
        ),
        pytest.param(["oracle"], {"device": "tpu"}, "There is no device 'tpu'; there are auto, cpu", id="a device"),
        pytest.param(["oracle"], {"dtype": "int8"}, "There is no dtype 'int8'; there are float32,", id="dtype"),
        pytest.param(["oracle"], {"timeout": 0}, "The time limit is 0 s; expected more than 0 and", id="no time"),
        pytest.param(["oracle"], {"memory": 0}, "The memory limit is 0 bytes; expected at least one", id="no memory"),
        pytest.param(["oracle"], {"batch": 0}, "A batch of 0 images was asked for; expected at least", id="no image"),
        pytest.param(["oracle"], {"plant": {"x": 1}}, "cifar/resnet20 has no option 'x'; it has ", id="a plant"),
        pytest.param(["oracle"], {"depth": 1}, "cifar/resnet20 has no option 'depth'; it has ", id="an option"),
        pytest.param(
            ["oracle"],
            {"images": np.zeros((1, 8, 10, 3), np.float32)},
            "The answer of cifar/resnet20 does not depend on these images",
            id="black images",
        ),
    ],
)
def test_it_refuses(backends: list[str], options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        check(R20, backends=backends, **(SMALL | options))
    assert str(caught.value).startswith(sentence)


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make the registry find none of these."""
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name in modules else find_spec(name))


def test_one_that_is_named_and_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "paddle")
    with pytest.raises(BadInput) as caught:
        check_small("oracle", "paddle")
    assert str(caught.value) == (
        "The backend paddle is not available: paddle is not installed; `pip install 'isomorph[paddle]'` adds it."
    )


def test_those_that_nobody_named_are_listed_as_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "paddle", "keras", "torch")
    interpreters = {"pytorch": "/bin/true"}  # where it lives is not looked into, so that its row is there
    report = check(R20, python=interpreters, **SMALL)
    assert [(row.name, row.status) for row in report.backends] == [
        ("pytorch", "error"),
        ("keras", "unavailable"),
        ("paddle", "unavailable"),
    ]
    assert report.backends[2].message == "paddle is not installed; `pip install 'isomorph[paddle]'` adds it."


def test_without_any_backend_there_is_nothing_to_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "paddle", "keras", "torch")
    with pytest.raises(BadInput, match=r"^No backend is installed to compare .*`pip install 'isomorph\[all\]'` adds"):
        check(R20, **SMALL)


def test_a_backend_named_twice_runs_once() -> None:
    assert [row.name for row in check_small("oracle", "oracle").backends] == ["oracle"]


def test_a_network_without_head_is_judged_by_its_last_map() -> None:
    (row,) = check_small("oracle", num_classes=None, global_pool=False).backends
    assert (row.status, row.logits_shape) == ("pass", (1, 2, 3, 64))
