"""What libhdf5 finds by keys, counts and filters' values in HDF5: where those are changed, it gives other values.

Every change is made to a sound file. h5py is asked as well: it refuses the changed file, or gives something else than
what lies there, so that no reader may give that.
"""

import io
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from isomorph.spec import BadInput

from ..hostile_files import read, refusal
from ..keras_files import KERNEL, configured, datasets_in, keras2, keras3

VALUES = np.arange(1, 129, dtype=np.float32).reshape(16, 8)
NAME = "conv/kernel:0"
TWO = {"aa": {"aa/bias:0": KERNEL[0, 0, 0], "aa/kernel:0": KERNEL}, "bb": {"bb/kernel:0": KERNEL}}


def chunked(**options: object) -> bytes:
    """16x8 in chunks of 4x8."""
    return keras2({"conv": {}}, change=lambda root: root["conv"].create_dataset(NAME, data=VALUES, **options))


PLAIN = chunked(chunks=(4, 8))
SHUFFLED = chunked(chunks=(4, 8), compression="gzip", shuffle=True)
PACKED = chunked(chunks=(4, 8), compression="gzip")
MANY = chunked(chunks=(1, 1))  # 128 chunks, in nodes of at most 64: two levels
_KEY = 8 + 3 * 8  # bytes of size and mask, and of the corner's place along two axes and inside an element


def key(content: bytes, number: int, field: int, value: int) -> bytes:
    """`content` with a field of a key of its chunks' B-tree set: 0 and 1 are axes, 2 is the place inside an element."""
    at = content.index(b"TREE\1") + 24 + number * (_KEY + 8) + 8 + 8 * field
    return content[:at] + struct.pack("<Q", value) + content[at + 8 :]


def node(content: bytes, field: slice, value: int, root: bool = False) -> bytes:
    """`content` with a field of a node of its chunks' B-tree set."""
    places = [at for at in range(len(content)) if content.startswith(b"TREE\1", at)]
    start = next(at for at in places if (content[at + 5] > 0) is root)
    raw = value.to_bytes(field.stop - field.start, "little")
    return content[: start + field.start] + raw + content[start + field.stop :]


def exchanged(content: bytes, one: int, other: int) -> bytes:
    """`content` with two entries of the B-tree in each other's place."""
    width = _KEY + 8
    first = content.index(b"TREE\1") + 24
    entries = [content[first + at * width : first + (at + 1) * width] for at in range(4)]
    entries[one], entries[other] = entries[other], entries[one]
    return content[:first] + b"".join(entries) + content[first + 4 * width :]


def with_values(content: bytes, code: int, values: tuple[int, ...], declared: int = 1) -> bytes:
    """`content` with other values of a filter, whose name stands before them."""
    name = {1: b"deflate\0", 2: b"shuffle\0"}[code]
    at = content.index(name)
    content = content[: at - 2] + struct.pack("<H", declared) + content[at:]
    return content[: at + 8] + struct.pack(f"<{len(values)}I", *values) + content[at + 8 + 4 * len(values) :]


def layout(content: bytes, axis: int, value: int) -> bytes:
    """`content` with another size of its chunks; axis 2 is that of an element."""
    at = content.index(struct.pack("<3I", 4, 8, 4)) + 4 * axis
    return content[:at] + struct.pack("<I", value) + content[at + 4 :]


def layout_cut_short(content: bytes) -> bytes:
    """`content` with a layout that ends inside the size of its chunks; an empty message fills the room behind it."""
    at = content.index(struct.pack("<HH4x2B", 0x08, 24, 3, 2))
    return content[:at] + struct.pack("<HH", 0x08, 16) + content[at + 4 : at + 24] + bytes(8) + content[at + 32 :]


