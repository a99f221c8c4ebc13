"""Which backends and which recorded peers the suite takes."""

from types import SimpleNamespace
from typing import Any

import pytest

from isomorph.conformance.suite.recorded_peers import named_architecture
from isomorph.conformance.suite.selection import under_test

FOUR = ["oracle", "pytorch", "keras", "paddle"]


def config(named: list[str], device: str = "cpu") -> Any:
    """What pytest was given."""
    options = {"--backend": named, "--device": device}
    return SimpleNamespace(getoption=lambda option, default: options[option] or default)


@pytest.mark.parametrize(
    ("named", "device", "own", "expected"),
    [
        pytest.param([], "cpu", None, FOUR, id="the four, where none is named"),
        pytest.param([], "gpu", None, ["pytorch", "keras", "paddle"], id="none that has no GPU"),
        pytest.param(["oracle"], "gpu", None, ["oracle"], id="that which is named, wherever it computes"),
        pytest.param(["torch", "keras"], "cpu", None, ["pytorch", "keras"], id="those that are named, by an alias"),
        pytest.param([], "cpu", ["keras:jax", "keras"], ["keras:jax", "keras"], id="a module's own"),
        pytest.param(["keras", "oracle"], "cpu", ["keras:jax", "keras"], ["keras"], id="of a module's own the named"),
        pytest.param(["oracle"], "cpu", ["keras"], [], id="none where none of a module's own is named"),
    ],
)
def test_under_test_are(named: list[str], device: str, own: list[str] | None, expected: list[str]) -> None:
    assert under_test(config(named, device), own) == expected


def test_a_backend_that_there_is_not_is_an_error_of_usage() -> None:
    with pytest.raises(pytest.UsageError, match="There is no backend 'orakle'; did you mean oracle"):
        under_test(config(["orakle"]))


@pytest.mark.parametrize(
    ("fixture", "document", "expected"),
    [
        ("any", {"architecture": "cifar/resnet20", "tensors": []}, ("cifar/resnet20", {})),
        (
            "any",
            {"architecture": "cifar/resnet20", "tensors": [], "options": {"num_classes": 5}},
            ("cifar/resnet20", {"num_classes": 5}),
        ),
        ("any", {"architecture": "cifar/resnet20"}, None),
        ("any", {"architecture": "cifar/resnet21", "tensors": []}, None),
        ("any", {}, None),
        ("timm_resnet50", {}, ("timm/resnet50", {})),
    ],
    ids=["its own", "with options", "without tensors", "of no network here", "of nothing", "that does not say it"],
)
def test_a_fixture_is_of_the_architecture(fixture: str, document: dict[str, Any], expected: object) -> None:
    assert named_architecture(fixture, document) == expected
