"""Pickles that are damaged, or made to do harm, inside each of PyTorch's files: each is refused, and nothing runs."""

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from ..hostile_files import (
    call,
    pickled,
    raw,
    read,
    refusal,
    streamed,
    tarred,
    tensor,
    zipped,
)

# Each stands in place of the saved object, in every container that has one.

CONTAINERS: dict[str, Callable[[object], bytes]] = {
    "zip": zipped,
    "stream": lambda saved: streamed(saved, storages=[]),
    "tar": tarred,
}


DEEP = 100_000
PICKLES = {
    "a global": (call("posix system", "touch pwned"), r"loading it would run posix\.system \(byte [\d,]+\), and iso"),
    "a global on the stack": (raw(pickled("os") + pickled("system") + b"\x93"), r"would run os\.system"),
    "an instance": (raw(b"(" + pickled("id") + b"ios\nsystem\n"), r"would run os\.system"),
    "a chain of getattr": (call("builtins getattr", raw(b"cos\nsystem\n"), "x"), r"would run builtins\.getattr"),
    "eval in a dictionary": ({"state_dict": {"a": call("builtins eval", "1")}}, r"would run builtins\.eval"),
    "a whole module": (raw(b"ctorch.nn.modules.conv\nConv2d\n)\x81}b"), r"would run torch\.nn\.modules\.conv\.Conv2d"),
    "a dotted name": (raw(pickled("collections") + pickled("OrderedDict.fromkeys") + b"\x93"), "OrderedDict.fromkeys"),
    "a global of control characters": (raw(pickled("a\n\x1b[2J") + pickled("b") + b"\x93"), r"would run 'a\\n\\x1b"),
    "a global of no text": (raw(b"NN\x93"), "names a global by something that is no text"),
    "a global without end": (raw(b"c" + b"x" * 5000), "cannot be read"),
    "an allowed instance": (raw(b"(icollections\nOrderedDict\n"), "the pickle opcode INST, which no checkpoint needs"),
    "a call of a type": (call("torch FloatStorage", 3), "calls torch.FloatStorage, which is no function"),
    "a call of text": (raw(pickled("x") + b")R"), "it calls 'x'"),
    "a call without tuple": (raw(b"ccollections\nOrderedDict\nNR"), "it calls a Global"),
    "an extension": (raw(b"\x82\x01"), "the pickle opcode EXT1, which"),
    "a wide extension": (raw(b"\x84\x01\0\0\0"), "the pickle opcode EXT4, which"),
    "an object opcode": (raw(b"(ccollections\nOrderedDict\no"), "the pickle opcode OBJ, which"),
    "a text persistent id": (raw(b"Pstorage\n"), "the pickle opcode PERSID, which"),
    "a text string": (raw(b"S'\\q'\n"), "the pickle opcode STRING, which"),
    "a byte array": (raw(b"\x96" + struct.pack("<Q", 1 << 62)), "the pickle opcode BYTEARRAY8, which"),
    "an out-of-band buffer": (raw(b"\x97"), "the pickle opcode NEXT_BUFFER, which"),
    "an unknown opcode": (raw(b"\xff"), "a byte that is no pickle opcode"),
    "a persistent id of no storage": (raw(b"NQ"), "refers to something that is no storage|refers to the tensor None"),
    "a memo of 2^31": (raw(b"j" + struct.pack("<I", 1 << 31)), "asks for value 2147483648 of its memo"),
    "a value kept in place 2^31": (raw(b"Nr" + struct.pack("<I", 1 << 31)), "keeps a value in place 2,147,483,648 of"),
    "pickle protocol 6": (raw(b"\x80\x06N"), "asks for pickle protocol 6, of which there are 5"),
    "a frame of 2^62": (raw(b"\x95" + struct.pack("<Q", 1 << 62)), "announces 4,611,686,018,427,387,904 bytes where"),
    "bytes of 2^62": (raw(b"\x8e" + struct.pack("<Q", 1 << 62)), "stops in the middle"),
    "text of 2^62": (raw(b"\x8d" + struct.pack("<Q", 1 << 62)), "stops in the middle"),
    "bytes of 2^64 - 1": (raw(b"\x8e" + b"\xff" * 8), "cannot be read"),
    "an integer of 2^31 bytes": (raw(b"\x8b" + struct.pack("<i", (1 << 31) - 1)), "stops in the middle"),
    "an integer of negative size": (raw(b"\x8b" + struct.pack("<i", -1)), "cannot be read"),
    "text that is no Unicode": (raw(b"X\1\0\0\0\xff"), "text that is no Unicode"),
    "half a surrogate pair": (raw(b"X\3\0\0\0\xed\xa0\x80"), "text that is no Unicode"),
    "more pops than pushes": (raw(b"\x86"), "takes more values than it made"),
    "a mark that was never set": (raw(b"t"), "closes a group that it never opened"),
    "a pop below the mark": (raw(b"N(\x85"), "takes more values than it made"),
    "append to a dictionary": (raw(b"}Na"), "appends to a dictionary"),
    "an item of a list": (raw(b"]NNs"), "sets items of a list"),
    "an item of a tuple": (raw(b")NNs"), "sets items of a tuple"),
    "a key without value": (raw(b"}(Nu"), "sets a key without a value"),
    "attributes of a list": (raw(b"]}b"), "sets attributes of a list"),
    "a name twice": (raw(b"}(" + 2 * (pickled("a") + b"N") + b"u"), "names 'a' twice"),
    "an ordered dictionary of no pairs": (call("collections OrderedDict", [[1]]), "something else than pairs"),
    "no value": (raw(b"."), "takes more values than it made"),
    "nested lists": (raw(b"]" * DEEP + b"a" * (DEEP - 1)), "holds a list, a dictionary of tensors was expected"),
    "nested tuples": (raw(b")" + b"\x85" * DEEP), "it holds a tuple"),
    "nested dictionaries": (
        raw(b"}" + (pickled("model") + b"}") * 20_000 + b"s" * 20_000), "no tensors were found"
    ),
    "nested marks": (raw(b"(" * DEEP), "takes more values than it made"),
    "a nested key": (raw(b"})" + b"\x85" * DEEP + b"Ns"), "no tensors were found in it"),
    "doubling tuples": (raw(b")" + b"q\0h\0\x86" * 200), "it holds a tuple"),
    "a thousand dictionaries from one list": (
        raw(pickled([[f"{n}", n] for n in range(3000)]) + b"q\0" + b"ccollections\nOrderedDict\nh\0\x85R" * 1000),
        "open to far more objects than a checkpoint of that size holds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_is_refused_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, container: str) -> None:
    monkeypatch.chdir(tmp_path)
    value, sentence = PICKLES[name]
    found = refusal(tmp_path, CONTAINERS[container](value))
    assert re.search(sentence, found), found
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.pth"]


HARMLESS = {
    "argparse.Namespace": raw(b"cargparse\nNamespace\n)\x81" + pickled({"lr": 0.1}) + b"b"),
    "a NumPy number": call(
        "numpy.core.multiarray scalar", raw(call("numpy dtype", "f8", False, True) + pickled((3, "<")) + b"b"), "x"
    ),
    "a set": raw(b"\x8f(" + pickled(1) + b"\x90"),
    "a counter": raw(call("collections Counter", {"a": 1})),
    "a default dictionary": raw(b"ccollections\ndefaultdict\ncbuiltins\nlist\n\x85R(" + pickled("a") + b"]u"),
    "Python 2's dictionary": call("collections OrderedDict", [["a", 1], ["b", 2]]),
    "Python 2's text": raw(b"U\x03abc"),
    "Python 2's bytes": raw(b"T\x02\0\0\0\xff\xfe"),
    "a huge integer": raw(b"\x8b" + struct.pack("<i", 9000) + b"\x7f" * 9000),
    "a dictionary of numbers": {2: 3, 2.5: None, True: "x"},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_training_scripts_keep_is_let_pass(tmp_path: Path, name: str) -> None:
    checkpoint = read(tmp_path, zipped({"beside": HARMLESS[name], "state_dict": {"w": tensor()}}))
    assert (list(checkpoint.tensors), checkpoint.left_out) == (["w"], ("beside",))


def test_python_2s_names_are_text(tmp_path: Path) -> None:
    saved = raw(b"}U\x02\xc3\xa9" + tensor() + b"s")
    assert list(read(tmp_path, zipped(saved)).tensors) == ["é"]