def shared(content: bytes, kind: int) -> bytes:
    """`content` with the last message of a kind marked as one that stands elsewhere."""
    *_, found = re.finditer(struct.pack("<H", kind) + rb"[^\0]\0[\0\1]\0\0\0", content)
    at = found.start() + 4
    return content[:at] + bytes([content[at] | 2]) + content[at + 1 :]


SHUFFLED_ALONE = chunked(chunks=(4, 8), shuffle=True)  # as many bytes as there are without the filter
_SHARED = "stands elsewhere, which Keras does not write"
FILTERS = {
    "filters that stand elsewhere": (shared(SHUFFLED_ALONE, 0x0B), _SHARED),
    **{
        f"an element of {size} bytes in shuffle": (with_values(SHUFFLED, 2, (size,)), "for the HDF5 filter 2, the 4 b")
        for size in (0, 1, 2, 3, 8, 16, 1 << 31)
    },
    "no element in shuffle": (with_values(SHUFFLED, 2, (4,), declared=0), r"the HDF5 filters \(2, 4\)"),
    "a level of 10 in gzip": (
        with_values(PACKED, 1, (10,)),
        "for the HDF5 filter 1, a level of at most 9 was expected",
    ),
    "no level in gzip": (with_values(PACKED, 1, (4,), declared=0), "for the HDF5 filter 1, a level of at most 9"),
}
CHUNKS = {
    "keys out of order": (exchanged(PLAIN, 1, 2), "are not in order"),
    "a key twice": (key(PLAIN, 1, 0, 0), "are not in order"),
    "a key that begins inside an element": (key(PLAIN, 1, 2, 4), "begins inside an element"),
    "a key that begins inside a byte": (key(PLAIN, 1, 2, 1), "is the corner of none"),
    "a key that begins inside a chunk": (key(PLAIN, 1, 0, 5), "is the corner of none"),
    "a key of another column": (key(PLAIN, 1, 1, 8), "but 512 are stored"),
    "a final key that is too low": (key(PLAIN, 4, 0, 8), "are not in order"),
    "a final key of nothing": (key(PLAIN, 4, 0, 0), "are not in order"),
    "a final key that is none": (key(PLAIN, 4, 0, 17), "is the corner of none"),
    "a child less": (node(PLAIN, slice(6, 8), 3), "but 384 are stored"),
    "no children": (node(PLAIN, slice(6, 8), 0), "but 0 are stored"),
    "more children than a node has": (node(PLAIN, slice(6, 8), 65), "has 65 of 64 children"),
    "a leaf that says it is none": (node(PLAIN, slice(5, 6), 1), "there is no node of a B-tree"),
    "a leaf below of another level": (node(MANY, slice(5, 6), 1), "of another level"),
    "a leaf below of nothing": (node(MANY, slice(6, 8), 0), "has 0 of 64 children"),
    "a root that says it is a leaf": (node(MANY, slice(5, 6), 0, root=True), "but 12 are stored"),
    "elements of another size": (layout(PLAIN, 2, 8), "float32 has chunks of elements of 8 bytes"),
    "chunks whose shape does not end": (layout_cut_short(PLAIN), "have no shape"),
    "larger chunks": (layout(PLAIN, 0, 8), "is the corner of none"),
    "wider chunks": (layout(PLAIN, 1, 16), "is the corner of none"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "sentence"), (FILTERS | CHUNKS).values(), ids=FILTERS | CHUNKS)
def test_a_chunked_data_set_is_refused_for(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)
    refusal(tmp_path, content)
    assert not np.array_equal(by_h5py(content), VALUES), "h5py reads it all the same"


def by_h5py(content: bytes) -> np.ndarray:
    """What h5py gives; nothing where it refuses."""
    try:
        with h5py.File(io.BytesIO(content)) as root:
            return np.asarray(root[f"conv/{NAME}"][()])
    except (OSError, RuntimeError, KeyError):
        return np.empty(0)


