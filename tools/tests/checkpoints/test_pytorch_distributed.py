"""torch.distributed.checkpoint's folders, as PyTorch writes them, and such as are damaged or made to do harm."""

import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint

from ..hostile_files import Raw, call, pickled, raw, tensor, zipped
from ..measured import MEGABYTE, measured
from ..written import described, run_framework

WRITE = """
import io, json, pickle, sys
import torch
from torch.distributed.checkpoint import FileSystemReader, FileSystemWriter, load, save
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import ChunkStorageMetadata, MetadataIndex

folder = sys.argv[1] + "/"
names = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64")
every = {name: torch.arange(6).reshape(2, 3).to(getattr(torch, name)) for name in names}
every |= {"scalar": torch.tensor(3.5), "empty": torch.zeros(0, 7), "columns": torch.arange(6.0).reshape(2, 3).T}
network = {"module." + name: value for name, value in every.items()}
save({"model": network, "epoch": 3, "optimizer": {"m": every["float32"]}}, checkpoint_id=folder + "one", no_dist=True)
save(every, storage_writer=FileSystemWriter(folder + "many", single_file_per_rank=False), no_dist=True)

base = torch.randn(30, 40)
save({"w": base}, checkpoint_id=folder + "chunks", no_dist=True)
metadata = pickle.load(open(folder + "chunks/.metadata", "rb"))
parts = {(0, 0): base[:10], (10, 0): base[10:, :39], (10, 39): base[10:, 39:]}
metadata.state_dict_metadata["w"].chunks[:] = []
for number, (offset, part) in enumerate(parts.items()):
    archive = io.BytesIO()
    torch.save(part.clone(), archive)
    open(f"{folder}chunks/__{number}_0.distcp", "wb").write(archive.getvalue())
    place = _StorageInfo(f"__{number}_0.distcp", 0, len(archive.getvalue()))
    metadata.storage_data[MetadataIndex("w", offset, number)] = place
    metadata.state_dict_metadata["w"].chunks.append(ChunkStorageMetadata(torch.Size(offset), part.shape))
pickle.dump(metadata, open(folder + "chunks/.metadata", "wb"))

def described(value):
    raw = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""
    return [str(value.dtype).removeprefix("torch."), list(value.shape), raw.hex()]

result = {}
for name, prefix in {"one": "model.module.", "many": "", "chunks": ""}.items():
    kinds = FileSystemReader(folder + name).read_metadata().state_dict_metadata
    state = {key: torch.empty(kinds[key].size, dtype=kinds[key].properties.dtype) for key in kinds
             if key.startswith(prefix)}
    load(state, checkpoint_id=folder + name, no_dist=True)
    result[name] = {key.removeprefix(prefix): described(value) for key, value in state.items()}
print(json.dumps(result))
"""

Loaded = Mapping[str, Mapping[str, list[object]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distributed")


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Loaded:
    """What PyTorch loads of the checkpoints that it wrote to `folder`: name -> tensor's name -> description."""
    result: Loaded = run_framework("torch", WRITE, folder)
    return result


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("one", "one", id="a network in one file"),
        pytest.param("one/.metadata", "one", id="by its metadata"),
        pytest.param("one/__0_0.distcp", "one", id="by its file of tensors"),
        pytest.param("many", "many", id="a file for each tensor"),
        pytest.param("chunks", "chunks", id="a tensor in chunks of three ranks"),
    ],
)
def test_what_pytorch_loads_comes_back_bit_for_bit(folder: Path, loaded: Loaded, path: str, name: str) -> None:
    checkpoint = read_checkpoint(folder / path)
    assert checkpoint.format == "PyTorch distributed checkpoint"
    assert described(checkpoint.tensors) == loaded[name]
    assert list(checkpoint.tensors) == list(loaded[name])
    assert not any(tensor.flags.writeable for tensor in checkpoint.tensors.values())


def test_what_is_peeled_off_and_left_out_is_named(folder: Path, loaded: Loaded) -> None:
    assert loaded
    checkpoint = read_checkpoint(folder / "one")
    assert (checkpoint.unwrapped, checkpoint.left_out) == (("model", "module."), ("epoch", "optimizer"))
    assert [path.name for path in checkpoint.shards] == ["__0_0.distcp"]


# Built by hand.

META = "torch.distributed.checkpoint.metadata "
CLASS = b"c" + META.strip().encode() + b"\nMetadata\n"
ARCHIVE = zipped(tensor())


def made(kind: str, state: object) -> Raw:
    """An object of the metadata, by its opcodes."""
    module = "torch.distributed.checkpoint.filesystem " if kind == "_StorageInfo" else META
    return raw(b"c" + (module + kind).replace(" ", "\n").encode() + b"\n)\x81" + pickled(state) + b"b")


def size(*sizes: object) -> Raw:
    return call("torch Size", sizes)


