"""TensorFlow checkpoints that are damaged, or made to do harm: each is refused with a sentence."""

import contextlib
import random
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.protobuf import varint_of
from isomorph.tools.checkpoints.tensorflow.leveldb_writing import block
from isomorph.tools.checkpoints.tensorflow.writing import write_bundle

from ..hostile_files import MUTATIONS
from ..measured import MEGABYTE, measured
from ..tf_bundles import Entries, entry, header, message, shape_of, table, write

DATA = np.arange(4, dtype="<f4").tobytes()
FIRST = (b"", header())
W = (b"w", entry(DATA, (4,)))
ONE = "00000-of-00001"


def one(value: bytes, name: bytes = b"w") -> bytes:
    """An index of one tensor, described as in `value`."""
    return table([FIRST, (name, value)])


def described(**changed: int | bytes) -> bytes:
    """The index of a tensor, of whose description fields are changed."""
    numbers = {"dtype": 1, "shape": 2, "shard": 3, "offset": 4, "size": 5, "crc32c": 6}
    sound: dict[str, int | bytes] = {"dtype": 1, "shape": shape_of(4), "size": 16}
    return one(message(*((numbers[name], value) for name, value in (sound | changed).items())))


def entries_at(restarts: list[int]) -> bytes:
    """A block of two entries with these restarts."""
    start = block([FIRST, W])[:-8]
    return table(start + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts)))


def keys(*names: bytes) -> Entries:
    return [FIRST, *((name, entry(DATA, (4,))) for name in names)]


SOUND = table([FIRST, W])
AT_0 = b"\0" + varint_of(len(block([FIRST, W])))


def with_byte(position: int, value: int) -> bytes:
    return SOUND[:position] + bytes([value]) + SOUND[position + 1 :]


TABLES = {
    "no header": (table([W]), "its first entry is b'w', a header under the empty name"),
    "no tensors": (table([FIRST]), "it holds no tensors"),
    "a table of no blocks": (table(), "its first entry is None"),
    "less than a footer": (SOUND[-47:], "its 47 bytes are fewer than the 48"),
    "its first half cut off": (SOUND[20:], "its table cannot be read: .* (reaches beyond|checksum)"),
    "a block changed": (with_byte(3, 7), "the checksum of the block at byte 0 is not that"),
    "a footer changed": (SOUND[:-9] + b"\1" + SOUND[-8:], "its footer holds more than two positions"),
    "a footer of endless numbers": (b"\xff" * 40 + SOUND[-8:], "a number has no end"),
    "Snappy": (table([FIRST, W], compression=1), r"its block at byte 0 is compressed \(Snappy\)"),
    "an unknown compression": (table([FIRST, W], compression=9), r"is compressed \(type 9\)"),
    "filters": (table([FIRST, W], meta=block([(b"filter.x", b"\0\0")])), "it has filters"),
    "no restarts": (table(bytes(4)), "a block of 4 bytes has 0 restarts"),
    "more restarts than bytes": (table(b"\xff" * 8), "a block of 8 bytes has 4,294,967,295 restarts"),
    "a late first restart": (entries_at([1]), "a block's first restart is not its first byte"),
    "a restart inside an entry": (entries_at([0, 5]), "a restart where no entry starts"),
    "restarts out of order": (entries_at([0, 0]), "a restart where no entry starts"),
    "more of a key than there is": (
        table(block([FIRST])[:-8] + b"\2\1\0w" + struct.pack("<II", 0, 1)), "shares more of a key than there is"
    ),
    "a value beyond its block": (table(b"\0\0\x7f" + struct.pack("<II", 0, 1)), "reaches beyond its block"),
    "keys out of order": (table(keys(b"b", b"a")), "the key b'b' is not in its place"),
    "a block twice": (table([FIRST, W], index=[(b"w", AT_0), (b"x", AT_0)]), "up to b'x' is .*or lies in another"),
    "a block of no place": (table([FIRST, W], index=[(b"w", AT_0 + b"x")]), "up to b'w' is described as none"),
    "a block of 2^40 bytes": (
        table([FIRST, W], index=[(b"w", b"\0" + varint_of(1 << 40))]), "a block of 1,099,511,627,776 bytes at byte 0"
    ),
    "a block at 2^40": (
        table([FIRST, W], index=[(b"w", varint_of(1 << 40) + b"\1")]), "at byte 1,099,511,627,776 reaches beyond the"
    ),
    "a key beyond its block's": (table([FIRST, W], index=[(b"v", AT_0)]), "the key b'w' is not in its place"),
    "a key twice": (table(keys(b"a", b"a")), "the key b'a' is not in its place among the sorted, or stands twice"),
    "a key twice, in two blocks": (table(keys(b"a"), keys(b"a")[1:]), "the key b'a' is not in its place"),
}  # fmt: skip

