"""NumPy's .npz, as NumPy writes them, and such as are damaged or made to do harm."""

import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import METADATA, read_checkpoint

from ..hostile_files import npy, zip_of_many
from ..measured import MEGABYTE, measured
from ..written import awkward, described

ARRAYS: dict[str, Any] = {
    name: array for name, array in awkward().items() if name != "bfloat16" and array.dtype.byteorder != ">"
} | {"columns": np.asfortranarray(np.arange(6.0).reshape(2, 3))}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "packed"])
def test_what_numpy_wrote_comes_back_bit_for_bit_and_in_order(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "m.npz", **ARRAYS)
    checkpoint = read_checkpoint(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as archive:
        loaded = {name: archive[name] for name in archive.files}
    assert checkpoint.format == "NumPy archive"
    assert described(checkpoint.tensors) == described(loaded)
    assert list(checkpoint.tensors) == list(ARRAYS)
    assert not any(tensor.flags.writeable for tensor in checkpoint.tensors.values())


def test_text_and_objects_are_left_out_by_name_and_run_nothing(tmp_path: Path) -> None:
    harm = np.array([print], object)
    np.savez(tmp_path / "m.npz", w=np.ones(2), words=np.array(["a"]), harm=harm)
    checkpoint = read_checkpoint(tmp_path / "m.npz")
    assert list(checkpoint.tensors) == ["w"]
    assert checkpoint.left_out == ("words", "harm")


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return out.getvalue()


W = npy("<f4", "(4,)", bytes(16))
HEAD = b"\x93NUMPY\1\0"


def test_what_isomorph_notes_is_metadata_and_no_array(tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(archive({"w.npy": W, METADATA: "é".encode(), "notes.txt": b"x"}))
    checkpoint = read_checkpoint(tmp_path / "m.npz")
    assert checkpoint.metadata == {METADATA: "é"}
    assert checkpoint.left_out == ("notes.txt",)


WRONG = {
    "no arrays": (archive({"w.npy": b"none"}), r"it holds no arrays of numbers, some .* \(it holds 'w.npy'\)"),
    "an array twice": (archive({"w.npy": W, "w": W}), "it has two arrays called 'w'"),
    "a checksum": (archive({"w.npy": W}).replace(bytes(16), b"\1" + bytes(15)), "the checksum of its w is not that"),
    "a later version": (archive({"w.npy": b"\x93NUMPY\4\0" + W[8:]}), "a version of NumPy's format that is not read"),
    "big-endian numbers": (archive({"w.npy": npy(">f4", "(4,)", bytes(16))}), "'w' is of the dtype '>f4', one of f8"),
    "raw bytes": (archive({"w.npy": npy("|V2", "(4,)", bytes(8))}), "'w' is of the dtype '|V2', one of f8, "),
    "dates": (archive({"w.npy": npy("<M8", "(4,)", bytes(32))}), "'w' is of the dtype '<M8'"),
    "fewer values than its shape": (archive({"w.npy": npy("<f4", "(5,)", bytes(16))}), "has 16 bytes, 20 were"),
    "more values than its shape": (archive({"w.npy": npy("<f4", "(3,)", bytes(16))}), "has 16 bytes, 12 were"),
    "text of fewer letters": (
        archive({"w.npy": W, "t.npy": npy("<U2", "(3,)", bytes(23))}), r"'t' of shape \(3\) and U2 has 23 bytes, 24"
    ),
    "a huge shape": (
        archive({"w.npy": npy("<f4", "(99999999999999999, 99999999999999999)", bytes(16))}), "16 bytes, an integer of"
    ),
    "an axis with a zero before it": (archive({"w.npy": npy("<f4", "(04,)", bytes(16))}), "header that numpy.save"),
    "a number for a shape": (archive({"w.npy": npy("<f4", "(4)", bytes(16))}), "header that numpy.save writes for no"),
    "a negative axis": (archive({"w.npy": npy("<f4", "(-4,)", bytes(16))}), "header that numpy.save writes for no"),
    "an axis beyond all": (archive({"w.npy": npy("<f4", "(" + "9" * 99 + ",)", b"")}), "header that numpy.save writes"),
    "too many axes": (archive({"w.npy": npy("<f4", "(" + "1, " * 17 + ")", bytes(4))}), "has 4 bytes, 4 were expected"),
    "code in its header": (archive({"w.npy": npy("<f4", "(print(1),)", b"")}), "header that numpy.save writes for no"),
    "a header without end": (archive({"w.npy": HEAD + b"\xff\xff{"}), "a header that numpy.save writes for no plain"),
    "a header of megabytes": (archive({"w.npy": HEAD + b"\xff\xff" + b" " * 70_000}), "header that numpy.save writes"),
    "booleans of two": (archive({"w.npy": npy("|b1", "(1,)", b"\2")}), "holds bytes other than 0 and 1"),
    "packed booleans of two": (
        archive({"w.npy": npy("|b1", "(1,)", b"\2")}, zipfile.ZIP_DEFLATED), "holds bytes other than 0 and 1"
    ),
    "a packing that NumPy has not": (archive({"w.npy": W}, zipfile.ZIP_BZIP2), "is compressed in a way that NumPy"),
}  # fmt: skip


def refusal(folder: Path, content: bytes) -> str:
    (folder / "m.npz").write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_checkpoint(folder / "m.npz")
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder / 'm.npz'}: ")
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


@pytest.mark.parametrize("name", WRONG)
def test_an_archive_is_refused_for(tmp_path: Path, name: str) -> None:
    content, sentence = WRONG[name]
    found = refusal(tmp_path, content)
    assert re.search(sentence, found), found


def packed(content: bytes, size: int, crc32: int) -> bytes:
    """An archive of one deflated member, `content`, of which the headers say another size or checksum."""
    sound = archive({"w.npy": W}, zipfile.ZIP_DEFLATED)
    was = zlib.compressobj(wbits=-15)
    body = was.compress(W) + was.flush()
    out = sound.replace(body, content)
    for old, new in ((zlib.crc32(W), crc32), (len(body), len(content)), (len(W), size)):
        out = out.replace(old.to_bytes(4, "little"), new.to_bytes(4, "little"))
    start = out.index(b"PK\1\2")
    return out[:-6] + start.to_bytes(4, "little") + out[-2:]


def deflated(content: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(content) + machine.flush()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(packed(b"\xff" * 9, len(W), 0), "its 'w' cannot be unpacked", id="no deflated data"),
        pytest.param(packed(deflated(W), len(W), 1), "the checksum of its 'w' is not that", id="another checksum"),
        pytest.param(packed(deflated(W + b"x"), len(W), 0), "unpacks to other than the 144 bytes", id="more bytes"),
        pytest.param(packed(deflated(W[:-1]), len(W), 0), "unpacks to other than the 144 bytes", id="fewer bytes"),
        pytest.param(
            packed(deflated(W) + b"x", len(W), 0), "unpacks to other than the 144 bytes", id="bytes behind it"
        ),
    ],
)
def test_a_packed_array_is_refused_for(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert sentence in refusal(tmp_path, content)


def test_an_archive_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = archive({"w.npy": W})
    for length in range(1, len(content)):
        refusal(tmp_path, content[:length])


BOMBS = {
    "zeros": lambda: archive({"w.npy": npy("<f4", "(67108864,)", bytes(256 * MEGABYTE))}, zipfile.ZIP_DEFLATED),
    "arrays of nothing": lambda: zip_of_many([f"{number}.npy" for number in range(100_000)], npy("<f4", "(0,)", b"")),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(BOMBS[name]())
    outcome, memory, seconds = measured(path)
    assert outcome == "refused"
    assert memory <= path.stat().st_size + 64 * MEGABYTE
    assert seconds < 20