FLOAT = raw(b"ctorch\nfloat32\n")
STRIDED = call("torch.serialization _get_layout", "torch.strided")
CONTIGUOUS = call(META + "_MEM_FORMAT_ENCODING", 0)


def properties(dtype: object = FLOAT, layout: object = STRIDED, order: object = CONTIGUOUS) -> Raw:
    return made("TensorProperties", (dtype, layout, False, order, False))


def chunk(start: int = 0, count: int = 4) -> Raw:
    return made("ChunkStorageMetadata", {"offsets": size(start), "sizes": size(count)})


def listed(shape: object = size(4), chunks: object = (chunk(),), kind: object = None) -> Raw:
    held = list(chunks) if isinstance(chunks, tuple) else chunks
    return made("TensorStorageMetadata", {"properties": kind or properties(), "size": shape, "chunks": held})


def index(name: object = "w", start: object = 0) -> Raw:
    return made("MetadataIndex", {"fqn": name, "offset": size(start), "index": 0})


def place(file: object = "__0_0.distcp", start: object = 0, length: object = len(ARCHIVE), **more: object) -> Raw:
    return made("_StorageInfo", {"relative_path": file, "offset": start, "length": length, **more})


def entries(*pairs: tuple[Raw, Raw]) -> Raw:
    return raw(b"}(" + b"".join(key + value for key, value in pairs) + b"u")


def metadata(tensors: object = None, places: object = None, paths: object = None, **more: object) -> bytes:
    state = {
        "state_dict_metadata": {"w": listed()} if tensors is None else tensors,
        "storage_data": entries((index(), place())) if places is None else places,
        "planner_data": paths,
        **more,
    }
    return b"\x80\2" + pickled(made("Metadata", state)) + b"."


WRONG: dict[str, tuple[bytes, str]] = {
    "a global": (b"\x80\2" + call("posix system", "id") + b".", r"loading it would run posix\.system"),
    "a class of PyTorch's": (b"\x80\2" + raw(b"ctorch.nn\nLinear\n") + b".", r"would run torch\.nn\.Linear"),
    "another object": (b"\x80\2}.", "it holds a dictionary, the metadata of a checkpoint was expected"),
    "no list": (metadata(tensors=3), "it does not list tensors by name, and where they are"),
    "keys that are numbers": (metadata(places=raw(b"}(K\1K\2u")), "it does not list tensors by name"),
    "text about its storage": (metadata(storage_meta="x"), "it says of its storage 'x', a description was expected"),
    "no tensors": (metadata(tensors={}), "no tensors were found in it"),
    "a tensor without chunks": (metadata({"w": listed(chunks=[])}), "the tensor 'w' has no chunks"),
    "chunks that are none": (metadata({"w": listed(chunks=[3])}), "a chunk of the tensor 'w' is 3"),
    "no place": (metadata(places={}), r"does not say where the chunk at \(0\) of the tensor 'w' is"),
    "a place of no tensor": (metadata(places=entries((index(3), place()))), "the place of a chunk is of no tensor"),
    "a place twice": (metadata(places=entries((index(), place()), (index(), place()))), "a dictionary names .* twice"),
    "an object for a key": (
        metadata(places=entries((index(), place()), (place(), place()))), "a dictionary has .* for a key"
    ),
    "a set for a key": (
        metadata(storage_meta=raw(b"}(" + b"\x8f" + b"K\1u")).replace(b"\x80\2", b"\x80\4", 1),
        "a dictionary has a set or the like for a key",
    ),
    "an object without its fields": (
        metadata(places=entries((index(), place()), (index("v"), made("TensorProperties", {"offset": 0})))),
        "a TensorProperties is described in an unknown way",
    ),
    "an object that is made by a call": (
        metadata(places=entries((index(), raw(place().replace(b")\x81", b")R", 1))))), r"_StorageInfo, of which objects"
    ),
    "fields without names": (metadata(places=entries((index(), made("_StorageInfo", (1, 2))))), "a _StorageInfo is d"),
    "a dtype that is none": (metadata({"w": listed(kind=properties("f4"))}), "'w' has no dtype that NumPy can hold"),
    "a sparse tensor": (
        metadata({"w": listed(kind=properties(layout=call("torch.serialization _get_layout", "torch.sparse_coo")))}),
        "a tensor is sparse, dense ones are read here",
    ),
    "an unknown order": (
        metadata({"w": listed(kind=properties(order=call(META + "_MEM_FORMAT_ENCODING", 9)))}), "the order of a tensor"
    ),
    "no properties": (metadata({"w": listed(kind=3)}), "'w' has no dtype"),
    "properties twice": (
        metadata({"w": listed(kind=raw(properties() + b"}b"))}), "a TensorProperties is described in an unknown way"
    ),
    "a path of numbers": (metadata(paths=call("pathlib PosixPath", 3)), "a path is made of something else than text"),
    "arguments": (
        b"\x80\2" + CLASS + b"K\1\x85\x81.", "a Metadata is made in an unk"
    ),
    "a shape of text": (metadata({"w": listed(size("4"))}), "a size, stride or offset is '4'"),
    "a negative size": (metadata({"w": listed(size(-4))}), "a size, stride or offset is -4"),
    "a shape that is none": (metadata({"w": listed(4)}), "a shape or its strides are 4"),
    "a huge shape": (metadata({"w": listed(size(1 << 40))}), "would take 4,398,046,511,104 bytes, at most 16 times"),
    "a file elsewhere": (metadata(places=entries((index(), place("../x")))), "is in '../x', a file beside it was exp"),
    "a file that is not there": (metadata(places=entries((index(), place("__1_0.distcp")))), "expected beside it"),
    "an archive beyond its file": (metadata(places=entries((index(), place(start=1)))), "'w' cannot be read: byte "),
    "half an archive": (metadata(places=entries((index(), place(length=99)))), "does not end as one"),
    "a transformation": (
        metadata(places=entries((index(), place(transform_descriptors=["zstd"])))), "is compressed or encrypted"
    ),
    "another shape in its archive": (
        metadata({"w": listed(size(2), (chunk(0, 2),))}), r"a chunk of shape \(2\) and float32 was expected in __0_0"
    ),
    "another dtype in its archive": (
        metadata({"w": listed(kind=properties(raw(b"ctorch\nint32\n")))}), r"a chunk of shape \(4\) and int32 was exp"
    ),
    "a part of a tensor": (metadata({"w": listed(size(8))}), "its slices have 4 elements, 8 were expected"),
    "a chunk beyond its tensor": (
        metadata({"w": listed(chunks=(chunk(2),))}, entries((index(start=2), place()))), r"beyond its shape \(4\)"
    ),
    "chunks that overlap": (
        metadata({"w": listed(size(8), (chunk(), chunk(3)))}, entries((index(), place()), (index(start=3), place()))),
        "two of its slices overlap",
    ),
    "a tensor that is a dictionary": (
        metadata(
            {"w": listed(), "v": listed()}, entries((index(), place()), (index("v"), place())),
            {"w": ("a",), "v": ("a", "b")},
        ),
        "'a' is both a tensor and a dictionary of them",
    ),
}  # fmt: skip


