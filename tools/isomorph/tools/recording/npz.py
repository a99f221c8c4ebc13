"""Read a recorded `.npz`, which may be hostile: mapped, never unpickled, and strictly of one form.

NumPy's own reader parses each array's header as Python text, and decompresses members to any size. What
`write_end_points` writes needs neither: members are stored uncompressed, and their headers have one form.
"""

import json
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isomorph.backends.protocol import DEVICES, DTYPES
from isomorph.conformance.precision import PRECISIONS
from isomorph.spec import BadInput, plan
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.checkpoints.zip_directory import Member, read_directory
from isomorph.tools.recording.record import FORMAT, RECORD, EndPoint, Record
from isomorph.tools.subjects.subject import Origin
from isomorph.tools.weights.metadata import read_architecture

_LONGEST = 1 << 20  # bytes of the record, four a letter: ten times what the architecture of most units takes
_WIDEST = 256  # letters of one fact
_PIECE = 1 << 22  # bytes read at a time
_MAGIC = b"\x93NUMPY\1\0"  # version 1.0: a header of less than 64 KiB
_SIZE = rb"(?:0|[1-9][0-9]{0,17})"
_HEADER = re.compile(
    rb"\{'descr': '([<>](?:f[248]|U[0-9]{1,8}))', 'fortran_order': False, "
    rb"'shape': \(((?:(?:%b, ?){1,4}%b?)?)\), \} *\n" % (_SIZE, _SIZE)
)


def read_record(path: str | Path) -> tuple[Record, dict[str, EndPoint]]:
    """Read an `.npz` that `run` recorded: the record, and its end points by name, mapped, in network order.

    bfloat16 is read as float32, which holds it exactly. Raises BadInput for another kind of file, a damaged or
    inconsistent one, and where end points are missing.
    """
    file = MappedFile(Path(path), "recorded .npz")
    if file.read(0, 2) != b"PK":
        raise file.bad("it is no .npz; expected one that `isomorph run --end-points` wrote")
    members = {name.removesuffix(".npy"): member for name, member in read_directory(file).items()}
    if RECORD not in members:
        raise file.bad(f"it holds no {RECORD}; expected an .npz that `isomorph run --end-points` wrote")
    record = _read_facts(file, members.pop(RECORD))
    expected = plan(record.architecture).end_points
    if set(members) != set(expected):
        first = sorted(set(expected) ^ set(members))[0]
        raise file.bad(
            f"its end points are not those of {record.architecture.name}, the first of them {shown(first)}; record it"
            " again with --end-points"
        )
    dtype = "float32" if record.dtype == "bfloat16" else record.dtype
    return record, {name: _read_array(file, name, members[name], dtype) for name in expected}


def _read_array(file: MappedFile, name: str, member: Member, dtype: str) -> EndPoint:
    """Read one end point. Raises BadInput unless it has this dtype and four axes."""
    array = _array(file, name, member)
    if array.dtype.newbyteorder("=").name != dtype or array.ndim != 4:
        raise file.bad(
            f"its {shown(name)} is {array.dtype.name} of {array.ndim} axes; expected {dtype} of 4, as its record says"
        )
    return array


def _array(file: MappedFile, name: str, member: Member) -> npt.NDArray[Any]:
    """Map the array of a member. Raises BadInput unless its bytes are complete and match their checksum."""
    if not member.stored:
        raise file.bad(f"its {shown(name)} is compressed; expected it stored as it is, as isomorph does")
    start, length = member.start + len(_MAGIC) + 2, 0
    if member.size >= len(_MAGIC) + 2 and file.read(member.start, len(_MAGIC)) == _MAGIC:
        (length,) = struct.unpack("<H", file.read(start - 2, 2))
    header = _HEADER.fullmatch(file.read(start, length))
    if header is None or start + length > member.start + member.size:
        raise file.bad(f"its {shown(name)} is no array of numbers or text that isomorph writes")
    shape = tuple(int(extent) for extent in header[2].replace(b" ", b"").split(b",") if extent)
    dtype = np.dtype(header[1].decode())
    size = dtype.itemsize
    for extent in shape:  # in Python's own integers, which do not overflow
        size *= extent
    if start + length + size != member.start + member.size:
        raise file.damaged(f"its {shown(name)} has not as many bytes as its shape {shown(shape)} needs")
    crc32 = 0
    for position in range(member.start, member.start + member.size, _PIECE):
        crc32 = zlib.crc32(file.read(position, min(_PIECE, member.start + member.size - position)), crc32)
    if crc32 != member.crc32:
        raise file.damaged(f"the bytes of its {shown(name)} are not those that were written")
    return file.array(name, dtype, shape, start + length)


