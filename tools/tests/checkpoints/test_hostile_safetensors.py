"""safetensors files that break the format, and odd ones that keep to it."""

import json
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput

from ..hostile_files import (
    DATA,
    one,
    read,
    safe,
)

SAFETENSORS = {
    "a header of 0 bytes": (safe(b"", b"{"), "EOF while parsing a value"),
    "a header of 2^63 bytes": (safe({}, length=1 << 63), "which no checkpoint does"),
    "a header beyond the limit": (safe({"w": one()}, DATA, length=100_000_001), "which no checkpoint does"),
    "a header longer than the file": (safe({"w": one()}, DATA, length=5000), "its header takes 5,000 bytes of"),
    "a header of megabytes": (safe(b"{" + b" " * (1 << 21) + b"}"), "far more than names and shapes do"),
    "text that is no Unicode": (safe(b'{"\xff": 1}'), "invalid UTF-8"),
    "no JSON": (safe(b"{nonsense}"), "invalid JSON"),
    "a list": (safe(b"{", b"}"), "invalid JSON"),
    "a leading space": (safe(b" " + json.dumps({"w": one()}).encode(), DATA), "its header starts with b' ', a brace"),
    "bytes after it": (safe({"w": one()}, DATA + b"\0"), "file not fully covered"),
    "too few bytes": (safe({"w": one()}, DATA[:-1]), "file not fully covered"),
    "a hole": (safe({"v": one("U8", [1], [0, 1]), "w": one("U8", [1], [2, 3])}, b"123"), "invalid offset for tensor"),
    "an overlap": (safe({"v": one("U8", [2], [0, 2]), "w": one("U8", [2], [1, 3])}, b"123"), "invalid offset for"),
    "a range twice": (safe({"v": one(), "w": one()}, DATA), "invalid offset for tensor"),
    "a range backwards": (safe({"w": one("U8", [0], [1, 0])}, b"1"), "invalid offset for tensor"),
    "another shape": (safe({"w": one(shape=[5])}, DATA), "invalid shape, data type, or offset"),
    "a shape that overflows": (safe({"w": one(shape=[1 << 63, 4])}, DATA), "overflow computing buffer size"),
    "an empty shape that overflows": (safe({"w": one(shape=[0, 1 << 62], offsets=[0, 0])}), "is not inside the file"),
    "a negative size": (safe({"w": one(shape=[-4])}, DATA), "expected usize"),
    "a fraction for a size": (safe({"w": one(shape=[4.0])}, DATA), "expected usize"),
    "too many axes": (safe({"w": one(shape=[4] + [1] * 40)}, DATA), "has 41 axes, at most 16 were expected"),
    "an unknown dtype": (safe({"w": one("X99")}, DATA), "unknown variant"),
    "an 8-bit float": (safe({"w": one("F8_E4M3", [16])}, DATA), "has the dtype F8_E4M3, one of F64"),
    "a name twice": (
        safe(json.dumps({"w": one()}).encode()[:-1] + b',"w":' + json.dumps(one("I32")).encode() + b"}", DATA),
        "names 'w' twice",
    ),
    "a field twice": (
        safe(b'{"w":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}', DATA), "duplicate field"
    ),
    "a list for a tensor": (safe({"w": ["F32", [4], [0, 16]]}, DATA), "describes 'w' by no object"),
    "a missing field": (safe({"w": {"dtype": "F32", "shape": [4]}}, DATA), "missing field `data_offsets`"),
    "metadata that is no text": (safe({"__metadata__": {"a": 1}, "w": one()}, DATA), "expected a string"),
    "a boolean of 2": (safe({"w": one("BOOL", [1], [0, 1])}, b"\2"), "bytes other than 0 and 1"),
    "deep nesting": (safe(b'{"w":' + b"[" * 5000 + b"]" * 5000 + b"}"), "is no sound safetensors file"),
    "deep nesting in what is ignored": (
        safe(b'{"w":{"x":' + b"[" * 5000 + b"]" * 5000 + b',"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', DATA),
        "recursion limit exceeded",
    ),
    "a number of 5,000 digits": (
        safe(b'{"w":{"x":' + b"9" * 5000 + b',"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', DATA),
        "number out of range",
    ),
    "no tensors": (safe({"__metadata__": {"a": "b"}}), "holds no tensors"),
    "control characters": (safe({"a\n\x1b[2J": one("F32", [5])}, DATA), "is no sound safetensors file"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAFETENSORS)
def test_a_safetensors_file_is_refused_for(tmp_path: Path, name: str) -> None:
    content, sentence = SAFETENSORS[name]
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)


def test_more_small_tensors_than_a_network_has_are_refused_for_their_number(tmp_path: Path) -> None:
    many = {f"layer{number}.weight": one("F32", [1], [4 * number, 4 * number + 4]) for number in range(20_000)}
    with pytest.raises(
        BadInput, match=r"it holds 20,000 tensors of 80,000 bytes in all, too many for so little: .*9,986"
    ):
        read(tmp_path, safe(many, bytes(80_000)))


def test_a_header_of_spaces_is_refused_for_its_length(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="far more than names and shapes do: fetch or save the file again"):
        read(tmp_path, safe(json.dumps({"w": one()}).encode() + b" " * (2 << 20), DATA))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(safe({"../../w": one()}, DATA), id="a name that looks like a path"),
        pytest.param(safe({"w": one(note="x")}, DATA), id="a field that readers ignore"),
        pytest.param(safe(json.dumps({"w": one()}).encode() + b"     ", DATA), id="spaces after the header"),
    ],
)
def test_odd_but_sound_safetensors_files_are_read(tmp_path: Path, content: bytes) -> None:
    (tensor,) = read(tmp_path, content).tensors.values()
    np.testing.assert_array_equal(tensor, [0, 1, 2, 3])
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.pth"]
