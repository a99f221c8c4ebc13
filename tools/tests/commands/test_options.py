"""`-o NAME=VALUE`: how its text is read, and that it reaches every command."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture, count_parameters, infer, tensor_shapes
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.commands.options import read_architecture_options, read_pairs
from isomorph.tools.subjects.subject import find_subject

from ..command import answered, isomorph
from ..tensors import canonical, of_zoo

pytestmark = pytest.mark.usefixtures("empty_folder")

MOBILE, GOOGLENET = "keras/MobileNet", "torchvision/googlenet"
QUARTER = architecture(MOBILE, width_multiplier=0.25)


# Read.


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("7", 7, id="a number"),
        pytest.param("0.25", 0.25, id="a fraction"),
        pytest.param("1e-3", 1e-3, id="a power of ten"),
        pytest.param("-1", -1, id="a number below zero"),
        pytest.param("true", True, id="true"),
        pytest.param("false", False, id="false"),
        pytest.param("none", None, id="none"),
        pytest.param("[false, true, true]", (False, True, True), id="a list"),
        pytest.param("[]", (), id="an empty list"),
        pytest.param("same", "same", id="text"),
        pytest.param("a=b", "a=b", id="text with an equals sign"),
        pytest.param("[1", "[1", id="text that begins as a list"),
        pytest.param("[" * 100_000, "[" * 100_000, id="what nests too deep"),
    ],
)
def test_a_value_is(text: str, value: Any) -> None:
    found = read_architecture_options(None, None, None, [f"dropout={text}"])["dropout"]
    assert found == value
    assert type(found) is type(value)


def test_none_is_the_shortcut_that_is_called_so() -> None:
    assert read_architecture_options(None, None, None, ["shortcut=none"]) == {"shortcut": "none"}
    assert architecture("cifar/resnet20", shortcut="none").convention == architecture("cifar/plain20").convention


def test_it_stands_beside_the_options_of_their_own() -> None:
    assert read_architecture_options("none", False, 8, ["dropout=0.5"]) == {
        "num_classes": None,
        "global_pool": False,
        "output_stride": 8,
        "dropout": 0.5,
    }


@pytest.mark.parametrize("pairs", [["x"], ["x="], ["=1"], ["="], ["a=1", "x"]], ids=str)
def test_what_is_no_pair_is_refused(pairs: list[str]) -> None:
    with pytest.raises(BadInput, match=rf"^--option {pairs[-1]} is not of the form NAME=VALUE\.$"):
        read_pairs("--option", pairs)


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^--plant names b twice\.$"):
        read_pairs("--plant", ["b=1", "c=2", "b=1"])


# Given.


def test_show_takes_it() -> None:
    document = json.loads(answered("show", MOBILE, "-o", "width_multiplier=0.25", "--json", "-"))
    assert document["trainable"] == count_parameters(QUARTER)[0] != count_parameters(architecture(MOBILE))[0]
    assert document["macs"] == infer(QUARTER, 224, 224).macs


def test_show_leaves_out_auxiliary_heads() -> None:
    said = answered("show", GOOGLENET, "-o", "aux_logits=false", "--option", "transform_input=true")
    first = [line.split()[0] for line in said.splitlines() if line.strip()]
    assert [name for name in first if name.startswith("aux")] == []
    assert "input_transform" in first


def test_compare_gives_it_to_both() -> None:
    done = isomorph("compare", GOOGLENET, "paddle/googlenet", "-o", "aux_logits=false", "--json", "-")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert [part for part in document["parts"] if "aux" in f"{part['first']}{part['second']}"] == []
    assert [field["name"] for field in document["fields"] if field["name"].startswith("auxiliary")] == []


def test_check_takes_it() -> None:
    options = ("-o", "width_multiplier=0.25", "--backends", "oracle", "--batch", "1", "--input", "32x32")
    report = json.loads(answered("check", MOBILE, *options, "--json", "-"))
    assert report["backends"][0]["parameters"] == count_parameters(QUARTER)[1]


@pytest.mark.parametrize("aux_logits", [True, False], ids=["with heads", "without heads"])
def test_run_takes_it(aux_logits: bool) -> None:
    options = ("-o", f"aux_logits={str(aux_logits).lower()}", "-o", "transform_input=true")
    answered("run", GOOGLENET, *options, "--backend", "oracle", "--batch", "1", "--input", "32x32", "--out", "y.npz")
    with np.load("y.npz") as kept:
        assert ("aux1" in kept, "aux2/fc1" in kept, "input_transform" in kept) == (aux_logits, aux_logits, True)


# With a file, whose tensors say most of it.


@pytest.fixture
def file(empty_folder: None) -> Callable[..., str]:
    """Write a torchvision/googlenet of two classes with some options, under torchvision's names."""

    def write(**options: Any) -> str:
        tensors = of_zoo(architecture(GOOGLENET, num_classes=2, **options))
        write_safetensors("x.safetensors", {name: np.ones(value.shape, "f4") for name, value in tensors.items()}, {})
        return "x.safetensors"

    return write


def test_a_file_takes_what_changes_no_tensor(file: Callable[..., str]) -> None:
    found = find_subject(file(), transform_input=True, aux_logits=True)
    assert found.architecture == architecture(GOOGLENET, num_classes=2, transform_input=True)


def test_a_file_with_heads_is_not_one_without(file: Callable[..., str]) -> None:
    with pytest.raises(BadInput) as caught:
        find_subject(file(), aux_logits=False)
    assert str(caught.value).startswith(
        "The tensors are not those of torchvision/googlenet with these options; 18 tensors unexpected: + aux1/conv/"
    )


def test_a_file_without_heads_has_none_and_takes_that_for_said(file: Callable[..., str]) -> None:
    path = file(aux_logits=False)
    given: tuple[dict[str, Any], ...] = ({}, {"aux_logits": False})
    for options in given:
        found = find_subject(path, **options)
        assert found.architecture == architecture(GOOGLENET, num_classes=2, aux_logits=False)
        assert found.tensors is not None
        assert found.tensors.keys() == tensor_shapes(found.architecture).keys()


def test_a_files_width_is_its_own() -> None:
    tensors = {name: np.ones(value.shape, "f4") for name, value in canonical(QUARTER).items()}
    write_safetensors("x.safetensors", tensors, {})
    assert find_subject("x.safetensors", MOBILE).architecture == QUARTER
    refusal = r"^The width_multiplier of x\.safetensors is 0\.25, not 0\.5; leave the option out\.$"
    with pytest.raises(BadInput, match=refusal):
        find_subject("x.safetensors", MOBILE, width_multiplier=0.5)
