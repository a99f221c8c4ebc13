"""Models in ONNX, traced: every operator is named, and the oracle gives the value of each."""

import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.inliner
import pytest
import torch
from onnx import NodeProto
from torch import nn

from isomorph.backends import load_backend
from isomorph.backends.models import Model
from isomorph.backends.onnx.running import Reference
from isomorph.spec import Architecture, architecture
from isomorph.spec.operations import (
    RELU6,
    SHIFT,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    GroupNorm,
    Mean,
    Pointwise,
    Unknown,
)
from isomorph.spec.tensors import BIASES, GAMMA, MOVING_VARIANCE, WEIGHTS

from .graph_checks import assert_is_known, kinds
from .onnx_graphs import IMAGES, STATISTICS, W, draw, make, model, node

Array = npt.NDArray[Any]

FLOAT32 = 1e-5
"""What single operators lose in float32, with room: sums of some hundreds of terms."""


def exported(module: nn.Module, images: Array) -> Model:
    """A module of PyTorch as its own exporter writes it, with its batch norms folded."""
    written: Any = BytesIO()  # which its type hints have forgotten
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no other package is the older one, and says so
        torch.onnx.export(
            module.eval(), (x,), written, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "images"}}
        )
    return model(onnx.load_from_string(written.getvalue()))


class Attention(nn.Module):
    """Positions of a map that attend to one another, and an encoder's layer behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(8, eps=1e-3), nn.MultiheadAttention(8, 2, batch_first=True)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        answers: torch.Tensor = self.layer(self.attention(tokens, tokens, tokens)[0] + tokens)
        return answers


class SqueezeAndExcite(nn.Module):
    """A block that weighs channels, with operators and functions, as many write it."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.relu(self.squeeze(x.mean((2, 3), keepdim=True)))
        return x * nn.functional.hardsigmoid(self.excite(y)) + x


# Those that PyTorch's older exporter writes as they are: others' strided convolutions it pads otherwise.
NETWORKS = pytest.mark.parametrize("name", ["torchvision", "cifar", "inceptions", "torchvision/mobilenet_v2"])


@NETWORKS
def test_network_of_pytorch(name: str, designs: dict[str, Architecture], images: Array) -> None:
    network = load_backend("pytorch").build(designs[name] if name in designs else architecture(name))
    images = images.astype(np.float32)
    own = exported(network.native, images)
    graph = own.trace(images)
    assert_is_known(graph, FLOAT32)
    logits = network.end_points(images)["logits"][:, 0, 0]
    np.testing.assert_allclose(graph.take(next(iter(graph.outputs.values()))), logits, rtol=1e-3, atol=1e-4)
    assert own.input_shape == images.shape[1:]


@NETWORKS
def test_network_of_pytorch_in_float64(name: str, designs: dict[str, Architecture], images: Array) -> None:
    network = load_backend("pytorch").build(designs[name] if name in designs else architecture(name))
    own = exported(network.native, images.astype(np.float32))
    assert own.cast("float64")
    assert own.dtype == "float64"
    assert_is_known(own.trace(images))


@pytest.mark.parametrize("module", [Attention, SqueezeAndExcite], ids=["attention", "squeeze and excite"])
def test_module_of_functions_and_operators(module: type[nn.Module]) -> None:
    own = exported(module(), IMAGES)
    assert_is_known(own.trace(IMAGES), FLOAT32)
    assert own.cast("float64")
    assert_is_known(own.trace(IMAGES.astype(np.float64)))


def nodes_behind(graph: Any) -> list[Any]:
    return list(graph.nodes.values())[1:]


