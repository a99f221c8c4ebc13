"""Requests about models that are refused before any framework is imported: one sentence, status 2, no file written."""

from pathlib import Path

import numpy as np
import pytest

from isomorph.backends import find_backend
from isomorph.spec import BadInput, architecture
from isomorph.tools import check, diagnose, map_tensors
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.models.frameworks import backend_of
from isomorph.tools.models.naming import is_model

from ..command import isomorph, left, refused_here
from ..tensors import plain
from .ports import LENET, PORT, needs_pytorch, write

pytestmark = pytest.mark.usefixtures("empty_folder")

R20, MINE, LE = "cifar/resnet20", "port.py:make_model", "paddle/LeNet"
WEIGHTS = "lenet.safetensors"

REQUESTS = {
    "no file": (("diagnose", R20, "absent.py:make"), "There is no file absent.py."),
    "no factory": (
        ("diagnose", R20, "port.py"),
        "port.py does not say what makes the model; name its factory, port.py:NAME.",
    ),
    "a factory without a name": (("diagnose", R20, "port.py:"), "port.py: does not say what makes the model; "),
    "no name": (("diagnose", R20, ""), "The name of the model is empty; expected file.py:factory, "),
    "no program": (("diagnose", R20, "absent.onnx"), "There is no file absent.onnx."),
    "no model": (("diagnose", R20, "notes.txt"), "notes.txt is no model; expected file.py:factory, "),
    "a folder": (("diagnose", R20, "folder"), "folder is a folder, and no SavedModel: there is no saved_model.pb in"),
    "no Python": (("diagnose", R20, "notes.py:f"), "notes.py is no Python: invalid syntax (notes.py, line 1)."),
    "no framework": (
        ("diagnose", R20, "plain.py:f"),
        "Nothing tells which framework plain.py:f is written for; --runs-in pytorch, keras, paddle or onnx says it.",
    ),
    "a package of no framework": (("diagnose", R20, "json:loads"), "Nothing tells which framework json:loads is "),
    "a backend that is none": (("diagnose", R20, MINE, "--runs-in", "pytroch"), "There is no backend 'pytroch'; did"),
    "no architecture": (("diagnose", "cifar/resnet21", MINE), "There is no architecture 'cifar/resnet21', nor such a"),
    "an argument of no form": (("diagnose", R20, MINE, "--call", "x"), "--call x is not of the form NAME=VALUE."),
    "an argument twice": (("diagnose", R20, MINE, "--call", "x=1", "--call", "x=2"), "--call names x twice."),
    "no images": (("diagnose", R20, MINE, "--batch", "0"), "A batch of 0 images was asked for; expected at least one."),
    "a seed below zero": (("map", R20, MINE, "--seed", "-1"), "The seed -1 is out of range; expected 0 to 2^64 - 1."),
    "no time": (("diagnose", R20, MINE, "--timeout", "0"), "The time limit is 0 s; expected more than 0"),
    "no memory": (("map", R20, MINE, "--memory", "0"), "The memory limit is 0 bytes; expected at least one"),
    "images of another shape": (
        ("diagnose", R20, MINE, "--images", "grey.npy"),
        "grey.npy is of shape [2, 28, 28, 1]; cifar/resnet20 expects [batch, height, width, 3].",
    ),
    "images of another size": (
        ("diagnose", LE, "lenet.py:make", "--images", "grey.npy", "--input", "32"),
        "grey.npy holds images of 28x28, not of the 32x32 asked for.",
    ),
    "no such images": (("diagnose", R20, MINE, "--images", "absent.npy"), "There is no file absent.npy."),
    "photographs for two models": (
        ("diagnose", MINE, MINE, "--images", "x.png"),
        "Nothing says how photographs are prepared for two models; expected a .npy of [N, H, W, C].",
    ),
    "images of no shape for two models": (
        ("check", MINE, "--against", MINE, "--images", "flat.npy"),
        "flat.npy is of float64 and of shape [4, 4]; expected numbers, [batch, height, width, channels].",
    ),
    "two models and weights": (
        ("diagnose", MINE, MINE, "--weights", "drawn"),
        "Two models are compared as they are; leave --weights drawn out.",
    ),
    "two models and a map": (
        ("diagnose", MINE, MINE, "--map", "x"),
        "Two models are compared as they are; leave --map",
    ),
    "two models and classes": (("diagnose", MINE, MINE, "--num-classes", "7"), "Two models are compared as they are; "),
    "a file and weights drawn": (
        ("diagnose", WEIGHTS, "lenet.py:make", "--weights", "drawn"),
        "--weights drawn goes with an architecture; a file has tensors of its own.",
    ),
    "weights of an architecture": (
        ("diagnose", R20, MINE, "--weights", "cifar/resnet56"),
        "--weights cifar/resnet56 is an architecture; expected theirs, drawn, or a checkpoint.",
    ),
    "weights of another network": (("diagnose", R20, MINE, "--weights", WEIGHTS), f"1 tensor of {WEIGHTS} does not"),
    "no weights": (("diagnose", R20, MINE, "--weights", "absent.pth"), "absent.pth: there is no such file"),
    "a key without a file": (
        ("diagnose", R20, MINE, "--key", "ema"),
        "--key goes with a checkpoint; cifar/resnet20 is an architecture already.",
    ),
    "a map of a model": (
        ("map", MINE, MINE),
        "port.py:make_model is a model; a map is of an architecture's tensors, so name one first.",
    ),
    "a map that is there": (("map", R20, MINE, "-o", "notes.txt"), "notes.txt is there already; --force replaces it."),
    "a map in place of a folder": (
        ("map", R20, MINE, "-o", "folder", "--force"),
        "folder cannot be written: it is a folder; name a file in it.",
    ),
    "a map in place of the report": (
        ("map", R20, MINE, "-o", "x.json", "--json", "x.json"),
        "Both --json and --out are x.json; they are two files.",
    ),
    "a map in place of the model": (
        ("map", R20, MINE, "-o", "port.py", "--force"),
        "--out port.py is a file of this command's already; give the report another name.",
    ),
    "a report in place of the model": (("diagnose", R20, MINE, "--json", "port.py"), "--json port.py is a file of"),
    "a report in place of the subject": (("diagnose", MINE, R20, "--json", "port.py"), "--json port.py is a file of"),
    "a check's in place of the model": (("check", R20, "--against", MINE, "--json", "port.py"), "--json port.py is a"),
    "a report in place of the weights": (
        ("diagnose", LE, "lenet.py:make", "--weights", WEIGHTS, "--json", WEIGHTS),
        f"--json {WEIGHTS} is a file of this command's already; ",
    ),
    "a check of backends against a model": (
        ("check", R20, "--against", MINE, "--backends", "oracle"),
        "A model is compared with one subject, in its own framework; leave backends out.",
    ),
    "a check of a second file": (
        ("check", R20, WEIGHTS, "--against", MINE),
        "A model is compared with one subject, in",
    ),
    "a check of end points": (
        ("check", R20, "--against", MINE, "--end-points"),
        "--end-points is about isomorph's own networks; leave it out of what --against compares.",
    ),
    "weights for no model": (
        ("check", R20, "--weights", "drawn"),
        "--call, --runs-in and --weights are about a model of your own; --against names it.",
    ),
}


