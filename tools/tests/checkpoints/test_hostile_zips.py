"""Zip archives that can be read in two ways, or are something else than PyTorch's."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput

from ..hostile_files import (
    DATA,
    PROTO,
    W,
    folderless,
    read,
    zipped,
)


def altered(content: bytes, old: bytes, new: bytes, which: int = 0) -> bytes:
    """`content` with the `which`-th `old` replaced by `new`."""
    position = -1
    for _ in range(which + 1):
        position = content.index(old, position + 1)
    return content[:position] + new + content[position + len(old) :]


def in_table(content: bytes, field: int, raw_value: bytes, entry: int = 0) -> bytes:
    """`content` with a field of an entry of the table of contents overwritten."""
    position = -1
    for _ in range(entry + 1):
        position = content.index(b"PK\1\2", position + 1)
    return content[: position + field] + raw_value + content[position + field + len(raw_value) :]


def with_extra(content: bytes, extra: bytes) -> bytes:
    """`content` with extra fields in the first entry of its table of contents."""
    at = content.index(b"PK\1\2")
    length = int.from_bytes(content[at + 28 : at + 30], "little")
    content = in_table(content, 30, struct.pack("<H", len(extra)))
    name_end, end = at + 46 + length, len(content) - 22
    size = struct.unpack_from("<L", content, end + 12)[0] + len(extra)
    tail = content[end : end + 12] + struct.pack("<L", size) + content[end + 16 :]
    return content[:name_end] + extra + content[name_end:end] + tail


PATH = b"archive/data.pkl"
SECOND_NAME = struct.pack("<2HBL", 0x7075, 5 + len(PATH), 1, zlib.crc32(PATH)) + PATH.replace(b"data", b"tada")
FOREIGN = struct.pack("<2H", 0xCAFE, 2) + b"ab"
NOT_ASCII = zipped(W, more=[("archive/\xe9", b"")])
FLAGS = (NOT_ASCII.rindex(b"PK\3\4") + 6, NOT_ASCII.rindex(b"PK\1\2") + 8)
"""Where the flags of the member stand whose name is not ASCII: in its own header, and in the table."""

ZIPS = {
    "a compressed record": (zipped(W, {"0": DATA}, compressed="data/0"), "its record 'data/0' is compressed"),
    "a compressed pickle": (zipped(W, compressed="data.pkl"), "its record 'data.pkl' is compressed"),
    "a bomb": (zipped(W, {"0": bytes(10**7)}, compressed="data/0"), "its record 'data/0' is compressed"),
    "a member twice": (zipped(W, more=[("archive/data/0", bytes(16))]), "has two members called 'archive/data/0'"),
    "a name that leads out": (zipped(W, more=[("archive/../../x", b"")]), r"'archive/\.\./\.\./x', which leads out of"),
    "an absolute name": (zipped(W, more=[("/etc/x", b"")]), "'/etc/x', which leads out of the archive"),
    "a name outside the folder": (zipped(W, more=[("other/x", b"")]), "has 'other/x' outside the folder 'archive/'"),
    "a name that is no text": (altered(zipped(W), b"byteorder", b"byteorde\xff", 1), "which is no UTF-8"),
    "big-endian numbers": (altered(zipped(W), b"little", b"big   "), "its byteorder record is not 'little'"),
    "a script archive": (zipped(W, more=[("archive/constants.pkl", b"")]), "a TorchScript archive, a program with"),
    "a script archive by its code": (zipped(W, more=[("archive/code/x.py", b"")]), "a TorchScript archive"),
    "a Keras archive": (folderless("config.json", "model.weights.h5"), "its model.weights.h5 starts with b'x'"),
    "a Keras archive behind something": (folderless("x", "model.weights.h5"), r"looks like a Keras \.keras archive"),
    "a NumPy archive": (folderless("notes", "a.npy"), r"looks like a NumPy \.npz archive"),
    "another archive": (folderless("x/y", "z"), r"looks like a zip archive without data\.pkl"),
    "an empty archive behind a member": (b"PK\3\4" + folderless(), "table of contents is damaged near byte 4"),
    "bytes before it": (b"PK\3\4" + zipped(W), "table of contents is damaged near byte 571"),
    "bytes after it": (zipped(W) + b"\0", "starts as a zip archive but does not end as one"),
    "a comment": (zipped(W)[:-2] + b"\x05\0hello", "does not end as one"),
    "a pickle after the pickle": (zipped(W, tail=PROTO + b"N."), "its pickle is followed by 4 bytes"),
    "an encrypted member": (in_table(zipped(W), 8, b"\1\0"), "is encrypted"),
    "a member marked as a folder": (in_table(zipped(W), 38, b"\x10"), "is marked as a folder, but has"),
    "another size in the table": (in_table(zipped(W), 24, b"\1\0\0\0"), "is stored as it is, but in"),
    "a size beyond the members": (
        in_table(in_table(zipped(W), 20, b"\xff\xff\xff\x7f", 2), 24, b"\xff\xff\xff\x7f", 2), "beyond the archive"
    ),
    "a size into the next member": (
        in_table(in_table(zipped(W), 20, b"\x40\0\0\0", 1), 24, b"\x40\0\0\0", 1), "overlap"
    ),
    "an offset elsewhere": (in_table(zipped(W), 42, b"\1\0\0\0"), r"'archive/data.pkl' is not where .* \(byte 1\)"),
    "an offset beyond the file": (in_table(zipped(W), 42, b"\xff\xff\xff\x7f"), "is not where the archive's table"),
    "two members in one place": (
        in_table(zipped(W, {"0": DATA, "1": DATA}), 42, struct.pack("<I", zipped(W).index(b"PK\3\4", 200)), 3),
        "'archive/data/1' is not where",
    ),
    "another name in the header": (altered(zipped(W), b"archive/data/0", b"archive/data/1"), "is not where"),
    "a 64-bit size that is missing": (in_table(zipped(W), 24, b"\xff" * 4), "lacks the 64-bit size"),
    "another number of members": (altered(zipped(W), b"PK\5\6\0\0\0\0\4\0\4\0", b"PK\5\6\0\0\0\0\3\0\3\0"), "damaged"),
    "a member on another disk": (in_table(zipped(W), 34, b"\1\0"), "damaged near"),
    "a patch for a member": (in_table(zipped(W), 8, b"\x20\0"), "is encrypted"),
    "names that differ in capitals": (zipped(W, more=[("archive/DATA/0", DATA)]), "names that differ in capitals"),
    "a version that is no number": (zipped(W, version=[("version", b"three")]), "'version' holds no number"),
    "no version": (zipped(W, version=[]), "has no record 'version', which PyTorch asks for"),
    "a version that is nothing": (zipped(W, version=[("version", b"")]), "'version' holds no number"),
    "a version of 0": (zipped(W, version=[("version", b"0\n")]), "is of version 0 of PyTorch's archives, 1 to 10 are"),
    "a version to come": (zipped(W, version=[("version", b"11")]), "is of version 11 of PyTorch's archives, 1 to 10"),
    "two versions": (
        zipped(W, version=[("version", b"3"), (".data/version", b"11")]), "is of version 11 of PyTorch's archives"
    ),
    "an alignment that is none": (
        zipped(W, more=[("archive/.storage_alignment", b"")]), r"record '\.storage_alignment' holds no number"
    ),
    "a version of zip that is none": (in_table(zipped(W), 6, b"\x40"), r"needs version 6\.4 of zip"),
    "an extra field that is cut short": (with_extra(zipped(W), FOREIGN[:-1]), "are cut short, or one stands"),
    "an extra field of two bytes": (with_extra(zipped(W), b"\xfe\xca"), "are cut short, or one stands"),
    "an extra field twice": (with_extra(zipped(W), FOREIGN * 2), "are cut short, or one stands"),
    "a second name": (with_extra(zipped(W), SECOND_NAME), "'archive/data.pkl' has a second name"),
    **{
        f"a name of unknown encoding by {where}": (
            NOT_ASCII[: at + 1] + b"\0" + NOT_ASCII[at + 2 :], "does not say that its name is UTF-8"
        )
        for where, at in zip(("its own header", "the table"), FLAGS, strict=True)
    },
    "another disk": (altered(zipped(W), b"PK\5\6\0\0", b"PK\5\6\1\0"), "damaged near"),
}  # fmt: skip


@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_archive_is_refused_for(tmp_path: Path, name: str) -> None:
    content, sentence = ZIPS[name]
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)


@pytest.mark.parametrize("version", [0, 10, 20, 45, 63])
def test_a_zip_archive_is_read_of_version(tmp_path: Path, version: int) -> None:
    content = in_table(zipped(W), 6, bytes([version, 3]))  # behind it some write the operating system
    np.testing.assert_array_equal(read(tmp_path, content).tensors["w"], [0, 1, 2, 3])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(with_extra(zipped(W), FOREIGN), id="an extra field of another kind"),
        pytest.param(NOT_ASCII, id="a name that says that it is UTF-8"),
    ],
)
def test_a_zip_archive_is_read_with(tmp_path: Path, content: bytes) -> None:
    np.testing.assert_array_equal(read(tmp_path, content).tensors["w"], [0, 1, 2, 3])


def wide(content: bytes, **fields: int) -> bytes:
    """`content` with a 64-bit end record, as PyTorch writes it beside the 32-bit one."""
    end = len(content) - 22
    _, _, _, _, count, size, start, _ = struct.unpack("<4s4H2LH", content[end:])
    record = {"count": count, "size": size, "start": start, "at": end, "own": 44}
    record |= {"disk": 0, "first_disk": 0, "end_disk": 0, "disks": 1} | fields
    counts = (record["count"], record["count"], record["size"], record["start"])
    disks = record["disk"], record["first_disk"]
    long = struct.pack("<4sQ2H2L4Q", b"PK\6\6", record["own"], 45, 45, *disks, *counts)
    locator = struct.pack("<4sLQL", b"PK\6\7", record["end_disk"], record["at"], record["disks"])
    return content[:end] + long + locator + content[end:]


def test_a_64_bit_archive_is_read(tmp_path: Path) -> None:
    content = zipped(W)
    narrow = content[:-22] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    fields = dict(zip(("count", "size", "start"), struct.unpack("<4s4H2LH", content[-22:])[4:7], strict=True))
    np.testing.assert_array_equal(read(tmp_path, wide(narrow, **fields)).tensors["w"], [0, 1, 2, 3])
    np.testing.assert_array_equal(read(tmp_path, wide(content)).tensors["w"], [0, 1, 2, 3])


WRONG_ENDS: list[dict[str, int]] = [
    *({"count": 2}, {"size": 1}, {"start": 1 << 63}, {"at": 1 << 63}, {"at": 0}),
    *({"own": 36}, {"disk": 1}, {"first_disk": 1}, {"end_disk": 1}, {"disks": 0}, {"disks": 2}),
]


@pytest.mark.parametrize("fields", WRONG_ENDS, ids=str)
def test_an_archive_whose_two_ends_disagree_is_refused(tmp_path: Path, fields: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="table of contents is damaged near"):
        read(tmp_path, wide(zipped(W), **fields))


REFUSED_BY_PYTHON = ("a version of zip that is none", "an extra field that is cut short", "another name in the header")


@pytest.mark.parametrize("name", REFUSED_BY_PYTHON)
def test_python_refuses_too(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(ZIPS[name][0])
    with pytest.raises((zipfile.BadZipFile, NotImplementedError)), zipfile.ZipFile(path) as archive:
        [archive.read(member) for member in archive.namelist()]