def test_tensors_keep_their_names_and_layouts() -> None:
    kernels = {"conv.weight": draw(4, 8, 3, 3), "conv.bias": draw(4), "fc.weight": draw(5, 4 * 7 * 8)}
    tensors = kernels | {name: value[:4] for name, value in STATISTICS.items()}
    native = make(
        [
            node("Conv", "x conv.weight conv.bias", "c"),
            node("BatchNormalization", "c g b m v", "n", epsilon=2e-5),
            node("Flatten", "n", "f"),
            node("Identity", "fc.weight", "w"),
            node("Transpose", "w", "t", perm=[1, 0]),
            node("MatMul", "f t"),
        ],
        tensors,
    )
    own = model(native)
    convolution, norm, dense = nodes_behind(own.trace(IMAGES))
    assert (convolution.operation, dense.operation) == (Convolution(), Dense())
    assert norm.operation == BatchNorm(float(np.float32(2e-5)))
    assert [convolution.tensors[leaf].name for leaf in (WEIGHTS, BIASES)] == ["conv.weight", "conv.bias"]
    np.testing.assert_array_equal(convolution.arrays[WEIGHTS], tensors["conv.weight"].transpose(2, 3, 1, 0))
    assert (norm.tensors[GAMMA].name, norm.tensors[MOVING_VARIANCE].name) == ("g", "v")
    assert dense.tensors[WEIGHTS].name == "fc.weight"
    assert list(own.tensors()) == list(tensors)


def test_tensor_of_one_number_keeps_its_name() -> None:
    nodes = [node("MatMul", "x w", "p"), node("Add", "p bias", "a"), node("Mul", "a half")]
    tensors = {"w": draw(10, 1), "bias": draw(1), "half": np.array(0.5, np.float32)}
    _, bias, half = nodes_behind(model(make(nodes, tensors)).trace(IMAGES))
    assert bias.tensors[SHIFT].name == "bias"
    assert half.operation == Pointwise("linear", (0.5, 0.0))


def test_results_of_constant_operators_are_tensors() -> None:
    constant = onnx.helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(W))
    one = onnx.helper.make_node("Constant", [], ["one"], value_float=1.0)
    own = model(make([constant, one, node("Conv", "x w", "c"), node("Add", "c one")]))
    convolution, added = nodes_behind(own.trace(IMAGES))
    assert convolution.tensors[WEIGHTS].name == "w"
    assert added.operation == Pointwise("linear", (1.0, 1.0))
    assert list(own.tensors()) == ["w", "one"]


def test_weights_are_put_into_a_model() -> None:
    own = model(make([node("Conv", "x w")], {"w": W}))
    own.load({"w": 2 * W})
    np.testing.assert_array_equal(own.tensors()["w"], 2 * W)
    (convolution,) = nodes_behind(own.trace(IMAGES))
    np.testing.assert_array_equal(convolution.arrays[WEIGHTS], 2 * W.transpose(2, 3, 1, 0))


def test_training_is_told_and_traced() -> None:
    nodes = [
        onnx.helper.make_node("BatchNormalization", list("xgbmv"), ["n", "mean", "var"], "norm", training_mode=1),
        node("Dropout", "n share on"),
    ]
    constants = {"share": np.array(0.5, np.float32), "on": np.array(True)}
    own = model(make(nodes, STATISTICS | constants))
    assert own.in_training() == ["norm", "y"]
    operations = [each.operation for each in nodes_behind(own.trace(IMAGES))]
    assert BatchNorm(float(np.float32(1e-5)), batch_statistics=True) in operations
    assert Dropout(0.5) in operations


def test_inference_is_not_told() -> None:
    own = model(make([node("BatchNormalization", "x g b m v", "n"), node("Dropout", "n")], STATISTICS))
    assert own.in_training() == []


def test_unknown_operator_is_named() -> None:
    own = model(make([node("Sin", "x", "s"), node("BiasGelu", "s c", domain="com.microsoft")], {"c": draw(10)}))
    sine, gelu = nodes_behind(own.trace(IMAGES))
    assert (sine.operation, gelu.operation) == (Unknown("Sin"), Unknown("com.microsoft.BiasGelu"))
    assert [read.source for read in gelu.reads] == [sine.number]


def test_value_that_went_through_a_sequence_is_unknown() -> None:
    nodes = [node("SplitToSequence", "x sizes", "s", axis=1), node("SequenceAt", "s first", "p"), node("Relu", "p")]
    own = model(make(nodes, {"sizes": np.array([3, 5]), "first": np.array(0)}))
    assert kinds(own.trace(IMAGES)) == ["Unknown", "Pointwise"]


