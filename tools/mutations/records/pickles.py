"""Pickles as lists of operations, of which some are dropped, doubled, exchanged, or given another argument."""

import pickletools
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mutations.records.layout import edited

Text = str | bytes
_GLOBALS = (
    "torch FloatStorage", "torch IntStorage", "torch HalfStorage", "torch BFloat16Storage", "torch LongStorage",
    "torch DoubleStorage", "torch ByteStorage", "torch CharStorage", "torch ShortStorage", "torch BoolStorage",
    "torch.storage UntypedStorage", "torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor_v3", "torch._utils _rebuild_parameter", "torch float32", "torch int32",
    "torch Size", "torch device", "collections OrderedDict", "collections defaultdict", "builtins dict",
    "builtins list", "builtins set", "builtins bytes", "builtins tuple", "numpy dtype", "numpy ndarray",
    "numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct", "_codecs encode",
)  # fmt: skip
_TEXTS = ("", "0", "1", "cpu", "cuda:0", "storage", "f4", "i4", "u2", "b1", "<", ">", "|", "=", "latin1", "state_dict",
          "module.x", "StructuredToParameterName@@", "UnpackBigParamInfor@@", "x" * 40)  # fmt: skip
_OPERATIONS = (  # each with the shortest argument there is
    b"N", b"\x88", b"\x89", b")", b"]", b"}", b"(", b"0", b"1", b"2", b"K\0", b"K\1", b"M\0\1", b"J\xff\xff\xff\xff",
               b"\x85", b"\x86", b"\x87", b"t", b"l", b"d", b"a", b"e", b"s", b"u", b"R", b"b", b"Q", b"\x81", b"\x94",
               b"\x93", b"\x8f", b"\x90", b"\x91", b"C\0", b"\x8c\0", b"G\0\0\0\0\0\0\0\0", b".")  # fmt: skip


class Operation(NamedTuple):
    """One operation as it is written, its name and its argument."""

    raw: bytes
    name: str
    argument: Any


def operations(content: bytes, start: int = 0) -> tuple[list[Operation], int]:
    """The operations of the pickle at byte `start`, and where it ends."""
    listed = list(pickletools.genops(content[start:]))
    places = [place or 0 for _, _, place in listed]
    end = places[-1] + 1
    out = [
        Operation(content[start + place : start + following], opcode.name, argument)
        for (opcode, argument, _), place, following in zip(listed, places, [*places[1:], end], strict=True)
    ]
    return out, start + end