@pytest.mark.parametrize(
    "content", [PLAIN, SHUFFLED, PACKED, MANY], ids=["plain", "shuffled and packed", "packed", "of two levels"]
)
def test_a_chunked_data_set_is_read(tmp_path: Path, content: bytes) -> None:
    np.testing.assert_array_equal(read(tmp_path, content).tensors["conv/kernel"], VALUES)
    np.testing.assert_array_equal(by_h5py(content), VALUES)


def test_chunks_that_were_written_in_any_order_are_read(tmp_path: Path) -> None:
    """The B-tree is sorted as it grows: its nodes are split, and its keys replaced."""

    def write(root: h5py.File) -> None:
        dataset = root["conv"].create_dataset(NAME, (1000,), np.int32, chunks=(1,))
        for place in np.random.default_rng(0).permutation(1000):
            dataset[place] = place

    values = read(tmp_path, keras2({"conv": {}}, change=write)).tensors["conv/kernel"]
    np.testing.assert_array_equal(values, np.arange(1000))


def test_a_chunk_beyond_the_shape_is_refused(tmp_path: Path) -> None:
    """libhdf5 writes none; it would be a tensor's part that nobody sees."""
    space = struct.pack("<2Q", 16, 8)
    assert PLAIN.count(space) == 2, "the sizes, and the largest sizes"
    assert "has 4 chunks, too many" in refusal(tmp_path, PLAIN.replace(space, struct.pack("<2Q", 12, 8)))


@pytest.mark.parametrize("kind", [0x11, 0x08], ids=["a group's links", "where a data set lies"])
def test_what_a_header_says_stands_elsewhere_is_not_left_out(tmp_path: Path, kind: int) -> None:
    """h5py reads links all the same: without them a layer would be lost in silence."""
    assert _SHARED in refusal(tmp_path, shared(keras2(TWO), kind))


def test_an_attribute_that_stands_elsewhere_is_not_needed_unless_it_must_not(tmp_path: Path) -> None:
    """Of the flags of a message, bit 1 says that it stands elsewhere, and bit 2 that it must not."""
    out = io.BytesIO(keras3({"layers/conv2d": [KERNEL]}))
    with h5py.File(out, "r+") as root:
        root.attrs["note"] = "x"
    elsewhere = shared(out.getvalue(), 0x0C)
    assert list(read(tmp_path, elsewhere).tensors) == list(read(tmp_path, out.getvalue()).tensors)
    at = next(place for place, (one, other) in enumerate(zip(elsewhere, out.getvalue(), strict=True)) if one != other)
    assert "is shared and must not be" in refusal(tmp_path, elsewhere[:at] + b"\6" + elsewhere[at + 1 :])


# What attributes list.


def listing(change: Callable[[h5py.File], object]) -> bytes:
    """A file of two layers, changed once its attributes are there."""
    out = io.BytesIO(keras2(TWO))
    with h5py.File(out, "r+") as root:
        change(root)
    return out.getvalue()


LISTS = {
    "a layer less": (listing(lambda root: root.attrs.create("layer_names", [b"aa"])), "'/bb/bb/kernel:0' is none that"),
    "no layer": (listing(lambda root: root.attrs.create("layer_names", np.empty(0))), "is none that its layer_names"),
    "a layer more": (listing(lambda root: root.attrs.create("layer_names", [b"aa", b"bb", b"cc"])), "has 'cc', which"),
    "a layer twice": (listing(lambda root: root.attrs.create("layer_names", [b"aa", b"aa"])), "twice"),
    "a weight less": (
        listing(lambda root: root["aa"].attrs.create("weight_names", [b"aa/bias:0"])), "'/aa/aa/kernel:0' is none that"
    ),
    "no weights": (listing(lambda root: root["bb"].attrs.__delitem__("weight_names")), "'/bb/bb/kernel:0' is none"),
    "a weight more": (
        listing(lambda root: root["bb"].attrs.create("weight_names", [b"bb/kernel:0", b"x"])), "'bb' have 'x' twice, or"
    ),
    "layers that are numbers": (
        listing(lambda root: root.attrs.create("layer_names", [1, 2])), "attribute layer_names is no list of texts"
    ),
    "a layer that is no list": (listing(lambda root: root.attrs.create("layer_names", b"aa")), "is no list of texts"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "sentence"), LISTS.values(), ids=LISTS)
