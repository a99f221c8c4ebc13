"""Models that cannot be compared: one sentence, status 2 and nothing written; status 3 where their process ends."""

import subprocess
from pathlib import Path

import pytest

from ..command import isomorph, left, refused
from .ports import needs_pytorch, write

pytestmark = [needs_pytorch, pytest.mark.usefixtures("empty_folder")]

BAD = """
import ctypes
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

print("words of the file")
a_number = 3


class Net(nn.Module):
    def __init__(self, act=None, factor=1.0):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.head = nn.Linear(16, 10)
        self.act, self.factor = act, factor

    def forward(self, x):
        x = self.norm(self.stem(x))
        if self.act:
            x = self.act(x)
        return self.head(x.mean((2, 3))) * self.factor


class Late(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.noise = Net(), nn.Module()
        self.noise.forward = lambda x: F.dropout(x, 0.5)

    def forward(self, x):
        return self.noise(self.body(x))


class OfTwo(nn.Module):
    def forward(self, x, y):
        return x + y


class Constant(Net):
    def forward(self, x):
        return self.head.bias * 2


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, x):
        return self.table(x)


def acting(act):
    return lambda: Net(act).eval()


def raises():
    raise RuntimeError("first words\\nno weights in this folder")


def raises_much():
    raise RuntimeError("never " * 1000)


def moves_the_cursor():
    raise RuntimeError("gone\\x1b[2J")


def needs(width, depth=3):
    return Net()


def in_training():
    return Net()


def one_in_training():
    net = Net().eval()
    net.norm.train()
    return net


class Infinite(Net):
    def __init__(self):
        super().__init__()
        self.head.weight.data[0] = float("inf")


nothing, weights = lambda: None, lambda: Net().state_dict()
random, of_two, constant, tokens = (lambda kind=kind: kind().eval() for kind in (Late, OfTwo, Constant, Tokens))
infinite = lambda: Infinite().eval()
aborts, leaves, hangs = acting(lambda x: os.abort()), acting(lambda x: os._exit(7)), acting(lambda x: time.sleep(900))
overflows = acting(lambda x: ctypes.string_at(0))
fills_memory = acting(lambda x: x + torch.zeros(1 << 40).sum())
"""

REFUSED = {
    "a factory that raises": ("raises", "bad.py:raises raised RuntimeError: no weights in this folder."),
    "one that raises very much": ("raises_much", " ... "),
    "one that moves the cursor": ("moves_the_cursor", r"bad.py:moves_the_cursor raised RuntimeError: gone\x1b[2J."),
    "one that needs arguments": (
        "needs",
        "bad.py:needs raised TypeError: needs() missing 1 required positional argument: 'width'; arguments are given by"
        " --call name=value.",
    ),
    "one that returns nothing": ("nothing", "bad.py:nothing returned NoneType, expected an nn.Module."),
    "one that returns tensors": ("weights", "bad.py:weights returned OrderedDict, expected an nn.Module."),
    "a name for a number": ("a_number", "bad.py:a_number returned int, expected an nn.Module."),
    "a name that is not there": ("hang", "bad.py has no 'hang'; did you mean hangs"),
    "a model in training": (
        "in_training",
        "bad.py:in_training is in training mode, in its module 'norm'; have it ready for inference, as .eval() does, or"
        " --training compares it as it is.",
    ),
    "a module in training": ("one_in_training", "bad.py:one_in_training is in training mode, in its module 'norm'; "),
    "a model that is random": (
        "random",
        "bad.py:random answers differently when it runs twice, first in the dropout of noise: it is random, or keeps a"
        " state.",
    ),
    "a model of two inputs": (
        "of_two",
        "bad.py:of_two takes no images of 67x68 or of 12 usual sizes, and --input says which it takes: bad.py:of_two"
        " raised TypeError: OfTwo.forward() missing 1 required positional argument: 'y', on images of 2x67x68x3",
    ),
    "a model of tokens": ("tokens", "bad.py:tokens takes no images of 67x68 or of 12 usual sizes, and --input says"),
    "an answer without images": ("constant", "bad.py:constant returns nothing that depends on its images."),
    "an answer that is infinite": (
        "infinite",
        "bad.py:infinite answers with numbers that are not finite, first in the dense layer of head.",
    ),
}

STOPPED = {
    "aborts": "bad.py:aborts: trace, the process was ended by SIGABRT",
    "overflows": "bad.py:overflows: trace, the process was ended by SIGSEGV",
    "leaves": "bad.py:leaves: trace, the process exited with status 7",
    "hangs": "bad.py:hangs: trace took longer than 5 s and was stopped.",
    "fills_memory": "bad.py:fills_memory raised RuntimeError: ",
}
EVERY_TIME = ("a factory that raises", "a model in training", "a model that is random", "an answer that is infinite")


def marked(name: str, *values: str, of: tuple[str, ...]) -> object:
    """A case that is run every time, where it is among `of`; elsewhere the sentence alone is another's."""
    return pytest.param(*values, id=name, marks=() if name in of else pytest.mark.thorough)


@pytest.mark.parametrize(
    ("factory", "sentence"), [marked(name, *case, of=EVERY_TIME) for name, case in REFUSED.items()]
)
def test_it_is_refused_in_a_sentence(factory: str, sentence: str) -> None:
    write({"bad.py": BAD})
    said = refused("diagnose", "cifar/resnet20", f"bad.py:{factory}", "--json", "x.json")
    assert sentence in said
    assert len(said) < 800
    assert left() == ["bad.py"]


def ended(factory: str, *options: str) -> subprocess.CompletedProcess[str]:
    write({"bad.py": BAD})
    return isomorph("diagnose", "cifar/resnet20", f"bad.py:{factory}", "--json", "x.json", *options)


@pytest.mark.parametrize(
    ("factory", "sentence"), [marked(name, name, text, of=("aborts", "hangs")) for name, text in STOPPED.items()]
)
def test_a_model_that_ends_its_process_is_undecided(factory: str, sentence: str) -> None:
    options = {"hangs": ("--timeout", "5"), "fills_memory": ("--memory", "4")}.get(factory, ())
    done = ended(factory, *options)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"isomorph: {sentence}")
    assert done.stderr.count("\n") == 1
    assert left() == ["bad.py"]


FILES = {
    "a file that cannot be imported": (
        "import torch\nimport nowhere_at_all",
        "m.py cannot be run: ModuleNotFoundError: No module named 'nowhere_at_all'.",
    ),
    "a file that leaves Python": (
        "import sys\nimport torch\nsys.exit('usage')",
        "m.py cannot be run: SystemExit: usage.",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), [pytest.param(*case, id=name) for name, case in FILES.items()])
@pytest.mark.thorough  # as a factory that raises
def test_a_file_that_cannot_be_run_is_refused_with_its_last_words(text: str, sentence: str) -> None:
    write({"m.py": text})
    assert refused("diagnose", "cifar/resnet20", "m.py:make") == sentence


PROGRAMS = {"no program": b"x" * 1000, "an empty file": b""}


@pytest.mark.parametrize("ending", [".pt", pytest.param(".pt2", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("content", PROGRAMS.values(), ids=PROGRAMS)
def test_a_file_that_is_no_program_is_refused(ending: str, content: bytes) -> None:
    Path(f"m{ending}").write_bytes(content)
    done = isomorph("diagnose", "cifar/resnet20", f"m{ending}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"isomorph: m{ending} holds no ")
