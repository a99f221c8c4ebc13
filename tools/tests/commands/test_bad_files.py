"""Bad files, through the real command: one sentence on stderr, status 2, no traceback, and no file left behind."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isomorph.spec import architecture
from isomorph.tools.checkpoints import write_safetensors

from ..command import refused
from ..hostile_files import call, tensor, zipped
from ..tensors import Tensors, canonical, changed, plain

R20 = "cifar/resnet20"
ORACLE = ("--backends", "oracle", "--batch", "1")
OURS = plain(architecture(R20))


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def holds(content: bytes | Tensors) -> Callable[[Path], object]:
    """Makes a file of these bytes, or of these tensors."""
    if isinstance(content, bytes):
        return lambda path: path.write_bytes(content)
    return lambda path: write_safetensors(path, content, {})


def halved(tensors: Tensors) -> Tensors:
    """The same in float16, which take less room on the disk."""
    return {name: value.astype(np.float16) for name, value in tensors.items()}


def saved_in_numpy(array: Any, **options: Any) -> Callable[[Path], object]:
    return lambda path: np.save(path, array, **options)


# Checkpoints.

LAST = "logits/biases"
FILES: dict[str, tuple[Callable[[Path], object] | None, str]] = {
    "that is missing": (None, "x.pth: there is no such file: check the name and the folder."),
    "that is empty": (holds(b""), "x.pth: the file is empty, a checkpoint was expected: fetch or save it again."),
    "that is no checkpoint": (holds(b"hello"), "x.pth: this looks like text, which holds no tensors; iso"),
    "that is cut short": (
        holds(zipped({"w": tensor()})[:-30]),
        "x.pth: it starts as a zip archive but does not end as one, as a file does",
    ),
    "that would run code": (
        holds(zipped(call("posix system", "touch pwned"))),
        "x.pth: loading it would run posix.system (byte ",
    ),
    "that is a pickle": (
        holds(pickle.dumps({"w": 1})),
        "x.pth: no arrays were found in it (it holds 'w'), a state_dict was exp",
    ),
    "of another network's names": (
        holds({"encoder.weight": np.zeros((3, 4), np.float32)}),
        "The first of the tensors in x.pth is called 'encoder.weight', and no zoo here (cifar, d2l, keras, keras2, ml",
    ),
    "with a tensor missing": (
        holds(changed(OURS, {LAST: None})),
        "The tensors are not those of cifar/resnet20, the nearest to x.pth"
        " (96 of its 97 tensors fit); 1 tensor missing: - logits/biases.",
    ),
    "with a tensor too many": (
        holds(changed(OURS, {"extra": np.zeros(3)})),
        "x.pth fits no zoo's names, and by the shapes of its tensors it fits cifar/resnet20 and cifar/plain20, whose",
    ),
    "with a misshapen tensor": (
        holds(changed(OURS, {LAST: np.zeros(11, np.float32)})),
        "1 tensor does not fit cifar/resnet20, the nearest to x.pth"
        " (96 of its 97 tensors fit): logits/biases is 11, expected 10.",
    ),
    "with NaN": (
        holds(changed(OURS, {LAST: np.full(10, np.nan, np.float32)})),
        "x.pth holds 10 values in logits/biases that are NaN or infinite; expected numbers.",
    ),
    "of integers": (
        holds({name: value.astype(np.int32) for name, value in OURS.items()}),
        "x.pth holds conv1/weights in int32; expected one of float32, float64, bfloat16, float16.",
    ),
    "of zeros": (
        holds(canonical(architecture(R20))),
        "The network answers nothing but zeros at conv1, so that agreement there would mean nothing; other images or",
    ),
    "that several architectures fit": (
        holds(halved(canonical(architecture("paddle/resnet50")))),
        "x.pth fits slim/resnet_v1_50 and torchvision/resnet50, whose tensors are alike but whose functions are not;",
    ),
}


@pytest.mark.parametrize(("make", "sentence"), FILES.values(), ids=FILES)
def test_a_file_is_refused(tmp_path: Path, make: Callable[[Path], object] | None, sentence: str) -> None:
    if make:
        make(Path("x.pth"))
    assert refused("check", "x.pth", *ORACLE, "--json", "y.json").startswith(sentence)
    assert [path.name for path in tmp_path.iterdir()] == (["x.pth"] if make else [])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param(
            ("--num-classes", "5"), "The num_classes of x.pth is 10, not 5; leave the option out.", id="count"
        ),
        pytest.param(
            ("--num-classes", "none"), "The num_classes of x.pth is 10, not none; leave the", id="lack of any"
        ),
    ],
)
def test_a_wrong_class_count_is_refused_for_a(options: tuple[str, ...], sentence: str) -> None:
    holds(OURS)(Path("x.pth"))
    assert refused("check", "x.pth", *ORACLE, *options).startswith(sentence)


# Images.

IMAGES: dict[str, tuple[str, Callable[[Path], object] | None, str]] = {
    "a missing photograph": ("x.jpg", None, "There is no file x.jpg."),
    "a missing array": ("x.npy", None, "There is no file x.npy."),
    "a photograph that is none": (
        "x.jpg",
        holds(b"hello"),
        "x.jpg is not a photograph that can be read: it is of no format",
    ),
    "an array that is none": (
        "x.npy",
        holds(b"hello, world"),
        "x.npy is not a NumPy array that can be read: the magic",
    ),
    "an array of objects": (
        "x.npy",
        saved_in_numpy(np.array([{}]), allow_pickle=True),
        "x.npy is not a NumPy array that can be read: Array",
    ),
    "an array that float32 cannot hold": (
        "x.npy",
        saved_in_numpy(np.full((1, 8, 8, 3), 1e300)),
        "x.npy holds pixels that are NaN or infinite; expected",
    ),
    "another number of channels": (
        "x.npy",
        saved_in_numpy(np.ones((1, 8, 8, 4))),
        "x.npy is of shape [1, 8, 8, 4]; cifar/resnet20 expects [batch,",
    ),
    "images on which nothing depends": (
        "x.npy",
        saved_in_numpy(np.zeros((1, 8, 8, 3))),
        "The answer of cifar/resnet20 does not depend on these images,",
    ),
}


@pytest.mark.parametrize(("name", "make", "sentence"), IMAGES.values(), ids=IMAGES)
def test_images_are_refused_for(name: str, make: Callable[[Path], object] | None, sentence: str) -> None:
    if make:
        make(Path(name))
    assert refused("check", R20, "--backends", "oracle", "--images", name).startswith(sentence)


@pytest.mark.usefixtures("little_memory")
def test_a_strip_of_a_photograph_is_refused() -> None:
    Image.new("RGB", (400_000, 1)).save("x.png")
    sentence = refused("check", R20, *ORACLE, "--images", "x.png", "--input", "64x64")
    assert sentence.startswith(
        "x.png is a photograph of 1x400000 pixels (height x width), which would be scaled to 64x"
    )


@pytest.mark.usefixtures("little_memory")
def test_hostile_metadata_is_refused() -> None:
    """Which names a pool that would take all memory to pad."""
    document = {"name": "x", "stem": {"layers": [{"scope": "pool1", "kernel": 1 << 40, "stride": 1}]}, "blocks": []}
    rest: dict[str, Any] = {"head": {}, "convention": {"preprocessing": {}}}
    write_safetensors("x.safetensors", OURS, {"isomorph.architecture": json.dumps(document | rest)})
    sentence = refused("check", "x.safetensors", *ORACLE)
    assert sentence.startswith("The isomorph.architecture of x.safetensors is no architecture: kernel of its archite")