def test_no_data_set_is_left_out_or_read_that_keras_would_not(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)
    refusal(tmp_path, content)


NORM = {name: np.ones(2, np.float32) for name in ("norm/gamma:0", "norm/beta:0", "norm/moving_mean:0", "other:0")}
SEPARABLE = dict.fromkeys(("s/depthwise_kernel:0", "s/pointwise_kernel:0", "s/bias:0"), KERNEL)


@pytest.mark.parametrize(
    ("variables", "listed", "sentence"),
    [
        (NORM, (1, 0, 2, 3), "have 'norm/beta:0' before 'norm/gamma:0', and Keras"),
        (NORM, (0, 2, 3, 1), "have 'norm/moving_mean:0' before 'norm/beta:0'"),
        (TWO["aa"], (0, 1), "have 'aa/bias:0' before 'aa/kernel:0'"),
        (SEPARABLE, (1, 0, 2), "have 's/pointwise_kernel:0' before 's/depthwise_kernel:0'"),
        (NORM, (0, 1, 2, 3), ""),
        (NORM, (3, 0, 1, 2), ""),
        (NORM | {"part/gamma:0": np.ones(2, np.float32)}, (0, 1, 4, 2, 3), ""),
    ],
    ids=["beta first", "a mean before", "bias first", "depthwise behind", "as made", "another first", "of a part"],
)
def test_variables_are_listed_as_keras_loads_them(
    tmp_path: Path, variables: dict[str, np.ndarray], listed: tuple[int, ...], sentence: str
) -> None:
    """By their places, whatever they are called."""
    names = [list(variables)[place].encode() for place in listed]
    out = io.BytesIO(keras2({"layer": variables}))
    with h5py.File(out, "r+") as root:
        root["layer"].attrs["weight_names"] = names
    if sentence:
        assert sentence in refusal(tmp_path, out.getvalue())
    else:
        assert len(read(tmp_path, out.getvalue()).tensors) == len(variables)


@pytest.mark.parametrize("listed", [(0, 1), (1, 0)], ids=["as configured", "the other way round"])
def test_layers_are_listed_as_keras_loads_them(tmp_path: Path, listed: tuple[int, ...]) -> None:
    """Into those of the configuration, one after the other; what it does not name says nothing."""
    config = json.dumps(configured(("Conv2D", "aa", {}), ("Conv2D", "bb", {}), ("Flatten", "cc", {})))
    out = io.BytesIO(keras2(TWO | {"zz": {"zz/kernel:0": KERNEL}}, top="model_weights"))
    with h5py.File(out, "r+") as root:
        root.attrs["model_config"] = config
        root["model_weights"].attrs["layer_names"] = [*([b"aa", b"bb"][place] for place in listed), b"zz"]
    if listed == (1, 0):
        assert "its layer_names are in another order than its configuration" in refusal(tmp_path, out.getvalue())
    else:
        assert len(read(tmp_path, out.getvalue()).tensors) == 4


def test_a_count_of_names_that_is_lowered_is_noticed(tmp_path: Path) -> None:
    """By one byte of the attribute's shape, as h5py writes it: version 1, one axis."""
    content = keras2(TWO)
    at = content.index(b"layer_names\0") + 16 + 24 + 8  # name, type, and what stands before the first axis
    assert content[at] == 2
    assert "'/bb/bb/kernel:0' is none that" in refusal(tmp_path, content[:at] + b"\1" + content[at + 1 :])


