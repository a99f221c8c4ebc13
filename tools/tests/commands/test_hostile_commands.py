"""Hostile files of every format, given to the real command: one sentence, status 2, and nothing is run or left."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from isomorph.spec import architecture

from ..checkpoints.test_hostile_safetensors import SAFETENSORS
from ..command import left, refused
from ..hostile_files import DATA, W, call, one, pickled, safe, streamed, tarred, tensor, zipped
from ..keras_files import KERNEL, ONE, archive, configured, keras2, keras3
from ..tensors import Tensors, plain
from ..tf_bundles import entry, header, table, write
from .test_bad_files import holds

pytestmark = pytest.mark.usefixtures("empty_folder")

RUNS = call("posix system", "touch pwned")
WEIGHTS = archive(keras3({"layers/dense": [KERNEL]}), configured(("Dense", "dense", {})))
SHARD = "00000-of-00001"


def linked(root: h5py.File) -> None:
    root["conv"]["x"] = h5py.ExternalLink("/etc/passwd", "/x")


HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "a zip that runs code": ("x.pth", zipped(RUNS), "loading it would run posix.system"),
    "a stream that runs code": ("x.pth", streamed(RUNS, []), "loading it would run posix.system"),
    "a tar that runs code": ("x.pth", tarred(RUNS), "loading it would run posix.system"),
    "a Paddle pickle that runs code": ("x.pdparams", b"\x80\2" + pickled({"w": RUNS}) + b".", "loading it would run "),
    "a stride of 0": ("x.pth", zipped({"w": tensor(shape=(10**11,), strides=(0,))}), "its pickle cannot be read at b"),
    "a zip member twice": ("x.pth", zipped(W, more=[("archive/data/0", bytes(16))]), "its zip archive has two members"),
    "a deflated bomb": ("x.pth", zipped(W, {"0": bytes(1 << 26)}, compressed="data/0"), "its record 'data/0' is"),
    "a safetensors name twice": ("x.safetensors", SAFETENSORS["a name twice"][0], "its header names 'w' twice"),
    "a safetensors hole": ("x.safetensors", safe({"w": one("U8", [1], [1, 2])}, b"12"), "it is no sound safetensors"),
    "an h5 with an external link": ("x.h5", keras2(ONE, change=linked), "its '/conv/x' is an external link"),
    "a .keras of other weights": (
        "x.keras", WEIGHTS.replace(KERNEL.tobytes(), KERNEL[::-1].tobytes()), "the checksum of its model.weights.h5 is"
    ),
    "a .keras in the place of a .pth": ("x.pth", WEIGHTS[:-9], "it starts as a zip archive but does not end as one"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_convert_refuses(name: str, content: bytes, sentence: str) -> None:
    Path(name).write_bytes(content)
    assert refused("convert", name, "y.safetensors").startswith(f"{name}: {sentence}")
    assert left() == [name]


def test_convert_refuses_a_bundle_of_other_values() -> None:
    index = table([(b"", header()), (b"w", entry(DATA, (4,)))])
    write(Path("x"), index, {SHARD: bytes(16)})
    sentence = refused("convert", "x.index", "y.safetensors")
    assert sentence.startswith(f"x.data-{SHARD}: the checksum of its tensor 'w' is not that of its bytes")
    assert left() == [f"x.data-{SHARD}", "x.index"]


@pytest.mark.parametrize("end", range(1, len(WEIGHTS), 4096))
def test_a_keras_archive_cut_short_is_refused(end: int) -> None:
    Path("x.keras").write_bytes(WEIGHTS[:end])
    assert refused("convert", "x.keras", "y.safetensors").startswith("x.keras: ")


# What the values are, of a network whose names and shapes are right.

R20 = architecture("cifar/resnet20")
VARIANCE = next(name for name in plain(R20) if name.endswith("variance"))


def with_values(change: Callable[[Tensors], Tensors]) -> Tensors:
    tensors = plain(R20)
    return tensors | change(tensors)


VALUES: dict[str, tuple[Tensors, str]] = {
    "names that differ in capitals": (
        with_values(lambda tensors: {"CONV1/weights": tensors["conv1/weights"]}),
        "The tensors are not those of cifar/resnet20, the nearest to x.safetensors"
        " (97 of its 97 tensors fit); 1 tensor unexpected: + CONV1",
    ),
    "a transposed classifier": (
        with_values(lambda tensors: {"logits/weights": tensors["logits/weights"].swapaxes(-1, -2)}),
        "2 tensors do not fit cifar/resnet20, the nearest to x.safetensors"
        " (95 of its 97 tensors fit): logits/weights is 1x1x10x64, expected 1x1",
    ),
    "an infinity": (
        with_values(lambda tensors: {VARIANCE: np.full_like(tensors[VARIANCE], np.inf)}),
        f"x.safetensors holds {plain(R20)[VARIANCE].size} values in {VARIANCE} that are NaN or infinite",
    ),
    "negative variances": (
        with_values(lambda tensors: {VARIANCE: -tensors[VARIANCE]}),
        f"x.safetensors holds a negative variance in {VARIANCE}; expected none below zero.",
    ),
}


@pytest.mark.parametrize(("tensors", "sentence"), VALUES.values(), ids=VALUES)
def test_check_refuses(tensors: Tensors, sentence: str) -> None:
    holds(tensors)(Path("x.safetensors"))
    assert refused("check", "x.safetensors", "--backends", "oracle", "--batch", "1").startswith(sentence)
    assert left() == ["x.safetensors"]
