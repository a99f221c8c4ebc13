"""PyTorch's file from 0.1.10 to 1.5: pickles and raw storages, one after the other.

A magic number, the protocol version, facts about the machine, the saved object and the list of storage keys, each a
pickle; then, for each key, the number of elements in eight bytes and the elements.
"""

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pickles.machine import unpickle
from isomorph.tools.checkpoints.pickles.values import Entries
from isomorph.tools.checkpoints.pytorch.objects import (
    NAMES,
    UNTYPED,
    Described,
    StorageRef,
    described_once,
    storage_ref,
)
from isomorph.tools.checkpoints.pytorch.state_dicts import checkpoint_of
from isomorph.tools.checkpoints.recognition import PYTORCH_MAGIC
from isomorph.tools.checkpoints.wording import counted, shown

NAME = "PyTorch stream"
_PROTOCOL = 1001


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput where it is no sound stream of PyTorch's."""
    storages: dict[str, Described] = {}
    views: dict[str, StorageRef] = {}

    def persistent(arguments: tuple[object, ...]) -> StorageRef:
        match arguments:
            case (("storage", saved, key, device, length, view),) if str(saved) != UNTYPED:
                ref = described_once(storages, storage_ref(saved, key, length), saved, device)
            case _:
                raise ValueError("it refers to something that is no storage")
        match view:
            case None:
                return ref
            case (str(view_key), offset, part_length):
                part = ref.part(offset, part_length)
                if views.setdefault(view_key, part) != part:  # PyTorch takes the first for all of that key
                    raise ValueError(f"it describes the view {shown(view_key)} in two ways")
                return part
            case _:
                raise ValueError("it views a storage in an unknown way")

    position = 0
    for what, expected in (("magic number", PYTORCH_MAGIC), ("protocol version", _PROTOCOL)):
        value, position = unpickle(file, position, file.size, {})
        if type(value) is not int or value != expected:
            raise file.damaged(f"its {what} is {shown(value)}, {expected} was expected")
    machine, position = unpickle(file, position, file.size, {})
    check_little_endian(file, machine)
    saved, position = unpickle(file, position, file.size, NAMES, persistent)
    keys, position = unpickle(file, position, file.size, {})
    if not isinstance(keys, list):
        raise file.damaged(f"its list of storages is {shown(keys)}, a list was expected")

    starts: dict[str, int] = {}
    for key in keys:
        described = storages.get(key) if isinstance(key, str) else None
        if described is None or key in starts:
            raise file.damaged(
                f"its list of storages names {shown(key)}, which no tensor needs or which is there twice"
            )
        starts[key], position = read_storage(file, position, described.ref)
    missing = next((key for key in storages if key not in starts), None)
    if missing is not None:
        raise file.damaged(f"its list of storages lacks {shown(missing)}, which a tensor needs")
    shared = next((key for key in views if key in storages), None)
    if shared is not None:
        raise file.damaged(f"it calls a storage and a view of one {shown(shared)}, which PyTorch does not tell apart")
    if position != file.size:
        raise file.damaged(
            f"its last storage is followed by {counted(file.size - position, 'byte')} at byte {position:,}, nothing "
            "was expected"
        )
    return checkpoint_of(file, NAME, saved, lambda storage: starts[storage.key])


def check_little_endian(file: MappedFile, machine: object) -> None:
    """Refuse a file of a machine that writes numbers the other way round; `machine` is its pickle of such facts."""
    if not isinstance(machine, Entries) or machine.get("little_endian") is not True:
        raise file.bad("it does not say that its numbers are little-endian: save it on a little-endian machine")


def read_storage(file: MappedFile, position: int, ref: StorageRef) -> tuple[int, int]:
    """Return where the elements of the raw storage at `position` start and end; eight bytes before them count them."""
    length = int.from_bytes(file.read(position, 8), "little")
    start = position + 8
    if start + ref.nbytes > file.size:
        raise file.bad(
            f"it ends inside the storage {shown(ref.key)} (byte {position:,}, {ref.nbytes:,} bytes): it was cut short, "
            "fetch it again"
        )
    if length != ref.length:
        raise file.damaged(f"its storage {shown(ref.key)} has {length:,} elements, {ref.length:,} were expected")
    return start, start + ref.nbytes