def refusal(folder: Path, content: bytes) -> str:
    (folder / ".metadata").write_bytes(content)
    (folder / "__0_0.distcp").write_bytes(ARCHIVE)
    with pytest.raises(BadInput) as caught:
        read_checkpoint(folder)
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder}/")
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


def test_the_one_that_the_others_are_broken_from_is_sound(tmp_path: Path) -> None:
    (tmp_path / ".metadata").write_bytes(metadata())
    (tmp_path / "__0_0.distcp").write_bytes(ARCHIVE)
    np.testing.assert_array_equal(read_checkpoint(tmp_path).tensors["w"], [0, 1, 2, 3])


@pytest.mark.parametrize("name", WRONG)
def test_a_folder_is_refused_for(tmp_path: Path, name: str) -> None:
    content, sentence = WRONG[name]
    found = refusal(tmp_path, content)
    assert re.search(sentence, found), found


def test_metadata_that_are_cut_anywhere_are_refused(tmp_path: Path) -> None:
    content = metadata()
    for length in range(1, len(content), 3):
        refusal(tmp_path, content[:length])


@pytest.mark.parametrize("path", [("a", 0), (), ("a",) * 1000], ids=["a number", "nothing", "too deep"])
def test_keys_that_lead_nowhere_leave_a_tensor_its_whole_name(tmp_path: Path, path: tuple[object, ...]) -> None:
    (tmp_path / ".metadata").write_bytes(metadata(paths={"w": path}))
    (tmp_path / "__0_0.distcp").write_bytes(ARCHIVE)
    assert list(read_checkpoint(tmp_path).tensors) == ["w"]


BOMBS: dict[str, Callable[[], bytes]] = {
    "chunks of one tensor": lambda: metadata(
        {"w": listed(size(4), raw(b"](" + chunk() + b"q\0" + b"h\0" * MEGABYTE + b"e"))}
    ),
    "records": lambda: b"\x80\2" + CLASS + b"q\0" + b"h\0)\x81" * MEGABYTE + b".",
    "a pickle of Python's": lambda: pickle.dumps([{}] * MEGABYTE, 2),
}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    (tmp_path / ".metadata").write_bytes(BOMBS[name]())
    (tmp_path / "__0_0.distcp").write_bytes(ARCHIVE)
    outcome, memory, seconds = measured(tmp_path)
    assert outcome == "refused"
    assert memory <= (tmp_path / ".metadata").stat().st_size + 64 * MEGABYTE
    assert seconds < 20