def mutated_pickle(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """The pickle that `content` is, with one to three changed operations; frames are made to fit.

    What is no pickle any more, for an earlier change, stays as it is.
    """
    try:
        (program, _), (others, _) = operations(content), operations(other)
    except ValueError:
        return content
    for _ in range(chance.choice((1, 1, 1, 1, 2, 3))):
        change = chance.choice((_argument, _argument, _argument, _argument, *_REARRANGED))
        program = change(chance, program, others)
    return written(program)


def written(program: Sequence[Operation]) -> bytes:
    """The operations one after the other, each frame as long as what follows it."""
    frames = [place for place, one in enumerate(program) if one.name == "FRAME"]
    raws = [one.raw for one in program]
    for place, end in zip(frames, [*frames[1:], len(raws)][-len(frames) :] if frames else [], strict=True):
        raws[place] = b"\x95" + struct.pack("<Q", sum(map(len, raws[place + 1 : end])))
    return b"".join(raws)


def _place(chance: random.Random, program: Sequence[Operation]) -> int:
    return chance.randrange(len(program))


def _drop(chance: random.Random, program: list[Operation], _: list[Operation]) -> list[Operation]:
    place = _place(chance, program)
    return program[:place] + program[place + chance.choice((1, 1, 2, 3, 6)) :] or program


def _double(chance: random.Random, program: list[Operation], _: list[Operation]) -> list[Operation]:
    place = _place(chance, program)
    end = place + chance.choice((1, 1, 2, 3, 6, 12, 24))
    return program[:end] + program[place:end] + program[end:]


def _exchange(chance: random.Random, program: list[Operation], _: list[Operation]) -> list[Operation]:
    """Two operations in each other's place; mostly of one name, as others rarely make sense there."""
    one, out = _place(chance, program), list(program)
    same = [place for place, operation in enumerate(program) if operation.name == program[one].name]
    other = chance.choice(same) if chance.random() < 0.7 else _place(chance, program)
    out[one], out[other] = out[other], out[one]
    return out


def _replace(chance: random.Random, program: list[Operation], others: list[Operation]) -> list[Operation]:
    place, out = _place(chance, program), list(program)
    same = [one for one in (*program, *others) if one.name == program[place].name]
    out[place] = chance.choice(same) if chance.random() < 0.7 else chance.choice(others)
    return out


def _insert(chance: random.Random, program: list[Operation], others: list[Operation]) -> list[Operation]:
    place = _place(chance, program)
    new = Operation(chance.choice(_OPERATIONS), "", None) if chance.random() < 0.5 else chance.choice(others)
    return [*program[:place], new, *program[place + chance.randrange(2) :]]


def _argument(chance: random.Random, program: list[Operation], others: list[Operation]) -> list[Operation]:
    """Another argument: a number close by or at an edge, another text, another global, another place of the memo."""
    places = [place for place, one in enumerate(program) if one.name in _WRITERS]
    if not places:
        return program
    names = sorted({program[place].name for place in places})
    name = chance.choice(names)
    place = chance.choice([place for place in places if program[place].name == name])
    one, out = program[place], list(program)
    peers = [other.argument for other in (*program, *others) if other.name == name]
    argument = _another(chance, one, peers)
    out[place] = Operation(_WRITERS[name](argument), name, argument)
    return out


def _another(chance: random.Random, one: Operation, peers: Sequence[Any]) -> Any:
    argument = one.argument
    if one.name == "GLOBAL":
        return chance.choice((chance.choice(_GLOBALS), chance.choice(peers)))
    if isinstance(argument, int):
        width = _WIDTHS.get(one.name, 4)
        return edited(chance, argument & (1 << 8 * width) - 1, width, peers)
    if isinstance(argument, float):
        return chance.choice((0.0, -1.0, float("nan"), float("inf"), argument + 1, 1e300))
    if isinstance(argument, str):
        return chance.choice((chance.choice(_TEXTS), chance.choice(peers), argument[:-1], argument + "x", argument * 2))
    raw = bytes(argument)
    return chance.choice((raw[:-1], raw + b"\0", raw[:-4], raw[::-1], raw * 2, b"", chance.choice(peers)))


def _number(code: bytes, form: str) -> Callable[[int], bytes]:
    size = struct.calcsize(form)
    return lambda value: code + (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def _counted(code: bytes, form: str) -> Callable[[Text], bytes]:
    def write(text: Text) -> bytes:
        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        raw = raw[: (1 << 8 * struct.calcsize(form)) - 1]
        return code + struct.pack(form, len(raw)) + raw

    return write


def _long(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def _global(argument: str) -> bytes:
    return b"c" + "\n".join(argument.split(" ", 1)).encode() + b"\n"


_WRITERS: dict[str, Callable[[Any], bytes]] = {
    "BININT": _number(b"J", "<I"),
    "BININT1": _number(b"K", "<B"),
    "BININT2": _number(b"M", "<H"),
    "LONG1": _long,
    "BINPUT": _number(b"q", "<B"),
    "LONG_BINPUT": _number(b"r", "<I"),
    "BINGET": _number(b"h", "<B"),
    "LONG_BINGET": _number(b"j", "<I"),
    "PROTO": _number(b"\x80", "<B"),
    "BINFLOAT": lambda value: b"G" + struct.pack(">d", value),
    "BINUNICODE": _counted(b"X", "<I"),
    "SHORT_BINUNICODE": _counted(b"\x8c", "<B"),
    "BINBYTES": _counted(b"B", "<I"),
    "SHORT_BINBYTES": _counted(b"C", "<B"),
    "GLOBAL": _global,
}
_WIDTHS = {"BININT1": 1, "BININT2": 2, "BINPUT": 1, "BINGET": 1, "PROTO": 1, "LONG1": 8}
_REARRANGED = (_drop, _double, _exchange, _exchange, _replace, _replace, _insert)
