"""Checkpoints built by hand, from pickle opcodes and raw headers, because no library writes what these hold."""

import io
import json
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import Checkpoint, read_checkpoint

DATA = np.arange(4, dtype="<f4").tobytes()

MUTATIONS = 800
"""Random changes of a file that `make test` reads; `make mutations` reads 20,000 of every format."""

PROTO = b"\x80\x02"


class Raw(bytes):
    """Opcodes that stand in a value as they are."""


def raw(opcodes: bytes) -> Raw:
    return Raw(opcodes)


def pickled(value: object) -> bytes:
    """`value` as opcodes of protocol 2, without memo or end."""
    match value:
        case Raw():
            return value
        case None | bool():
            return {None: b"N", True: b"\x88", False: b"\x89"}[value]
        case int():
            raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(raw)]) + raw
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        case list() | tuple():
            start, end = (b"](", b"e") if isinstance(value, list) else (b"(", b"t")
            return start + b"".join(pickled(item) for item in value) + end
        case dict():
            return b"}(" + b"".join(pickled(key) + pickled(item) for key, item in value.items()) + b"u"
    raise TypeError(value)


def call(function: str, *arguments: object) -> Raw:
    return Raw(b"c" + function.replace(" ", "\n").encode() + b"\n" + pickled(arguments) + b"R")


def storage(
    key: object = "0", length: int = 4, kind: str = "torch FloatStorage", stream: bool = False, device: object = "cpu"
) -> Raw:
    saved = Raw(b"c" + kind.replace(" ", "\n").encode() + b"\n")
    view = (None,) if stream else ()
    return Raw(pickled(("storage", saved, key, device, length, *view)) + b"Q")


def tensor(
    of: Raw | None = None, offset: object = 0, shape: object = (4,), strides: object = (1,), *more: object
) -> Raw:
    return call("torch._utils _rebuild_tensor_v2", of or storage(), offset, shape, strides, False, None, *more)


def zipped(
    saved: object,
    records: Mapping[str, bytes] | None = None,
    more: Sequence[tuple[str, bytes]] = (),
    compressed: str = "",
    tail: bytes = b"",
    version: list[tuple[str, bytes]] | None = None,
) -> bytes:
    """A zip of PyTorch's: `data.pkl` from `saved`, the `records`, and `more` members beside them.

    version: the records that say of which version the archive is.
    """
    out = io.BytesIO()
    members = [("data.pkl", PROTO + pickled(saved) + b"." + tail), ("byteorder", b"little")]
    members += [(f"data/{key}", data) for key, data in (records or {"0": DATA}).items()]
    members += [("version", b"3\n")] if version is None else version
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name twice is what some of these files are about
        for name, data in [(f"archive/{name}", data) for name, data in members] + list(more):
            method = zipfile.ZIP_DEFLATED if compressed and name.endswith(compressed) else zipfile.ZIP_STORED
            archive.writestr(name, data, method)
    return out.getvalue()


def streamed(
    saved: object,
    storages: Sequence[tuple[str, int, bytes]] = (("0", 4, DATA),),
    protocol: int = 1001,
    machine: object = None,
    tail: bytes = b"",
) -> bytes:
    """A stream of PyTorch's, with (key, elements, bytes) for each storage."""
    head = (0x1950A86A20F9469CFC6C, protocol, {"little_endian": True} if machine is None else machine, saved)
    pickles = b"".join(PROTO + pickled(value) + b"." for value in (*head, [key for key, _, _ in storages]))
    return pickles + b"".join(struct.pack("<q", count) + data for _, count, data in storages) + tail


def tarred(
    saved: object = None,
    *,
    storages: bytes | None = None,
    tensors: bytes | None = None,
    machine: object = None,
    more: Sequence[tarfile.TarInfo] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    tail: bytes = b"",
) -> bytes:
    """A tar of PyTorch's, with one storage of address 1 and one tensor of address 2."""

    def one(value: object) -> bytes:
        return PROTO + pickled(value) + b"."

    float_storage, float_tensor = Raw(b"ctorch\nFloatStorage\n"), Raw(b"ctorch\nFloatTensor\n")
    if storages is None:
        storages = one(1) + one((1, "cpu", float_storage)) + struct.pack("<q", 4) + DATA + one([])
    if tensors is None:
        tensors = one(1) + one((2, 1, float_tensor)) + struct.pack("<ii3q", 1, 0, 4, 1, 0)
    parts = {
        "sys_info": one({"little_endian": True} if machine is None else machine),
        "pickle": one({"w": Raw(pickled("2") + b"Q")} if saved is None else saved),
        "tensors": tensors,
        "storages": storages,
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.PAX_FORMAT, pax_headers=dict(headers or {})) as archive:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1500000000.5
            member.pax_headers = dict(extra or {})
            archive.addfile(member, io.BytesIO(data))
        for member in more:
            archive.addfile(member)
    return out.getvalue() + tail


def safe(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file of a header, given as JSON's value or as the bytes themselves."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def one(dtype: str = "F32", shape: object = (4,), offsets: object = (0, 16), **more: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


def pickle_of(value: object) -> bytes:
    return PROTO + pickled(value) + b"."


def folderless(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


def zip_of_many(names: Sequence[str], content: bytes) -> bytes:
    """A zip of many members that hold the same; `zipfile` takes twenty times as long."""
    about = struct.pack("<HHHHIII", 0, 0, 0, 0x21, zlib.crc32(content), len(content), len(content))
    members = [name.encode() for name in names]
    lengths = [struct.pack("<HH", len(name), 0) for name in members]
    local = [b"PK\3\4\x14\0" + about + length + name + content for name, length in zip(members, lengths, strict=True)]
    places = accumulate(map(len, local), initial=0)
    central = [
        b"PK\1\2\x14\0\x14\0" + about + length + bytes(10) + struct.pack("<I", place) + name
        for name, length, place in zip(members, lengths, places, strict=False)
    ]
    start, size = sum(map(len, local)), sum(map(len, central))
    end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, len(members), len(members), size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
    return b"".join((*local, *central, end, locator, b"PK\5\6", bytes(4), b"\xff" * 12, bytes(2)))


W = {"w": tensor()}  # one tensor, in a zip
FLOATS = raw(b"ctorch\nFloatStorage\n")
ONE_STORAGE = pickle_of((1, "cpu", FLOATS)) + struct.pack("<q", 4) + DATA

SOUND = {
    "zip": zipped({"epoch": 3, "state_dict": {"module.w": tensor(), "module.n": 1}}),
    "stream": streamed({"epoch": 3, "state_dict": {"module.w": tensor(storage(stream=True)), "module.n": 1}}),
    "tar": tarred(),
    "safetensors": safe({"__metadata__": {"a": "b"}, "w": one(), "b": one("BOOL", [2, 1], [16, 18])}, DATA + b"\1\0"),
}


def read(folder: Path, content: bytes) -> Checkpoint:
    path = folder / "hostile.pth"
    path.write_bytes(content)
    return read_checkpoint(path)


def refusal(folder: Path, content: bytes) -> str:
    """The sentence with which `content` is refused."""
    path = folder / "hostile.pth"
    path.write_bytes(content)
    return refusal_of(path)


def refusal_of(path: Path) -> str:
    """The sentence with which a file is refused, which names the file and is one line."""
    with pytest.raises(BadInput) as caught:
        read_checkpoint(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert sentence.isprintable(), "a refusal is one line, whatever the file puts into it"
    assert len(sentence) < 600
    return sentence


def npy(descr: str, shape: str, values: bytes) -> bytes:
    """A .npy of version 1.0, its header as NumPy pads it."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values
