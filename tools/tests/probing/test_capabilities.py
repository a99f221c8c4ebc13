"""`capabilities` on the oracle, and on backends that misbehave: what a cell says, and what a trial costs that fails."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from isomorph.spec import BadInput
from isomorph.tools import Capabilities, capabilities
from isomorph.tools.probing.tiny import Lacks, draw_trial

from ..command import answered, refused_here

Install = Callable[[str], str]


def said(found: Capabilities, group: str, name: str) -> tuple[bool, str]:
    cell = found.cell(group, name)
    assert cell
    return cell.has, cell.detail


def test_the_oracle_computes_in_all_precisions_and_has_no_compiler() -> None:
    (oracle,) = capabilities(["oracle"]).backends
    for dtype in ("float64", "float32", "bfloat16", "float16"):
        has, detail = said(oracle, "computes in", dtype)
        assert has
        assert detail.startswith("proved, ")
    assert said(oracle, "computes in", "TF32") == (False, "with TF32 allowed it computes in float32 on the cpu")
    assert said(oracle, "compiler", "xla") == (False, "refused: The oracle is plain NumPy and has no compiler.")
    assert said(oracle, "inference", "folded batch norms")[0]
    assert said(oracle, "GPU", "sees a GPU") == (False, "it sees none")
    assert oracle.device == "cpu"


def test_what_a_backend_refuses_is_tried_all_the_same() -> None:
    """The oracle has no autocast; asked in spite of that, it computes in float32, which is seen and not believed."""
    (oracle,) = capabilities(["oracle"]).backends
    has, detail = said(oracle, "autocast", "bfloat16")
    assert not has
    assert detail == "it computes in float32 all the same"


@pytest.mark.parametrize(
    ("way", "cells", "message"),
    [
        pytest.param("abort@float16", {"float16"}, "was ended by SIGABRT: the last words", id="crashes in float16"),
        pytest.param("raise MemoryError@bfloat16", {"bfloat16"}, "ran out of memory", id="runs out of memory"),
    ],
)
def test_a_trial_that_goes_wrong_costs_its_cell(way: str, cells: set[str], message: str, install: Install) -> None:
    (found,) = capabilities([install(f"misbehaving:{way}")]).backends
    lost = {cell.name for cell in found.cells if cell.group == "computes in" and not cell.has} - {"TF32"}
    assert lost == cells
    assert message in said(found, "computes in", cells.pop())[1]
    assert said(found, "layout", "NHWC")[0]  # which is tried behind it


def test_a_backend_that_cannot_start_says_why(install: Install) -> None:
    report = capabilities([install("misbehaving:leave@import"), "oracle"])
    broken, oracle = report.backends
    assert (broken.cells, broken.version) == ((), None)
    assert "cannot go on" in broken.reason
    assert oracle.cells
    assert "cannot go on" in " ".join(str(report).split())


def test_an_answer_that_is_another_is_no_capability() -> None:
    trial = draw_trial()
    with pytest.raises(Lacks, match="noise floors of float32 off; up to 8 pass"):
        trial.judge(trial.reference.answer * (1 + 1e-4), "float32")


def test_the_table_is_80_columns_wide_and_gives_each_reason_once() -> None:
    report = str(capabilities(["oracle"]))
    assert max(map(len, report.splitlines())) <= 80
    assert report.count("The oracle is plain NumPy and has no compiler.") == 1


@pytest.mark.usefixtures("empty_folder")
def test_list_has_capabilities_as_table_and_as_json() -> None:
    said = answered("list", "--capabilities", "--backends", "oracle", "--json", "x.json")
    assert "folded batch norms" in said
    (oracle,) = json.loads(Path("x.json").read_text())["backends"]
    assert {key: value for key, value in oracle["cells"][10].items() if key != "detail"} == {
        "group": "layout",
        "name": "NHWC",
        "has": True,
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--backends", "oracle"),
            "--backends and --device go with --capabilities; the list itself is of all there is.",
        ),
        (("--capabilities", "--device", "tpu"), "There is no device 'tpu'; there are auto, cpu, gpu."),
    ],
    ids=["backends alone", "a device"],
)
def test_list_refuses(options: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused_here(capsys, "list", *options) == sentence


def test_a_gpu_that_is_not_there_is_said() -> None:
    (oracle,) = capabilities(["oracle"], device="gpu").backends
    assert (oracle.cells, oracle.reason) == ((), "oracle sees no GPU here.")


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(BadInput, match="There is no backend 'orakle'"):
        capabilities(["orakle"])
