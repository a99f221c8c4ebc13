"""Tensors that reach out of their storage, repeat it or are no tensors, and the odd ones that are sound."""

from pathlib import Path

import numpy as np
import pytest

from isomorph.spec.errors import BadInput

from ..hostile_files import (
    Raw,
    call,
    pickled,
    raw,
    read,
    storage,
    tensor,
    zipped,
)

# In a zip whose one storage holds four floats.

TENSORS = {
    "a stride of 0": (tensor(shape=(10**11,), strides=(0,)), r"shape \(100000000000\) is made of a storage of 4"),
    "a small stride of 0": (tensor(shape=(5,), strides=(0,)), "made of a storage of 4 elements, one for each was"),
    "a negative size": (tensor(shape=(-1,)), "a size, stride or offset is -1"),
    "a negative stride": (tensor(strides=(-1,)), "a size, stride or offset is -1"),
    "a negative offset": (tensor(offset=-1), "a size, stride or offset is -1"),
    "a size of 2^62": (tensor(shape=(1 << 62,)), "a size, stride or offset is 4611686018427387904"),
    "a size of 2^80": (tensor(shape=(1 << 80,)), "a size, stride or offset is an integer of 81 bits"),
    "sizes that overflow": (tensor(shape=(1 << 40,) * 4, strides=(1,) * 4), "is made of a storage of 4 elements"),
    "an empty shape that overflows": (tensor(shape=(1 << 48, 0, 1 << 48), strides=(1,) * 3), "is not inside the file"),
    "a fraction for a size": (tensor(shape=(1.5,)), "a size, stride or offset is 1.5"),
    "a truth value for a size": (tensor(shape=(True,)), "a size, stride or offset is True"),
    "a list for a shape": (tensor(shape=[4]), "a shape or its strides are a list"),
    "an offset beyond the end": (tensor(offset=1), "offset 1 reaches beyond its storage of 4 elements"),
    "an empty tensor beyond the end": (tensor(offset=6, shape=(0,)), "offset 6 reaches beyond its storage"),
    "strides beyond the end": (tensor(shape=(2, 2), strides=(3, 1)), r"strides \(3, 1\) and offset 0 reaches beyond"),
    "too few strides": (tensor(shape=(2, 2), strides=(1,)), "has 1 stride"),
    "too many axes": (tensor(shape=(1,) * 17, strides=(1,) * 17), "at most 16 integers were expected"),
    "too few arguments": (call("torch._utils _rebuild_tensor_v2", storage()), "described by 1 value, 6 or 7 were"),
    "no storage": (tensor(raw(b"N")), "is made of None, a storage was expected"),
    "a parameter of nothing": (call("torch._utils _rebuild_parameter", None, True, None), "something that is no tens"),
    "an 8-bit float": (
        call("torch._utils _rebuild_tensor_v3", storage(), 0, (4,), (1,), False, None, raw(b"ctorch\nfloat8_e5m2\n")),
        "the dtype torch.float8_e5m2, which NumPy cannot hold",
    ),
    "a version 3 without dtype": (
        call("torch._utils _rebuild_tensor_v3", storage(), 0, (4,), (1,), False, None), "by 6 values, 7 or 8 were expec"
    ),
    "a version 3 of the dtype None": (
        call("torch._utils _rebuild_tensor_v3", storage(), 0, (4,), (1,), False, None, None), "the dtype None, which Nu"
    ),
    "too many arguments": (tensor(None, 0, (4,), (1,), {}, None), "by 8 values, 6 or 7 were expected"),
    "negated values": (tensor(None, 0, (4,), (1,), {"neg": True}), "saved as the negative or the conjugate of its val"),
    "conjugates under a number": (tensor(None, 0, (4,), (1,), {1: True}), "saved as the negative or the conjugate"),
    "gradients of no kind": (
        call("torch._utils _rebuild_tensor_v2", storage(), 0, (4,), (1,), 3, None), "gradients to the degree of 3"
    ),
    "hooks that are no table": (
        call("torch._utils _rebuild_tensor_v2", storage(), 0, (4,), (1,), False, call("torch device")), "for hooks, a d"
    ),
    "a parameter with hooks that are no table": (
        call("torch._utils _rebuild_parameter", tensor(), True, 3), "a tensor has 3 for hooks, a dictionary was expec"
    ),
    "a parameter with gradients of no kind": (
        call("torch._utils _rebuild_parameter", tensor(), 3, None), "gradients to the degree of 3"
    ),
    "a parameter with other values": (
        call("torch._utils _rebuild_parameter_with_state", tensor(), True, None, {"data": tensor()}),
        "further tensors for attributes",
    ),
    "a parameter with other values in a slot": (
        call("torch._utils _rebuild_parameter_with_state", tensor(), True, None, (None, {"data": tensor()})),
        "further tensors for attributes",
    ),
    "a longer storage": (tensor(storage(length=5)), "its record 'data/0' has 16 bytes, 20 were expected"),
    "a shorter storage": (tensor(storage(length=3)), "its record 'data/0' has 16 bytes, 12 were expected"),
    "a storage of 2^62": (tensor(storage(length=1 << 62)), "a size, stride or offset is 4611686018427387904"),
    "a storage that is not there": (tensor(storage(key="1")), "the record 'data/1', which the archive has not"),
    "a storage outside": (tensor(storage(key="../data.pkl")), r"the record 'data/\.\./data.pkl', which the archive"),
    "a number for a key": (tensor(storage(key=0)), "a storage has the key 0, text was expected"),
    "a type that is none": (tensor(storage(kind="torch float32")), "a storage has the type torch.float32"),
    "a quantised storage": (tensor(storage(kind="torch QInt8Storage")), r"would run torch\.QInt8Storage"),
    "a boolean of 2": (tensor(storage(length=16, kind="torch BoolStorage"), 0, (16,)), "bytes other than 0 and 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_is_refused_for(tmp_path: Path, name: str) -> None:
    value, sentence = TENSORS[name]
    with pytest.raises(BadInput, match=sentence):
        read(tmp_path, zipped({"w": value}))


TWICE = {
    "two types of one size": storage(kind="torch IntStorage"),
    "two types of two sizes": storage(length=8, kind="torch HalfStorage"),
    "a type and bytes": storage(length=16, kind="torch.storage UntypedStorage"),
    "two devices": storage(device="cuda:0"),
}


@pytest.mark.parametrize("second", TWICE.values(), ids=TWICE)
def test_a_storage_that_is_described_twice_is_refused_for(tmp_path: Path, second: Raw) -> None:
    """PyTorch takes the first description for all tensors of that key."""
    with pytest.raises(BadInput, match="it describes the storage '0' in two ways"):
        read(tmp_path, zipped({"v": tensor(), "w": tensor(second)}))


def test_two_tensors_of_one_storage_are_read(tmp_path: Path) -> None:
    tensors = read(tmp_path, zipped({"v": tensor(shape=(2,)), "w": tensor(offset=1, shape=(3,))})).tensors
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {"v": [0, 1], "w": [1, 2, 3]}


@pytest.mark.parametrize("device", [0, ("cpu",), None], ids=str)
def test_a_device_that_is_no_text_is_refused(tmp_path: Path, device: object) -> None:
    with pytest.raises(BadInput, match=r"a storage is on the device .*, text was expected"):
        read(tmp_path, zipped({"w": tensor(storage(device=device))}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(tensor(shape=(2, 2), strides=(1, 2)), [[0, 2], [1, 3]], id="transposed"),
        pytest.param(tensor(shape=(2,), strides=(3,)), [0, 3], id="every third"),
        pytest.param(tensor(shape=(2, 2), strides=(1, 1)), [[0, 1], [1, 2]], id="overlapping"),
        pytest.param(tensor(shape=(1, 4), strides=(1 << 40, 1)), [[0, 1, 2, 3]], id="any stride of one element"),
        pytest.param(tensor(offset=3, shape=(), strides=()), 3, id="scalar"),
        pytest.param(tensor(offset=4, shape=(2, 0), strides=(1, 1)), [[], []], id="empty"),
        pytest.param(tensor(storage(length=16, kind="torch.storage UntypedStorage"), 4, (1,)), [0], id="bytes"),
    ],
)
def test_views_inside_the_storage_are_read(tmp_path: Path, value: Raw, expected: object) -> None:
    np.testing.assert_array_equal(read(tmp_path, zipped({"w": value})).tensors["w"], expected)


def test_names_that_all_view_one_storage_are_a_bomb(tmp_path: Path) -> None:
    data = bytes(1 << 16)
    value = tensor(storage(length=1 << 14), 0, (1 << 14,))
    names = {f"{n}": raw(pickled(value) + b"q\0" if n == 0 else b"h\0") for n in range(40)}
    with pytest.raises(BadInput, match=r"its 40 tensors would take 2,621,440 bytes, at most 16 times"):
        read(tmp_path, zipped(names, {"0": data}))
