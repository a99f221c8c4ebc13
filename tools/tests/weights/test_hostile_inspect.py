"""Files that were made to take time or memory of `inspect` are refused, or told, in little of both."""

import json
import struct
from collections.abc import Callable, Iterable
from math import prod
from pathlib import Path

import pytest

from isomorph.spec import BadInput, architecture, tensor_shapes
from isomorph.tools import inspect
from isomorph.tools.checkpoints import read_checkpoint

from ..checkpoints.test_checkpoint_bombs import tensors_from_one_tuple
from ..hostile_files import DATA, pickled, raw, safe, storage, tensor, zipped
from ..measured import MEGABYTE, inspected, slowness

MANY, LONG, DEEP = 200_000, 10_000, 10_000
LARGEST = 3 * 3 * 64 * 64
"""Values of the largest tensor of a ResNet-8."""

Shape = tuple[int, ...]
Make = Callable[[Path], object]
"""Writes a file."""


def safetensors(path: Path, tensors: Iterable[tuple[str, Shape]]) -> None:
    """A file of zeros, which takes no room on the disk."""
    header, end = {}, 0
    for name, shape in tensors:
        start, end = end, end + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def pickle_of(tensors: Iterable[tuple[str, Shape]]) -> bytes:
    """A zip of PyTorch's, in which all tensors view the first values of one storage."""
    entries = []
    for name, shape in tensors:
        strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
        entries.append(pickled(name) + tensor(storage(length=LARGEST), shape=shape, strides=strides))
    return zipped(raw(b"}(" + b"".join(entries) + b"u"), {"0": bytes(4 * LARGEST)})


def of_resnet8(name: Callable[[int], str]) -> list[tuple[str, Shape]]:
    return [(name(n), shape) for n, shape in enumerate(tensor_shapes(architecture("mlperf_tiny/resnet8")).values())]


def nested(depth: int, innermost: bytes) -> bytes:
    return zipped(raw(b"}" + (pickled("model") + b"}") * depth + innermost + b"s" * depth))


W = pickled("w") + tensor() + b"s"
ITSELF = raw(b"}q\0" + pickled("model") + b"h\0s" + W)
EACH_OTHER = raw(b"}q\0(" + pickled("down") + b"}q\1(" + pickled("up") + b"h\0" + pickled("w") + tensor() + b"uu")

HOSTILE: dict[str, tuple[Make, str]] = {
    "vectors of one length": (
        lambda path: safetensors(path, ((f"t{n}", (8,)) for n in range(MANY))),
        "it holds 200,000 tensors of 6,400,000 bytes in all, too many for so little",
    ),
    "kernels of one shape": (
        lambda path: safetensors(path, ((f"t{n}", (1, 1, 3, 3)) for n in range(MANY))),
        "it holds 200,000 tensors of 7,200,000 bytes in all, too many for so little",
    ),
    "kernels of one shape, and as large as a network's": (
        lambda path: safetensors(path, ((f"layer{n}.conv.weight", (10, 10, 3, 3)) for n in range(MANY))),
        "it holds at least 200,000 tensors, and 32,768 are the most of any network: is it the checkpoint of one?",
    ),
    "small tensors in a large file": (
        lambda path: path.write_bytes(zipped(tensors_from_one_tuple(40_000), {"0": DATA, "1": bytes(64 * MEGABYTE)})),
        "it holds at least 32,769 tensors, and 32,768 are the most of any network: is it the checkpoint of one?",
    ),
    "names of letters": (
        lambda path: path.write_bytes(pickle_of((f"{n}{'x' * LONG}.weight", (8,)) for n in range(1000))),
        "a tensor's name, '0xxxxxxxxxxxxxxxxxxx'..., has 10,008 characters, and 1,024 are the most of any network's",
    ),
    "names of numbers": (
        lambda path: path.write_bytes(pickle_of(of_resnet8(lambda n: f"{'9' * LONG}{n}"))),
        "a tensor's name, '99999999999999999999'..., has 10,001 characters, and 1,024 are the most of any network's",
    ),
    "dictionaries": (
        lambda path: path.write_bytes(nested(DEEP, b"")),
        "no tensors were found in it (it holds 'model'), a state_dict was expected under some key",
    ),
    "dictionaries around a tensor": (
        lambda path: path.write_bytes(nested(DEEP, W)),
        "no tensors were found in it (it holds 'model'), a state_dict was expected under some key",
    ),
}


