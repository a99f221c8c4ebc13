"""The program beside a `.pdiparams`: names and shapes of its parameters, and nothing that it computes.

Paddle writes it as JSON (`.json`, its intermediate representation since 3.0) or as a protocol buffer (`.pdmodel`), then
with a pickle of what layers call their parameters (`.pdiparams.info`).

Sources: paddle/fluid/pir/serialize_deserialize/include/schema.h and src/ir_serialize.cc (`WriteParameterOP`);
paddle/fluid/framework/framework.proto (`ProgramDesc`); paddle/jit/api.py (`save`: `extra_var_info`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.json_text import read_json
from isomorph.tools.checkpoints.mapped_file import MOST_AXES, MappedFile
from isomorph.tools.checkpoints.pickles.machine import unpickle_all
from isomorph.tools.checkpoints.pickles.values import Entries
from isomorph.tools.checkpoints.protobuf import placed_fields
from isomorph.tools.checkpoints.wording import shown

_KIND = "program of Paddle's"
_COST = 512  # bytes of Python objects for one variable
_TENSOR = 7  # VarType.Type, `LOD_TENSOR`: others are what feeds and fetches
_JSON, _PROTOBUF, _INFO = ".json", ".pdmodel", ".pdiparams.info"


@dataclass(frozen=True, slots=True)
class Program:
    """What a program says of its parameters.

    Attributes:
        path: its file.
        shapes: Paddle's name ("conv2d_0.w_0") -> shape.
        structured: Paddle's name -> the name that layers have for it ("conv1.weight"), where that is beside it.
    """

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    structured: Mapping[str, str] = field(default_factory=dict)


def described_beside(parameters: MappedFile) -> Program:
    """Return what the program beside a file of parameters says of them. Raises BadInput where there is none."""
    stem = parameters.path.name.removesuffix(parameters.path.suffix)
    for suffix, shapes_in in ((_JSON, _in_json), (_PROTOBUF, _in_protobuf)):
        path = parameters.path.with_name(stem + suffix)
        if path.exists():
            file = MappedFile(path, _KIND)
            shapes: dict[str, tuple[int, ...]] = {}
            for name, shape in _checked(file, shapes_in(file, parameters)):
                if name in shapes:
                    raise file.damaged(f"it has two parameters called {shown(name)}")
                shapes[name] = shape
            return Program(path, shapes, _structured(parameters.path.with_name(stem + _INFO), shapes))
    raise parameters.bad(
        f"it is the parameters of a program of Paddle's, whose names are in the {stem}{_JSON} or {stem}{_PROTOBUF} "
        "that Paddle saved beside it, and neither is there: fetch that, too"
    )


def _checked(file: MappedFile, shapes: Iterator[tuple[str, object]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield names and shapes once they can be such."""
    try:
        for name, shape in shapes:
            file.spend(_COST)
            if not name or not name.isprintable():
                raise ValueError(f"it has a parameter called {shown(name)}, printable text was expected")
            if not isinstance(shape, list) or len(shape) > MOST_AXES or any(type(size) is not int for size in shape):
                raise ValueError(f"its parameter {shown(name)} has {shown(shape)} for a shape")
            yield name, tuple(shape)
    except BadInput:
        raise
    except ValueError as problem:
        raise file.damaged(f"it is no program of Paddle's that can be read: {problem}") from None


def _in_json(file: MappedFile, parameters: MappedFile) -> Iterator[tuple[str, object]]:
    """Yield name and shape of every parameter in a program that is JSON."""
    match read_json(file, 0, file.size, "program", file.size + parameters.size):
        case {"base_code": {"magic": "pir"}, "program": {"regions": [{"blocks": [{"ops": list(operations)}]}]}}:
            pass
        case _:
            raise ValueError("it has not one block of operations")
    for operation in operations:
        match operation:
            case {"#": "p", "A": [_, _, _, str(name)], "O": {"TT": {"D": [_, shape, *_]}}}:
                yield name, shape
            case {"#": "p"}:
                raise ValueError("a parameter is described in an unknown way")


def _in_protobuf(file: MappedFile, _: MappedFile) -> Iterator[tuple[str, object]]:
    """Yield name and shape of every persistable variable in a program that is a protocol buffer."""
    for block in _inside(file, slice(0, file.size), 1):
        for variable in _inside(file, block, 3):
            name, persistable, shape = "", False, None
            for number, value in placed_fields(file, variable):
                match number, value:
                    case (1, slice()):
                        name = file[value].decode()
                    case (2, slice()):
                        shape = _shape(file, value)
                    case (3, int()):
                        persistable = bool(value)
            if persistable and shape is not None:
                yield name, shape


def _shape(file: MappedFile, kind: slice) -> list[int] | None:
    """Return the sizes in a `VarType`; None where it is no tensor's."""
    if not any((number, value) == (1, _TENSOR) for number, value in placed_fields(file, kind)):
        return None
    descriptions = (inner for outer in _inside(file, kind, 3) for inner in _inside(file, outer, 1))
    return [
        size for place in descriptions for number, size in placed_fields(file, place)
        if number == 2 and isinstance(size, int)
    ]  # fmt: skip


def _inside(file: MappedFile, message: slice, wanted: int) -> Iterator[slice]:
    """Yield where the messages are that a message has under one number."""
    for number, value in placed_fields(file, message):
        file.spend(_COST)
        if number == wanted and isinstance(value, slice):
            yield value


def _structured(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return Paddle's name -> the layers' name, where the pickle beside the program has one for each."""
    if not path.exists():
        return {}
    file = MappedFile(path, "list of Paddle's parameters")
    entries = unpickle_all(file, 0, file.size, {})
    if not isinstance(entries, Entries):
        raise file.damaged(f"it holds {shown(entries)}, a dictionary of parameters was expected")
    names = {
        name: entry["structured_name"] for name, entry in entries.items()
        if isinstance(entry, Entries) and "structured_name" in entry
    }  # fmt: skip
    texts = {name: text for name, text in names.items() if isinstance(text, str) and text.isprintable() and text}
    if texts.keys() != shapes.keys() or len(set(texts.values())) < len(texts):
        return {}
    return texts
