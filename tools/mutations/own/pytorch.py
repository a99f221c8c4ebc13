"""PyTorch's own readers, and sound files of its four forms."""

import io
import pickle
import struct
import tarfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter, _StorageInfo
from torch.distributed.checkpoint.metadata import ChunkStorageMetadata, MetadataIndex, TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save as save_distributed

from mutations.described import INSIDE, described, leaves


def save(folder: Path) -> None:
    """Sound files, in a folder for each format."""
    torch.manual_seed(0)
    base = torch.randn(3, 4)
    plain = OrderedDict(weight=base, bias=torch.arange(3), half=torch.ones(2, dtype=torch.float16))
    odd = {
        "epoch": 3,
        "state_dict": {"module.t": base.t(), "module.b": torch.tensor([True, False]), "module.p": base[1:, ::2],
                       "module.e": torch.zeros(0, 2), "module.s": torch.tensor(1.5, dtype=torch.bfloat16)},
    }  # fmt: skip
    ways: dict[str, dict[str, Any]] = {"zip": {}, "stream": {"_use_new_zipfile_serialization": False}}
    for form, options in ways.items():
        for name, value in {"plain": plain, "odd": odd}.items():
            torch.save(value, _new(folder / form / f"{name}.pth"), **options)
        torch.save(plain, _new(folder / form / "protocol4.pth"), pickle_protocol=4, **options)
    for name in ("plain", "odd"):
        _new(folder / "tar" / f"{name}.pth").write_bytes(_tar(name == "odd"))

    _save_distributed(folder / "distributed")


def _save_distributed(folder: Path) -> None:
    """Folders of several files: what `save` writes of dictionaries, and a tensor in chunks."""
    base = torch.arange(12.0).reshape(3, 4)
    network = {"module.w": base, "module.b": torch.tensor([True, False]), "module.h": base[:1].bfloat16()}
    saved = {"epoch": 3, "model": network, "optimizer": {"m": base}}
    save_distributed(
        saved, storage_writer=FileSystemWriter(folder / "nested", single_file_per_rank=False), no_dist=True
    )
    save_distributed({"plain": base, "n": torch.tensor(7)}, checkpoint_id=folder / "chunked", no_dist=True)
    path = folder / "chunked" / ".metadata"
    metadata = pickle.loads(path.read_bytes())
    content = (folder / "chunked" / "__0_0.distcp").read_bytes()
    for number, part in enumerate((base[:2], base[2:])):
        archive = io.BytesIO()
        torch.save(part.clone(), archive)
        offset = torch.Size([2 * number, 0])
        place = _StorageInfo("__0_0.distcp", len(content), len(archive.getvalue()))
        metadata.storage_data[MetadataIndex("plain", offset, number)] = place
        chunks = metadata.state_dict_metadata["plain"].chunks
        chunks[number:] = [ChunkStorageMetadata(offset, part.shape)]
        content += archive.getvalue()
    (folder / "chunked" / "__0_0.distcp").write_bytes(content)
    path.write_bytes(pickle.dumps(metadata))


def _new(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path


def _tar(odd: bool) -> bytes:
    """A file as PyTorch 0.1.9 wrote it: no living PyTorch writes it, all of them read it."""
    whole, keys = torch.arange(12.0), torch.arange(4)
    tensors = {"w": (3, 1, b"FloatTensor", (2, 3), (1, 4), 1), "b": (4, 9, b"FloatTensor", (2,), (2,), 0),
               "n": (5, 2, b"LongTensor", (2, 2), (2, 1), 0)}  # fmt: skip
    if odd:
        tensors = {"module.w": (3, 2, b"LongTensor", (4,), (1,), 0)}
    named = b"".join(
        b"X" + struct.pack("<I", len(name)) + name.encode() + b"X\1\0\0\0%dQ" % key
        for name, (key, *_) in tensors.items()
    )
    views: list[tuple[int, ...]] = [] if odd else [(9, 1, 6, 4)]
    parts = {
        "sys_info": pickle.dumps({"protocol_version": 1000, "little_endian": True, "type_sizes": {"int": 4}}, 2),
        "pickle": b"\x80\2}(" + named + b"u.",
        "storages": pickle.dumps(2, 2)
        + pickle.dumps((1, "cpu", torch.FloatStorage), 2) + struct.pack("<q", 12) + whole.numpy().tobytes()
        + pickle.dumps((2, "cpu", torch.LongStorage), 2) + struct.pack("<q", 4) + keys.numpy().tobytes()
        + pickle.dumps(views, 2),
        "tensors": pickle.dumps(len(tensors), 2) + b"".join(
            b"\x80\2K" + bytes([key]) + b"K" + bytes([storage]) + b"ctorch\n" + kind + b"\n\x87."
            + struct.pack(f"<ii{2 * len(size) + 1}q", len(size), 0, *size, *stride, offset)
            for key, storage, kind, size, stride, offset in tensors.values()
        ),
    }  # fmt: skip
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1500000000.25  # a fraction asks for an extended header
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def read(path: Path, _: str) -> dict[str, Any]:
    """Every tensor that `torch.load` gives.

    Its restricted unpickler has not all of pickle's opcodes and knows no tar archives. What it refuses is given to the
    unrestricted one, which is safe for what isomorph has read: that holds nothing that could run.
    """
    try:
        if path.name == ".metadata":
            return {"tensors": _distributed(path.parent)}
        try:
            value = torch.load(path, _as_it_lies, weights_only=True)
        except Exception:  # whatever it does not know: the unrestricted one decides
            value = torch.load(path, _as_it_lies, weights_only=False)
        return {"tensors": {name: _described(tensor) for name, tensor in leaves(value, torch.Tensor)}}
    except Exception as problem:  # a damaged file ends in any; which one is what is compared
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}


def _distributed(folder: Path) -> dict[str, Any]:
    """Every tensor that `torch.distributed.checkpoint.load` gives, under the keys that lead to it."""
    metadata = FileSystemReader(folder).read_metadata()
    tensors = {
        name: torch.empty(one.size, dtype=one.properties.dtype)
        for name, one in metadata.state_dict_metadata.items() if isinstance(one, TensorStorageMetadata)
    }  # fmt: skip
    load(tensors, checkpoint_id=folder, no_dist=True)
    paths = metadata.planner_data if isinstance(metadata.planner_data, dict) else {}
    return {_joined(paths.get(name), name): _described(tensor) for name, tensor in tensors.items()}


def _joined(path: object, name: str) -> str:
    """The keys that lead to a tensor, or its whole name where those are not all text."""
    keys = [key for key in path if isinstance(key, str)] if isinstance(path, tuple) else []
    return INSIDE.join(keys) if isinstance(path, tuple) and 0 < len(keys) == len(path) else name


def _as_it_lies(storage: Any, _: object) -> Any:
    """Where the storage goes: not to the device that the file says it was on, which may be one that is not here."""
    return storage


def _described(tensor: torch.Tensor) -> list[Any]:
    plain = tensor.detach().clone(memory_format=torch.contiguous_format)
    raw = plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    return described(str(plain.dtype).removeprefix("torch."), tuple(plain.shape), raw)
