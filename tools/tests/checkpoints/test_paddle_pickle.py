"""Paddle's .pdparams, as Python's own pickle module writes them, and such as were made to do harm."""

import contextlib
import pickle
import random
import re
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from isomorph.spec import architecture, zoo
from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import Checkpoint, read_checkpoint
from isomorph.tools.subjects.subject import find_subject

from ..hostile_files import MUTATIONS, Raw, call, pickled, raw
from ..measured import MEGABYTE, measured
from ..tensors import Tensors, canonical

TABLE = "StructuredToParameterName@@"
SLICES = "UnpackBigParamInfor@@"
CODES = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u1", "c8", "c16")
EVERY = {code: np.arange(-3, 3).reshape(2, 3).astype(code) for code in CODES} | {
    "bool": np.array([True, False]),
    "scalar": np.array(3.5, np.float32),
    "empty": np.zeros((0, 7), np.float32),
    "columns": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "large": np.random.default_rng(0).standard_normal((700, 1000)).astype(np.float32),
}


def read(folder: Path, content: bytes) -> Checkpoint:
    path = folder / "m.pdparams"
    path.write_bytes(content)
    return read_checkpoint(path)


def assert_same(checkpoint: Checkpoint, expected: Tensors) -> None:
    assert checkpoint.format == "Paddle pickle"
    assert checkpoint.tensors.keys() == expected.keys()
    for name, value in expected.items():
        found = checkpoint.tensors[name]
        assert (found.dtype, found.shape) == (value.dtype, value.shape), name
        assert found.tobytes() == value.tobytes(), name
        assert not found.flags.writeable


class Nested:
    """What Paddle makes of a tensor inside the saved object: a call of `tuple`."""

    def __init__(self, name: str, array: Any) -> None:
        self.pair = (name, array)

    def __reduce__(self) -> Any:
        return tuple, (self.pair,)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_every_dtype_comes_back(tmp_path: Path, protocol: int) -> None:
    table = {name: f"{name}.w_0" for name in EVERY}
    checkpoint = read(tmp_path, pickle.dumps(EVERY | {TABLE: table}, protocol))
    assert_same(checkpoint, EVERY)
    assert checkpoint.left_out == (TABLE,)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_nested_tensors_and_tied_ones_come_back(tmp_path: Path, protocol: int) -> None:
    array = EVERY["large"]
    checkpoint = read(tmp_path, pickle.dumps({"a": Nested("p_0", array), "b": array, "epoch": 3}, protocol))
    assert_same(checkpoint, {"a": array, "b": array})
    assert checkpoint.left_out == ("epoch",)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_network_is_found_beside_what_its_training_needs(tmp_path: Path, protocol: int) -> None:
    """As `paddle.save({"model": ..., "opt": ...}, path)` writes it."""
    array = EVERY["large"]
    saved = {"epoch": 3, "model": {"fc.weight": Nested("p_0", array), "note": "x"}, "opt": {"m": Nested("p_1", array)}}
    checkpoint = read(tmp_path, pickle.dumps(saved | {"arch": "resnet18"}, protocol))
    assert_same(checkpoint, {"fc.weight": array})
    assert (checkpoint.unwrapped, checkpoint.network_name) == (("model",), "resnet18")
    assert checkpoint.left_out == ("epoch", "opt", "arch", "note")


def test_a_prefix_that_paddle_does_not_put_there_stays(tmp_path: Path) -> None:
    array = EVERY["f4"]
    checkpoint = read(tmp_path, pickle.dumps({"module.w": array, TABLE: {"module.w": "w_0"}}, 4))
    assert_same(checkpoint, {"module.w": array})


