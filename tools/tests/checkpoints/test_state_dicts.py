"""From what a training script saved to its network's tensors: what is peeled off, and what is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pickles.state_dicts import WRAPPERS
from isomorph.tools.checkpoints.pickles.values import OPAQUE, Entries
from isomorph.tools.checkpoints.pytorch.objects import StorageRef, TensorRef
from isomorph.tools.checkpoints.pytorch.state_dicts import checkpoint_of


def entries(value: Mapping[Any, object]) -> Entries:
    result = Entries()
    for key, item in value.items():
        result.add(key, entries(item) if isinstance(item, dict) else item)
    return result


FLOATS = StorageRef("0", np.dtype("<f4"), 4)
T = TensorRef(FLOATS, FLOATS.dtype, 0, (4,), (1,))


@pytest.fixture
def sixteen_bytes(tmp_path: Path) -> MappedFile:
    path = tmp_path / "sixteen"
    path.write_bytes(np.arange(4, dtype="<f4").tobytes())
    return MappedFile(path)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_tensors_are_found_under(sixteen_bytes: MappedFile, wrapper: str) -> None:
    saved = entries({"epoch": 1, wrapper: {"a": T}, "best": T})
    checkpoint = checkpoint_of(sixteen_bytes, "a form", saved, lambda _: 0)
    assert list(checkpoint.tensors) == ["a"]
    assert (checkpoint.unwrapped, checkpoint.left_out) == ((wrapper,), ("epoch", "best"))
    np.testing.assert_array_equal(checkpoint.tensors["a"], [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("saved", "unwrapped", "names", "left_out"),
    [
        pytest.param({"a": T, "n": 1}, (), ["a"], ("n",), id="at the top"),
        pytest.param({"a": T, "model.b": T}, (), ["a", "model.b"], (), id="no wrapper though a name starts as one"),
        pytest.param({"model": T, "a": T}, (), ["model", "a"], (), id="a tensor is no wrapper"),
        pytest.param({"model": {"lr": 1}, "a": T}, (), ["a"], ("model",), id="settings are no wrapper"),
        pytest.param(
            {"model_ema": {"e": T}, "model": {"a": T}}, ("model",), ["a"], ("model_ema",), id="trained before averaged"
        ),
        pytest.param(
            {"model": {"state_dict": {"a": T}, "n": 1}, "m": OPAQUE},
            ("model", "state_dict"),
            ["a"],
            ("m", "n"),
            id="one in another",
        ),
        pytest.param({"module.a": T, "module.b": T}, ("module.",), ["a", "b"], (), id="a prefix of all"),
        pytest.param({"module.a": T, "b": T}, (), ["module.a", "b"], (), id="a prefix of some stays"),
        pytest.param({"module.": T, "module.b": T}, (), ["module.", "module.b"], (), id="a name is never emptied"),
        pytest.param({"module.module.a": T}, ("module.", "module."), ["a"], (), id="a prefix twice"),
        pytest.param({"_orig_mod.module.a": T}, ("_orig_mod.", "module."), ["a"], (), id="two prefixes"),
        pytest.param({"module.a": T, "n": 1}, ("module.",), ["a"], ("n",), id="numbers need no prefix"),
        pytest.param({3: 1, "model": {"a": T}}, ("model",), ["a"], (), id="odd keys outside the network"),
    ],
)
def test_unwrapping(
    sixteen_bytes: MappedFile,
    saved: Mapping[Any, object],
    unwrapped: tuple[str, ...],
    names: list[str],
    left_out: tuple[str, ...],
) -> None:
    checkpoint = checkpoint_of(sixteen_bytes, "a form", entries(saved), lambda _: 0)
    assert (checkpoint.unwrapped, list(checkpoint.tensors)) == (unwrapped, names)
    assert checkpoint.left_out == left_out


@pytest.mark.parametrize(
    ("saved", "name"),
    [
        pytest.param({"a": T}, "", id="nowhere"),
        pytest.param({"arch": "resnet18", "state_dict": {"a": T}}, "resnet18", id="around the tensors"),
        pytest.param({"model": {"arch": "resnet18", "a": T}}, "resnet18", id="beside the tensors"),
        pytest.param(
            {"arch": "teacher", "model": {"arch": "student", "state_dict": {"a": T}}}, "student", id="on two levels"
        ),
        pytest.param({"arch": "teacher", "model": {"arch": 50, "a": T}}, "teacher", id="on one as a number"),
        pytest.param({"arch": T, "a": T}, "", id="as a tensor"),
        pytest.param({"arch": OPAQUE, "state_dict": {"a": T}}, "", id="as an object"),
        pytest.param({"model_ema": {"arch": "resnet18"}, "a": T}, "", id="where no tensors are"),
    ],
)
def test_the_networks_name_is_noted(sixteen_bytes: MappedFile, saved: Mapping[Any, object], name: str) -> None:
    assert checkpoint_of(sixteen_bytes, "a form", entries(saved), lambda _: 0).network_name == name


@pytest.mark.parametrize(
    ("saved", "sentence"),
    [
        pytest.param(entries({"epoch": 1}), r"no tensors were found in it \(it holds 'epoch'\)", id="no tensors"),
        pytest.param(entries({}), r"no tensors were found in it \(it holds nothing", id="an empty dictionary"),
        pytest.param(entries({"a": T, 3: T}), "1 stand under keys that are no text", id="a number for a name"),
        pytest.param([T], "it holds a list, a dictionary of tensors was expected", id="a list"),
        pytest.param(T, "it holds a tensor, a dictionary of tensors was expected", id="a tensor alone"),
        pytest.param(
            entries({f"{n}": T for n in range(17)}), "17 tensors would take 272 bytes, at most 16 times", id="a bomb"
        ),
    ],
)
def test_a_dictionary_without_a_network_is_refused(sixteen_bytes: MappedFile, saved: object, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        checkpoint_of(sixteen_bytes, "a form", saved, lambda _: 0)


def test_a_dictionary_that_holds_itself_has_an_end(sixteen_bytes: MappedFile) -> None:
    saved = entries({"epoch": 1})
    for wrapper in WRAPPERS:
        saved[wrapper] = saved
    with pytest.raises(BadInput, match="no tensors were found"):
        checkpoint_of(sixteen_bytes, "a form", saved, lambda _: 0)


# Several dictionaries.

KERNEL = TensorRef(FLOATS, FLOATS.dtype, 0, (2, 2), (2, 1))
BOTH = {"net": {"a": KERNEL, "b": T}, "ema": {"a": KERNEL, "b": T}}


@pytest.mark.parametrize(
    ("saved", "keys"),
    [
        pytest.param({"net": {"a": KERNEL}, "epoch": 1}, [], id="one, under a key that no script is known for"),
        pytest.param(BOTH, ["net", "ema"], id="trained before averaged"),
        pytest.param({"head": {"a": KERNEL}, "body": {"a": KERNEL, "b": KERNEL}}, ["body", "head"], id="more kernels"),
        pytest.param({"other": {"a": KERNEL}, "model": {"a": KERNEL}}, ["model", "other"], id="a usual key first"),
        pytest.param({"a": KERNEL, "net": {"a": KERNEL}}, ["net", "."], id="one inside before the top"),
        pytest.param({"x": {"y": {"a": KERNEL}}, "z": {"a": KERNEL}}, ["z", "x.y"], id="the shorter way"),
        pytest.param({"net": {"a": KERNEL}, "optimizer": {"m": {"a": KERNEL, "b": KERNEL}}}, [], id="no optimizer's"),
    ],
)
def test_of_several_dictionaries_come(sixteen_bytes: MappedFile, saved: Mapping[Any, object], keys: list[str]) -> None:
    checkpoint = checkpoint_of(sixteen_bytes, "a form", entries(saved), lambda _: 0)
    assert list(checkpoint.dictionaries) == keys
    assert checkpoint.key == (keys[0] if keys else "")


def test_each_of_several_dictionaries_can_be_opened(sixteen_bytes: MappedFile) -> None:
    checkpoint = checkpoint_of(sixteen_bytes, "a form", entries(BOTH | {"epoch": 1}), lambda _: 0)
    assert {key: (each.tensors, each.is_averaged) for key, each in checkpoint.dictionaries.items()} == {
        "net": (2, False),
        "ema": (2, True),
    }
    averaged = checkpoint.dictionaries["ema"].open()
    assert (averaged.unwrapped, averaged.left_out, list(averaged.tensors)) == (("ema",), ("net", "epoch"), ["a", "b"])


def test_another_dictionary_is_refused_when_it_is_opened(sixteen_bytes: MappedFile) -> None:
    saved = {"net": {"a": KERNEL}, "bomb": {f"{n}": T for n in range(17)}}
    checkpoint = checkpoint_of(sixteen_bytes, "a form", entries(saved), lambda _: 0)
    assert list(checkpoint.tensors) == ["a"]
    with pytest.raises(BadInput, match="17 tensors would take 272 bytes, at most 16 times"):
        checkpoint.dictionaries["bomb"].open()


def test_many_dictionaries_take_no_longer_than_they_are_many(sixteen_bytes: MappedFile) -> None:
    """Of 100,000 in one dictionary each would name all others, if what is beside it were listed before it is asked."""
    saved = entries({"net": {"a": KERNEL}} | {f"{n}": {"b": T} for n in range(100_000)})
    checkpoint = checkpoint_of(sixteen_bytes, "a form", saved, lambda _: 0)
    assert (checkpoint.key, len(checkpoint.dictionaries)) == ("net", 100_001)
    assert len(checkpoint.left_out) == 100_000
