"""Models of Paddle that others wrote, traced: every operation is named, and the oracle gives the value of each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn
from paddle.jit.dy2static.program_translator import ProgramTranslator

from isomorph.backends import Unavailable, load_backend
from isomorph.backends.options import Layout
from isomorph.backends.paddle.tracing import tracer
from isomorph.spec import Architecture, BadInput
from isomorph.spec.operations import (
    RELU,
    SHIFT,
    BatchNorm,
    Convolution,
    Dropout,
    LayerNorm,
    MaxPool,
    Mean,
    Pointwise,
    Unknown,
)
from isomorph.spec.tensors import BETA, GAMMA, MOVING_VARIANCE, WEIGHTS

from .graph_checks import assert_is_known, kinds
from .paddle_layers import IMAGES, RNG, Functional, model

Array = npt.NDArray[Any]


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    """Have layers that tests make hold float64."""
    paddle.set_default_dtype("float64")
    yield
    paddle.set_default_dtype("float32")


class SqueezeAndExcite(nn.Layer):  # type: ignore[misc]
    """A block that weighs channels, with operators and functions, as many write it."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Conv2D(8, 2, 1), nn.Conv2D(2, 8, 1)

    def forward(self, x: Any) -> Any:
        y = F.relu_(self.squeeze(F.adaptive_avg_pool2d(x, 1)))
        return x * F.hardsigmoid(self.excite(y)) + x


class Static(nn.Layer):  # type: ignore[misc]
    """A layer that Paddle would run as a program."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2D(8, 4, 3, bias_attr=False)

    @paddle.jit.to_static  # type: ignore[untyped-decorator]
    def forward(self, x: Any) -> Any:
        return F.relu(self.convolution(x))


class Attention(nn.Layer):  # type: ignore[misc]
    """Positions of a map that attend to one another, and an encoder's layer behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(8, epsilon=1e-3), nn.MultiHeadAttention(8, 2)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", normalize_before=True)

    def forward(self, x: Any) -> Any:
        tokens = x.flatten(2).transpose([0, 2, 1])
        return self.layer(self.attention(self.norm(tokens)) + tokens)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        *((name, 67) for name in ("resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_25")),
        *((name, 67) for name in ("squeezenet1_0", "densenet121", "vgg11")),
        *(("googlenet", 224), ("inception_v3", 99)),  # which need as much
    ],
)
def test_network_of_paddle(name: str, side: int) -> None:
    network = model(getattr(paddle.vision.models, name)())
    assert network.cast("float64")
    images = RNG.normal(size=(1, side, side - side % 2, 3))
    graph = network.trace(images)
    assert_is_known(graph)
    answers = network.native(paddle.to_tensor(images.transpose(0, 3, 1, 2)))
    answers = answers if isinstance(answers, list | tuple) else [answers]
    for read, answer in zip(graph.outputs.values(), answers, strict=True):
        np.testing.assert_array_equal(graph.take(read), answer.numpy())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_own_networks(design: Architecture, layout: Layout, images: Array) -> None:
    network = load_backend("paddle").build(design, dtype="float64", layout=layout)
    graph = model(network.native).trace(images)
    logits = graph.take(next(iter(graph.outputs.values())))
    assert_is_known(graph)
    np.testing.assert_array_equal(logits, network.end_points(images)["logits"][:, 0, 0])


@pytest.mark.parametrize("layer", [SqueezeAndExcite, Attention], ids=["squeeze and excite", "attention"])
def test_layer_of_functions_and_operators(layer: type[nn.Layer]) -> None:
    assert_is_known(model(layer()).trace(IMAGES))


def test_constants_are_those_that_paddle_computes_with() -> None:
    layer = nn.Sequential(nn.BatchNorm2D(8, epsilon=1e-3), nn.Hardsigmoid(), nn.LayerNorm(10, epsilon=1e-3))
    norm, activation, last = list(model(layer).trace(IMAGES).nodes.values())[1:]
    rounded = float(np.float32(1e-3))
    assert norm.operation == BatchNorm(rounded)
    assert activation.operation == Pointwise("hard_sigmoid", (float(np.float32(0.1666667)), 0.5))
    assert last.operation == LayerNorm(rounded)


def test_bilinear_cells_lie_where_float32_has_them() -> None:
    # Paddle (3.3) holds the distance of cells in float32: the values are those of float64 to its rounding
    graph = model(Functional(lambda x: F.interpolate(x, [12, 11], mode="bilinear"))).trace(IMAGES)
    with pytest.raises(AssertionError, match=r"^Resize\("):
        assert_is_known(graph)
    assert_is_known(graph, limit=1e-5)


def test_tensors_keep_their_names_and_layouts() -> None:
    layer = nn.Sequential(nn.Conv2D(8, 4, 3), nn.BatchNorm2D(4), nn.Flatten(), nn.Linear(4 * 7 * 8, 5))
    own = model(layer)
    convolution, bias, norm, dense = list(own.trace(IMAGES).nodes.values())[1:]
    assert convolution.operation == Convolution()
    assert [convolution.tensors[WEIGHTS].name, bias.tensors[SHIFT].name] == ["0.weight", "0.bias"]
    np.testing.assert_array_equal(convolution.arrays[WEIGHTS], own.tensors()["0.weight"].transpose(2, 3, 1, 0))
    assert [norm.tensors[leaf].name for leaf in (GAMMA, BETA, MOVING_VARIANCE)] == ["1.weight", "1.bias", "1._variance"]
    assert dense.tensors[WEIGHTS].name == "3.weight"
    assert [each.name for each in (convolution, bias, norm, dense)] == ["0", "0", "1", "3"]


