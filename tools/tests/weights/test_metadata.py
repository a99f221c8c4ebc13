"""The architecture that the metadata of a canonical file tells: taken at its word, and as hostile until read."""

import json
from pathlib import Path
from typing import Any

import pytest

from isomorph.spec import Architecture, BadInput, architecture
from isomorph.spec.document import to_document
from isomorph.tools.checkpoints import METADATA, write_safetensors
from isomorph.tools.subjects.subject import find_subject

from ..tensors import Tensors, canonical, plain

R20 = architecture("cifar/resnet20")
OURS = plain(R20)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, tensors: Tensors, **metadata: str) -> str:
    write_safetensors(name, tensors, metadata)
    return name


def refused(subject: str) -> str:
    with pytest.raises(BadInput) as caught:
        find_subject(subject)
    return str(caught.value)


R50 = architecture("paddle/resnet50", output_stride=16, num_classes=7)


def said(document: Any) -> dict[str, str]:
    return {METADATA: document if isinstance(document, str) else json.dumps(document)}


def test_metadata_tells_architectures_of_the_same_tensors_apart() -> None:
    assert find_subject(write("x.safetensors", canonical(R50), **said(to_document(R50)))).architecture == R50


def test_metadata_may_tell_of_an_architecture_of_ones_own() -> None:
    mine = Architecture("mine/net", R20.stem, R20.blocks)
    assert find_subject(write("x.safetensors", canonical(mine), **said(to_document(mine)))).architecture == mine


def test_arch_overrules_the_metadata() -> None:
    path = write("x.safetensors", canonical(R50), **said(to_document(R50)))
    assert find_subject(path, "slim/resnet_v1_50").architecture == architecture("slim/resnet_v1_50", num_classes=7)


def test_tensors_of_another_architecture_than_the_metadatas_are_refused() -> None:
    path = write("x.safetensors", OURS, **said(to_document(R50)))
    assert "tensors of x.safetensors do not fit paddle/resnet50: conv1/weights is 3x3x3x16" in refused(path)


def document(*path: str | int, value: Any) -> dict[str, Any]:
    """R20's document with one field replaced."""
    whole: Any = json.loads(json.dumps(to_document(R20)))
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return dict(whole)


METADATA_REFUSED = {
    "no JSON": ("nonsense", "its text is not the JSON of an architecture (JSONDecodeError: Expecting value"),
    "nothing": ({}, "its text is not the JSON of an architecture (TypeError: "),
    "a list": ([1], "its text is not the JSON of an architecture (AttributeError: "),
    "deep nesting": ("[" * 100_000, "its text is not the JSON of an architecture (RecursionError: "),
    "an unknown field": (to_document(R20) | {"note": 1}, "its text is not the JSON of an architecture (TypeError: "),
    "text for a table": (document("convention", "preprocessing", value="x"), "its text is not the JSON of an archit"),
    "text for a number": (
        document("in_channels", value="3"),
        "in_channels of its architecture is '3', expected a positive integer.",
    ),
    "a truth value for a number": (
        document("in_channels", value=True),
        "in_channels of its architecture is True, expected a positive",
    ),
    "a list for a number": (
        document("in_channels", value=[3]),
        "in_channels of its architecture is [3], expected a positive integer.",
    ),
    "a number for a name": (document("name", value=5), "name of its architecture is 5, expected text."),
    "no stride": (
        document("stem", "layers", 0, "stride", value=0),
        "stride of its architecture is 0, expected a positive integer.",
    ),
    "a pool of all memory": (
        document("stem", "layers", 0, value={"scope": "pool1", "kernel": 1 << 40, "stride": 1}),
        "kernel of its architecture is 1099511627776, expected a positive integer of at most 1,048,576.",
    ),
    "a convention that there is not": (
        document("convention", "shortcut", value="detour"),
        "shortcut of its architecture is 'detour', expected projection or zero_channels or none.",
    ),
    "an infinite epsilon": (
        document("convention", "batch_norm_epsilon", value=float("inf")),
        "batch_norm_epsilon of its architecture is inf, expected a number.",
    ),
    "an unknown unit": (document("blocks", 0, "unit", value="x"), "There is no unit kind 'x'; there are"),
    "no units": (document("blocks", 0, "args", value=[]), "block1 has no units; a Block has at least one."),
}


@pytest.mark.parametrize(("text", "sentence"), METADATA_REFUSED.values(), ids=METADATA_REFUSED)
def test_metadata_is_refused_for(text: Any, sentence: str) -> None:
    path = write("x.safetensors", OURS, **said(text))
    assert refused(path).startswith(f"The {METADATA} of x.safetensors is no architecture: {sentence}")
