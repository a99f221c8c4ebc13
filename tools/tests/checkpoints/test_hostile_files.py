"""What is no checkpoint at all, or one that was cut or damaged anywhere: refused with a sentence, whatever it is."""

import contextlib
import os
import random
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import Checkpoint, read_checkpoint, wording
from isomorph.tools.checkpoints.mapped_file import MappedFile

from ..hostile_files import (
    MUTATIONS,
    PROTO,
    SOUND,
    call,
    pickled,
    read,
    refusal,
)


@pytest.mark.parametrize("form", SOUND)
def test_the_files_that_the_others_are_broken_from_are_sound(tmp_path: Path, form: str) -> None:
    np.testing.assert_array_equal(read(tmp_path, SOUND[form]).tensors["w"], [0, 1, 2, 3])


# What is no checkpoint at all.


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"\xff", "its 1 byte start with b'.xff', which no checkpoint does", id="one byte"),
        pytest.param(b"x", "looks like text, which holds no tensors; isomorph reads", id="a letter"),
        pytest.param(b"# A model\r\n\tof mine\n" * 999, "looks like text, which holds no tensors", id="text"),
        pytest.param("é".encode() * 999, "looks like text", id="letters that are not ASCII"),
        pytest.param(b"." + "é".encode() * 999, "looks like text", id="a letter that ends behind what is looked at"),
        pytest.param(b"text\x1b[2J", "its 8 bytes start with b'text.x1b", id="what moves a terminal's cursor"),
        pytest.param("é".encode("latin-1") * 99, "its 99 bytes start with b'.xe9", id="text of another encoding"),
        pytest.param(bytes(7), "its 7 bytes start with", id="seven zeros"),
        pytest.param(random.Random(0).randbytes(5000), "its 5,000 bytes start with", id="noise"),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(99), "it is no sound HDF5 file", id="h5"),
        pytest.param(b"\x93NUMPY\1\0" + bytes(99), "looks like a NumPy .npy array", id="npy"),
        pytest.param(b"\x1f\x8b\x08" + bytes(99), "looks like a gzip archive", id="gzip"),
        # As Paddle 3.3 writes them.
        pytest.param(
            b"\n\xe8#\x08\0\x10" + b"\xff" * 9 + b"\1\x1a\x1e\n\5input",
            "looks like a program of Paddle's inference, whose tensors are in the .pdiparams",
            id="pdmodel",
        ),
        pytest.param(
            b'{"base_code":{"magic":"pir","trainable":',
            "looks like a program of Paddle's inference",
            id="paddle's json",
        ),
        pytest.param(b'{"class_name": "Functional"}', "looks like JSON, which may describe a network", id="json"),
        pytest.param(b"\x10\0\0\0ET12" + bytes(99), "looks like an ExecuTorch program", id="executorch"),
        pytest.param(b"ftrt" + bytes(99), "looks like a TensorRT engine", id="tensorrt"),
        pytest.param(b"\n\3abc" + bytes(99), "start with b'.n.x03abc", id="no graph"),
        pytest.param(b"GGUF" + bytes(99), "looks like a GGUF model", id="gguf"),
        pytest.param(b"\x08\x07\x12\x07pytorch" + bytes(99), "looks like an ONNX model", id="onnx"),
        pytest.param(
            b"\x08\x01\x12\x07" + bytes(99),
            "looks like the program of a TensorFlow SavedModel, whose tensors are in the variables/ beside it",
            id="saved model",
        ),
        pytest.param(
            bytes(99) + bytes.fromhex("57fb808b247547db"),
            "is the index of a TensorFlow checkpoint, but",
            id="tensorflow table",
        ),
        pytest.param(
            b'model_checkpoint_path: "m"', "looks like the `checkpoint` file beside", id="tensorflow checkpoint file"
        ),
        pytest.param(b"<!DOCTYPE html>", "looks like a web page or XML, perhaps a failed download", id="web page"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "looks like a Git LFS pointer", id="git lfs"),
        pytest.param(
            b"\x80\x04" + pickled({"StructuredToParameterName@@": {}}) + b".",
            "no arrays were found in it .it holds 'StructuredToParameterName@@'.",
            id="paddle",
        ),
        pytest.param(PROTO + pickled({"w": 1}) + b".", "no arrays were found in it .it holds 'w'.", id="pickle"),
        pytest.param(PROTO + call("posix system", "id") + b".", r"would run posix\.system", id="hostile pickle"),
    ],
)
def test_what_is_no_checkpoint_is_told_by_its_content(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("absent", "absent: there is no such file: check the name", id="missing"),
        pytest.param("model.ckpt", "model.ckpt.index: the file is empty", id="prefix"),
        pytest.param("folder", "folder: is a folder, a file was expected", id="folder"),
        pytest.param(
            "saved",
            r"saved: is a TensorFlow SavedModel without variables/variables\.index, where its tensors were expected",
            id="SavedModel without variables",
        ),
        pytest.param("file/x", "cannot be opened: Not a directory", id="below a file"),
        pytest.param("x" * 300, "cannot be opened: File name too long", id="long name"),
        pytest.param("a\0b", "cannot be opened: embedded null byte", id="impossible name"),
        pytest.param("circle", "cannot be opened: Too many levels of symbolic links", id="circle of links"),
        pytest.param("pipe", "is a device, pipe or socket", id="pipe"),
    ],
)
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "saved/variables").mkdir(parents=True)
    (tmp_path / "saved/saved_model.pb").touch()
    (tmp_path / "file").touch()
    (tmp_path / "model.ckpt.index").touch()
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match=sentence):
        read_checkpoint(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x").write_bytes(SOUND["zip"])
    # Not by chmod, which does not stop root.
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BadInput, match="x: cannot be read for lack of permission"):
        read_checkpoint(tmp_path / "x")


