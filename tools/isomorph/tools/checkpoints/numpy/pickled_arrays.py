"""What a pickle of NumPy's arrays may name, and the arrays as descriptions of where their bytes lie in the file.

An array is `_reconstruct(ndarray, (0,), b"b")` and a state: version, shape, dtype, Fortran order, bytes. A dtype is
`dtype("f4", False, True)` and a state that starts with a version and the byte order. Under protocol 2 the bytes are
`_codecs.encode(text, "latin1")`, as Python 2's strings are not Python 3's bytes.

Source: numpy/_core/src/multiarray/methods.c (`array_reduce`) and descriptor.c (`arraydescr_reduce`).
"""

import codecs
from math import prod

import numpy as np

from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.mapped_file import MOST_AXES, MappedFile
from isomorph.tools.checkpoints.pickles.values import Constructor, DescribedTensor, Global, Span, Stateful
from isomorph.tools.checkpoints.wording import shown

_LARGEST = 1 << 48  # elements along an axis: more than any file has bytes
_PIECE = 1 << 20  # bytes of text decoded at once

_DTYPES = {
    code: np.dtype(code).newbyteorder("<")
    for code in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1", "c8", "c16")
}


def shape_of(value: object) -> tuple[int, ...]:
    """Return `value` as a shape. Raises ValueError where it cannot be one."""
    if not isinstance(value, tuple) or len(value) > MOST_AXES:
        raise ValueError(f"a shape is {shown(value)}, at most {MOST_AXES} sizes were expected")
    for size in value:
        if type(size) is not int or not 0 <= size <= _LARGEST:
            raise ValueError(f"an axis has the size {shown(size)}")
    return value


class DtypeRef(Stateful):
    """A dtype of plain numbers."""

    __slots__ = ("dtype", "is_complete")

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.is_complete = False

    def set_state(self, state: object) -> None:
        """Take the byte order. Raises ValueError for a structure."""
        match state:
            case (3, "<" | "|" | "=", None, None, None, -1, -1, 0) if not self.is_complete:
                self.is_complete = True
            case (3, ">", *_):
                raise ValueError("an array is big-endian, little-endian was expected")
            case _:
                raise ValueError("a dtype is described in an unknown way")


class ArrayRef(DescribedTensor, Stateful):
    """An array: how its bytes are to be read, and where they are."""

    __slots__ = ("data", "dtype", "fortran_order", "shape")

    def __init__(self) -> None:
        self.data: Span | bytes | None = None
        self.dtype = np.dtype("u1")
        self.shape: tuple[int, ...] = ()
        self.fortran_order = False

    def set_state(self, state: object) -> None:
        """Take shape, dtype, order and bytes. Raises ValueError for anything else."""
        match state:
            case (1, shape, DtypeRef() as dtype, bool(fortran_order), data) if self.data is None:
                sizes = shape_of(shape)
            case _:
                raise ValueError("an array is described in an unknown way")
        if not dtype.is_complete:
            raise ValueError("a dtype has no byte order")
        if isinstance(data, str):
            data = data.encode()  # of Python 2, whose strings are bytes that the machine took for text
        if not isinstance(data, Span | bytes):
            raise ValueError(f"an array's numbers are {shown(data)}, bytes were expected")
        self.shape, self.dtype, self.fortran_order, self.data = sizes, dtype.dtype, fortran_order, data

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return prod(self.shape) * self.dtype.itemsize

    def array(self, file: MappedFile, name: str) -> Tensor:
        """Return the array, read-only: a view of `file`, but for what the pickle holds as text.

        Raises BadInput where its bytes are not as many as its shape needs.
        """
        if self.data is None:
            raise file.damaged(f"its array {shown(name)} has no shape and no numbers")
        shape = self.shape[::-1] if self.fortran_order else self.shape
        if isinstance(self.data, Span) and not self.data.text:
            self._check(file, name, self.data.count)
            array = file.array(name, self.dtype, shape, self.data.start)
        else:
            data = self._decoded(file, name, self.data) if isinstance(self.data, Span) else self.data
            self._check(file, name, len(data))
            array = np.ndarray(shape, self.dtype, buffer=data)
            if self.dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
                raise file.damaged(f"tensor {shown(name)} is boolean, but holds bytes other than 0 and 1")
        return array.T if self.fortran_order else array

    def _check(self, file: MappedFile, name: str, count: int) -> None:
        if count != self.nbytes:
            raise file.damaged(
                f"its array {shown(name)} of shape {shown(self.shape)} and {self.dtype} has {count:,} bytes, "
                f"{self.nbytes:,} were expected"
            )

    def _decoded(self, file: MappedFile, name: str, span: Span) -> Tensor:
        """Return the bytes that `span` holds as the text of as many letters."""
        if not self.nbytes <= span.count <= 2 * self.nbytes:
            self._check(file, name, span.count)
        file.spend(self.nbytes)  # the same text may be that of many arrays
        decoder = codecs.getincrementaldecoder("utf-8")()
        out, end = np.empty(self.nbytes, np.uint8), span.start + span.count
        filled = 0
        try:
            for start in range(span.start, end, _PIECE):
                count = min(_PIECE, end - start)
                piece = decoder.decode(file.read(start, count), start + count == end).encode("latin-1")
                if filled + len(piece) > self.nbytes:
                    self._check(file, name, filled + len(piece))
                out[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
                filled += len(piece)
        except UnicodeError:
            raise file.damaged(f"its array {shown(name)} is text that does not stand for bytes") from None
        self._check(file, name, filled)
        out.flags.writeable = False
        return out


def _reconstruct(arguments: tuple[object, ...]) -> object:
    match arguments:
        case (Global(name="ndarray"), (int(size),), b"b" | "b") if type(size) is int and size == 0:
            return ArrayRef()
        case _:
            raise ValueError("an array is made in an unknown way")


def _dtype(arguments: tuple[object, ...]) -> object:
    match arguments:
        case (str(code), bool() | int(), bool() | int()) if code in _DTYPES:
            return DtypeRef(_DTYPES[code])
        case (str(code), *_):
            raise ValueError(f"an array is of the dtype {shown(code)}, one of {', '.join(_DTYPES)} was expected")
        case _:
            raise ValueError("a dtype is made in an unknown way")


def _encode(arguments: tuple[object, ...]) -> object:
    match arguments:
        case (Span(text=True) as span, "latin1"):
            return span
        case (str(text), "latin1"):
            return text.encode("latin-1")
        case _:
            raise ValueError("text is encoded in an unknown way")


def _bytes(arguments: tuple[object, ...]) -> object:
    if arguments:
        raise ValueError("bytes are made in an unknown way")
    return b""


NAMES: dict[str, Constructor | None] = {
    **{f"numpy.{core}.multiarray._reconstruct": _reconstruct for core in ("core", "_core")},
    "numpy.ndarray": None,
    "numpy.dtype": _dtype,
    "_codecs.encode": _encode,
    "builtins.bytes": _bytes,
    "__builtin__.bytes": _bytes,
}
"""The globals of an array's pickle, and what calling them makes; see `pickle_machine.unpickle`."""
