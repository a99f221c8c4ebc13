"""PyTorch's file before 0.1.10: a tar archive of `sys_info`, `pickle`, `tensors` and `storages`.

`torch.load(weights_only=True)` refuses it. `storages` is a pickled count and, for each, a pickle (key, location, type),
the number of elements in eight bytes and the elements; then a list of views (key, key of the whole, offset, elements).
`tensors` is a count and, for each, a pickle (key, key of its storage, type), the number of axes in four bytes, four
unused ones, and the sizes, the strides and the offset in eight bytes each. In `pickle`, the saved object, a key stands
for a tensor.
"""

import struct

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.mapped_file import MOST_AXES, MappedFile
from isomorph.tools.checkpoints.pickles.machine import unpickle, unpickle_all
from isomorph.tools.checkpoints.pytorch.objects import NAMES, UNTYPED, StorageRef, TensorRef, storage_ref, tensor_ref
from isomorph.tools.checkpoints.pytorch.state_dicts import checkpoint_of
from isomorph.tools.checkpoints.pytorch.stream import check_little_endian, read_storage
from isomorph.tools.checkpoints.wording import shown

NAME = "PyTorch tar"
_BLOCK = 512
_FACTS = (100, 108, 116, 329, 337)  # where mode, owner, group and device stand: Python stops at one it cannot read
_LONGEST_END = 64 * _BLOCK  # zeros that fill up the last record
_PARTS = ("sys_info", "pickle", "tensors", "storages")
_HARMLESS = {b"mtime", b"atime", b"ctime", b"uid", b"gid", b"uname", b"gname"}  # of a member's extended header
_KINDS = ("Double", "Float", "Half", "Long", "Int", "Short", "Char", "Byte")
_TENSOR_TYPES = dict.fromkeys(f"{module}.{kind}Tensor" for module in ("torch", "torch.cuda") for kind in _KINDS)

Extent = tuple[int, int]
"""The first byte, and the first after the last."""


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput where it is no sound archive of PyTorch's."""
    parts = _parts(file)
    check_little_endian(file, unpickle_all(file, *parts["sys_info"], {}))
    storages, starts = _storages(file, parts["storages"])
    tensors = _tensors(file, parts["tensors"], storages)

    def persistent(arguments: tuple[object, ...]) -> TensorRef:
        (key,) = arguments
        tensor = tensors.get(key) if isinstance(key, str) else None
        if tensor is None:
            raise ValueError(f"it refers to the tensor {shown(key)}, which the archive has not")
        return tensor

    saved = unpickle_all(file, *parts["pickle"], NAMES, persistent)
    return checkpoint_of(file, NAME, saved, lambda storage: starts[storage.key])


