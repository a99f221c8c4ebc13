"""`map`: which tensor of a model is which, written, edited and read back; and what no map can say."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import architecture, zoo
from isomorph.tools import MapReport, convert, diff, map_tensors
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.weights.weights import read_weights

from ..command import answered, isomorph, left, refused
from .ports import LENET, PORT, needs_pytorch, run_python, write

pytestmark = [needs_pytorch, pytest.mark.usefixtures("empty_folder")]

LE, MODEL, R20, MINE = "paddle/LeNet", "lenet.py:make", "cifar/resnet20", "port.py:make_model"

LINES = """\
arch = "paddle/LeNet"

[tensors]  # of the network = in the file
"block1/weights" = "a.weight"                               # sure
"block1/biases" = "a.bias"                                  # sure
"block2/weights" = "b.weight"                               # sure
"block2/biases" = "b.bias"                                  # sure
"fc3/weights" = { tensor = "one.weight", axes = "O(IHW)" }  # sure
"fc3/biases" = "one.bias"                                   # sure
"fc4/weights" = "two.weight"                                # sure
"fc4/biases" = "two.bias"                                   # sure
"logits/weights" = "head.weight"                            # sure
"logits/biases" = "head.bias"                               # sure
"""


@pytest.fixture(autouse=True)
def _files(empty_folder: None) -> None:
    write({"lenet.py": LENET, "port.py": PORT})


def test_a_map_is_written_for_people_and_goes_to_stdout_alone() -> None:
    text = answered("map", LE, MODEL, "--out", "-")
    assert text.partition("\n\n")[2] == LINES
    assert text.startswith(f"# Which tensor of {MODEL} is which of {LE}'s: correct what is wrong,\n")


def test_the_report_lists_each_tensor_with_its_axes() -> None:
    said = answered("map", LE, MODEL, "--out", "map.toml", "--json", "map.json").splitlines()
    assert said[0].split() == [LE, MODEL, "axes", "how"]
    assert said[5].split() == ["fc3/weights", "one.weight", "O(IHW)", "sure"]
    assert said[-1] == "10 tensors, 10 of them sure by structure alone."
    document = json.loads(Path("map.json").read_text())
    assert (document["subject"], document["model"], len(document["tensors"])) == (LE, MODEL, 10)
    assert document["tensors"][4] == {
        "canonical": "fc3/weights",
        "theirs": "one.weight",
        "shape": [120, 400],
        "axes": "O(IHW)",
        "how": "sure",
    }


def saved(report: MapReport, code: str) -> None:
    """Write the map, and the model's tensors as `mine.pth`."""
    Path("map.toml").write_text(report.to_toml("map.toml"))
    run_python(code)


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
def test_a_dense_layer_reads_a_flattened_map_in_the_order_of_the_model(last: bool) -> None:
    report = map_tensors(LE, MODEL, call={"last": last})
    assert report.axes["fc3/weights"] == ("O(HWI)" if last else "O(IHW)")
    saved(report, f"import lenet; lenet.save('mine.pth', last={last})")
    kernel = read_weights("mine.pth", tensor_map="map.toml").tensors["fc3/weights"]
    theirs = read_checkpoint("mine.pth").tensors["one.weight"]
    order = (1, 2, 3, 0) if last else (2, 3, 1, 0)
    shape = (120, 5, 5, 16) if last else (120, 16, 5, 5)
    assert np.array_equal(kernel, theirs.reshape(shape).transpose(order))


def test_a_ported_checkpoint_becomes_the_zoos_own_bit_for_bit() -> None:
    """Read by the map and written with the zoo's names, then read without one."""
    saved(map_tensors(R20, MINE), "import port, torch; torch.save(port.make_model().state_dict(), 'mine.pth')")
    convert("mine.pth", "theirs.pth", tensor_map="map.toml", to="cifar")
    mine, theirs = (read_checkpoint(path).tensors for path in ("mine.pth", "theirs.pth"))
    assert theirs.keys() >= {tensor.name for tensor in zoo("cifar").naming.tensors(architecture(R20)).values()}
    renamed = {"conv1.weight": "stem.weight", "layer2.0.conv1.weight": "units.3.first.weight"}
    for name, own in renamed.items():
        assert theirs[name].tobytes() == mine[own].tobytes()
    assert diff("mine.pth", "theirs.pth", tensor_map="map.toml").exit_status == 0


