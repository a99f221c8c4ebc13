"""Bombs: what a small file may make of the memory, measured in a process of its own."""

import json
import struct
from pathlib import Path

import pytest

from ..hostile_files import (
    DATA,
    ONE_STORAGE,
    PROTO,
    Raw,
    W,
    one,
    pickle_of,
    pickled,
    raw,
    safe,
    storage,
    tarred,
    tensor,
    zip_of_many,
    zipped,
)
from ..measured import MEGABYTE, measured


def tensors_from_one_tuple(count: int) -> Raw:
    """A dictionary of `count` tensors of 16 axes, for each of which the pickle spends eleven bytes."""
    function, *_ = tensor().partition(b"(")
    arguments = pickled((storage(), 0, (1,) * 16, (1,) * 16, False, None))
    kept = pickled("function") + function + b"q\1" + pickled("arguments") + arguments + b"q\0"
    return raw(b"}(" + kept + b"".join(pickled(f"{n}") + b"h\1h\0R" for n in range(count)) + b"u")


BOMBS = {
    "dictionaries": lambda: zipped(raw(b"}\x94" * (4 * MEGABYTE))),
    "lists of one": lambda: zipped(raw(b"]Na" * (4 * MEGABYTE))),
    "tuples": lambda: zipped(raw(b"N\x85" * (4 * MEGABYTE))),
    "marks": lambda: zipped(raw(b"(" * (8 * MEGABYTE))),
    "entries": lambda: zipped(raw(b"}X\0\0\0\0Ns" * MEGABYTE)),
    "memo": lambda: zipped(raw(b"N" + b"".join(b"r" + struct.pack("<I", n << 8) for n in range(MEGABYTE)))),
    "integers": lambda: zipped(raw((b"\x8a\x08" + b"\x7f" * 8) * MEGABYTE)),
    "wide text": lambda: zipped(raw((pickled("\U0001f600" + "x" * (4 * MEGABYTE - 4))) * 3)),
    "more tensors": lambda: zipped(tensors_from_one_tuple(200_000)),
    "tensors": lambda: zipped(tensors_from_one_tuple(20_000)),
    "calls": lambda: zipped(raw(b"ccollections\nOrderedDict\nq\0" + b"h\0)R" * MEGABYTE)),
    "compressed": lambda: zipped(W, {"0": bytes(512 * MEGABYTE)}, compressed="data/0"),
    "zip members": lambda: zip_of_many([f"a/{n}" for n in range(200_000)], b"x"),
    "tar storages": lambda: tarred(storages=pickle_of(100_000) + 100_000 * ONE_STORAGE),
    "lists in a header": lambda: safe(
        b'{"w":{"x":[' + b"[]," * 340_000 + b'0],"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', DATA
    ),
    "a shape of ones": lambda: safe(
        b'{"w":{"dtype":"F32","shape":[4' + b",1" * 500_000 + b'],"data_offsets":[0,16]}}', DATA
    ),
    "names in a header": lambda: safe(
        {f"{n}": one("U8", [1], [n, n + 1]) for n in range(14_000)}, bytes(14_000)
    ),
    "wide text in a header": lambda: safe(
        '{"__metadata__":{"a":"\U0001f600'.encode() + b"x" * 1_000_000 + b'"},' + json.dumps({"w": one()}).encode()[1:],
        DATA,
    ),
    "a plain pickle": lambda: PROTO + b"}" * (8 * MEGABYTE) + b".",
}  # fmt: skip
READ = ("tensors", "lists in a header", "names in a header", "wide text in a header")  # odd, but sound


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb.pth"
    path.write_bytes(BOMBS[name]())
    outcome, memory, seconds = measured(path)
    assert memory <= path.stat().st_size + 64 * MEGABYTE
    assert seconds < 20
    assert outcome == ("read" if name in READ else "refused")
