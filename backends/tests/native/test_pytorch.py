"""The network in PyTorch, used as users of PyTorch do. The same tests, in this order, are those of Keras and Paddle."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends import load_backend
from isomorph.backends.protocol import Network
from isomorph.spec import Architecture, count_parameters, infer, plan
from isomorph.spec.convention import as_float32
from isomorph.spec.document import to_document

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Close = Callable[[Any, Any, float], None]


def build(architecture: Architecture, dtype: str = "float32", training: bool = False) -> Network:
    torch.manual_seed(0)
    return load_backend("pytorch").build(architecture, dtype=dtype, training=training)


def to_native(images: Array, dtype: str = "float32") -> Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(getattr(torch, dtype))


def to_numpy(x: Tensor) -> Array:
    """As NumPy, in float64; a map in NHWC."""
    array: Array = x.detach().double().numpy()
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def answers(found: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The logits and, in training, the auxiliary heads'."""
    return found if isinstance(found, tuple) else (found,)


def test_logits_are_a_row_for_each_image(
    design: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    network = build(design, "float64")
    network.load(weights(design))
    logits = to_numpy(network.native(to_native(images, "float64")))
    assert logits.shape == (8, 10)
    assert_close(logits, network.end_points(images)["logits"][:, 0, 0], 1e-14)


@pytest.mark.parametrize(
    ("options", "last"),
    [
        pytest.param({"global_pool": False}, "logits", id="a map of logits without the pool"),
        pytest.param({"num_classes": None}, "global_pool", id="a row of features without the classifier"),
        pytest.param({"num_classes": None, "global_pool": False}, "block2", id="a map of features without the head"),
    ],
)
def test_result_is(options: dict[str, Any], last: str, designs: dict[str, Architecture], images: Array) -> None:
    architecture = designs["slim"].with_options(**options)
    expected = infer(architecture, 33, 30).shapes(8)[last]
    found = to_numpy(build(architecture).native(to_native(images)))
    assert found.shape == (expected if last != "global_pool" else (8, expected[3]))


def test_training_moves_the_running_mean_by_the_decay(design: Architecture, images: Array, assert_close: Close) -> None:
    network = build(design, "float64", training=True)
    x = to_native(images, "float64")
    assert network.native.training
    convolved: list[Tensor] = []
    network.native.stem.conv1.conv.register_forward_hook(lambda _module, _inputs, y: convolved.append(y.clone()))
    training = to_numpy(answers(network.native(x))[0])
    mean = to_numpy(convolved[0]).mean((0, 1, 2))
    moved = network.tensors()["conv1/BatchNorm/moving_mean"]
    assert_close(moved, mean * (1 - plan(design).decay), 1e-6)
    network.native.eval()
    inference = to_numpy(network.native(x))
    assert not np.allclose(inference, training), "inference used the batch's own statistics"
    assert np.array_equal(network.tensors()["conv1/BatchNorm/moving_mean"], moved)


def train_one_step(
    design: Architecture, images: Array, labels: Array, of_heads: float = 1.0
) -> tuple[float, float, list[str]]:
    """The loss before and behind, and the parameters that stayed as they were.

    of_heads: times the auxiliary heads' losses.
    """
    native = build(design, training=True).native
    optimizer = torch.optim.SGD(native.parameters(), lr=0.01)
    parameters = dict(native.named_parameters())
    before = {name: to_numpy(parameter) for name, parameter in parameters.items()}
    x, y = to_native(images), torch.from_numpy(labels)

    def loss() -> Tensor:
        first, *others = (F.cross_entropy(answer, y) for answer in answers(native(x)))
        return sum((of_heads * other for other in others), first)

    found = loss()
    found.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    still = [name for name in parameters if np.array_equal(to_numpy(parameters[name]), before[name])]
    return found.item(), loss().item(), still


def test_one_training_step_lowers_the_loss_and_moves_every_parameter(
    design: Architecture, designs: dict[str, Architecture], images: Array, labels: Array
) -> None:
    before, after, still = train_one_step(design, images, labels)
    assert after < before
    # In the others a batch norm undoes betas and biases before it, and gammas before a depthwise convolution.
    assert still == [] or design is designs["others"]


def test_auxiliary_heads_learn_from_their_own_losses_alone(
    designs: dict[str, Architecture], images: Array, labels: Array
) -> None:
    *_, still = train_one_step(designs["inceptions"], images, labels, of_heads=0.0)
    assert len(still) == 2 * len(("conv", "beta", "fc1", "bias", "logits", "bias"))
    assert [name for name in still if not name.startswith("auxiliary.")] == []


LOAD = """
import json, sys
from pathlib import Path
import numpy as np, torch
from isomorph.backends import load_backend
from isomorph.spec.document import from_document

folder = Path(sys.argv[1])
x = torch.from_numpy(np.load(folder / "images.npy").transpose(0, 3, 1, 2)).float()
for saved in folder.glob("*.pt"):
    architecture = from_document(json.loads(saved.with_suffix(".json").read_text()))
    native = load_backend("pytorch").build(architecture).native
    native.load_state_dict(torch.load(saved, weights_only=True))
    np.save(saved.with_suffix(".npy"), native(x).detach().numpy())
"""


@pytest.fixture(scope="module")
def saved(
    tmp_path_factory: pytest.TempPathFactory,
    asked: dict[str, Architecture],
    images: Array,
    weights: Weights,
    fresh_python: Callable[..., None],
) -> dict[str, tuple[Array, Array]]:
    """Architecture -> the logits before saving, and those of a fresh process."""
    folder = tmp_path_factory.mktemp("saved")
    np.save(folder / "images.npy", images)
    before = {}
    for name, architecture in asked.items():
        network = build(architecture)
        network.load(weights(architecture))
        before[architecture.name] = network.native(to_native(images)).detach().numpy()
        torch.save(network.native.state_dict(), folder / f"{name}.pt")
        (folder / f"{name}.json").write_text(json.dumps(to_document(architecture)))
    fresh_python(LOAD, folder)
    return {
        architecture.name: (before[architecture.name], np.load(folder / f"{name}.npy"))
        for name, architecture in asked.items()
    }


def test_saved_network_loads_in_a_fresh_process(
    design: Architecture, saved: dict[str, tuple[Array, Array]], assert_close: Close
) -> None:
    before, after = saved[design.name]
    assert_close(after, before, 1e-6)


def test_names_are_slims(designs: dict[str, Architecture]) -> None:
    native = build(designs["slim"]).native
    assert [name for name, _ in native.stem.named_children()] == ["conv1", "pool1"]
    assert [name for name, _ in native.blocks.named_children()] == ["block1", "block2"]
    assert [name for name, _ in native.blocks.block1.named_children()] == ["unit_1", "unit_2"]
    unit = native.blocks.block1.unit_1
    assert [name for name, _ in unit.named_children()] == ["shortcut", "conv1", "conv2", "conv3", "activation"]
    assert [name for name, _ in unit.conv1.named_children()] == ["conv", "batch_norm", "activation"]
    assert [name for name, _ in native.head.named_children()] == ["global_pool", "logits", "flatten"]


def test_compiled_network_gives_the_same_logits(
    design: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    network = build(design, "float64")
    network.load(weights(design))
    x = to_native(images, "float64")
    compiled: Any = torch.compile(network.native, backend="aot_eager", fullgraph=True)
    assert_close(to_numpy(compiled(x)), to_numpy(network.native(x)), 1e-13)


def test_compiled_network_trains_with_auxiliary_heads(
    deterministic: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    network = build(deterministic, "float64", training=True)
    network.load(weights(deterministic))
    x = to_native(images, "float64")
    compiled: Any = torch.compile(network.native, backend="aot_eager", fullgraph=True)
    for answer, expected in zip(compiled(x), network.native(x), strict=True):
        assert_close(to_numpy(answer), to_numpy(expected), 1e-13)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(dtype: str, design: Architecture, images: Array, weights: Weights, assert_close: Close) -> None:
    exact, half = build(design), build(design, dtype)
    exact.load(weights(design))
    half.load(weights(design))
    logits = half.native(to_native(images, dtype))
    assert logits.dtype == getattr(torch, dtype)
    expected = to_numpy(exact.native(to_native(images)))
    assert not np.array_equal(to_numpy(logits), expected), "computed in float32"
    assert_close(to_numpy(logits), expected, 0.1)


def test_fresh_weights_follow_the_initializer(draw: Any) -> None:
    native = build(draw.architecture).native
    units = native.blocks.block1
    kernel, other = (unit.conv2.conv.weight.detach().numpy() for unit in (units.unit_1, units.unit_2))
    bias = native.head.logits.conv.bias.detach().numpy()
    convention = draw.architecture.convention
    expected = (
        (kernel, convention.convolution_initializer.stddev(3, 128, 128)),
        (bias, convention.logits_bias_initializer.stddev(1, 4, 20_000)),
    )
    for values, stddev in expected:
        # Five of the deviations that a normal's estimated deviation has.
        assert values.std() / stddev == pytest.approx(draw.deviation, abs=5 / (2 * values.size) ** 0.5)
        assert draw.largest[0] <= np.abs(values).max() / stddev <= draw.largest[1] * (1 + 1e-6)
    assert np.array_equal(kernel, other) == (draw.deviation == 0), "two units drew the same values"


def test_batch_norm_holds_the_rounded_epsilon_and_decay(design: Architecture) -> None:
    found = [layer for layer in build(design, "float64").native.modules() if isinstance(layer, nn.BatchNorm2d)]
    convention = design.convention
    assert {layer.eps for layer in found} == {as_float32(convention.batch_norm_epsilon)}
    assert {layer.momentum for layer in found} == {1 - as_float32(convention.batch_norm_decay)}


def test_batch_norm_without_gamma(designs: dict[str, Architecture]) -> None:
    """PyTorch's own switch leaves out both gamma and beta."""
    native = build(designs["inceptions"], training=True).native
    found = [layer for layer in native.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert {layer.weight for layer in found} == {None}
    assert all(layer.bias.requires_grad for layer in found)
    assert [name for name in native.state_dict() if name.endswith("batch_norm.weight")] == []


def test_input_transform_is_no_tensor_of_the_network(designs: dict[str, Architecture]) -> None:
    native = build(designs["inceptions"]).native
    assert next(iter(native.stem.named_children()))[0] == "input_transform"
    names = [*native.state_dict(), *(name for name, _ in native.named_parameters())]
    assert [name for name in names if "input_transform" in name] == []


def test_kernels_are_transposed_and_come_back(design: Architecture, weights: Weights) -> None:
    network = build(design, "float64")
    given = weights(design)
    network.load(given)
    assert np.array_equal(network.native.stem.conv1.conv.weight.detach(), given["conv1/weights"].transpose(3, 2, 0, 1))
    back = network.tensors()
    assert [name for name in given if not np.array_equal(back[name], given[name])] == []


def test_tensors_are_copies(design: Architecture, weights: Weights) -> None:
    network = build(design, "float64")
    given = weights(design)
    network.load(given)
    for name, tensor in (*network.tensors().items(), *given.items()):
        tensor[...] = len(name)
    expected, found = weights(design), network.tensors()
    assert [name for name in expected if not np.array_equal(found[name], expected[name])] == []


def test_end_points_leave_the_mode_and_the_statistics_alone(designs: dict[str, Architecture], images: Array) -> None:
    network = build(designs["slim"], training=True)
    network.native.head.eval()
    before = network.tensors()
    first, second = network.end_points(images), network.end_points(images[:4])
    network.part("stem", images)
    assert all(value.flags.writeable for value in first.values()), "they are not the caller's own"
    after = network.tensors()
    assert [name for name in before if not np.array_equal(after[name], before[name])] == []
    assert np.allclose(first["logits"][:4], second["logits"], atol=1e-6), "an image's logits depend on its batch"
    assert network.native.blocks.training
    assert not network.native.head.training


def test_summary_counts_the_parameters(design: Architecture) -> None:
    trainable, total = count_parameters(design)
    native = build(design).native
    tensors = {name: tensor for name, tensor in native.state_dict().items() if "num_batches" not in name}
    assert sum(parameter.numel() for parameter in native.parameters()) == trainable
    assert sum(tensor.numel() for tensor in tensors.values()) == total
    text = str(native)
    assert all(f"({name})" in text for name in ("block1", "unit_1", "conv1", "batch_norm", "head"))
