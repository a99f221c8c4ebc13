"""Folders of transformers', read: in one file and in several, damaged, and made to do harm."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec import BadInput
from isomorph.tools.checkpoints import read_checkpoint, sha256, write_safetensors
from isomorph.tools.subjects.subject import find_subject

from ..hostile_files import raw, tensor, zipped
from ..measured import MEGABYTE, measured
from ..transformers_folders import SMALL, halves, tensors, write_config, write_parts

FIRST, SECOND = halves()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "net"


def refused(folder: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_checkpoint(folder)
    return str(caught.value).replace(f"{folder}/", "").replace(str(folder), "net")


def test_one_file_is_read_as_what_the_configuration_says(folder: Path) -> None:
    write_config(folder)
    write_safetensors(folder / "model.safetensors", tensors(), {"format": "pt"})
    found = read_checkpoint(folder)
    assert (found.format, found.path, found.shards) == (
        "transformers folder",
        folder / "config.json",
        (folder / "model.safetensors",),
    )
    assert found.metadata["format"] == "pt"
    subject = find_subject(folder)
    assert subject.architecture == SMALL
    assert subject.origin is not None
    assert subject.origin.sha256 == sha256(folder / "config.json", folder / "model.safetensors")


def test_the_configuration_tells_functions_of_the_same_tensors_apart(folder: Path) -> None:
    write_config(folder, downsample_in_bottleneck=True)
    write_safetensors(folder / "model.safetensors", tensors(), {})
    assert find_subject(folder).architecture == SMALL.with_options(bottleneck_stride="conv1")


def test_several_files_are_read_as_one(folder: Path) -> None:
    found = read_checkpoint(write_parts(folder, halves()))
    assert list(found.tensors) == list(tensors())
    assert all(np.array_equal(found.tensors[name], value) for name, value in tensors().items())
    assert found.shards == (folder / FIRST, folder / SECOND)
    assert find_subject(folder).architecture == SMALL


def test_a_link_to_a_file_elsewhere_is_followed_as_the_hubs_cache_has_them(folder: Path, tmp_path: Path) -> None:
    write_config(folder)
    write_safetensors(tmp_path / "blob", tensors(), {})
    (folder / "model.safetensors").symlink_to(tmp_path / "blob")
    assert find_subject(folder).architecture == SMALL


def bin_of(**values: object) -> bytes:
    return zipped({name: value if isinstance(value, bytes) else tensor() for name, value in values.items()})


@pytest.mark.parametrize("sharded", [False, True], ids=["in one file", "in two"])
def test_files_of_pytorchs_are_read(sharded: bool, folder: Path) -> None:
    write_config(folder, model_type="other")
    if sharded:
        (folder / "a.bin").write_bytes(bin_of(v=1))
        (folder / "b.bin").write_bytes(bin_of(w=1))
        index = {"weight_map": {"v": "a.bin", "w": "b.bin"}}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    else:
        (folder / "pytorch_model.bin").write_bytes(bin_of(v=1, w=1))
    found = read_checkpoint(folder)
    assert {name: tuple(value.tolist()) for name, value in found.tensors.items()} == dict.fromkeys("vw", (0, 1, 2, 3))
    assert dict(found.metadata) == {}


def test_a_file_of_safetensors_counts_before_all_others(folder: Path) -> None:
    write_parts(folder, halves())
    (folder / "pytorch_model.bin").write_bytes(bin_of(v=1))
    write_safetensors(folder / "model.safetensors", {"w": np.zeros(1)}, {})
    assert list(read_checkpoint(folder).tensors) == ["w"]


def test_a_folder_without_configuration_is_refused(folder: Path) -> None:
    folder.mkdir()
    write_safetensors(folder / "model.safetensors", tensors(), {})
    assert refused(folder) == "net: is a folder, a file was expected: name the checkpoint file in it."


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    assert "is a folder with a config.json and without weights" in refused(write_config(folder))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "model.safetensors.index.json"])
def test_a_pipe_is_refused_and_not_waited_for(name: str, folder: Path) -> None:
    write_config(folder)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    assert "was expected" in refused(folder)


def test_code_in_a_file_is_refused_and_not_run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(folder)
    (folder / "pytorch_model.bin").write_bytes(zipped(raw(b"cos\nmkdir\nX\x04\0\0\0evil\x85R")))
    monkeypatch.chdir(tmp_path)
    assert refused(folder).startswith("pytorch_model.bin: ")
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("model.safetensors", bin_of(v=1), id="a pickle that is called safetensors"),
        pytest.param("pytorch_model.bin", b"PK\x03\x04", id="an archive that was cut short"),
        pytest.param("model.safetensors", b"", id="an empty file"),
        pytest.param("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", id="a Git LFS pointer"),
    ],
)
def test_weights_are_refused_that_are(name: str, content: bytes, folder: Path) -> None:
    write_config(folder)
    (folder / name).write_bytes(content)
    assert refused(folder).startswith(f"{name}: ")


PLACES = {
    "no object": ([], "its weight_map is a list, an object of tensors' and files' names was expected"),
    "nothing": ({}, "its weight_map is a dict, an object of tensors' and files' names was expected"),
    "a number": ({"w": 3}, "it has 'w' in 3, the name of a file beside it was expected"),
    "the folder above": ({"w": "../x"}, "it has 'w' in '../x', the name of a file beside it was expected"),
    "two dots": ({"w": ".."}, "it has 'w' in '..', the name of a file beside it was expected"),
    "nothing at all": ({"w": ""}, "it has 'w' in '', the name of a file beside it was expected"),
    "an absolute path": ({"w": "/etc/passwd"}, "it has 'w' in '/etc/passwd', the name of a file beside it"),
    "a folder in it": ({"w": "a/b"}, "it has 'w' in 'a/b', the name of a file beside it"),
    "a path of Windows'": ({"w": "..\\x"}, r"it has 'w' in '..\\x', the name of a file beside it"),
    "a name that cannot be printed": ({"w": "a\0b"}, r"it has 'w' in 'a\x00b', the name of a file beside it"),
    "a name that no file can have": ({"w": "x" * 256}, "it has 'w' in 'xxx"),
    "a file that is not there": ({"w": "x"}, "its file 'x' was expected beside it, and is not there: fetch that, too"),
}


@pytest.mark.parametrize(("places", "sentence"), PLACES.values(), ids=PLACES)
def test_an_index_is_refused_that_names(places: Any, sentence: str, folder: Path) -> None:
    assert sentence in refused(write_parts(folder, {}, places))


def test_a_tensor_in_two_files_is_refused(folder: Path) -> None:
    parts = halves()
    twice = next(iter(parts[FIRST]))
    parts[SECOND][twice] = parts[FIRST][twice]
    own = {name: FIRST if name in parts[FIRST] else SECOND for name in tensors()}
    assert f"its tensor {twice!r} is in {SECOND}, {FIRST!r} was expected" in refused(write_parts(folder, parts, own))


def test_a_tensor_that_the_index_does_not_name_is_refused(folder: Path) -> None:
    own = {name: FIRST if name in halves()[FIRST] else SECOND for name in tensors()}
    del own["classifier.1.bias"]
    assert f"its tensor 'classifier.1.bias' is in {SECOND}, none of that name was expected" in refused(
        write_parts(folder, halves(), own)
    )


def test_a_tensor_that_is_in_no_file_is_refused(folder: Path) -> None:
    own = {name: FIRST if name in halves()[FIRST] else SECOND for name in tensors()} | {"more": SECOND}
    assert f"its tensor 'more' is in no file, {SECOND!r} was expected" in refused(write_parts(folder, halves(), own))


JSONS = {
    "no JSON": (b"{", "it cannot be read as JSON (Expecting property name"),
    "no object": (b"[1]", "it holds a list, a model's configuration was expected"),
    "deep nesting": (b"[" * 100_000, "it cannot be read as JSON (maximum recursion depth"),
    "a name that comes twice": (b'{"depths": [1], "depths": [2]}', "it says 'depths' twice, once was expected"),
    "bytes of no text": (b"\xff{}", "is not UTF-8 at byte 0"),
    "more than a configuration takes": (b" " * (3 << 20), "is larger than 2,097,152 bytes"),
}


@pytest.mark.parametrize(("content", "sentence"), JSONS.values(), ids=JSONS)
def test_a_configuration_is_refused_that_is(content: bytes, sentence: str, folder: Path) -> None:
    write_config(folder)
    (folder / "config.json").write_bytes(content)
    assert sentence in refused(folder)


def test_a_configuration_of_what_no_network_here_computes_is_refused(folder: Path) -> None:
    write_config(folder, hidden_act="gelu")
    write_safetensors(folder / "model.safetensors", tensors(), {})
    assert refused(folder) == "config.json: its hidden_act is 'gelu', relu was expected."


def test_a_configuration_of_more_classes_than_are_taken_is_refused(folder: Path) -> None:
    write_config(folder, id2label=None, num_labels=1 << 24)
    assert refused(folder) == "config.json: its num_labels is 16777216, a number from 1 to 1,048,576 was expected."


BOMBS = {
    "objects": b'{"a": [' + b"{}," * 600_000 + b"0]}",
    "lists": b'{"a": [' + b"[]," * 600_000 + b"0]}",
    "names": b"{" + b",".join(b'"%x":0' % number for number in range(200_000)) + b"}",
    "wide text": '{"a": "\U0001f600'.encode() + b"x" * 2_000_000 + b'"}',
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_in_both_its_jsons_does_not_go_off(name: str, folder: Path) -> None:
    write_config(folder)
    (folder / "config.json").write_bytes(BOMBS[name])
    (folder / "model.safetensors.index.json").write_bytes(BOMBS[name])
    outcome, memory, seconds = measured(folder)
    assert memory <= 2 * len(BOMBS[name]) + 64 * MEGABYTE
    assert seconds < 20
    assert outcome == "refused"