def test_value_that_a_graph_inside_reads_is_not_taken_for_a_constant() -> None:
    returned = [onnx.helper.make_empty_tensor_value_info("z")]
    rectified, negated = (
        onnx.helper.make_graph([node(operator, "x", "z")], operator, [], returned) for operator in ("Relu", "Neg")
    )
    own = model(make([node("If", "yes", then_branch=rectified, else_branch=negated)], {"yes": np.array(True)}))
    (unknown,) = nodes_behind(own.trace(IMAGES))
    assert (unknown.operation, len(unknown.reads)) == (Unknown("If"), 1)


@pytest.mark.parametrize("before", [[], [node("Sub", "x mean", "x_")]], ids=["at once", "behind a mean"])
def test_channels_last_is_told_from_what_reads_the_images(before: list[NodeProto]) -> None:
    images = before[-1].output[0] if before else "x"
    nodes = [*before, node("Transpose", f"{images}", "t", perm=[0, 3, 1, 2]), node("Conv", "t w")]
    own = model(make(nodes, {"w": draw(4, 3, 3, 3), "mean": draw(3)}, shape=["n", 32, "w", 3]))
    assert own.input_shape == (32, None, 3)
    graph = own.trace(draw(2, 32, 20, 3))
    assert_is_known(graph, FLOAT32)


def test_results_go_by_their_names() -> None:
    own = model(make([node("Relu", "x"), node("Neg", "x", "z")], returned=["y", "z"]))
    assert list(own.trace(IMAGES).outputs) == ["y", "z"]


def test_functions_of_a_model_are_written_out() -> None:
    body = onnx.helper.make_function(
        "own",
        "Twice",
        ["a"],
        ["b"],
        [node("Relu", "a", "r"), node("Add", "r r", "b")],
        [onnx.helper.make_opsetid("", 21)],
    )
    native = make([node("Twice", "x", domain="own")])
    native.functions.append(body)
    native.opset_import.append(onnx.helper.make_opsetid("own", 1))
    graph = model(onnx.inliner.inline_local_functions(native)).trace(IMAGES)
    assert kinds(graph) == ["Pointwise", "Sum"]


def test_global_pools_and_activations_are_plain() -> None:
    clip = {"low": np.array(0, np.float32), "high": np.array(6, np.float32)}
    own = model(make([node("Clip", "x low high", "c"), node("GlobalAveragePool", "c")], clip))
    assert [each.operation for each in nodes_behind(own.trace(IMAGES))] == [RELU6, Mean()]


def test_instance_norm_has_a_group_for_each_channel() -> None:
    own = model(make([node("InstanceNormalization", "x g b")], {"g": draw(8), "b": draw(8)}))
    (norm,) = nodes_behind(own.trace(IMAGES))
    assert norm.operation == GroupNorm(8, float(np.float32(1e-5)))


def test_model_stays_as_it_is_where_it_cannot_be_cast() -> None:
    own = model(make([node("BiasGelu", "x c", domain="com.microsoft")], {"c": draw(10)}))
    assert not own.cast("float64")
    assert own.dtype == "float32"
    assert kinds(own.trace(IMAGES)) == ["Unknown"]


def test_model_of_whole_numbers_is_not_cast() -> None:
    nodes = [node("Cast", "x", "f", to=onnx.TensorProto.FLOAT), node("Relu", "f")]
    native = make(nodes)
    native.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    own = model(native)
    assert (own.dtype, own.cast("float64")) == ("uint8", False)
    graph = own.trace(np.arange(1440, dtype=np.uint8).reshape(2, 9, 10, 8))
    assert kinds(graph) == ["Pointwise"]


def test_reference_that_disagrees_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    run: Callable[..., dict[str, Array]] = Reference.run
    own = model(make([node("Conv", "x w")], {"w": W}))
    monkeypatch.setattr(Reference, "run", lambda *given: {name: 1.1 * y for name, y in run(*given).items()})
    assert not own.cast("float64")
    monkeypatch.undo()
    assert own.cast("float64")