HEADERS = {
    "no shards": (header(0), "its header counts 0 shards"),
    "a negative number of shards": (header(-1), "its header counts 18446744073709551615 shards"),
    "more shards than there are": (header(2), r"its shard model\.ckpt\.data-00000-of-00002 was expected beside it"),
    "endless shards": (header((1 << 31) - 1), "its shard .* was expected beside it"),
    "the other byte order": (header(1, (2, 1)), "its numbers are big-endian, little-endian was expected"),
    "a writer of a negative version": (
        message((1, 1), (3, message((1, (1 << 64) - 1)))),
        "its header cannot be read: it was written by a negative ver",
    ),
    "a later version": (message((1, 1), (3, message((2, 2)))), "it asks for readers of version 2, 1 is read here"),
    "readers that must not": (message((1, 1), (3, message((1, 1), (3, 1)))), "names readers that must not read it"),
    "a field of number 0": (b"\0\1", "a field has the number 0, which is none"),
    "an unknown field": (header(1, (9, 1)), "its header cannot be read: a message has the field 9 of type int"),
    "a field twice": (header(1, (1, 1)), "a message has the field num_shards twice"),
    "shards that are no number": (
        message((3, b""), (1, b"x")),
        "a message has the field 1 of type bytes, unknown here",
    ),
    "a group": (b"\x0b", "the wire type 3, which is none"),
    "a field without end": (b"\x1a\x7f", "a field ends beyond its message"),
}

TENSORS = {
    "strings": (described(dtype=7), "its tensor 'w' holds strings, one of float32, "),
    "a resource": (described(dtype=20), "its tensor 'w' holds resources"),
    "a variant": (described(dtype=21), "its tensor 'w' holds variants"),
    "quantised numbers": (described(dtype=11), "its tensor 'w' holds TensorFlow type 11"),
    "no dtype": (one(message((2, shape_of(4)), (5, 16))), "its tensor 'w' holds TensorFlow type 0"),
    "slices": (one(entry(DATA, (4,), 1, 0, 0, (7, b""))), "its tensor 'w' is saved in slices"),
    "an offset beyond the shard": (described(offset=1), "it has 16 bytes, but 'w' ends at byte 17: it was cut short"),
    "an offset of 2^62": (described(offset=1 << 62), "but 'w' ends at byte 4611686018427387920"),
    "a negative offset": (described(offset=-1), "but 'w' ends at byte an integer of 65 bits"),
    "another size than its shape's": (described(size=12), r"of shape \(4\) and float32 has 12 bytes, 16 were expected"),
    "a huge shape": (
        described(shape=shape_of(1 << 40, 1 << 40)), "has 16 bytes, an integer of 83 bits were expected"
    ),
    "a huge shape and size": (
        described(shape=shape_of(1 << 60), size=1 << 62), "it has 16 bytes, but 'w' ends at byte 4611686018427387904"
    ),
    "a negative axis": (described(shape=shape_of(-1)), "an axis has a negative size"),
    "an unknown shape": (described(shape=message((3, 1))), "its shape is unknown"),
    "too many axes": (described(shape=shape_of(*[1] * 17)), "it has more than 16 axes"),
    "a shape that is a number": (described(shape=4), "a message has the field 2 of type int"),
    "another shard than there is": (described(shard=1), "its tensor 'w' is in shard 1, of which there are 1"),
    "a wrong checksum": (described(crc32c=1), "the checksum of its tensor 'w' is not that of its bytes"),
    "no checksum, of a shape said not to be unknown": (
        described(shape=shape_of(4) + message((3, 0))), "the checksum of its tensor 'w' is not that of its bytes"
    ),
    "no checksum": (described(), "the checksum of its tensor 'w' is not that of its bytes"),
    "a way out": (one(W[1], b"../w"), r"it names a tensor b'\.\./w', printable text without '\.\.' was expected"),
    "a name of control characters": (one(W[1], b"\x1b[2J"), r"it names a tensor b'\\x1b\[2J'"),
    "a slice's name": (one(W[1], b"\0\1w\0\1\1"), r"it names a tensor b'\\x00\\x01w"),
    "a name that is no Unicode": (one(W[1], b"\xff"), r"it names a tensor b'\\xff'"),
    "bytes of another": (table(keys(b"v", b"w")), "its tensor 'w' overlaps the one before it"),
    "booleans of two": (
        table([FIRST, (b"w", entry(DATA, (16,), 10))]), "tensor 'w' is boolean, but holds bytes other than 0 and 1"
    ),
}  # fmt: skip

CASES = TABLES | {name: (table([(b"", value), W]), sentence) for name, (value, sentence) in HEADERS.items()} | TENSORS


def refusal(folder: Path, index: bytes, shards: Mapping[str, bytes] | None = None) -> str:
    write(folder / "model.ckpt", index, {ONE: DATA} if shards is None else shards)
    with pytest.raises(BadInput) as caught:
        read_checkpoint(folder / "model.ckpt")
    sentence = str(caught.value)
    assert sentence.startswith(str(folder / "model.ckpt."))
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