def check(path: Path, expected: str, seconds: float = 2.0) -> None:
    small = path.with_name("small.safetensors")
    small.write_bytes(safe({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, DATA))
    outcome, memory, taken = inspected(path, small)
    assert outcome == expected
    assert memory <= path.stat().st_size + 64 * MEGABYTE
    assert taken <= seconds * slowness()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize(("make", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_in_little_time_and_memory(tmp_path: Path, make: Make, sentence: str) -> None:
    make(tmp_path / "hostile.pth")
    check(tmp_path / "hostile.pth", "refused")
    with pytest.raises(BadInput) as caught:
        inspect(tmp_path / "hostile.pth")
    assert sentence in str(caught.value)


TOLD: dict[str, tuple[Make, str]] = {
    "a dictionary that holds itself": (lambda path: path.write_bytes(zipped(ITSELF)), "read"),
    "dictionaries that hold each other": (lambda path: path.write_bytes(zipped(EACH_OTHER)), "read"),
    "as many tensors as may be": (
        lambda path: safetensors(path, ((f"t{n}", (10, 10, 3, 3)) for n in range(1 << 15))),
        "read",
    ),
    "names as long as may be": (
        lambda path: path.write_bytes(pickle_of(of_resnet8(lambda n: f"{'layer1.0.' * 113}{n}"))),
        "told",
    ),
    "a thousand of them": (
        lambda path: path.write_bytes(pickle_of((f"{'a1.' * 300}{n}.weight", (8, 8, 3, 3)) for n in range(1000))),
        "read",
    ),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize(("make", "outcome"), TOLD.values(), ids=TOLD)
def test_it_is_told_or_said_to_be_unknown_in_little_time_and_memory(tmp_path: Path, make: Make, outcome: str) -> None:
    make(tmp_path / "odd.pth")
    check(tmp_path / "odd.pth", outcome)


NAMES = {
    "a zoo's": "layer{}.0.conv1.weight layer{}.0.bn1.weight layer{}.0.bn1.bias layer{}.0.bn1.running_mean"
    " layer{}.0.bn1.running_var",
    "canonical": "block{0}/unit_1/basic_v1/conv1/weights block{0}/unit_1/basic_v1/conv1/BatchNorm/gamma"
    " block{0}/unit_1/basic_v1/conv1/BatchNorm/beta block{0}/unit_1/basic_v1/conv1/BatchNorm/moving_mean"
    " block{0}/unit_1/basic_v1/conv1/BatchNorm/moving_variance",
    "nobody's": "a{}.w b{}.p b{}.q b{}.r b{}.s",
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which tells what the process used")
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_a_thousand_tensors_of_no_network_take_a_second(tmp_path: Path, names: str) -> None:
    shapes = [(64, 64, 3, 3), (64,), (64,), (64,), (64,)]
    called = [name.format(*[number] * 5) for number in range(200) for name in names.split()]
    safetensors(tmp_path / "odd.pth", zip(called, shapes * 200, strict=True))
    check(tmp_path / "odd.pth", "read", seconds=1.0)


def test_what_dictionaries_around_each_other_hold_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "odd.pth").write_bytes(zipped(EACH_OTHER))
    checkpoint = read_checkpoint(tmp_path / "odd.pth")
    assert (list(checkpoint.tensors), checkpoint.unwrapped) == (["w"], ("down",))