@pytest.mark.parametrize("protocol", [2, 3])
def test_slices_are_put_together(tmp_path: Path, protocol: int) -> None:
    flat = EVERY["large"].ravel()
    parts = {f"w@@.{number}": part for number, part in enumerate(np.split(flat, [300_000, 600_000]))}
    saved = {"b": EVERY["f4"], **parts, SLICES: {"w": {"OriginShape": (700, 1000), "slices": [*parts]}}}
    checkpoint = read(tmp_path, pickle.dumps(saved | {TABLE: {"w": "w_0", "b": "b_0"}}, protocol))
    assert_same(checkpoint, {"b": EVERY["f4"], "w": EVERY["large"]})


def array(
    numbers: object = raw(b"C\x10" + np.arange(4, dtype="<f4").tobytes()),
    shape: object = (4,),
    dtype: object = None,
    state: object = None,
) -> Raw:
    """An array by its opcodes."""
    made = call("numpy.core.multiarray _reconstruct", raw(b"cnumpy\nndarray\n"), (0,), raw(b"C\1b"))
    return raw(made + pickled(state or (1, shape, dtype or dtype_of(), False, numbers)) + b"b")


def dtype_of(code: object = "f4", order: str = "<", *state: object) -> Raw:
    return raw(call("numpy dtype", code, 0, 1) + pickled((3, order, *(state or (None, None, None)), -1, -1, 0)) + b"b")


def plain_dtype(version: int = 3, flags: int = 0) -> Raw:
    return raw(call("numpy dtype", "f4", 0, 1) + pickled((version, "<", None, None, None, -1, -1, flags)) + b"b")


def test_pythons_second_version_wrote_strings(tmp_path: Path) -> None:
    long = np.arange(100, dtype="<f4")
    short = raw(b"U\4" + np.ones(1, "<f4").tobytes())
    saved = {"a": array(short, (1,)), "b": array(raw(b"T\x90\1\0\0" + long.tobytes()), (100,))}
    assert_same(read(tmp_path, b"\x80\2" + pickled(saved) + b"."), {"a": np.ones(1, np.float32), "b": long})


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_uint16_is_bfloat16_as_paddle_has_no_other(tmp_path: Path, protocol: int) -> None:
    halves = np.array([1.0, -2.5, 3e38], ml_dtypes.bfloat16)
    checkpoint = read(tmp_path, pickle.dumps({"w": halves.view(np.uint16)}, protocol))
    assert_same(checkpoint, {"w": halves})


def test_a_checkpoint_of_paddles_is_told_by_its_names(tmp_path: Path) -> None:
    network = architecture("paddle/LeNet")
    naming = zoo("paddle").naming.tensors(network)
    own = {naming[name].name: naming[name].from_canonical(value) for name, value in canonical(network).items()}
    (tmp_path / "m.pdparams").write_bytes(pickle.dumps(own | {TABLE: dict.fromkeys(own, "x")}, 4))
    assert find_subject(tmp_path / "m.pdparams").architecture.name == "paddle/LeNet"