def _read_facts(file: MappedFile, member: Member) -> Record:
    """Read the record. Raises BadInput unless every field has its type."""
    if member.size > _LONGEST:
        raise file.bad(f"its {RECORD} has {member.size:,} bytes; expected at most {_LONGEST:,}")
    text = _array(file, RECORD, member)
    if text.ndim or text.dtype.kind != "U":
        raise file.bad(f"its {RECORD} is {text.dtype.name}; expected one text")
    try:
        facts = json.loads(str(text[()]))
    except (ValueError, RecursionError):  # code points that there are not, too
        raise file.bad(f"its {RECORD} is no JSON; record it again") from None
    if not isinstance(facts, dict) or facts.pop("format", None) != FORMAT:
        raise file.bad(f"its {RECORD} is not of format {FORMAT}, the one that this isomorph reads; record it again")
    if facts.keys() != Record.__dataclass_fields__.keys():
        first = sorted(facts.keys() ^ Record.__dataclass_fields__.keys())[0]
        raise file.bad(f"its {RECORD} has not the fields that it should, the first of them {shown(first)}")
    return _record(file, facts)


def _record(file: MappedFile, facts: Mapping[str, Any]) -> Record:
    texts = {name: facts[name] for name in ("backend", "version", "isomorph", "python", "system")}
    if facts["device_name"] is not None:
        texts["device_name"] = facts["device_name"]
    for name, kinds in (("device", DEVICES[1:]), ("dtype", DTYPES), ("precision", PRECISIONS)):
        texts[name] = facts[name]
        if facts[name] not in kinds:
            raise _unexpected(file, name, facts[name], " or ".join(kinds))
    for name, value in texts.items():
        _check_text(file, name, value)
    extents = facts["input"]
    if not isinstance(extents, list) or [type(extent) for extent in extents] != [int] * 4:
        raise _unexpected(file, "input", extents, "four numbers")
    try:
        architecture = read_architecture(json.dumps(facts["architecture"]))
    except BadInput as error:
        raise file.bad(f"the architecture in its {RECORD} makes no sense: {str(error).rstrip('.')}") from None
    origins = {name: _origin(file, name, facts[name]) for name in ("weights", "images")}
    return Record(architecture=architecture, input=tuple(extents), **{"device_name": None} | texts | origins)


def _origin(file: MappedFile, name: str, value: Any) -> Origin:
    if not isinstance(value, dict) or value.keys() != {"source", "sha256"}:
        raise _unexpected(file, name, value, "a source and a SHA-256")
    _check_text(file, f"source of {name}", value["source"])
    if not (isinstance(value["sha256"], str) and re.fullmatch("[0-9a-f]{64}", value["sha256"])):
        raise _unexpected(file, f"digest of {name}", value["sha256"], "a SHA-256 in hexadecimal")
    return Origin(**value)


def _check_text(file: MappedFile, name: str, value: Any) -> None:
    """Raise BadInput unless the text can be printed: it must not move the cursor."""
    if not (isinstance(value, str) and value.isprintable() and len(value) <= _WIDEST):
        raise _unexpected(file, name, value, f"a text of one line, of at most {_WIDEST} letters")


def _unexpected(file: MappedFile, name: str, value: Any, expected: str) -> BadInput:
    return file.bad(f"the {name} in its {RECORD} is {shown(value)}; expected {expected}")