@pytest.fixture(autouse=True)
def _files(empty_folder: None) -> None:
    write({"port.py": PORT, "lenet.py": LENET, "notes.txt": "notes", "notes.py": "def f(:", "plain.py": "f = print"})
    Path("folder").mkdir()
    np.save("grey.npy", np.ones((2, 28, 28, 1)))
    np.save("flat.npy", np.ones((4, 4)))
    write_safetensors(WEIGHTS, plain(architecture(LE)), {})


@pytest.mark.parametrize(("arguments", "sentence"), REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_refused_in_a_sentence(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = left()
    assert refused_here(capsys, *arguments).startswith(sentence)
    assert left() == before
    assert Path("port.py").read_text() == PORT


def test_a_framework_that_is_not_installed_is_refused_with_what_adds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(find_backend("pytorch")), "why_not", lambda _: "torch is not installed; pip adds it.")
    with pytest.raises(BadInput, match=f"{MINE} is a model of pytorch, which is not available: torch is not installed"):
        diagnose(R20, MINE)
    assert backend_of(MINE, elsewhere=["pytorch"]) == "pytorch"


def test_an_interpreter_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInput, match="The interpreter /absent for pytorch cannot be started: No such file"):
        map_tensors(R20, MINE, python={"torch": "/absent"})


def test_what_is_no_model_is_refused_in_python() -> None:
    with pytest.raises(BadInput, match="int is no model; expected a module of PyTorch, Keras or Paddle, or the name"):
        check(R20, against=3)


@needs_pytorch
def test_images_beyond_all_memory_are_refused_in_a_sentence() -> None:
    done = isomorph("diagnose", R20, MINE, "--input", "1000000x1000000")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("isomorph: 2 images of 1000000x1000000 take 178,813.9 GiB of memory to be drawn, and")


@pytest.mark.parametrize(
    ("what", "backend"),
    [
        ("port.py:make_model", "pytorch"),
        ("uses.py:make", "pytorch"),
        ("torchvision.models:resnet18", "pytorch"),
        ("keras.applications:ResNet50", "keras"),
        ("paddle.vision.models:resnet18", "paddle"),
        ("saved", "keras"),
    ],
)
def test_a_framework_is_told_by_what_a_file_imports(what: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(find_backend("pytorch")), "why_not", lambda _: None)
    write({"uses.py": "from port import make_model as make"})
    Path("saved").mkdir()
    Path("saved", "saved_model.pb").touch()
    assert backend_of(what) == backend
    assert is_model(what)


def test_a_checkpoint_is_a_subject_and_no_model() -> None:
    assert not any(map(is_model, (WEIGHTS, R20, "mine.toml", "x.pt", "x.keras", "folder")))