SMALL = raw(b"C\x04\0\0\0\0")
PART = array()
WRONG: dict[str, tuple[object, str]] = {
    "a global": (call("posix system", "touch pwned"), r"loading it would run posix\.system \(byte"),
    "a global beside the tensors": ({"w": array(), "x": call("builtins exec", "1")}, r"would run builtins\.exec"),
    "a type of NumPy's": (raw(b"cnumpy\nmemmap\n"), r"would run numpy\.memmap"),
    "a module of NumPy's": (call("numpy.core.multiarray scalar", dtype_of(), "x"), "would run numpy.core.multiarray.s"),
    "a call of ndarray": (call("numpy ndarray", (4,)), "it calls numpy.ndarray, which is no function"),
    "a persistent id": (raw(b"NQ"), "refers to an object outside the pickle"),
    "a list": ([1, 2], "it holds a list, a dictionary of arrays was expected"),
    "nothing": ({}, r"no arrays were found in it \(it holds nothing under any name\)"),
    "plain values": ({"w": 1}, r"no arrays were found in it \(it holds 'w'\)"),
    "a key that is no text": ({"w": array(), 3: array()}, "among its arrays 1 stand under keys that are no text"),
    "objects": ({"w": array(dtype=dtype_of("O8", "|"))}, "an array is of the dtype 'O8', one of f8, "),
    "a structure": ({"w": array(dtype=dtype_of("V8", "|"))}, "an array is of the dtype 'V8'"),
    "a dtype of fields": (
        {"w": array(dtype=dtype_of("f4", "|", None, ("a",), {}))}, "a dtype is described in an unknown way"
    ),
    "a dtype of no code": ({"w": array(dtype=dtype_of(4))}, "a dtype is made in an unknown way"),
    "big-endian numbers": ({"w": array(dtype=dtype_of("f4", ">"))}, "an array is big-endian"),
    "a dtype of another version": (
        {"w": array(dtype=plain_dtype(9))},
        "a dtype is described in an unknown way",
    ),
    "a dtype of flags": (
        {"w": array(dtype=plain_dtype(flags=127))},
        "a dtype is described in an unknown way",
    ),
    "an array of another version": (
        {"w": array(state=(2, (4,), dtype_of(), False, raw(b"C\x10" + bytes(16))))}, "an array is described in an unk"
    ),
    "an array of another kind": (
        {"w": call("numpy.core.multiarray _reconstruct", raw(b"cnumpy\nndarray\n"), (0,), raw(b"C\1O"))},
        "an array is made in an unknown way",
    ),
    "a dtype without order": ({"w": array(dtype=call("numpy dtype", "f4", 0, 1))}, "a dtype has no byte order"),
    "no dtype": ({"w": array(dtype="f4")}, "an array is described in an unknown way"),
    "fewer bytes than its shape": ({"w": array(SMALL)}, r"array 'w' of shape \(4\) and float32 has 4 bytes, 16 were"),
    "more bytes than its shape": ({"w": array(shape=(3,))}, "has 16 bytes, 12 were expected"),
    "a huge shape": ({"w": array(shape=(1 << 40, 1 << 40))}, "would take .* at most 16 times the file's"),
    "an endless axis": ({"w": array(shape=(1 << 62,))}, "an axis has the size 4611686018427387904"),
    "a negative axis": ({"w": array(shape=(-4,))}, "an axis has the size -4"),
    "a boolean axis": ({"w": array(shape=(True,))}, "an axis has the size True"),
    "too many axes": ({"w": array(shape=(1,) * 17)}, "a shape is .*, at most 16 sizes were expected"),
    "a shape that is none": ({"w": array(shape=[4])}, "a shape is a list"),
    "an array without state": (
        {"w": call("numpy.core.multiarray _reconstruct", raw(b"cnumpy\nndarray\n"), (0,), raw(b"C\1b"))},
        "its array 'w' has no shape and no numbers",
    ),
    "a state twice": (
        {"w": raw(array() + pickled((1, (4,), dtype_of(), False, SMALL)) + b"b")}, "an array is described in an unknown"
    ),
    "numbers that are a list": ({"w": array([1.0, 2.0])}, "an array's numbers are a list"),
    "another array's shape": (
        {"w": call("numpy.core.multiarray _reconstruct", raw(b"cnumpy\nndarray\n"), (4,), "b")}, "made in an unknown"
    ),
    "an array of a size that is no number": (
        {"w": call("numpy.core.multiarray _reconstruct", raw(b"cnumpy\nndarray\n"), (False,), "b")}, "made in an unkn"
    ),
    "booleans of two": ({"w": array(raw(b"C\1\2"), (1,), dtype_of("b1", "|"))}, "is boolean, but holds bytes other"),
    "text in another encoding": (
        {"w": array(call("_codecs encode", "abcd", "rot13"), (1,))}, "text is encoded in an unknown way"
    ),
    "text beyond a byte": ({"w": array(call("_codecs encode", "\u20ac", "latin1"), (1,))}, "its pickle cannot be read"),
    "long text beyond a byte": (
        {"w": array(call("_codecs encode", "\u20ac" * 600, "latin1"), (300,))}, "text that does not stand for bytes"
    ),
    "long text of other length": (
        {"w": array(call("_codecs encode", "\xe9" * 600, "latin1"), (250,))}, "has 600 bytes, 1,000 were expected"
    ),
    "a tuple of a list": ({"w": call("builtins tuple", [1])}, "a tuple is made of something else than a tuple"),
    "bytes of something": ({"w": array(call("builtins bytes", 1 << 40), (1,))}, "bytes are made in an unknown way"),
    "a module of Python 2's": (call("__builtin__ tuple", (1,)), "a module of Python 2's, which protocol 4 does not"),
    "a dictionary of pairs": (call("collections OrderedDict", [["a", 1]]), "a dictionary is made of something else"),
    "a name table of a name that is not there": (
        {"w": array(), TABLE: {"zz": "p_0"}}, "its StructuredToParameterName@@ names 'zz', which it does not hold"
    ),
    "a name table that is none": ({"w": array(), TABLE: [1]}, "is no dictionary from names to names"),
    "a name table of numbers": ({"w": array(), TABLE: {"w": 1}}, "is no dictionary from names to names"),
    "slices of no dictionary": ({"w": array(), SLICES: 3}, "its UnpackBigParamInfor@@ is 3, a dictionary"),
    "slices of no description": ({"w": array(), SLICES: {"v": 3}}, "'v' cannot be put together .*: it is described by"),
    "no slices": ({"w": array(), SLICES: {"v": {"OriginShape": (0,), "slices": []}}}, "it has no list of slices"),
    "a slice that is missing": (
        {"w": array(), SLICES: {"v": {"OriginShape": (4,), "slices": ["v@@.0"]}}}, "it lacks the slice 'v@@.0'"
    ),
    "a slice twice": (
        {"w": array(), SLICES: {"v": {"OriginShape": (8,), "slices": ["w", "w"]}}}, "it has a slice twice"
    ),
    "a slice of two tensors": (
        {"w": array(), SLICES: {n: {"OriginShape": (4,), "slices": ["w"]} for n in "uv"}}, "it lacks the slice 'w'"
    ),
    "slices of two dtypes": (
        {
            "a": array(), "b": array(dtype=dtype_of("i4")),
            SLICES: {"v": {"OriginShape": (8,), "slices": ["a", "b"]}},
        },
        "its slices are not of one dtype",
    ),
    "another shape than its slices'": (
        {"w": array(), SLICES: {"v": {"OriginShape": (5,), "slices": ["w"]}}}, "slices have 4 elements, 5 were"
    ),
    "a shape of slices that is none": (
        {"w": array(), SLICES: {"v": {"OriginShape": (-1,), "slices": ["w"]}}}, "an axis has the size -1"
    ),
    "slices of what is there": (
        {"w": array(), "v": array(), SLICES: {"v": {"OriginShape": (4,), "slices": ["w"]}}}, "it is there whole, too"
    ),
    "bytes of 2^62": (raw(b"\x8e" + struct.pack("<Q", 1 << 62)), "stops in the middle"),
    "text of 2^62": (raw(b"\x8d" + struct.pack("<Q", 1 << 62)), "stops in the middle"),
    "a byte array": (raw(b"\x96" + struct.pack("<Q", 1 << 62)), "the pickle opcode BYTEARRAY8, which"),
    "a hundred tensors from one": (
        raw(b"}(" + b"".join(pickled(f"{n}") + (array(raw(b"B\0\x40\0\0" + bytes(0x4000)), (0x1000,)) + b"q\0"
            if not n else b"h\0") for n in range(100)) + b"u"),
        "would take 1,638,400 bytes, at most 16 times",
    ),
}  # fmt: skip


