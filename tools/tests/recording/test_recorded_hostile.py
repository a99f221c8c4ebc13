"""Recorded files that are damaged, that lie, or that are made to run code or to fill the memory: one sentence each."""

import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture
from isomorph.tools import run
from isomorph.tools.recording.npz import read_record
from isomorph.tools.recording.record import RECORD, write_end_points

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    report = run(architecture("cifar/resnet20"), backend="oracle", size=(8, 8), batch=1)
    path = tmp_path_factory.mktemp("recorded") / "y.npz"
    write_end_points(path, report.end_points, report.record)
    return path.read_bytes()


def members_of(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED, twice: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a name that comes twice
        for name, data in members.items():
            archive.writestr(name, data)
        if twice:
            archive.writestr(twice, members[twice])
    return out.getvalue()


def array(value: Any, allow_pickle: bool = False) -> bytes:
    out = io.BytesIO()
    np.save(out, value, allow_pickle=allow_pickle)
    return out.getvalue()


def header(text: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(text) + 1)
    return b"\x93NUMPY" + version + length + text.encode() + b"\n" + data


def refusal_of(data: bytes, folder: Path) -> str:
    """The one sentence, less the file's name."""
    path = folder / "y.npz"
    path.write_bytes(data)
    with pytest.raises(BadInput) as refused:
        read_record(path)
    sentence = str(refused.value)
    assert sentence.startswith(f"{path}: ")
    assert sentence.isprintable()
    assert sentence.endswith(".")
    return sentence.removeprefix(f"{path}: ")


class Payload:
    """What would run if it were unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("ran"),)


NESTED = "[" * 100_000
CONV1 = "conv1.npy"
SHAPE = "(1, 8, 8, 16), }"

# what is done to one member, and the words of its refusal
ARRAYS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a pickle": (lambda: array(np.array([Payload()]), allow_pickle=True), "is no array of numbers"),
    "another dtype": (lambda: array(np.zeros((1, 8, 8, 16))), "is float64 of 4 axes; expected float32 of 4"),
    "integers": (lambda: array(np.zeros((1, 8, 8, 16), int)), "is no array of numbers"),
    "a width of floats that there is not": (
        lambda: header("{'descr': '<f3', 'fortran_order': False, 'shape': " + SHAPE),
        "is no array of numbers",
    ),
    "fewer axes": (lambda: array(np.zeros((8, 8, 16), "f4")), "is float32 of 3 axes"),
    "Fortran's order": (lambda: array(np.zeros((1, 8, 8, 16), "f4").T), "is no array of numbers"),
    "a huge shape": (
        lambda: header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 999999999, 99, 9), }"),
        "has not as many bytes as its shape",
    ),
    "an axis with a zero before it": (
        lambda: header("{'descr': '<f4', 'fortran_order': False, 'shape': (01, 8, 8, 16), }"),
        "is no array of numbers",
    ),
    "a header of code": (
        lambda: header("{'descr': __import__('os').system('touch ran'), 'fortran_order': False, 'shape': " + SHAPE),
        "is no array of numbers",
    ),
    "a header that nests": (lambda: header("(" * 60_000), "is no array of numbers"),
    "a header of gigabytes": (lambda: header("{}", version=b"\2\0") + b"\xff" * 8, "is no array of numbers"),
    "nothing": (lambda: b"", "is no array of numbers"),
    "half a header": (lambda: array(np.zeros(3, "f4"))[:20], "is no array of numbers"),
    "no values": (lambda: array(np.zeros((1, 8, 8, 16), "f4"))[:200], "has not as many bytes as its shape"),
    "more values than it says": (
        lambda: array(np.zeros((1, 8, 8, 16), "f4")) + b"more",
        "has not as many bytes as its shape",
    ),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_an_end_point_that_is(
    what: str, good: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.chdir(tmp_path)
    make, words = ARRAYS[what]
    assert words in refusal_of(zipped(members_of(good) | {CONV1: make()}), tmp_path)
    assert not Path("ran").exists()
    assert not recwarn.list


def noted(good: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file with another record."""
    members = members_of(good)
    facts = json.loads(str(np.load(io.BytesIO(members[f"{RECORD}.npy"])).item()))
    changed = change(facts)
    text = changed if isinstance(changed, str) else json.dumps(facts)
    return zipped(members | {f"{RECORD}.npy": array(np.array(text))})


SHA256 = "0" * 64
RECORDS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "is no JSON": (lambda facts: "{", "is no JSON"),
    "nests": (lambda facts: NESTED, "is no JSON"),
    "is a list": (lambda facts: "[]", "is not of format 1"),
    "is of another format": (lambda facts: facts.update(format=2), "is not of format 1"),
    "lacks a field": (lambda facts: facts.__delitem__("dtype"), "the first of them 'dtype'"),
    "has one more": (lambda facts: facts.update(extra=1), "the first of them 'extra'"),
    "names another dtype": (lambda facts: facts.update(dtype="float16"), "expected float16 of 4, as its record says"),
    "names a dtype that there is not": (lambda facts: facts.update(dtype="int8"), "the dtype in its isomorph.record"),
    "names a list for a dtype": (lambda facts: facts.update(dtype=["float32"]), "the dtype in its isomorph.record"),
    "names a device that there is not": (lambda facts: facts.update(device="auto"), "the device in its"),
    "names a precision that there is not": (lambda facts: facts.update(precision="exact"), "the precision in its"),
    "moves the cursor": (lambda facts: facts.update(version="\x1b[2J"), "a text of one line, of at most 256 letters"),
    "moves it by the GPU's name": (lambda facts: facts.update(device_name="\x1b[2J"), "a text of one line"),
    "moves it by a source": (lambda facts: facts["images"].update(source="a\nb"), "the source of images"),
    "has a number for a text": (lambda facts: facts.update(backend=3), "the backend in its"),
    "has a novel for a text": (lambda facts: facts.update(python="x" * 300), "the python in its"),
    "has no digest": (lambda facts: facts["weights"].update(sha256="0"), "the digest of weights"),
    "has more than an origin": (lambda facts: facts["weights"].update(more="0"), "the weights in its"),
    "has no size": (lambda facts: facts.update(input=[1, 8.0, 8, 3]), "expected four numbers"),
    "has no architecture": (lambda facts: facts.update(architecture={}), "the architecture in its"),
    "has a mad architecture": (
        lambda facts: facts["architecture"].update(in_channels=-1),
        "the architecture in its isomorph.record makes no sense",
    ),
    "is of other end points": (
        lambda facts: facts["architecture"]["blocks"].pop(),
        "are not those of cifar/resnet20, the first of them 'block3'",
    ),
    "fills the memory": (lambda facts: " " * (1 << 19), "expected at most 1,048,576"),
}