def test_tensor_of_one_number_keeps_its_name() -> None:
    _, bias = list(model(nn.Sequential(nn.Conv2D(8, 1, 1))).trace(IMAGES).nodes.values())[1:]
    assert bias.tensors[SHIFT].name == "0.bias"


def test_work_in_place_leaves_what_was_recorded_before() -> None:
    graph = model(Functional(lambda x: F.relu_(x + 1))).trace(IMAGES)
    summed, activated = list(graph.nodes.values())[1:]
    assert activated.operation == RELU
    np.testing.assert_array_equal(summed.value, IMAGES + 1)


def test_fused_activation_of_an_older_layer_is_seen() -> None:
    graph = model(nn.Sequential(nn.BatchNorm(8, act="relu", dtype="float64"))).trace(IMAGES)
    assert kinds(graph) == ["BatchNorm", "Pointwise"]
    assert_is_known(graph)


def test_static_layer_runs_its_operations() -> None:
    assert kinds(model(Static()).trace(IMAGES)) == ["Convolution", "Pointwise"]
    assert ProgramTranslator.get_instance().enable_to_static


def test_means_of_maps_are_one_operation() -> None:
    for layer in (nn.AdaptiveAvgPool2D(1), Functional(lambda x: x.mean([2, 3]))):
        (node,) = list(model(layer).trace(IMAGES).nodes.values())[1:]
        assert node.operation == Mean()


def test_training_is_told_and_traced() -> None:
    layer = nn.Sequential(nn.Conv2D(8, 8, 1), nn.BatchNorm2D(8), nn.Dropout(0.4), nn.ReLU())
    own = load_backend("paddle").model(layer)
    assert own.in_training() == ["1", "2"]
    operations = [node.operation for node in own.trace(IMAGES).nodes.values()]
    assert BatchNorm(float(np.float32(1e-5)), batch_statistics=True) in operations
    assert Dropout(0.4) in operations
    np.testing.assert_array_equal(own.tensors()["1._mean"], np.zeros(8))
    layer.eval()
    assert own.in_training() == []


def test_unknown_operation_is_named() -> None:
    (node,) = list(model(Functional(paddle.sin)).trace(IMAGES).nodes.values())[1:]
    assert node.operation == Unknown("sin")
    assert len(node.reads) == 1


def test_paddle_is_left_as_it_was() -> None:
    before = paddle._C_ops.conv2d, paddle.Tensor.__add__, nn.functional.common._C_ops.dropout, paddle.mean
    with pytest.raises(ValueError, match="this model fails"):
        model(Functional(_failing)).trace(IMAGES)
    after = paddle._C_ops.conv2d, paddle.Tensor.__add__, nn.functional.common._C_ops.dropout, paddle.mean
    assert before == after


def _failing(x: Any) -> Any:
    raise ValueError("this model fails")


@pytest.mark.parametrize("name", ["conv2d", "batch_norm"])
def test_missing_hook_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(paddle._C_ops, name)
    with pytest.raises(Unavailable, match=rf"^Models of Paddle .* cannot be traced: it has no paddle._C_ops.{name}\.$"):
        model(Functional(F.relu)).trace(IMAGES)


def test_paddle_has_the_private_functions_that_a_trace_replaces() -> None:
    known = tracer.missing_hooks()
    assert known == [], (
        f"This Paddle has no {', '.join(known)}: paddle/tracing/tracer.py sees its operations through them and has to "
        "learn where they are now."
    )


def test_weights_are_put_into_a_model() -> None:
    own = model(nn.Sequential(nn.Linear(8, 3)))
    drawn = {name: RNG.normal(size=value.shape) for name, value in own.tensors().items()}
    own.load(drawn)
    np.testing.assert_array_equal(own.tensors()["0.weight"], drawn["0.weight"])
    assert (own.dtype, own.input_shape) == ("float64", (None, None, None))


def test_factory_is_called(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from paddle import nn\ndef make(n):\n    return nn.Conv2D(3, n, 3)\n")
    opened = load_backend("paddle").open(f"{tmp_path / 'mine.py'}:make", {"n": 4})
    assert opened.input_shape == (None, None, 3)
    with pytest.raises(BadInput, match=r"returned int, expected a paddle\.nn\.Layer"):
        (tmp_path / "other.py").write_text("def make():\n    return 1\n")
        load_backend("paddle").open(f"{tmp_path / 'other.py'}:make")


def test_max_pool_begins_with_float32s_lowest() -> None:
    (node,) = list(model(nn.MaxPool2D(2, 3, ceil_mode=True)).trace(IMAGES).nodes.values())[1:]
    assert isinstance(node.operation, MaxPool)
    assert node.operation.fill == float(np.finfo(np.float32).min)