def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(BadInput) as caught:
        read(folder, content)
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder / 'm.pdparams'}: ")
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


@pytest.mark.parametrize("name", WRONG)
def test_a_file_is_refused_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    value, sentence = WRONG[name]
    found = refusal(tmp_path, b"\x80\4" + pickled(value) + b".")
    assert re.search(sentence, found), found
    assert [path.name for path in tmp_path.iterdir()] == ["m.pdparams"]


def test_a_later_protocol_is_refused(tmp_path: Path) -> None:
    assert "it is a pickle of protocol 5, 2 or 3 or 4 was expected" in refusal(tmp_path, pickle.dumps(EVERY, 5))


def test_what_follows_the_pickle_is_refused(tmp_path: Path) -> None:
    assert "its pickle is followed by 1 byte" in refusal(tmp_path, pickle.dumps(EVERY, 4) + b"x")


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps({"w": np.arange(4.0), "v": np.ones(400), TABLE: {"w": "w_0"}}, protocol)
    for length in range(1, len(content), 3):
        refusal(tmp_path, content[:length])


@pytest.mark.parametrize("protocol", [2, 4])
def test_no_mutation_gets_past_a_refusal(tmp_path: Path, protocol: int) -> None:
    """Bytes set, inserted, removed and copied at random: nothing but `BadInput` and sound arrays comes out."""
    saved = {"w": np.arange(4.0), "v": np.ones(200), "n": Nested("p", np.ones(2)), TABLE: {"w": "w_0"}}
    content = pickle.dumps(saved, protocol)
    chance, read_well, refused = random.Random(protocol), 0, 0
    for _ in range(MUTATIONS):
        mutated = bytearray(content)
        for _ in range(chance.choice((1, 1, 2, 5))):
            position = chance.randrange(len(mutated) + 1)
            source = chance.randrange(len(mutated) + 1)
            width = chance.choice((1, 1, 8))
            mutated[position : position + chance.choice((0, width))] = chance.choice(
                (chance.randbytes(1), b"", b"\0", b"\xff", bytes(mutated[source : source + width]))
            )
        with contextlib.suppress(BadInput):
            for found in read(tmp_path, bytes(mutated)).tensors.values():
                assert len(found.tobytes()) == found.nbytes <= len(mutated)
                assert not found.flags.writeable
            read_well += 1
            continue
        refused += 1
    assert min(read_well, refused) > MUTATIONS // 100, (read_well, refused)


