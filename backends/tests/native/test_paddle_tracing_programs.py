"""Programs that `paddle.jit.save` wrote, opened and traced, or refused in one sentence."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn

from isomorph.backends import load_backend
from isomorph.spec import BadInput

from .graph_checks import assert_is_known, kinds
from .paddle_layers import RNG


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prefix of a program, saved by a process of its own, as others' are."""
    prefix = tmp_path_factory.mktemp("program") / "net"
    script = """
import sys, paddle
from paddle import nn
class Net(nn.Layer):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2D(3, 8, 3, stride=2), nn.BatchNorm2D(8), nn.ReLU(), nn.MaxPool2D(3, 2, 1))
        self.attention, self.head = nn.MultiHeadAttention(8, 2), nn.Linear(8, 5)
    def forward(self, x):
        y = self.body(x)
        y = y[:, :, 1:] * 0.3
        y = self.attention(y.flatten(2).transpose([0, 2, 1]))
        return nn.functional.dropout(self.head(y.mean(1)), 0.2, training=self.training)
net = Net()
net.eval()
paddle.jit.save(net, sys.argv[1], input_spec=[paddle.static.InputSpec([None, 3, 33, 30], "float32")])
"""
    file = tmp_path_factory.mktemp("script") / "save.py"  # Paddle reads the source of what it saves
    file.write_text(script)
    subprocess.run([sys.executable, "-W", "ignore", str(file), str(prefix)], check=True, capture_output=True)
    return prefix


@pytest.mark.parametrize("ending", ["", ".json", ".pdiparams", "folder"])
def test_saved_program_gives_its_inner_values(saved: Path, ending: str) -> None:
    what = saved.parent if ending == "folder" else saved.with_name(saved.name + ending)
    program = load_backend("paddle").open(str(what))
    assert (program.input_shape, program.batch, program.dtype) == ((33, 30, 3), None, "float32")
    assert program.in_training() == []
    images = RNG.normal(size=(2, 33, 30, 3)).astype(np.float32)
    graph = program.trace(images)
    loaded = paddle.jit.load(str(saved))
    answer = loaded(paddle.to_tensor(images.transpose(0, 3, 1, 2))).numpy()
    np.testing.assert_allclose(graph.take(graph.outputs[""]), answer, atol=1e-6)
    assert {"Convolution", "BatchNorm", "MaxPool", "Softmax", "MatrixProduct", "Dense"} <= set(kinds(graph))
    assert_is_known(graph, limit=1e-5)


def test_saved_program_computes_in_float64(saved: Path) -> None:
    program = load_backend("paddle").open(str(saved))
    before = program.tensors()
    assert program.cast("float64")
    assert program.dtype == "float64"
    graph = program.trace(RNG.normal(size=(2, 33, 30, 3)))
    assert_is_known(graph)
    names = {tensor.name for node in graph.nodes.values() for tensor in node.tensors.values() if tensor.name}
    assert names == set(before)


def test_damaged_program_is_refused(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_bytes(saved.with_name("net.json").read_bytes()[:500])
    (tmp_path / "net.pdiparams").write_bytes(saved.with_name("net.pdiparams").read_bytes())
    with pytest.raises(BadInput, match=r"net\.json is no program that this Paddle can load: "):
        load_backend("paddle").open(str(tmp_path / "net"))


def test_program_of_paddle_2_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.pdmodel").write_bytes(b"")
    with pytest.raises(BadInput, match=r"net\.pdmodel is a program of Paddle 2, of which only the end result"):
        load_backend("paddle").open(str(tmp_path / "net.pdmodel"))


def test_program_without_images_is_refused(tmp_path: Path) -> None:
    layer = nn.Linear(3, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Paddle's own code does
        paddle.jit.save(layer, str(tmp_path / "net"), input_spec=[paddle.static.InputSpec([None, 3], "float64")])
    with pytest.raises(BadInput, match=r"net\.json takes -1x3, expected the 4 axes of images alone\.$"):
        load_backend("paddle").open(str(tmp_path))


def test_folder_without_a_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds 0 programs of Paddle, expected one"):
        load_backend("paddle").open(str(tmp_path))
