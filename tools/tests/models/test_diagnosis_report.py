"""The reports of `diagnose` and `check --against`: each verdict in a sentence, whole at 80 columns, and valid JSON."""

import json
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest

from isomorph.conformance.likeness.finding import Cause, Finding
from isomorph.tools import AgainstReport, DiagnosisReport

PLACE = "block1/unit_1/basic_v1/conv1"
EPSILON = Cause(
    [Finding("epsilon", PLACE, "has epsilon 0.001, expected 1e-05", "units.0.norms.0", value=1e-3, proof=0.0)]
)
KERNEL = Cause([Finding("depth", "logits", "has 7 outputs, expected 10", "head", value=(7, inf))] * 5)

SAME = DiagnosisReport(
    subject="cifar/resnet20",
    model="a_folder_of_models/with_a_long_name/port_of_resnet20.py:make_a_model_of_twenty_layers",
    backend="pytorch",
    version="2.13.0",
    dtype="float64",
    input=(2, 67, 68, 3),
    images="drawn, seed 0",
    weights="theirs",
    matched=20,
    layers=20,
    left_over=0,
    is_another=False,
    first_divergence=None,
    causes=(),
    before=3e-16,
    proof=3e-16,
    proved=True,
    unknown=(),
    rounded=(),
    nearest=(),
    seconds=1.5,
)
OTHER = replace(SAME, first_divergence=(PLACE, 0.25), causes=(EPSILON, KERNEL), before=0.5)

VERDICTS: dict[str, tuple[DiagnosisReport, str, str]] = {
    "the same": (SAME, "The same function: all 20 layers agree (3e-16 apart).", ""),
    "one change": (
        replace(OTHER, causes=(EPSILON,)),
        f"Another function: 0.25 apart at {PLACE}, the first that differs.",
        "With this change the two agree (3e-16 apart).",
    ),
    "two changes": (
        replace(OTHER, first_divergence=(PLACE, inf)),
        f"Another function: other axes at {PLACE}, the first that differs.",
        "With these 2 changes the two agree (3e-16 apart).",
    ),
    "changes that explain a part": (
        replace(OTHER, proved=False, proof=0.125),
        f"Another function: 0.25 apart at {PLACE}, the first that differs.",
        "With these 2 changes alone the two do not agree yet (0.1 apart).",
    ),
    "changes that cannot be evaluated": (
        replace(OTHER, proved=None, proof=None),
        f"Another function: 0.25 apart at {PLACE}, the first that differs.",
        "The network as a whole cannot be evaluated with these 2 changes.",
    ),
    "a change that these images do not show": (
        replace(OTHER, first_divergence=None, causes=(EPSILON,)),
        "Another function: 1 difference, none of which shows on these images.",
        "With this change the two agree (3e-16 apart).",
    ),
    "no reason": (
        replace(OTHER, causes=()),
        f"Another function: 0.25 apart at {PLACE}, the first that differs.",
        "Nothing says why.",
    ),
    "another network": (
        replace(OTHER, is_another=True, matched=5, left_over=3, nearest=("cifar/plain20", "x", "cifar/resnet32")),
        "Another network: 5 of 20 layers have a counterpart, and 3 of the model's have none. It is most like"
        " cifar/plain20, x and cifar/resnet32.",
        "",
    ),
}


@pytest.mark.parametrize(("report", "verdict", "conclusion"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict_and_what_the_causes_explain_are_sentences(
    report: DiagnosisReport, verdict: str, conclusion: str
) -> None:
    assert (report.verdict, report.conclusion) == (verdict, conclusion)
    assert report.exit_status == (0 if report is SAME else 1)
    said = " ".join(str(report).split())
    assert f"{'PASS' if report is SAME else 'FAIL'} {verdict}" in said
    assert conclusion in said
    assert ("epsilon: " in said) == (not report.is_another and EPSILON in report.causes)


@pytest.mark.parametrize("report", [SAME, OTHER, AgainstReport(**vars(OTHER))], ids=["same", "other", "short"])
def test_it_is_80_columns_wide_on_paper_and_escaped_in_a_notebook(report: DiagnosisReport) -> None:
    assert [line for line in str(report).splitlines() if len(line) > 80] == []
    html = replace(report, model="<b>.py:make")._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_a_check_is_shorter_and_says_the_same() -> None:
    short, long = str(AgainstReport(**vars(OTHER))).splitlines(), str(OTHER).splitlines()
    assert set(short) < set(long)
    assert "runs in" not in "".join(short)


def document(report: DiagnosisReport) -> Any:
    """What its JSON holds; infinite numbers, which are no JSON, are refused."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(report.to_json(), parse_constant=refuse)


def test_numbers_that_json_cannot_carry_are_null() -> None:
    unproved = Cause([replace(EPSILON.first, value=np.float64(inf), proof=inf)])
    written = document(replace(OTHER, causes=(unproved, KERNEL), before=inf, proof=float("nan")))
    assert (written["before"], written["proof"]) == (None, None)
    assert [(cause["value"], cause["proof"]) for cause in written["causes"]] == [(None, None), ([7, None], None)]
    assert written["seconds"] == 1.5


def test_what_json_has_no_word_for_is_said_in_words() -> None:
    strange = Cause([replace(EPSILON.first, value={3})])
    assert document(replace(OTHER, causes=(strange,)))["causes"][0]["value"] == "{3}"


def test_a_check_has_the_diagnosis_under_its_own_key() -> None:
    assert document(AgainstReport(**vars(OTHER))) == {"against": document(OTHER)}
