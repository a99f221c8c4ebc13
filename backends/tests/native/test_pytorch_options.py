"""The options of `build` in PyTorch, seen from the native object. The same tests are those of Keras and Paddle."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from isomorph.backends import load_backend
from isomorph.backends.protocol import Network
from isomorph.spec import Architecture

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Oracle = Callable[[Architecture, Array], dict[str, Array]]
Close = Callable[[Any, Any, float], None]

in_layouts = pytest.mark.parametrize("layout", ["NCHW", "NHWC"])


def build(architecture: Architecture, **options: Any) -> Network:
    torch.manual_seed(0)
    return load_backend("pytorch").build(architecture, **options)


def to_native(images: Array) -> Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float()


@in_layouts
@pytest.mark.parametrize("design", ["slim", "inceptions", "dense"], indirect=True)
def test_native_object_has_the_layout(
    layout: str,
    design: Architecture,
    images: Array,
    weights: Weights,
    oracle: Oracle,
    assert_close: Close,
) -> None:
    """PyTorch's own way: [N, C, H, W] in both, of which NHWC is an order in memory."""
    network = build(design, layout=layout)
    order = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}[layout]
    kernels = {name: tensor for name, tensor in network.native.state_dict().items() if tensor.ndim == 4}
    assert [name for name, kernel in kernels.items() if not kernel.is_contiguous(memory_format=order)] == []
    network.load(weights(design))
    logits = network.native(to_native(images)).detach().numpy()
    assert_close(logits, oracle(design, images)["logits"][:, 0, 0], 1e-5)


@in_layouts
def test_training_answers_with_auxiliary_heads_and_inference_without(
    layout: str,
    deterministic: Architecture,
    images: Array,
    weights: Weights,
    oracle: Oracle,
    assert_close: Close,
) -> None:
    expected = oracle(deterministic, images)
    network = build(deterministic, layout=layout, training=True)
    network.load(weights(deterministic))
    answers = network.native(to_native(images))
    for answer, name in zip(answers, ("logits", "aux1", "aux2"), strict=True):
        assert_close(answer.detach().numpy(), expected[name].mean((1, 2)), 1e-5)
    logits = network.native.eval()(to_native(images)).detach().numpy()
    assert_close(logits, expected["logits"][:, 0, 0], 1e-5)


def test_dropout_scales_inference_down_in_one_mode_alone(
    dropping: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    """Paddle, whose modes these are, multiplies by float32's 1 - 0.3 in every dtype."""
    given = weights(dropping) | {"logits/biases": np.zeros(10)}
    found = []
    for architecture in (dropping, dropping.with_options(dropout=0.0)):
        network = build(architecture, dtype="float64")
        network.load(given)
        found.append(network.native(to_native(images).double()).detach().numpy())
    scale = float(np.float32(1) - np.float32(0.3)) if dropping.convention.dropout_mode == "downscale_in_infer" else 1
    assert_close(found[0], scale * found[1], 1e-14)


def test_dropout_drops_in_training(dropping: Architecture) -> None:
    dropout = build(dropping, training=True).native.head.logits.dropout
    found = dropout(torch.ones(100, 100)).numpy()
    kept = 1.0 if dropping.convention.dropout_mode == "downscale_in_infer" else 1 / 0.7
    assert np.allclose(found[found != 0], kept)
    assert np.mean(found == 0) == pytest.approx(0.3, abs=0.02)  # four of its deviations


def test_a_network_is_compiled_whole_or_not_at_all(small: Architecture, images: Array) -> None:
    """Where Dynamo cannot follow, it would run pieces, and what is between them eagerly."""
    network = build(small, compiled=True)
    network.native.register_forward_pre_hook(lambda *_: torch._dynamo.graph_break())
    with pytest.raises(torch._dynamo.exc.Unsupported):
        network.answer(images)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"layout": "NCHW"}, id="the layout NCHW"),
        pytest.param({"layout": "NHWC"}, id="the layout NHWC"),
        pytest.param({"compiled": True}, id="compiled"),
    ],
)
def test_training_goes_on_in(
    options: dict[str, Any], small: Architecture, images: Array, labels: Array, assert_close: Close
) -> None:
    network = build(small, training=True, **options)
    native = network.native
    before, first = network.tensors(), network.answer(images)
    optimizer = torch.optim.SGD(native.parameters(), lr=0.01)
    x, y = to_native(images), torch.from_numpy(labels)
    loss = F.cross_entropy(native(x), y)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert F.cross_entropy(native(x), y) < loss
    after = network.tensors()
    assert [name for name in before if np.array_equal(before[name], after[name])] == []
    answer = network.answer(images)
    assert not np.allclose(answer, first), "the answer is that of the weights before the step"
    assert_close(answer, network.end_points(images)["logits"][:, 0, 0], 1e-5)


def test_frozen_batch_norms_stay_as_they_are(small: Architecture, images: Array, labels: Array) -> None:
    """Whatever `train` says, and whatever the optimizer is given."""
    network = build(small, training=True, freeze_batch_norm=True)
    native, before = network.native.train(), network.tensors()
    assert native.state_dict().keys() == build(small).native.state_dict().keys()
    optimizer = torch.optim.SGD(native.parameters(), lr=0.01, weight_decay=0.1)
    torch.autograd.backward(F.cross_entropy(native(to_native(images)), torch.from_numpy(labels)))
    optimizer.step()
    after = network.tensors()
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed == [name for name in before if "BatchNorm" not in name]


@in_layouts
def test_a_pool_is_padded_with_what_the_convention_says(
    layout: str, pool: Architecture, images: Array, oracle: Oracle
) -> None:
    """Zeros around a map are its maximum where all else is negative; a maximum has no rounding."""
    negative = -1 - np.abs(images).astype(np.float32)
    found = build(pool, layout=layout).native.stem(to_native(negative)).numpy().transpose(0, 2, 3, 1)
    assert np.array_equal(found, oracle(pool, negative)["pool1"])
    assert (found.max() == 0) == (pool.convention.pool_fill == "zero")


# What has a batch norm of its own gamma at the end of a unit.
@pytest.mark.parametrize("design", ["slim", "torchvision", "cifar", "others"], indirect=True)
def test_a_last_gamma_of_zero_makes_a_unit_its_shortcut(design: Architecture, images: Array) -> None:
    network = build(design.with_options(last_gamma=0.0))
    unit = network.native.blocks.block1.unit_1
    *inner, last = [child.batch_norm.weight for name, child in unit.named_children() if name.startswith("conv")]
    assert not last.any()
    assert all((gamma == 1).all() for gamma in inner)
    x = network.native.stem(to_native(images))
    assert torch.equal(unit(x), F.relu(unit.shortcut(x)))
