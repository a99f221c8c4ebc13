"""What `predict` reports: sorted classes, whether backends agree, and tables that are whole at 80 columns."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from isomorph.tools import PredictingBackend, PredictReport
from isomorph.tools.predicting.report import percent
from isomorph.tools.subjects.subject import Origin

from ..tensors import Array

CAT = [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]
DOG = [[0.1, 0.6, 0.3], [0.5, 0.1, 0.4]]


def backend(name: str, probabilities: Any = None, **fields: Any) -> PredictingBackend:
    """One that is done, or failed where it has no probabilities."""
    found: Array | None = None if probabilities is None else np.array(probabilities)
    made = PredictingBackend(name, "1.0", "cpu", "done" if found is not None else "error", "", found)
    return replace(made, **fields)


def report(*backends: PredictingBackend, **fields: Any) -> PredictReport:
    """Of two images and three classes."""
    weights = Origin("x.pth", "0" * 64)
    made = PredictReport(
        "my/net", "my/net", weights, "as it is", "float32", (2, 4, 4, 3), ("a", "b"), None, 2, backends
    )
    return replace(made, **fields)


def said(made: PredictReport) -> str:
    return " ".join(str(made).split())


LACKS = backend("c", status="unavailable", message="It has no bfloat16.")
FAILED = backend("d", message="the process was ended by SIGABRT")

OUTCOMES = {
    "one backend": ([backend("a", CAT)], True, 0),
    "two of the same top classes": ([backend("a", CAT), backend("b", np.square(CAT))], True, 0),
    "two of which one says otherwise": ([backend("a", CAT), backend("b", DOG)], False, 1),
    "one beside one that is unavailable": ([backend("a", CAT), LACKS], True, 0),
    "one beside one that failed": ([backend("a", CAT), FAILED], None, 3),
    "two that part beside one that failed": ([backend("a", CAT), backend("b", DOG), FAILED], False, 1),
    "none that is available": ([LACKS], None, 3),
    "none that is done": ([LACKS, FAILED], None, 3),
}


@pytest.mark.parametrize(("backends", "agree", "status"), OUTCOMES.values(), ids=OUTCOMES)
def test_the_outcome_of(backends: list[PredictingBackend], agree: bool | None, status: int) -> None:
    made = report(*backends)
    assert (made.agree, made.exit_status) == (agree, status)
    document = json.loads(made.to_json())
    assert document["agree"] is agree
    assert [each["status"] for each in document["backends"]] == [each.status for each in backends]
    text = said(made)
    assert [each.message for each in backends if each.message not in text] == []


def test_classes_are_sorted_by_the_mean_of_all_backends() -> None:
    made = report(backend("a", CAT), backend("b", DOG), top=3)
    assert [made.top_classes(image) for image in (0, 1)] == [[2, 1, 0], [0, 2, 1]]
    assert [made.winners(image) for image in (0, 1)] == [{"a": 2, "b": 1}, {"a": 0, "b": 0}]


def test_a_disagreement_is_said_at_its_image_and_at_the_end() -> None:
    made = report(backend("a", CAT), backend("b", DOG), labels=("ant", "dog", "cat"))
    assert "The top classes differ: a says cat, b says dog." in said(made)
    assert said(made).count("The top classes differ") == 1
    assert said(made).endswith("Top classes differ in 1 of 2 images; probabilities by at most 0.4.")


@pytest.mark.parametrize(
    ("more", "who"), [pytest.param([], "All", id="all"), pytest.param([FAILED], "All that are done", id="some")]
)
def test_agreement_is_said_of(more: list[PredictingBackend], who: str) -> None:
    made = report(backend("a", CAT), backend("b", CAT), *more)
    assert said(made).endswith(f"{who} agree on every image's top class; probabilities differ by at most 0.")


def test_json_has_the_top_classes_exactly() -> None:
    made = report(backend("a", CAT), FAILED, labels=("ant", "dog", "cat"))
    (first, _) = json.loads(made.to_json())["images"]
    assert first == {
        "image": "a",
        "top": {"a": 2},
        "classes": [
            {"index": 2, "label": "cat", "probabilities": {"a": 0.7}},
            {"index": 1, "label": "dog", "probabilities": {"a": 0.2}},
        ],
    }


@pytest.mark.parametrize(
    ("labels", "row"),
    [
        pytest.param(None, "class 2 70.00%", id="without"),
        pytest.param(("ant", "dog", "cat"), "2 cat 70.00%", id="with"),
    ],
)
def test_rows_of_classes_labels(labels: tuple[str, ...] | None, row: str) -> None:
    made = report(backend("a", CAT), labels=labels)
    assert row in [" ".join(line.split()) for line in str(made).splitlines()]


@pytest.mark.parametrize(("labels", "is_said"), [(None, True), (("ant", "dog", "cat"), False)], ids=["without", "with"])
def test_the_option_for_labels_is_named_where_there_are_none(labels: tuple[str, ...] | None, is_said: bool) -> None:
    assert ("--labels FILE names the classes" in said(report(backend("a", CAT), labels=labels))) == is_said


def test_six_backends_and_long_names_fit_in_80_columns() -> None:
    names = ("oracle", "pytorch", "keras", "paddle", "keras:jax", "keras:torch")
    labels = ("toilet tissue, toilet paper, bathroom tissue",) * 3
    made = report(*(backend(name, DOG) for name in names), labels=labels, images=("folder/" * 20 + "a.png", "b"))
    lines = str(made).splitlines()
    assert max(map(len, lines)) <= 80
    (headings,) = {tuple(line.split()) for line in lines if line.split()[:1] == ["class"]}
    assert headings == ("class", *names)
    assert said(made).count("60.00%") == len(names)


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "0.00%"),
        (1e-9, "<0.01%"),
        (0.00004999, "<0.01%"),
        (0.00005001, "0.01%"),
        (0.12345, "12.35%"),
        (0.9999, "99.99%"),
        (0.99995, ">99.99%"),
        (1 - 1e-12, ">99.99%"),
        (1.0, "100.00%"),
    ],
)
def test_percents(probability: float, text: str) -> None:
    assert percent(probability) == text