def test_names_in_several_attributes_are_one_list(tmp_path: Path) -> None:
    def cut(root: h5py.File) -> None:
        del root.attrs["layer_names"]
        root.attrs["layer_names0"], root.attrs["layer_names1"] = [b"aa"], [b"bb"]

    assert list(read(tmp_path, listing(cut)).tensors) == ["aa/kernel", "aa/bias", "bb/kernel"]


def test_the_first_of_several_attributes_is_not_the_list(tmp_path: Path) -> None:
    def cut(root: h5py.File) -> None:
        del root.attrs["layer_names"]
        root.attrs["layer_names0"] = [b"aa"]

    assert "'/bb/bb/kernel:0' is none that" in refusal(tmp_path, listing(cut))


def test_names_of_variable_length_are_read(tmp_path: Path) -> None:
    names = np.array(["aa", "bb"], h5py.string_dtype())
    content = listing(lambda root: root.attrs.__setitem__("layer_names", names))
    assert list(read(tmp_path, content).tensors) == ["aa/kernel", "aa/bias", "bb/kernel"]


def test_the_variables_of_a_model_itself_are_read(tmp_path: Path) -> None:
    """Keras 3 has a group for them, which layer_names does not list."""

    def add(root: h5py.File) -> None:
        group = root.create_group("top_level_model_weights")
        group["scale"] = np.float32(2)
        group.attrs["weight_names"] = [name.encode() for name in datasets_in(group)]

    assert "top_level_model_weights/scale" in read(tmp_path, listing(add)).tensors


# What finds names in groups.

GROUPS = keras2({f"layer{number:03}": {f"layer{number:03}/kernel:0": KERNEL} for number in range(40)})


def group_key(number: int, value: int) -> bytes:
    """`GROUPS` with another name as a key of the B-tree of its root, whose nodes are the first in the file."""
    at = GROUPS.index(b"TREE\0") + 24 + number * 16
    return GROUPS[:at] + struct.pack("<Q", value) + GROUPS[at + 8 :]


def names_key(number: int) -> int:
    at = GROUPS.index(b"TREE\0") + 24 + number * 16
    return int(struct.unpack_from("<Q", GROUPS, at)[0])


NAMES = {
    "a key above its names": group_key(1, names_key(2)),
    "a key below its names": group_key(2, names_key(1)),
    "a first key that is a name": group_key(0, names_key(1)),
    "keys out of order": group_key(1, names_key(3)),
}


@pytest.mark.parametrize("content", NAMES.values(), ids=NAMES)
def test_a_group_is_refused_for(tmp_path: Path, content: bytes) -> None:
    assert "not in order" in refusal(tmp_path, content)
    with h5py.File(io.BytesIO(content)) as root:
        assert sum(f"layer{number:03}" in root for number in range(40)) < 40, "libhdf5 finds all of them"


def test_a_group_of_many_names_is_read(tmp_path: Path) -> None:
    assert len(read(tmp_path, GROUPS).tensors) == 40


# The checksums of the newer versions.


def newest(name: str = "conv") -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w", libver="latest") as root:
        root[f"layers/{name}/vars/0"] = KERNEL
    return out.getvalue()


@pytest.mark.parametrize("length", range(1, 14))
def test_a_header_with_a_checksum_is_read(tmp_path: Path, length: int) -> None:
    """Whatever its length is, and what is left of it behind the last whole step of the hash."""
    assert list(read(tmp_path, newest("n" * length)).tensors) == ["n" * length + "/0"]


@pytest.mark.parametrize("part", [b"\x89HDF", b"OHDR"], ids=["the superblock", "a header"])
def test_a_change_behind_a_checksum_is_refused(tmp_path: Path, part: bytes) -> None:
    content = bytearray(newest())
    at = content.index(part)
    place = at + 11 if part == b"\x89HDF" else at + 8  # how consistent it is; a time
    content[place] ^= 1
    assert "the checksum of its header at byte" in refusal(tmp_path, bytes(content))