TEXT = raw(b"X" + struct.pack("<I", 16 * MEGABYTE) + b"x" * (16 * MEGABYTE))
BOMBS = {
    "ten tensors of one text": lambda: pickled(
        {
            "0": array(raw(call("_codecs encode", TEXT, "latin1") + b"q\0"), (4 * MEGABYTE,)),
            **{f"{n}": array(raw(b"h\0"), (4 * MEGABYTE,)) for n in range(1, 10)},
        }
    ),
    "arrays": lambda: b"}(" + b"".join(
        pickled(f"{n}") + (b"cnumpy.core.multiarray\n_reconstruct\nq\0cnumpy\nndarray\nK\0\x85C\1b\x87q\1R" if not n
            else b"h\0h\1R") for n in range(200_000)) + b"u",
    "slices of one span": lambda: pickled(
        {
            "0": array(raw(b"B" + TEXT[1:] + b"q\0"), (4 * MEGABYTE,)),
            **{f"{n}": array(raw(b"h\0"), (4 * MEGABYTE,)) for n in range(1, 10)},
            SLICES: {"w": {"OriginShape": (40 * MEGABYTE,), "slices": [f"{n}" for n in range(10)]}},
        }
    ),
}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.pdparams"
    path.write_bytes(b"\x80\2" + BOMBS[name]() + b".")
    outcome, memory, seconds = measured(path)
    assert outcome == "refused"
    assert memory <= path.stat().st_size + 64 * MEGABYTE
    assert seconds < 20