def test_the_one_that_the_others_are_broken_from_is_sound(tmp_path: Path) -> None:
    write(tmp_path / "model.ckpt", SOUND, {ONE: DATA})
    np.testing.assert_array_equal(read_checkpoint(tmp_path / "model.ckpt").tensors["w"], [0, 1, 2, 3])


@pytest.mark.parametrize("name", CASES)
def test_a_checkpoint_is_refused_for(tmp_path: Path, name: str) -> None:
    index, sentence = CASES[name]
    found = refusal(tmp_path, index)
    assert re.search(sentence, found), found


@pytest.mark.parametrize(
    ("shards", "sentence"),
    [
        pytest.param({}, "its shard model.ckpt.data-00000-of-00001 was expected beside it", id="missing"),
        pytest.param({"00000-of-00002": DATA}, "its shard model.ckpt.data-00000-of-00001", id="of another count"),
        pytest.param({ONE: b""}, "the file is empty", id="empty"),
        pytest.param({ONE: DATA[:-1]}, "it has 15 bytes, but 'w' ends at byte 16: it was cut short", id="cut"),
        pytest.param({ONE: bytes(16)}, "the checksum of its tensor 'w' is not that of its bytes", id="of other values"),
    ],
)
def test_a_shard_is_refused_that_is(tmp_path: Path, shards: dict[str, bytes], sentence: str) -> None:
    assert sentence in refusal(tmp_path, SOUND, shards)


def test_an_entry_of_more_bytes_than_its_shape_has_is_refused(tmp_path: Path) -> None:
    longer = DATA + DATA[:4]  # all of it there, and with the right checksum
    found = refusal(tmp_path, one(entry(longer, (4,))), {ONE: longer})
    assert "its tensor 'w' of shape (4) and float32 has 20 bytes, 16 were expected" in found


def test_a_shard_without_its_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.data-00000-of-00001").write_bytes(DATA)
    with pytest.raises(BadInput, match=r"a shard of a TensorFlow checkpoint, whose index m\.index was expected beside"):
        read_checkpoint(tmp_path / "m.data-00000-of-00001")


def test_an_index_of_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(SOUND)
    with pytest.raises(BadInput, match=r"the index of a TensorFlow checkpoint, but is not called \.index"):
        read_checkpoint(tmp_path / "model.ckpt")


def test_an_index_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for length in range(1, len(SOUND)):
        refusal(tmp_path, SOUND[:length])


def test_no_mutation_gets_past_a_refusal(tmp_path: Path) -> None:
    """Bytes of the blocks set at random, checksums made to fit: nothing but `BadInput` and sound arrays comes out."""
    chance = random.Random(0)
    content = block([FIRST, (b"v", entry(DATA, (2, 2))), (b"w", entry(DATA, (4,), 1, 0, 16))])
    read_well = refused = 0
    for _ in range(MUTATIONS):
        mutated = bytearray(content)
        for _ in range(chance.choice((1, 1, 2))):
            mutated[chance.randrange(len(mutated))] = chance.choice(
                (0, 1, 2, 4, 8, 16, 0x7F, 0x80, chance.randrange(256))
            )
        write(tmp_path / "m", table(bytes(mutated)), {ONE: DATA + DATA})
        with contextlib.suppress(BadInput):
            for array in read_checkpoint(tmp_path / "m").tensors.values():
                assert len(array.tobytes()) == array.nbytes <= 32
            read_well += 1
            continue
        refused += 1
    assert min(read_well, refused) > MUTATIONS // 100, (read_well, refused)


def test_a_sound_checkpoint_may_have_long_names(tmp_path: Path) -> None:
    names = [f"{'scope/' * 100}{number}" for number in range(300)]
    write_bundle(tmp_path / "m", {name: np.ones(1, np.float32) for name in names})
    assert sorted(read_checkpoint(tmp_path / "m").tensors) == sorted(names)


# Bombs: as in test_checkpoint_bombs.py, of an index and a shard of four floats.

NOTHING = entry(b"", (0,))
BOMBS = {
    "long shared names": lambda: table(_names_of_a_long_prefix(20_000)),
    "tensors of nothing": lambda: table(
        *([FIRST] * (not part) + [(b"%07d" % number, NOTHING) for number in range(part, part + 5000)]
          for part in range(0, 300_000, 5000))
    ),
    "a wide block": lambda: table([FIRST, (b"w", bytes(100 << 20))]),
}  # fmt: skip


def _names_of_a_long_prefix(count: int) -> bytes:
    """A block that writes 30,000 bytes of a name once."""
    rest = (varint_of(30_000) + b"\6" + varint_of(len(NOTHING)) + b"%06d" % n + NOTHING for n in range(count))
    return block([FIRST, (b"x" * 30_000, NOTHING)])[:-8] + b"".join(rest) + struct.pack("<II", 0, 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(tmp_path: Path, name: str) -> None:
    write(tmp_path / "m", BOMBS[name](), {ONE: DATA})
    outcome, memory, seconds = measured(tmp_path / "m")
    assert outcome == "refused"
    assert memory <= (tmp_path / "m.index").stat().st_size + 64 * MEGABYTE
    assert seconds < 20
