"""HDF5 files that point elsewhere, lie about their sizes, or are cut: each refused with one sentence."""

import io
import random
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from isomorph.spec import BadInput
from isomorph.tools.checkpoints.keras.hdf5_checksum import checksum

from ..hostile_files import read, refusal
from ..keras_files import KERNEL, ONE, Changes, archive, configured, hdf5, keras2, keras3
from ..measured import MEGABYTE, measured


def into(name: str, link: Any) -> Changes:
    """Puts `link` into the layer."""

    def change(root: h5py.File) -> None:
        root["conv"][name] = link(root) if callable(link) else link

    return change


def dataset(*shape: Any, **options: Any) -> Changes:
    return lambda root: root["conv"].create_dataset("conv/bias:0", *shape, **options)


def virtual(root: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    root["conv"].create_virtual_dataset("bias:0", layout)


def chunk(data: bytes, elements: int = 64) -> Changes:
    """A data set of one chunk, compressed, that holds `data`."""

    def change(root: h5py.File) -> None:
        dataset = root["conv"].create_dataset("bias:0", (elements,), "f4", chunks=(elements,), compression="gzip")
        dataset.id.write_direct_chunk((0,), data)

    return change


def deep(root: h5py.File) -> None:
    root.create_group("/".join("g" * 40))


def of_type(kind: h5py.h5t.TypeID) -> Changes:
    """A data set of a type that NumPy has not."""

    def change(root: h5py.File) -> None:
        h5py.h5d.create(root["conv"].id, b"bias:0", kind, h5py.h5s.create_simple((4,)))

    return change


def raw_name(root: h5py.File) -> None:
    h5py.h5g.create(root.id, b"\xff\xfe")


REFUSED: dict[str, tuple[Changes, str]] = {
    "an external link": (into("x", h5py.ExternalLink("/etc/passwd", "/x")), "'/conv/x' is an external link, to anoth"),
    "a soft link": (into("x", h5py.SoftLink("/conv/conv/kernel:0")), "'/conv/x' is a soft link, a group or data set"),
    "a soft link to nothing": (into("x", h5py.SoftLink("/nothing")), "'/conv/x' is a soft link"),
    "a cycle": (into("x", lambda root: root), "'/conv/x' is one object with something else in it, or holds itself"),
    "a cycle below": (into("x", lambda root: root["conv"]), "'/conv/x' is one object with something else in it"),
    "a data set of two names": (into("x", lambda root: root["conv/conv/kernel:0"]), "is one object with something el"),
    "a named type": (into("x", np.dtype("f4")), "'/conv/x' is neither group nor data set"),
    "groups too deep": (deep, "is nested too deep"),
    "a name that is no text": (raw_name, "holds something called .*, which is no UTF-8"),
    "a virtual data set": (virtual, "'/conv/bias:0' is virtual, a view of other data sets"),
    "external storage": (
        dataset((4,), "f4", external=[("/etc/passwd", 0, 16)]), "'/conv/conv/bias:0' is stored in another file"
    ),
    "a shape bomb": (
        dataset((1000, 1000, 1000, 1000), "f4"),
        r"of shape \(1000, 1000, 1000, 1000\) declares 4,000,000,000,000 bytes, but 0 are stored",
    ),
    "a shape bomb in chunks": (
        dataset((1000, 1000, 1000, 1000), "f4", chunks=(10, 10, 10, 10)), "declares 4,000,000,000,000 bytes, far m"
    ),
    "a shape bomb in gzip": (
        dataset((1 << 40,), "u1", chunks=(1 << 20,), compression="gzip"), "declares 1,099,511,627,776 bytes, far m"
    ),
    "a missing chunk": (
        dataset((64,), "f4", chunks=(16,), compression="gzip"), "declares 256 bytes, but 0 are stored"
    ),
    "a large chunk": (
        dataset((1,), "f4", chunks=(1 << 24,), maxshape=(None,), compression="gzip"), "has chunks of 67,108,864 bytes"
    ),
    "a chunk of more": (chunk(zlib.compress(bytes(10**6))), "does not hold the 256 bytes that it declares"),
    "a chunk of less": (chunk(zlib.compress(bytes(255))), "does not hold the 256 bytes that it declares"),
    "a chunk without end": (chunk(zlib.compress(bytes(256))[:-4]), "does not hold the 256 bytes that it declares"),
    "a chunk of noise": (chunk(b"noise"), "does not hold the 256 bytes that it declares"),
    "another filter": (dataset(data=np.ones(64), compression="lzf"), "the HDF5 filters .*, gzip at most was expected"),
    "a checksum filter": (dataset(data=np.ones(64), chunks=(8,), fletcher32=True), r"filters \(3\), gzip at most"),
    "text": (dataset(data=np.array([b"abc"])), "'/conv/conv/bias:0' is text, little-endian float16, "),
    "text of any length": (dataset(data=["abc"], dtype=h5py.string_dtype()), "is text, little-endian"),
    "arrays of any length": (dataset((3,), h5py.vlen_dtype(np.float32)), "is of variable length, little-endian"),
    "references": (dataset((3,), h5py.ref_dtype), "is references, little-endian"),
    "a compound": (dataset(data=np.zeros(2, [("a", "f4"), ("b", "i4")])), "is compound, little-endian"),
    "complex numbers": (dataset(data=np.ones(2, np.complex64)), "is compound, little-endian"),
    "booleans": (dataset(data=np.ones(2, bool)), "is an enumeration, little-endian"),
    "opaque bytes": (dataset(data=np.zeros(2, "V2")), "is opaque, little-endian"),
    "arrays": (of_type(h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (3,))), "is arrays, little-endian"),
    "big-endian numbers": (dataset(data=np.ones(2, ">f4")), "is numbers of 4 bytes of another kind, little-endian"),
    "long doubles": (dataset(data=np.ones(2, np.longdouble)), "is numbers of 16 bytes of another kind"),
    "a null space": (dataset(data=h5py.Empty("f4")), "'/conv/conv/bias:0' has no shape"),
    "too many axes": (dataset(data=np.ones((1,) * 17, "f4")), "has 17 axes, at most 16 were expected"),
    "a data set among layers": (lambda root: root.create_dataset("x", data=KERNEL), "'/x' stands among its layers"),
    "two of one name": (
        lambda root: root.create_dataset("other/conv/kernel:0", data=KERNEL), "two of its tensors are called 'conv/ker"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_file_is_refused_for(tmp_path: Path, change: Changes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, keras2(ONE, change=change))
    refusal(tmp_path, keras2(ONE, change=change))


SOUND = keras2(ONE)


def altered(find: bytes, replace: bytes) -> bytes:
    assert SOUND.count(find) == 1
    return SOUND.replace(find, replace)


def newest_shape(kind: int) -> bytes:
    """A data set of HDF5's newest version, its dataspace said to be of another type."""
    out = io.BytesIO()
    with h5py.File(out, "w", libver="latest") as root:
        root["layers/dense/vars/0"] = KERNEL
    content = out.getvalue()
    at = content.index(struct.pack("<4B4Q", 2, 4, 1, 1, *KERNEL.shape))
    start = content.rindex(b"OHDR", 0, at)
    end = start + 8 + int.from_bytes(content[start + 6 : start + 8], "little")  # where the header's checksum is
    content = content[: at + 3] + bytes([kind]) + content[at + 4 :]
    return content[:end] + checksum(content[start:end]).to_bytes(4, "little") + content[end + 4 :]


BYTES = {
    "garbage after the signature": (SOUND[:8] + random.Random(0).randbytes(5000), "it is no sound HDF5 file"),
    "nothing after the signature": (SOUND[:8], "it is no sound HDF5 file"),
    "half of it": (SOUND[: len(SOUND) // 2], "it is no sound HDF5 file .*truncated file"),
    "no layers": (hdf5(lambda root: None), "not Keras's: it holds nothing, layer_names or layers"),
    "data of another program": (hdf5(lambda root: root.create_dataset("x", data=KERNEL)), "not Keras's: it holds 'x'"),
    "a model that is a data set": (
        hdf5(lambda root: root.create_dataset("model_weights", data=KERNEL)), "not Keras's: it holds 'model_weights'"
    ),
    "layers without variables": (keras2({"relu": {}}), "it holds no tensors, at least one was expected"),
    "a data set outside of vars": (
        hdf5(lambda root: (root.create_group("layers/dense/vars"), root.create_dataset("layers/x", data=KERNEL))),
        "'/layers/x' is not in a layer's vars",
    ),
    "two layers of one name": (
        keras3({"layers/dense": [KERNEL], "layers/functional/layers/dense": [KERNEL]}),
        "two of its tensors are called 'dense/kernel'",
    ),
    "two layers of one name and other variables": (
        keras3({"layers/dense": [KERNEL], "layers/batch_normalization": [KERNEL[0, 0]] * 4},
               {"layers/dense": "mine", "layers/batch_normalization": "mine"}),
        "two of its layers are called 'mine'",
    ),
    "a shape of no type": (newest_shape(3), "has a shape that does not end, or of no known version"),
    "a shape that says it has no axes": (newest_shape(0), "has a shape that does not end, or of no known version"),
    "data beyond the end": (
        altered(
            struct.pack("<2Q", SOUND.index(KERNEL.tobytes()), KERNEL.nbytes),
            struct.pack("<2Q", len(SOUND) - 8, KERNEL.nbytes),
        ),
        "takes 72 bytes from byte .*, which are not all there|no sound HDF5 file",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "sentence"), BYTES.values(), ids=BYTES)
def test_refused_is(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)
    refusal(tmp_path, content)


@pytest.mark.parametrize("end", range(0, len(SOUND), 256))
def test_a_file_cut_short_is_refused(tmp_path: Path, end: int) -> None:
    refusal(tmp_path, SOUND[:end])


# Archives.

WEIGHTS = keras3({"layers/dense": [KERNEL]})
NAMED = keras3({"layers/dense": [KERNEL]}, {"layers/dense": "mine"})
CONFIG = configured(("Dense", "dense", {}))
ARCHIVES = {
    "no configuration": (archive(WEIGHTS, None), r"an archive of Keras's without config\.json"),
    "a compressed part": (archive(WEIGHTS, CONFIG, zipfile.ZIP_DEFLATED), r"its .* is compressed, which Keras never"),
    "weights that were changed": (
        archive(WEIGHTS, CONFIG).replace(KERNEL.tobytes(), KERNEL[::-1].tobytes()),
        r"the checksum of its model\.weights\.h5 is not that of its bytes",
    ),
    "a configuration that was changed": (
        archive(WEIGHTS, CONFIG).replace(b"Functional", b"functional"),
        r"the checksum of its config\.json is not that",
    ),
    "a configuration that is no JSON": (archive(WEIGHTS, b"{"), r"its config\.json cannot be read"),
    "a configuration without end": (archive(WEIGHTS, b"[" * 200_000), r"its config\.json cannot be read"),
    "a configuration of megabytes": (archive(WEIGHTS, b" " * (2 << 20)), "far more than layers do"),
    "weights that are no HDF5": (archive(b"weights", CONFIG), "starts with b'weights', HDF5's signature was expected"),
    "weights that are cut": (archive(WEIGHTS[:-99], CONFIG), "it is no sound HDF5 file .*truncated file"),
    "an archive that is cut": (archive(WEIGHTS, CONFIG)[:-30], "starts as a zip archive but does not end as one"),
    "weights with a link": (
        archive(keras2(ONE, change=REFUSED["an external link"][0]), CONFIG),
        "is an external link, to another file",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_is_refused_for(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, content)
    refusal(tmp_path, content)


# Memory.


def filled(root: h5py.File) -> None:
    """A gigabyte in a megabyte, every chunk of it there."""
    dataset = root["conv"].create_dataset("bias:0", (1024, MEGABYTE), "u1", chunks=(1, MEGABYTE), compression="gzip")
    piece = zlib.compress(bytes(MEGABYTE), 9)
    for row in range(1024):
        dataset.id.write_direct_chunk((row, 0), piece)


def just_fits(root: h5py.File) -> None:
    dataset = root["conv"].create_dataset("bias:0", (31, MEGABYTE), "u1", chunks=(1, MEGABYTE), compression="gzip")
    for row in range(31):
        dataset.id.write_direct_chunk((row, 0), zlib.compress(bytes(MEGABYTE), 9))


def chunk_of_more(root: h5py.File) -> None:
    chunk(zlib.compress(bytes(512 * MEGABYTE), 9))(root)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param(filled, "refused", id="gzip"),
        pytest.param(just_fits, "read", id="gzip within the allowance"),
        pytest.param(chunk_of_more, "refused", id="a chunk of more"),
        pytest.param(dataset((1 << 24,), "u1", chunks=(1,)), "refused", id="many chunks"),
        pytest.param(
            lambda root: [h5py.h5g.create(conv, b"g%d" % n) for conv in [root["conv"].id] for n in range(40_000)],
            "refused",
            id="many names",
        ),
    ],
)
def test_a_bomb_does_not_go_off(tmp_path: Path, change: Changes, outcome: str) -> None:
    path = tmp_path / "bomb.h5"
    path.write_bytes(keras2(ONE, change=change))
    told, memory, seconds = measured(path)
    assert memory <= path.stat().st_size + 64 * MEGABYTE
    assert seconds < 20
    assert told == outcome


def test_libhdf5_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte that makes a list of free places endless is enough for it to take all memory, and so is an attribute."""

    def open_one(self: object, *_: object, **__: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(h5py.File, "__init__", open_one)
    assert list(read(tmp_path, NAMED).tensors) == ["mine/kernel"]
    assert list(read(tmp_path, SOUND).tensors) == ["conv/kernel"]