@pytest.mark.parametrize("form", SOUND)
def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path, form: str) -> None:
    content = SOUND[form]
    content_end = len(content.rstrip(b"\0")) if form == "tar" else len(content)  # zeros end a tar archive
    # Of a tar archive, which is long for what it holds, every seventh: 7 has no factor of its blocks' 512 bytes.
    for length in range(1, content_end, 7 if form == "tar" else 1):
        refusal(tmp_path, content[:length])


def touched(checkpoint: Checkpoint, size: int) -> None:
    """Read every value, and check that what came out could have been in a file of `size` bytes."""
    assert checkpoint.tensors
    for name, array in checkpoint.tensors.items():
        assert isinstance(name, str)
        assert len(array.tobytes()) == array.nbytes <= size
        assert not array.flags.writeable


@pytest.mark.parametrize("form", SOUND)
def test_no_mutation_gets_past_a_refusal(tmp_path: Path, form: str) -> None:
    """Bytes set, inserted, removed, copied and cut at random: nothing but `BadInput` and sound arrays comes out."""
    chance = random.Random(form)
    read_well = refused = 0
    for _ in range(MUTATIONS):
        content = bytearray(SOUND[form])
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            position = chance.randrange(len(content) + 1)
            match chance.randrange(6):
                case 0 | 1:
                    content[position : position + 1] = chance.randbytes(1)
                case 2:
                    content[position : position + 1] = chance.choice(
                        (b"\0", b"\xff", b"\x7f", b"\x80", b".", b"(", b"R")
                    )
                case 3:
                    content[position:position] = chance.randbytes(chance.randrange(1, 9))
                case 4:
                    del content[position : position + chance.randrange(1, 9)]
                case _:
                    source = chance.randrange(len(content) + 1)
                    content[position : position + 8] = content[source : source + 8]
        if chance.random() < 0.1:
            del content[chance.randrange(len(content) + 1) :]
        with contextlib.suppress(BadInput):
            checkpoint = read(tmp_path, bytes(content))
            touched(checkpoint, len(content))
            read_well += 1
            continue
        refused += 1
    # Were all of one kind, the mutations would be too wild or too tame to show anything.
    assert min(read_well, refused) > MUTATIONS // 100, (read_well, refused)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("it is damaged", "x: it is damaged."),
        ("it is damaged.", "x: it is damaged."),
        ("is it whole?", "x: is it whole?"),
    ],
)
def test_a_refusal_ends_in_one_full_stop(sentence: str, expected: str) -> None:
    """Whether it was worded here, or by what was asked to read a part of the file."""
    assert str(wording.refusal("x", sentence)) == expected


def test_objects_may_take_32_mib_more_than_their_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    file = MappedFile(tmp_path / "x")
    file.spend(3 + 33_554_432)
    with pytest.raises(BadInput, match="its 3 bytes open to far more objects than a checkpoint of that size holds"):
        file.spend(1)
