"""PyTorch's older files, streams and tar archives, that are damaged or made to do harm."""

import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput

from ..hostile_files import (
    DATA,
    FLOATS,
    ONE_STORAGE,
    SOUND,
    Raw,
    W,
    call,
    pickle_of,
    pickled,
    raw,
    read,
    storage,
    streamed,
    tarred,
    tensor,
)

S = {"w": tensor(storage(stream=True))}


def viewed(*view: object) -> Raw:
    kind = raw(b"ctorch\nFloatStorage\n")
    return tensor(raw(pickled(("storage", kind, "0", "cpu", 4, view)) + b"Q"), 0, (2,))


STREAMS = {
    "another protocol": (streamed(S, protocol=1002), "its protocol version is 1002, 1001 was expected"),
    "another magic number": (
        SOUND["stream"][:13] + b"\x18" + SOUND["stream"][14:], "its pickle is followed by"
    ),
    "big-endian numbers": (streamed(S, machine={"little_endian": False}), "does not say that its numbers are little"),
    "no machine": (streamed(S, machine=[]), "does not say that its numbers are little"),
    "bytes after it": (streamed(S, tail=b"PK\5\6"), "its last storage is followed by 4 bytes"),
    "another count": (streamed(S, [("0", 5, DATA)]), "its storage '0' has 5 elements, 4 were expected"),
    "a count of 2^62": (streamed(S, [("0", 1 << 62, DATA)]), "has 4,611,686,018,427,387,904 elements, 4 were"),
    "a negative count": (streamed(S, [("0", -1, DATA)]), "has 18,446,744,073,709,551,615 elements, 4 were"),
    "a storage twice": (streamed(S, [("0", 4, DATA)] * 2), "names '0', which no tensor needs or which is there twice"),
    "a storage for nobody": (streamed(S, [("1", 4, DATA)]), "names '1', which no tensor needs"),
    "no storage": (streamed(S, []), "its list of storages lacks '0'"),
    "a storage that is described twice": (
        streamed({"v": tensor(storage(stream=True)), "w": tensor(storage(length=3, stream=True), 0, (3,))}),
        "describes the storage '0' in two ways",
    ),
    "a storage on two devices": (
        streamed({"v": S["w"], "w": tensor(storage(device="cuda:0", stream=True))}), "describes the storage '0' in two"
    ),
    "a view that is described twice": (
        streamed({"v": viewed("1", 0, 2), "w": viewed("1", 2, 2)}), "describes the view '1' in two ways"
    ),
    "a view of the key of its storage": (streamed({"w": viewed("0", 0, 2)}), "calls a storage and a view of one '0'"),
    "a view without a key": (streamed({"w": viewed(1, 0, 2)}), "views a storage in an unknown way"),
    "a view beyond its storage": (streamed({"w": viewed("1", 3, 2)}), "storage of 4 elements is viewed beyond its end"),
    "a view of another kind": (streamed({"w": viewed("1")}), "views a storage in an unknown way"),
    "a storage of bytes": (
        streamed({"w": tensor(storage(length=16, kind="torch.storage UntypedStorage", stream=True), 0, (16,))},
                 [("0", 16, DATA)]),
        "refers to something that is no storage",
    ),
    "a fact about the machine under a list": (
        streamed(S, machine=raw(pickled({"little_endian": True})[:-1] + pickled([]) + b"Nu")),
        "a dictionary has a list for a key",
    ),
    "a fact about the machine under a set": (
        streamed(S, machine=raw(pickled({"little_endian": True})[:-1] + b"\x8fNu")),
        "a dictionary has a set or the like for a key",
    ),
    "a storage as in a zip": (streamed(W), "refers to something that is no storage"),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_refused_for(tmp_path: Path, name: str) -> None:
    content, sentence = STREAMS[name]
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)


def test_a_view_of_a_storage_is_read(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(tmp_path, streamed({"w": viewed("1", 2, 2)})).tensors["w"], [2, 3])


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else "", size
    return info


def renumbered(content: bytes, name: bytes, digits: bytes, at: int = 124) -> bytes:
    """A tar archive with another size, or another field's octal digits, of the member called `name`."""
    start = next(at for at in range(0, len(content), 512) if content[at : at + 100].rstrip(b"\0") == name)
    header = bytearray(content[start : start + 512])
    header[at : at + len(digits)] = digits
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return content[:start] + bytes(header) + content[start + 512 :]