def _parts(file: MappedFile) -> dict[str, Extent]:
    """Return the four members. Python's tarfile is not used: it takes links, sparse members and chained headers."""
    parts: dict[str, Extent] = {}
    position = 0
    while any(head := file.read(position, _BLOCK)):
        if len(head) < _BLOCK:
            raise file.bad("it ends inside a header of its tar archive: it was cut short, fetch it again")
        name, kind = head[:100].rstrip(b"\0").decode("latin-1"), head[156:157]
        size, checksum = _octal(head[124:136]), _octal(head[148:156])
        facts = (*(head[start : start + 8] for start in _FACTS), head[136:148])
        odd = any(_octal(field) is None and field.strip(b" \0") for field in facts)
        if odd or size is None or checksum != sum(head[:148]) + sum(head[156:]) + 8 * ord(" "):
            raise file.damaged(f"its tar header at byte {position:,} is damaged")
        start = position + _BLOCK
        if start + size > file.size:
            raise file.bad(
                f"it ends inside {shown(name)} (byte {start:,}, {size:,} bytes): it was cut short, fetch it again"
            )
        if kind == b"x":
            _check_extended_header(file, start, size)
        elif kind not in (b"0", b"\0") or name not in _PARTS or name in parts:
            raise file.bad(
                f"its tar archive holds {shown(name)}, but the only tar archives read here are PyTorch's oldest "
                f"checkpoints, which hold {', '.join(_PARTS)} once each: unpack it first"
            )
        else:
            parts[name] = start, start + size
        position = start + -(-size // _BLOCK) * _BLOCK
    if file.size - position > _LONGEST_END or any(file.read(position, _LONGEST_END)):
        raise file.damaged(f"something follows the end of its tar archive (byte {position:,})")
    if (file.size - position) % _BLOCK:
        raise file.bad("its tar archive ends inside a block: it was cut short, fetch it again")
    missing = [name for name in _PARTS if name not in parts]
    if missing:
        raise file.damaged(f"its tar archive lacks {', '.join(missing)}, which PyTorch's checkpoints have")
    return parts


def _octal(field: bytes) -> int | None:
    digits = field.lstrip(b" ").rstrip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else None


def _check_extended_header(file: MappedFile, start: int, size: int) -> None:
    """Refuse an extended header that says more than dates and owners: it could rename or resize the next member."""
    records = file.read(start, min(size, 4096)).split(b"\n")[:-1]
    if size > 4096 or any(record.partition(b" ")[2].partition(b"=")[0] not in _HARMLESS for record in records):
        raise file.damaged(
            f"its tar archive has an extended header (byte {start:,}) that says more than dates and owners"
        )


def _storages(file: MappedFile, extent: Extent) -> tuple[dict[str, StorageRef], dict[str, int]]:
    """Return the storages and views of storages by key, and the first byte of each whole storage."""
    position, end = extent
    whole: dict[str, StorageRef] = {}
    starts: dict[str, int] = {}
    count, position = unpickle(file, position, end, {})
    for _ in range(_count(file, count)):
        description, position = unpickle(file, position, end, NAMES)
        try:
            match description:
                case (key, _, saved) if str(saved) != UNTYPED:
                    length = int.from_bytes(file.read(position, 8), "little")
                    ref = storage_ref(saved, _key(key), length)
                case _:
                    raise ValueError("a storage is described in an unknown way")
        except ValueError as problem:
            raise file.damaged(f"its storages cannot be read at byte {position:,}: {problem}") from None
        if ref.key in whole:
            raise file.damaged(f"it has two storages of the key {ref.key}, one was expected")
        whole[ref.key] = ref
        starts[ref.key], position = read_storage(file, position, ref)
    views = unpickle_all(file, position, end, {})
    storages = dict(whole)
    try:
        for view in views if isinstance(views, list) else [None]:
            match view:
                case (key, root, offset, length) if _key(root) in whole and _key(key) not in storages:
                    storages[_key(key)] = whole[_key(root)].part(offset, length)
                case _:
                    raise ValueError("a view is described in an unknown way")
    except ValueError as problem:
        raise file.damaged(f"its views of storages cannot be read: {problem}") from None
    return storages, starts


def _tensors(file: MappedFile, extent: Extent, storages: dict[str, StorageRef]) -> dict[str, TensorRef]:
    position, end = extent
    tensors: dict[str, TensorRef] = {}
    count, position = unpickle(file, position, end, {})
    for _ in range(_count(file, count)):
        description, position = unpickle(file, position, end, _TENSOR_TYPES)
        axes = int.from_bytes(file.read(position, 4), "little")  # the next four bytes are not used
        numbers = file.read(position + 8, min(8 * (2 * min(axes, MOST_AXES) + 1), end - position - 8))
        try:
            if axes > MOST_AXES or len(numbers) != 8 * (2 * axes + 1):
                raise ValueError(f"a tensor ends early, or has more than {MOST_AXES} axes ({axes:,})")
            *sizes_and_strides, offset = struct.unpack(f"<{2 * axes + 1}q", numbers)
            shape, strides = tuple(sizes_and_strides[:axes]), tuple(sizes_and_strides[axes:])
            match description:
                case (key, storage, _) if _key(storage) in storages:
                    if _key(key) in tensors or _key(key) in storages:  # PyTorch has one table for both
                        raise ValueError(f"the key {shown(key)} stands for two things")
                    tensors[_key(key)] = tensor_ref(storages[_key(storage)], offset, shape, strides)
                case _:
                    raise ValueError("a tensor is described in an unknown way")
        except ValueError as problem:
            raise file.damaged(f"its tensors cannot be read at byte {position:,}: {problem}") from None
        position += 8 + len(numbers)
    if position != end:
        raise file.damaged(f"its tensors end at byte {position:,}, byte {end:,} was expected")
    return tensors


def _count(file: MappedFile, value: object) -> int:
    if type(value) is not int or not 0 <= value <= file.size:
        raise file.damaged(
            f"it says that it holds {shown(value)} storages or tensors, at most one for each byte was expected"
        )
    return value


def _key(value: object) -> str:
    """Return a key as text: a machine address, saved as a number where it stands for itself and as text in `pickle`."""
    if type(value) is int and 0 <= value < 1 << 64:
        return str(value)
    raise ValueError(f"a key is {shown(value)}, an address was expected")