@pytest.mark.parametrize("what", RECORDS)
def test_a_record_that(what: str, good: bytes, tmp_path: Path) -> None:
    change, words = RECORDS[what]
    assert words in refusal_of(noted(good, change), tmp_path)


def test_a_record_of_letters_that_there_are_not(good: bytes, tmp_path: Path) -> None:
    data = header("{'descr': '<U2', 'fortran_order': False, 'shape': (), }", b"\xff" * 8)
    assert "is no JSON" in refusal_of(zipped(members_of(good) | {f"{RECORD}.npy": data}), tmp_path)


@pytest.mark.parametrize("value", [np.zeros(3), np.array(["a", "b"])], ids=["numbers", "two texts"])
def test_a_record_of(value: Any, good: bytes, tmp_path: Path) -> None:
    assert "expected one text" in refusal_of(zipped(members_of(good) | {f"{RECORD}.npy": array(value)}), tmp_path)


def without(good: bytes, name: str) -> bytes:
    members = members_of(good)
    del members[name]
    return zipped(members)


FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "is empty": (lambda good: b"", "the file is empty, a recorded .npz was expected"),
    "is a text": (lambda good: b"no zip", "it is no .npz"),
    "is an array": (lambda good: array(np.zeros(3)), "it is no .npz"),
    "is compressed": (lambda good: zipped(members_of(good), zipfile.ZIP_DEFLATED), "is compressed"),
    "is a bomb": (
        lambda good: zipped(members_of(good) | {CONV1: bytes(1 << 28)}, zipfile.ZIP_DEFLATED),
        "is compressed",
    ),
    "holds a name twice": (lambda good: zipped(members_of(good), twice=CONV1), "has two members called 'conv1.npy'"),
    "holds nothing": (lambda good: zipped({}), "it holds no isomorph.record"),
    "is another .npz": (lambda good: without(good, f"{RECORD}.npy"), "it holds no isomorph.record"),
    "lacks an end point": (lambda good: without(good, CONV1), "the first of them 'conv1'; record it again"),
    "holds one more": (
        lambda good: zipped(members_of(good) | {"more.npy": array(np.zeros(3))}),
        "the first of them 'more'",
    ),
    "holds a name that leads out": (
        lambda good: zipped(members_of(good) | {"../more.npy": array(np.zeros(3))}),
        "leads out of the archive",
    ),
    "was changed": (lambda good: flipped(good, CONV1), "the bytes of its 'conv1' are not those that were written"),
}


def flipped(good: bytes, name: str) -> bytes:
    """One bit of one value is another."""
    data = members_of(good)[name]
    at = good.index(data) + len(data) - 2
    return good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]


@pytest.mark.parametrize("what", FILES)
def test_a_file_that(what: str, good: bytes, tmp_path: Path) -> None:
    make, words = FILES[what]
    assert words in refusal_of(make(good), tmp_path)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_short(share: float, good: bytes, tmp_path: Path) -> None:
    refusal_of(good[: int(share * len(good))], tmp_path)


@pytest.mark.parametrize("name", [".", "there-is-none.npz"])
def test_what_is_no_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        read_record(tmp_path / name)


def test_a_byte_that_changes_is_seen_or_changes_nothing(good: bytes, tmp_path: Path) -> None:
    """Dates and the like are nobody's; all else is refused."""
    path = tmp_path / "y.npz"
    path.write_bytes(good)
    record, end_points = read_record(path)
    expected = {name: zlib.crc32(value.tobytes()) for name, value in end_points.items()}
    random = np.random.default_rng(0)
    refused = 0
    for place, change in zip(random.integers(len(good), size=200), random.integers(1, 256, size=200), strict=True):
        path.write_bytes(good[:place] + bytes([good[place] ^ int(change)]) + good[place + 1 :])
        try:
            found, values = read_record(path)
        except BadInput:
            refused += 1
            continue
        assert found == record
        assert {name: zlib.crc32(value.tobytes()) for name, value in values.items()} == expected
    assert refused > 100
