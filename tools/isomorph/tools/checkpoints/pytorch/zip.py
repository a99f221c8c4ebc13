"""PyTorch's file since 1.6: a zip archive `NAME/data.pkl`, `NAME/data/0`, `NAME/data/1`, ...

`data.pkl` is the saved object, in which a persistent id ("storage", type, key, location, elements) stands for each
storage; the record `data/KEY` holds its bytes as they are, so that it can be mapped from where it lies. The records'
CRC-32 is not looked at: PyTorch does not either, and `torch.serialization.set_crc32_options(False)` writes none.
"""

from dataclasses import replace
from types import MappingProxyType

from isomorph.tools.checkpoints.checkpoint import Checkpoint
from isomorph.tools.checkpoints.lookalikes import READ_HERE
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pickles.machine import unpickle_all
from isomorph.tools.checkpoints.pytorch.objects import NAMES, Described, StorageRef, described_once, storage_ref
from isomorph.tools.checkpoints.pytorch.state_dicts import checkpoint_of
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.checkpoints.zip_directory import Member, noted_in, read_directory

NAME = "PyTorch zip"
_NUMBERS = ("version", ".format_version", ".storage_alignment", ".data/version", ".data/serialization_id")
_LONGEST_NUMBER = 64  # digits
_VERSIONS = range(1, 11)  # caffe2/serialize/versions.h, kMinSupportedFileFormatVersion and kMaxSupported...


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput where it is no sound archive of PyTorch's."""
    value, records = saved_in(file)
    checkpoint = checkpoint_of(file, NAME, value, lambda storage: records[f"data/{storage.key}"].start)
    return replace(checkpoint, metadata=MappingProxyType(noted_in(file, records)))


def saved_in(file: MappedFile) -> tuple[object, dict[str, Member]]:
    """Return the object that was saved, and the records, of which `data/KEY` holds the bytes of the storage KEY."""
    records = _records(file)
    program = records["data.pkl"]
    storages: dict[str, Described] = {}

    def persistent(arguments: tuple[object, ...]) -> StorageRef:
        match arguments:
            case (("storage", saved, key, device, length),):
                ref = described_once(storages, storage_ref(saved, key, length), saved, device)
            case _:
                raise ValueError("it refers to something that is no storage")
        record = records.get(f"data/{ref.key}")
        if record is None:
            raise ValueError(f"it refers to the record {shown('data/' + ref.key)}, which the archive has not")
        if record.size != ref.nbytes:
            raise ValueError(
                f"its record {shown('data/' + ref.key)} has {record.size:,} bytes, {ref.nbytes:,} were expected "
                f"({ref.length:,} elements of {ref.dtype})"
            )
        return ref

    return unpickle_all(file, program.start, program.start + program.size, NAMES, persistent), records


def _records(file: MappedFile) -> dict[str, Member]:
    """Return the archive's members, less the folder that they all are in."""
    members = read_directory(file)
    folder = next(iter(members), "").partition("/")[0] + "/"
    records = {name.removeprefix(folder): member for name, member in members.items() if name.startswith(folder)}
    if "constants.pkl" in records or any(name.startswith("code/") for name in records):
        raise file.bad(
            "it is a TorchScript archive, a program with its weights, which isomorph does not run: save the network's "
            "state_dict() from PyTorch instead"
        )
    if "data.pkl" not in records:
        raise file.bad(_other_archive(members))
    stranger = next((name for name in members if not name.startswith(folder)), None)
    if stranger is not None:
        raise file.damaged(
            f"its zip archive has {shown(stranger)} outside the folder {shown(folder)}, where all was expected"
        )
    for name, member in records.items():
        if not member.stored:
            raise file.damaged(f"its record {shown(name)} is compressed, which PyTorch never does")
    if len({name.lower() for name in members}) < len(members):
        raise file.damaged("its zip archive has names that differ in capitals alone, which PyTorch does not tell apart")
    for name in _NUMBERS:
        if name in records and _number(file, records[name]) is None:
            raise file.damaged(f"its record {shown(name)} holds no number")
    version = records.get(".data/version") or records.get("version")
    if version is None:
        raise file.damaged("its zip archive has no record 'version', which PyTorch asks for")
    if _number(file, version) not in _VERSIONS:
        raise file.bad(
            f"it is of version {_number(file, version)} of PyTorch's archives, {_VERSIONS[0]} to {_VERSIONS[-1]} are "
            "read here: save it with a released PyTorch"
        )
    order = records.get("byteorder")
    if order is not None and file.read(order.start, min(order.size, 16)) != b"little":
        raise file.bad("its byteorder record is not 'little': save it on a little-endian machine")
    return records


def _number(file: MappedFile, record: Member) -> int | None:
    """Return the number in a record, behind which PyTorch may write a newline; None where there is none."""
    digits = file.read(record.start, min(record.size, _LONGEST_NUMBER)).removesuffix(b"\n")
    return int(digits) if digits.isdigit() else None


def _other_archive(members: dict[str, Member]) -> str:
    """Return what a zip archive without PyTorch's `data.pkl` is."""
    if "model.weights.h5" in members:
        kind = "a Keras .keras archive with something before its parts"
    elif any(name.endswith(".npy") for name in members):
        kind = "a NumPy .npz archive"
    else:
        kind = "a zip archive without data.pkl"
    return f"this looks like {kind}; {READ_HERE}"
