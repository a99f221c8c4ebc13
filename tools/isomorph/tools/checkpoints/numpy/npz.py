"""NumPy's `.npz`: a zip archive of a `.npy` for each array, as it is (`savez`) or packed (`savez_compressed`).

A `.npy` is a magic, a version, the length of a header, that, and the values. The header is a dictionary as Python
writes it, of which NumPy's own reader takes any form; what `numpy.save` writes has one. An array of objects would be a
pickle: it is left out by name, as text is.

Sources: numpy/lib/_format_impl.py (`_write_array_header`, `read_magic`) and numpy/lib/_npyio_impl.py (`_savez`).
"""

import re
import zlib
from math import prod
from types import MappingProxyType

import numpy as np

from isomorph.tools.checkpoints.checkpoint import Checkpoint, Tensor
from isomorph.tools.checkpoints.mapped_file import MOST_AXES, MappedFile
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.checkpoints.zip_directory import Member, check_crc32, noted_in, read_directory

NAME = "NumPy archive"

_SUFFIX = ".npy"
_ANY_VERSION = b"\x93NUMPY"
_LENGTHS = {b"\x93NUMPY\1\0": 2, b"\x93NUMPY\2\0": 4, b"\x93NUMPY\3\0": 4}  # magic, version -> bytes of the length
_MAGIC = 8
_LONGEST_HEADER = 1 << 12  # bytes; sixteen axes of twenty digits take a tenth
_COST = 512  # bytes of Python objects for one array
_SIZE = rb"(?:0|[1-9][0-9]{0,17})"  # as Python writes them, to which 02 is none, and (2) no tuple
_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?)([a-zA-Z][0-9]*)', 'fortran_order': (True|False), "
    rb"'shape': \(((?:(?:%b, ?)+%b?)?)\), \} *\n" % (_SIZE, _SIZE)
)
_DTYPES = {
    code: np.dtype(code).newbyteorder("<")
    for code in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1", "c8", "c16")
}
_OBJECTS = "O"
_LETTERS = {"U": 4, "S": 1}  # text, of so many bytes for a letter


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput if it is no sound archive of arrays, or one is of no numbers."""
    members = read_directory(file)
    metadata = noted_in(file, members)
    tensors: dict[str, Tensor] = {}
    left_out = []
    for member_name, member in members.items():
        name = member_name.removesuffix(_SUFFIX)
        array = _array(file, name, member) if member_name not in metadata else None
        if array is not None and name in tensors:
            raise file.damaged(f"it has two arrays called {shown(name)}, where one was expected")
        if array is not None:
            tensors[name] = array
        elif member_name not in metadata:
            left_out.append(name)
    if not tensors:
        raise file.bad(f"it holds no arrays of numbers, some were expected (it holds {shown(next(iter(members)))})")
    return Checkpoint(file.path, NAME, MappingProxyType(tensors), MappingProxyType(metadata), left_out=tuple(left_out))


def _array(file: MappedFile, name: str, member: Member) -> Tensor | None:
    """Return the array in a member, a view of the file where it is stored as it is; None where it holds no numbers."""
    file.spend(_COST)
    packed = None if member.stored else _unpacked(file, name, member)
    if packed is None:
        check_crc32(file, name, member)
    head = file.read(member.start, min(member.size, _LONGEST_HEADER)) if packed is None else packed[:_LONGEST_HEADER]
    width = _LENGTHS.get(head[:_MAGIC])
    if width is None and head.startswith(_ANY_VERSION):
        raise file.bad(f"its {shown(name)} is of a version of NumPy's format that is not read: save it again")
    if width is None:
        return None
    start = _MAGIC + width + int.from_bytes(head[_MAGIC : _MAGIC + width], "little")
    header = _HEADER.fullmatch(head[_MAGIC + width : start]) if start <= len(head) else None
    if header is None:
        raise file.bad(f"its {shown(name)} has a header that numpy.save writes for no plain array: save it again")
    order, code = header[1].decode(), header[2].decode()
    if code[0] == _OBJECTS:
        return None
    is_text = code[0] in _LETTERS
    if not is_text and (code not in _DTYPES or order == ">"):
        raise file.bad(
            f"its {shown(name)} is of the dtype {shown(order + code)}, one of {', '.join(_DTYPES)}, little-endian, was "
            "expected"
        )
    shape = tuple(int(size) for size in header[4].replace(b" ", b"").split(b",") if size)
    width = _LETTERS[code[0]] * int(code[1:] or 0) if is_text else _DTYPES[code].itemsize
    size = member.size if packed is None else len(packed)
    if size - start != prod(shape) * width or len(shape) > MOST_AXES:
        raise file.damaged(
            f"its {shown(name)} of shape {shown(shape)} and {code if is_text else _DTYPES[code]} has {size - start:,} "
            f"bytes, {shown(prod(shape) * width)} were expected"
        )
    if is_text:
        return None
    dtype, columns = _DTYPES[code], header[3] == b"True"
    sizes = shape[::-1] if columns else shape
    if packed is None:
        array = file.array(name, dtype, sizes, member.start + start)
    else:
        array = np.ndarray(sizes, dtype, buffer=packed, offset=start)
        if dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
            raise file.damaged(f"tensor {shown(name)} is boolean, but holds bytes other than 0 and 1")
    return array.T if columns else array


def _unpacked(file: MappedFile, name: str, member: Member) -> bytes:
    """Return the bytes of a deflated member. Raises BadInput where they are others, or more, than the table says."""
    if not member.deflated:
        raise file.bad(f"its {shown(name)} is compressed in a way that NumPy does not write: save it again")
    file.spend(2 * member.unpacked)  # while they are joined
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = machine.decompress(file.read(member.start, member.size), member.unpacked + 1)
    except zlib.error as problem:
        raise file.damaged(f"its {shown(name)} cannot be unpacked ({shown(str(problem))})") from None
    if len(content) != member.unpacked or not machine.eof or machine.unused_data:
        raise file.damaged(f"its {shown(name)} unpacks to other than the {member.unpacked:,} bytes that were expected")
    if zlib.crc32(content) != member.crc32:
        raise file.damaged(f"the checksum of its {shown(name)} is not that of its bytes")
    return content
