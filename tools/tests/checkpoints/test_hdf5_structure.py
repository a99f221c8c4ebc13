"""HDF5's own structures, parsed from bytes: as h5py finds them in whatever it writes, and bounded in all else."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from isomorph.spec import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.keras import hdf5_dataset
from isomorph.tools.checkpoints.keras.hdf5_attributes import Attributes
from isomorph.tools.checkpoints.keras.hdf5_data import array_of
from isomorph.tools.checkpoints.keras.hdf5_dataset import dataset_at
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_guard import contents
from isomorph.tools.checkpoints.mapped_file import MappedFile

from ..hostile_files import MUTATIONS, refusal
from ..keras_files import KERNEL, keras2, keras3
from ..tensors import Tensors

Write = Callable[[h5py.File], object]

VERSIONS = ["earliest", "v108", "v110", "v112", "v114", "latest"]


def parsed(path: Path) -> tuple[set[str], Tensors]:
    """The groups and the data sets, as they are read here."""
    file = MappedFile(path)
    window = Window(file, 0, file.size)
    held, attributes = contents(window), Attributes(window)
    arrays = {name: array_of(window, dataset_at(window, at, name, attributes)) for name, at in held.datasets.items()}
    return set(held.groups), arrays


def opened(path: Path) -> tuple[set[str], Tensors]:
    """The same, as h5py reads them."""
    groups, arrays = {"/"}, {}

    def visit(name: str, thing: h5py.HLObject) -> None:
        if isinstance(thing, h5py.Group):
            groups.add(f"/{name}")
        else:
            arrays[f"/{name}"] = thing[()]

    with h5py.File(path) as root:
        root.visititems(visit)
    return groups, arrays


def assert_parsed(path: Path) -> None:
    (groups, arrays), (their_groups, theirs) = parsed(path), opened(path)
    assert groups == their_groups
    assert arrays.keys() == theirs.keys()
    for name, value in theirs.items():
        assert (arrays[name].dtype, arrays[name].shape) == (np.asarray(value).dtype, np.shape(value)), name
        np.testing.assert_array_equal(arrays[name], value)


def tree(root: h5py.File) -> None:
    for layer in range(3):
        for number in range(3):
            root[f"layers/layer_{layer}/vars/{number}"] = KERNEL + 10 * layer + number
    root["scalar"], root["empty"] = np.float32(3), np.empty((0, 4), np.float32)
    root.create_group("nothing")
    root["käse"] = KERNEL


def attributes(root: h5py.File) -> None:
    """So many that headers are continued."""
    root["x"] = KERNEL
    for number in range(50):
        root.attrs[f"a{number}"] = root["x"].attrs[f"b{number}"] = list(range(number))
        root.require_group(f"g{number % 7}").attrs[f"c{number}"] = "x" * number


def chunks(root: h5py.Group) -> None:
    """So many that their tree has several levels."""
    value = np.random.default_rng(0).normal(size=(300, 70)).astype(np.float32)
    root.create_dataset("gzip", data=value, chunks=(3, 7), compression="gzip", shuffle=True)
    root.create_dataset("plain", data=value, chunks=(64, 64))


@pytest.mark.parametrize("libver", VERSIONS)
@pytest.mark.parametrize("write", [tree, attributes], ids=["a tree", "many attributes"])
def test_what_h5py_writes_is_read_as_it_reads_it(tmp_path: Path, write: Write, libver: str) -> None:
    with h5py.File(tmp_path / "x.h5", "w", libver=libver) as root:
        write(root)
    assert_parsed(tmp_path / "x.h5")


def test_many_chunks_are_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as root:
        chunks(root)
    assert_parsed(tmp_path / "x.h5")


@pytest.mark.parametrize("count", [8, 9, 32, 33, 300, 3000])
def test_a_group_of_many_is_read(tmp_path: Path, count: int) -> None:
    """Of several nodes, and of several levels; in no order."""
    names = [f"layer_{number}" for number in range(count)]
    random.Random(0).shuffle(names)
    with h5py.File(tmp_path / "x.h5", "w") as root:
        for name in names:
            root[name] = np.array([len(name)])
    assert_parsed(tmp_path / "x.h5")


def test_a_file_that_lost_some_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as root:
        tree(root)
        del root["layers/layer_1"], root["layers/layer_0/vars/1"]
        root["layers/layer_7/vars/0"] = KERNEL
    assert_parsed(tmp_path / "x.h5")


def test_a_file_is_read_behind_something_else(tmp_path: Path) -> None:
    """As in an archive."""
    with h5py.File(tmp_path / "x.h5", "w") as root:
        tree(root)
    content = (tmp_path / "x.h5").read_bytes()
    (tmp_path / "y").write_bytes(b"x" * 77 + content + b"y" * 9)
    file = MappedFile(tmp_path / "y")
    window = Window(file, 77, len(content))
    assert contents(window).datasets.keys() == {*opened(tmp_path / "x.h5")[1]}


PUBLISHED = ["keras_mobilenet/mobilenet_v1_0.25_224_imagenet.h5", "mlperf_tiny/pretrainedResnet.h5"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_file_is_read_as_h5py_reads_it(shared: Path, name: str, tmp_path: Path) -> None:
    with h5py.File(shared / "weights" / name) as theirs, h5py.File(tmp_path / "x.h5", "w") as copy:
        theirs.copy("model_weights", copy)
    assert_parsed(tmp_path / "x.h5")
    found = read_checkpoint(shared / "weights" / name).tensors
    _, arrays = opened(tmp_path / "x.h5")
    assert sorted(value.tobytes() for value in found.values()) == sorted(value.tobytes() for value in arrays.values())


# Refused.


def written(write: Write, **options: object) -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w", **options) as root:
        write(root)
    return out.getvalue()


NEWER = {
    "a group with an index": (
        written(lambda root: [root.create_group(f"g{number}") for number in range(9)], libver="latest"),
        "has an index that Keras does not write",
    ),
    "chunks with an index": (
        written(lambda root: chunks(root.create_group("layers/a/vars")), libver="latest"),
        "has chunks in an index that Keras does not write",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), NEWER.values(), ids=NEWER)
def test_a_structure_is_refused_by_name(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert sentence in refusal(tmp_path, content)


def test_an_older_layout_is_refused(tmp_path: Path) -> None:
    """Of HDF5 before 1.6.3, which no h5py writes."""
    content = keras2({"conv": {"conv/kernel:0": KERNEL}})
    layout = bytes([3, 1]) + content.index(KERNEL.tobytes()).to_bytes(8, "little")
    assert content.count(layout) == 1
    assert "is stored as version 2, 3 or 4 were" in refusal(tmp_path, content.replace(layout, bytes([2]) + layout[1:]))


def test_a_list_of_free_places_without_end_is_refused(tmp_path: Path) -> None:
    """One byte, for which libhdf5 takes memory without end as soon as a group is opened."""
    content = bytearray(keras2({"conv": {"conv/kernel:0": KERNEL}}))
    heap = content.index(b"HEAP")
    free = int.from_bytes(content[heap + 16 : heap + 24], "little")
    names = int.from_bytes(content[heap + 24 : heap + 32], "little")
    content[names + free : names + free + 8] = free.to_bytes(8, "little")
    assert "the room in the names at byte" in refusal(tmp_path, bytes(content))


def in_node(content: bytes, field: int, value: bytes) -> bytes:
    """`content` with a field of the first entry of the first node of a symbol table overwritten."""
    at = content.index(b"SNOD") + 8 + field
    return content[:at] + value + content[at + len(value) :]


TWO = keras2({"aa": {"aa/kernel:0": KERNEL}, "bb": {"bb/kernel:0": KERNEL}})
DAMAGED = {
    "two links of one name": (
        in_node(TWO, 0, (TWO.index(b"bb\0") - TWO.index(b"aa\0") + 8).to_bytes(8, "little")),
        "not in order, or one",
    ),
    "a link of no kind": (in_node(TWO, 16, b"\7"), "is of the kind 7, which is none"),
    "a heap of another version": (TWO.replace(b"HEAP\0", b"HEAP\1", 1), "there is no local heap at byte"),
    "a node of another version": (TWO.replace(b"SNOD\1", b"SNOD\2", 1), "there is no node of a symbol table at byte"),
    "a file that ends earlier than it is": (
        TWO[:40] + (len(TWO) - 50).to_bytes(8, "little") + TWO[48:],
        "are beyond its end",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), DAMAGED.values(), ids=DAMAGED)
def test_damage_that_libhdf5_refuses_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert sentence in refusal(tmp_path, content)


SMALL = {
    "an empty array": keras2({"conv": {"conv/kernel:0": KERNEL[:0]}}),
    "keras 2": keras2({"conv": {"conv/kernel:0": KERNEL, "conv/bias:0": KERNEL[0, 0, 0]}}),
    "keras 3": keras3({"layers/conv": [KERNEL], "layers/bn": [KERNEL[0, 0]] * 4}, {"layers/conv": "mine"}),
    "chunks": written(
        lambda root: root.create_dataset("layers/a/vars/0", data=KERNEL, chunks=(2, 2, 2, 1), compression="gzip")
    ),
    "newer": written(lambda root: root.create_group("layers/a/vars").create_dataset("0", data=KERNEL), libver="latest"),
}


@pytest.mark.parametrize("content", SMALL.values(), ids=SMALL)
def test_whatever_is_changed_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """One to four bytes at a time, most of them where there are any."""
    dice = random.Random(0)
    places = [at for at in range(8, len(content)) if any(content[at - 8 : at + 8])]
    refused = 0
    for _ in range(MUTATIONS):
        changed = bytearray(content)
        for _ in range(dice.randrange(1, 5)):
            changed[dice.choice(places)] = dice.choice((0, 1, 2, 8, 16, 64, 127, 255, dice.randrange(256)))
        (tmp_path / "x.h5").write_bytes(changed)
        try:
            for value in read_checkpoint(tmp_path / "x.h5").tensors.values():
                value.tobytes()
        except BadInput as problem:
            assert str(problem).isprintable()
            refused += 1
    assert MUTATIONS // 15 < refused < MUTATIONS


def test_datatype_messages_are_those_that_libhdf5_writes() -> None:
    """Which encodes one behind two bytes of its own, and a version before its class."""
    floats = [f"IEEE_F{bits}LE" for bits in (16, 32, 64)]
    integers = [f"STD_{sign}{bits}LE" for sign in "IU" for bits in (8, 16, 32, 64)]
    encoded = [getattr(h5py.h5t, name).encode() for name in (*floats, *integers)]
    assert [*hdf5_dataset._DTYPES] == [bytes([message[2] & 0x0F]) + message[3:] for message in encoded]
