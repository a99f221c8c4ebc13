"""Attributes of HDF5 objects, parsed from bytes: what h5py writes, in every form, and what lies about itself."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from isomorph.spec import BadInput
from isomorph.tools.checkpoints.keras.hdf5_attributes import Attributes
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_guard import contents
from isomorph.tools.checkpoints.mapped_file import MappedFile

from ..hostile_files import read, refusal
from ..keras_files import KERNEL, keras3

ROOM = 8  # attributes that stand in an object's own header; more get an index in the newer versions of the format


def written(change: Callable[[h5py.AttributeManager], object], libver: str = "earliest", **options: object) -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w", libver=libver, **options) as root:
        change(root.create_group("layers/dense/vars").attrs)
    return out.getvalue()


def text(folder: Path, content: bytes, name: str = "name") -> str | None:
    """The attribute of the group in `content`."""
    path = folder / "x.h5"
    path.write_bytes(content)
    file = MappedFile(path)
    window = Window(file, 0, file.size)
    return Attributes(window).text(contents(window).groups["/layers/dense/vars"], name)


# What h5py writes.

VERSIONS = ["earliest", "v108", "v110", "v112", "v114", "latest"]
VALUES = {
    "of variable length": ("conv1", "conv1"),
    "of variable length, not ASCII": ("käse", "käse"),
    "of fixed length": (np.bytes_(b"conv1"), "conv1"),
    "empty": ("", ""),
    "long": ("x" * 5000, "x" * 5000),
    "a number": (3, None),
    "several texts": (["a", "b"], None),
    "several texts of fixed length": (np.array([b"a", b"b"]), None),
    "one text along an axis": (["a"], None),
    "nothing": (h5py.Empty("S3"), None),
}


@pytest.mark.parametrize("libver", VERSIONS)
@pytest.mark.parametrize(("value", "expected"), VALUES.values(), ids=VALUES)
def test_an_attribute_is(tmp_path: Path, value: object, expected: str | None, libver: str) -> None:
    content = written(lambda attributes: attributes.__setitem__("name", value), libver)
    assert text(tmp_path, content) == expected
    assert text(tmp_path, content, "nam") is None


def test_a_list_whose_shape_does_not_end_in_it_is_refused(tmp_path: Path) -> None:
    """Of 24 bytes, sizes and largest sizes behind a head of eight, the head alone is left."""
    content = written(lambda attributes: attributes.__setitem__("name", np.array([b"a", b"b"])))
    lengths, shorter = (struct.pack("<HHH", 5, 8, size) + b"name\0" for size in (24, 8))
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    assert listed(path) == ("a", "b")
    path.write_bytes(content.replace(lengths, shorter))
    with pytest.raises(BadInput, match="an attribute name is no list of texts, which was expected"):
        listed(path)


def listed(path: Path) -> tuple[str, ...] | None:
    """The attribute of the group in the file, as a list."""
    file = MappedFile(path)
    window = Window(file, 0, file.size)
    return Attributes(window).texts(contents(window).groups["/layers/dense/vars"], "name")


def fill(attributes: h5py.AttributeManager, count: int) -> None:
    for number in range(count):
        attributes[f"a{number}"] = f"{number}" * number
    attributes["name"] = "conv1"


@pytest.mark.parametrize("libver", VERSIONS)
def test_one_among_several_is_found(tmp_path: Path, libver: str) -> None:
    """In a block that continues the header."""
    content = written(lambda attributes: fill(attributes, ROOM - 1), libver)
    assert text(tmp_path, content) == "conv1"
    assert text(tmp_path, content, "a5") == "55555"


@pytest.mark.parametrize("count", [ROOM, 100])
def test_one_among_many_is_found_in_the_oldest_version(tmp_path: Path, count: int) -> None:
    """Through several blocks, and several heaps."""
    content = written(lambda attributes: fill(attributes, count))
    assert text(tmp_path, content) == "conv1"
    assert text(tmp_path, content, f"a{count - 1}") == f"{count - 1}" * (count - 1)


def test_one_in_an_index_is_not_read(tmp_path: Path) -> None:
    assert text(tmp_path, written(lambda attributes: fill(attributes, ROOM), "latest")) is None


def small_addresses() -> bytes:
    """h5py has no option for this."""
    created = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    created.set_sizes(4, 4)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    with h5py.File(h5py.h5f.create(b"x", h5py.h5f.ACC_TRUNC, created, access)) as root:
        root.create_group("layers/dense/vars")["0"] = KERNEL
        root.flush()
        return bytes(root.id.get_file_image())


def test_addresses_of_four_bytes_are_refused(tmp_path: Path) -> None:
    assert "its addresses are of another kind than those that Keras" in refusal(tmp_path, small_addresses())


def test_a_layer_whose_name_is_not_read_keeps_that_of_its_group(tmp_path: Path) -> None:
    def change(attributes: h5py.AttributeManager) -> None:
        fill(attributes, ROOM)
        h5py.Group(attributes._id)["0"] = KERNEL

    assert list(read(tmp_path, written(change, "latest")).tensors) == ["dense/kernel"]


# Damage.

NAME = "a_name_of_its_own"
WEIGHTS = keras3({"layers/dense": [KERNEL]}, {"layers/dense": NAME})
HEAP = WEIGHTS.index(b"GCOL")
REFERENCE = struct.pack("<IQI", len(NAME), HEAP, 1)


def altered(find: bytes, replace: bytes) -> bytes:
    assert WEIGHTS.count(find) == 1
    assert len(find) == len(replace)
    return WEIGHTS.replace(find, replace)


def pointing(length: int = len(NAME), address: int = HEAP, index: int = 1) -> bytes:
    return altered(REFERENCE, struct.pack("<IQI", length, address, index))


def at_heap(offset: int, content: bytes) -> bytes:
    return WEIGHTS[: HEAP + offset] + content + WEIGHTS[HEAP + offset + len(content) :]


DAMAGED = {
    "a text of 4 GiB": (pointing(length=2**32 - 1), "a text of 4,294,967,295 bytes is not in the global heap at byte"),
    "a text one byte too long": (pointing(length=len(NAME) + 1), "a text of 18 bytes is not in the global heap"),
    "a text that is not there": (pointing(index=7), "a text of 17 bytes is not in the global heap"),
    "a heap that is not there": (pointing(address=HEAP + 8), "there is no global heap at byte"),
    "a heap beyond the end": (pointing(address=2**63), "there is no global heap at byte 9,223,372,036,854,775,808"),
    "a heap without end": (at_heap(8, b"\xff" * 8), "there is no global heap at byte"),
    "an object without end": (at_heap(24, b"\xff" * 8), "an object in its global heap at byte .* does not end in it"),
    "a text that is no UTF-8": (at_heap(32, b"\xff"), r"an attribute name is b'\\xff"),
}


@pytest.mark.parametrize(("content", "sentence"), DAMAGED.values(), ids=DAMAGED)
def test_refused_is(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert list(read(tmp_path, WEIGHTS).tensors) == [f"{NAME}/kernel"]
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)
    refusal(tmp_path, content)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_whatever_is_changed_is_read_or_refused(tmp_path: Path, libver: str) -> None:
    """A byte of the header or of the heap at a time."""
    path = tmp_path / "x.h5"
    content = written(lambda attributes: fill(attributes, 5), libver)
    path.write_bytes(content)
    with h5py.File(path) as root:
        start = h5py.h5o.get_info(root["layers/dense/vars"].id).addr
    outcomes = set()
    for at in (*range(start, start + 600), *range(content.index(b"GCOL"), content.index(b"GCOL") + 200)):
        for value in (0, 1, 16, 255):
            path.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
            file = MappedFile(path)
            try:
                outcomes.add(Attributes(Window(file, 0, file.size)).text(start, "name"))
            except BadInput:
                outcomes.add("refused")
    assert {"conv1", "refused"} <= outcomes
    # Of the newest version nothing in the header may change, for its checksum.
    assert (None in outcomes) == (libver == "earliest")
