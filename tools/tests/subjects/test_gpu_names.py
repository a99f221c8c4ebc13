"""Reports of what ran on a GPU say which one, by what the backend tells of it; here one that only says it has one."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from isomorph.tools import check, run

NAME = "Misbehaving 3000"
SMALL: dict[str, Any] = {"size": (8, 8), "batch": 1}


@pytest.fixture
def named(install: Callable[[str], str]) -> str:
    return install("misbehaving:GPU")


@pytest.mark.parametrize(
    ("device", "where", "name"), [("auto", "gpu", NAME), ("gpu", "gpu", NAME), ("cpu", "cpu", None)]
)
def test_check_names_the_gpu(device: str, where: str, name: str | None, named: str) -> None:
    report = check("cifar/resnet20", backends=[named], device=device, **SMALL)
    (row,) = report.backends
    assert (row.device, row.device_name) == (where, name)
    assert json.loads(report.to_json())["backends"][0]["device_name"] == name
    assert (NAME in str(report)) is (name is not None)


def test_run_names_it_too_and_records_it(named: str) -> None:
    report = run("cifar/resnet20", backend=named, **SMALL)
    assert (report.device, report.device_name, report.record.device_name) == ("gpu", NAME, NAME)
    assert str(report).replace("\n", " ").startswith(f"cifar/resnet20 in {named} NumPy")
    assert f"on gpu ({NAME}), float32" in str(report).replace("\n", " ")
    assert json.loads(report.to_json())["device_name"] == NAME