STORAGE = pickle_of(1) + ONE_STORAGE
TENSOR = pickle_of(1) + pickle_of((2, 1, raw(b"ctorch\nFloatTensor\n")))
TARS = {
    "another archive": (tarred(more=[member("README")]), "holds 'README', but the only tar archives read here"),
    "a link": (tarred(more=[member("x", tarfile.SYMTYPE)]), "holds 'x', but the only tar"),
    "a part that is a link": (tarred(more=[member("pickle", tarfile.SYMTYPE)]), "holds 'pickle', but the only tar"),
    "a part twice": (tarred(more=[member("pickle")]), "holds 'pickle', but the only tar"),
    "a header for all members": (tarred(headers={"path": "x"}), "but the only tar archives read here"),
    "a header that renames a member": (tarred(extra={"path": "pickle"}), "that says more than dates and owners"),
    "a header that resizes a member": (tarred(extra={"size": "9"}), "that says more than dates and owners"),
    "a header that renames a member behind a date": (
        tarred(extra={"ctime": "1.5", "path": "pickle"}),
        "that says more than dates and owners",
    ),
    "a long header": (tarred(extra={"uname": "x" * 5000}), "that says more than dates and owners"),
    "a size that is no number": (renumbered(SOUND["tar"], b"pickle", b"9" * 12), "tar header at byte .* is damaged"),
    "a negative size": (renumbered(SOUND["tar"], b"pickle", b"-0000001000\0"), "tar header at byte .* is damaged"),
    "a size behind a zero": (renumbered(SOUND["tar"], b"pickle", b"\0" + b"0" * 9 + b"32"), "tar header at byte"),
    "an owner that is no number": (renumbered(SOUND["tar"], b"pickle", b"\xff", 108), "tar header at byte"),
    "an end inside a block": (SOUND["tar"][:-100], "its tar archive ends inside a block: it was cut short"),
    "a huge size": (renumbered(SOUND["tar"], b"pickle", b"777777777777"), r"ends inside 'pickle' \(byte"),
    "another checksum": (SOUND["tar"].replace(b"ustar\0", b"ustar\1"), "tar header at byte 0 is damaged"),
    "bytes after it": (tarred(tail=b"PK\5\6"), "something follows the end of its tar archive"),
    "big-endian numbers": (tarred(machine={"little_endian": False}), "does not say that its numbers are little"),
    "a key that is not there": (tarred({"w": raw(pickled("3") + b"Q")}), "refers to the tensor '3', which"),
    "code among its tensors": (tarred(tensors=pickle_of(call("os system", "id"))), r"would run os\.system"),
    "code among its storages": (tarred(storages=pickle_of(1) + pickle_of(call("os system", "id"))), "would run os.sys"),
    "a number of storages of 2^62": (tarred(storages=pickle_of(1 << 62)), "says that it holds 4611686018427387904"),
    "fewer storages": (tarred(storages=pickle_of(5) + ONE_STORAGE), "cannot be read at byte .* it stops in the middle"),
    "a storage of no kind": (tarred(storages=pickle_of(1) + pickle_of(None)), "a storage is described in an unknown"),
    "a storage beyond the file": (
        tarred(storages=STORAGE[:-24] + struct.pack("<q", 1 << 40)), "ends inside the storage '1'"
    ),
    "a storage of bytes": (
        tarred(storages=pickle_of(1) + pickle_of((1, "cpu", raw(b"ctorch.storage\nUntypedStorage\n")))),
        "a storage is described in an unknown way",
    ),
    "text for a key": (tarred(storages=pickle_of(1) + pickle_of(("a", "cpu", FLOATS))), "a key is 'a', an address"),
    "no views": (tarred(storages=STORAGE + pickle_of(None)), "a view is described in an unknown way"),
    "a view beyond its storage": (tarred(storages=STORAGE + pickle_of([(3, 1, 2, 3)])), "viewed beyond its end"),
    "a view of nothing": (tarred(storages=STORAGE + pickle_of([(3, 7, 0, 1)])), "a view is described in an unknown"),
    "two storages of one key": (
        tarred(storages=pickle_of(2) + 2 * ONE_STORAGE + pickle_of([])), "two storages of the key 1, one was expected"
    ),
    "a view of the key of a storage": (
        tarred(storages=STORAGE + pickle_of([(1, 1, 0, 4)])), "a view is described in an unknown way"
    ),
    "two views of one key": (
        tarred(storages=STORAGE + pickle_of([(3, 1, 0, 4), (3, 1, 1, 2)])), "a view is described in an unknown way"
    ),
    "a tensor of the key of a storage": (
        tarred(tensors=pickle_of(1) + pickle_of((1, 1, None)) + struct.pack("<ii3q", 1, 0, 4, 1, 0)),
        "the key 1 stands for two things",
    ),
    "bytes after the views": (tarred(storages=STORAGE + pickle_of([]) + b"x"), "its pickle is followed by 1 byte"),
    "a tensor beyond its storage": (
        tarred(tensors=TENSOR + struct.pack("<ii3q", 1, 0, 4, 1, 1)), "tensors cannot be read at byte .* reaches beyond"
    ),
    "a tensor of 2^31 axes": (tarred(tensors=TENSOR + b"\xff\xff\xff\x7f"), r"more than 16 axes \(2,147,483,647\)"),
    "a tensor that is cut short": (tarred(tensors=TENSOR + struct.pack("<iiq", 1, 0, 4)), "a tensor ends early, or"),
    "a tensor of nothing": (
        tarred(tensors=pickle_of(1) + pickle_of((2, 7, None)) + struct.pack("<iiq", 0, 0, 0)),
        "a tensor is described in an unknown way",
    ),
    "bytes after the tensors": (
        tarred(tensors=TENSOR + struct.pack("<ii3q", 1, 0, 4, 1, 0) + b"x"), "its tensors end at byte"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TARS)
def test_a_tar_archive_is_refused_for(tmp_path: Path, name: str) -> None:
    content, sentence = TARS[name]
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)