@pytest.mark.thorough  # as cifar/resnet20, with 11 million numbers
def test_a_ported_checkpoint_becomes_torchvisions_file() -> None:
    write({"resnet18.py": RESNET18})
    saved(
        map_tensors("torchvision/resnet18", "resnet18.py:make"),
        "import resnet18, torch; torch.save(resnet18.make().state_dict(), 'mine.pth')",
    )
    convert("mine.pth", "theirs.pth", tensor_map="map.toml", to="torchvision")
    mine, theirs = (read_checkpoint(path).tensors for path in ("mine.pth", "theirs.pth"))
    counters = {name for name in mine if name.endswith("num_batches_tracked")}
    assert len(theirs) == len(mine) - len(counters) == 102
    renamed = {"conv1.weight": "stem.weight", "layer4.0.downsample.0.weight": "body.6.short.0.weight"}
    renamed |= {"layer1.1.bn2.running_var": "body.1.n2.running_var", "fc.bias": "head.bias"}
    for name, own in renamed.items():
        assert theirs[name].tobytes() == mine[own].tobytes()


RESNET18 = """
import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
    def __init__(self, before, depth, stride):
        super().__init__()
        self.c2, self.n2 = nn.Conv2d(depth, depth, 3, 1, 1, bias=False), nn.BatchNorm2d(depth)
        self.c1, self.n1 = nn.Conv2d(before, depth, 3, stride, 1, bias=False), nn.BatchNorm2d(depth)
        projection = nn.Sequential(nn.Conv2d(before, depth, 1, stride, bias=False), nn.BatchNorm2d(depth))
        self.short = projection if before != depth else nn.Identity()

    def forward(self, x):
        return F.relu(self.n2(self.c2(F.relu(self.n1(self.c1(x))))) + self.short(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        shapes = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1)]
        shapes += [(128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
        self.head, self.body = nn.Linear(512, 1000), nn.Sequential(*(Unit(*shape) for shape in shapes))
        self.stem, self.norm = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)

    def forward(self, x):
        return self.head(self.body(F.max_pool2d(F.relu(self.norm(self.stem(x))), 3, 2, 1)).mean((2, 3)))


def make():
    return Net().eval()
"""


def test_a_map_can_be_edited() -> None:
    """Two kernels of one shape that change places are read so."""
    saved(map_tensors(R20, MINE), "import port, torch; torch.save(port.make_model().state_dict(), 'mine.pth')")
    before = read_weights("mine.pth", tensor_map="map.toml").tensors
    first, second = '"units.0.first.weight"', '"units.0.second.weight"'
    text = Path("map.toml").read_text()
    Path("map.toml").write_text(text.replace(first, "?").replace(second, first).replace("?", second))
    after = read_weights("mine.pth", tensor_map="map.toml").tensors
    names = [f"block1/unit_1/basic_v1/conv{number}/weights" for number in (1, 2)]
    assert [np.array_equal(after[name], before[other]) for name, other in zip(names, names[::-1], strict=True)] == [
        True
    ] * 2


def test_a_network_of_ones_own_is_named_from_the_maps_folder() -> None:
    answered("show", LE, "--toml", "mine.toml", "-q")
    Path("maps").mkdir()
    answered("map", "mine.toml", MODEL, "--out", "maps/map.toml", "-q")
    assert 'arch = "../mine.toml"' in Path("maps/map.toml").read_text().splitlines()
    run_python("import lenet; lenet.save('mine.pth')")
    assert read_weights("mine.pth", tensor_map="maps/map.toml").architecture.name == "mine/LeNet"


REFUSED: dict[str, tuple[Callable[[], tuple[str, ...]], str]] = {
    "a kernel that is computed": (
        lambda: (LE, MODEL, "--call", "doubled=true"),
        f"block2/weights is computed by {MODEL} from others, so that no file of it holds it.",
    ),
    "biases that are packed": (
        lambda: (LE, MODEL, "--call", "packed=true"),
        f"{MODEL} has block1/biases and block2/biases packed in one tensor, biases; a map needs one for each.",
    ),
    "biases that are tied": (
        lambda: (LE, MODEL, "--call", "tied=true"),
        f"{MODEL} has fc3/biases and logits/biases tied in one tensor, one.bias; a map needs one for each.",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_no_map_can_say_is_refused(arguments: Callable[[], tuple[str, ...]], sentence: str) -> None:
    assert refused("map", *arguments(), "--out", "map.toml") == sentence
    assert left() == ["lenet.py", "port.py"]


@pytest.mark.thorough  # every option of files that are replaced is one
def test_a_map_that_is_there_is_replaced_on_demand() -> None:
    Path("map.toml").write_text("old")
    done = isomorph("map", LE, MODEL, "--out", "map.toml", "--force", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert Path("map.toml").read_text().endswith(LINES)
