"""The options of `build` in Paddle, seen from the native object. The same tests are those of PyTorch and Keras."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import paddle
import paddle.nn.functional as F
import pytest
from paddle import Tensor

from isomorph.backends import Unavailable, load_backend
from isomorph.backends.protocol import Network
from isomorph.spec import Architecture

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Oracle = Callable[[Architecture, Array], dict[str, Array]]
Close = Callable[[Any, Any, float], None]

in_layouts = pytest.mark.parametrize("layout", ["NCHW", "NHWC"])


def build(architecture: Architecture, **options: Any) -> Network:
    paddle.seed(0)
    return load_backend("paddle").build(architecture, **options)


def to_native(images: Array, layout: str) -> Tensor:
    return paddle.to_tensor(images if layout == "NHWC" else images.transpose(0, 3, 1, 2), dtype="float32")


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
    """Paddle's own way: maps lie as `data_format` says, kernels are [O, I, H, W] in both."""
    network, expected = build(design, layout=layout), oracle(design, images)
    native, x = network.native, to_native(images, layout)
    first = next(network.plan.convolutions)
    assert native.stem.conv1.conv.weight.shape == [first.depth, 3, first.kernel, first.kernel]
    batch, height, width, channels = expected[network.plan.stem[-1].scope].shape
    nhwc, nchw = [batch, height, width, channels], [batch, channels, height, width]
    assert native.stem(x).shape == (nhwc if layout == "NHWC" else nchw)
    network.load(weights(design))
    assert_close(native(x).numpy(), expected["logits"][:, 0, 0], 1e-5)


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
    answers = network.native(to_native(images, layout))
    for answer, name in zip(answers, ("logits", "aux1", "aux2"), strict=True):
        assert_close(answer.numpy(), expected[name].mean((1, 2)), 1e-5)
    network.native.eval()
    assert_close(network.native(to_native(images, layout)).numpy(), expected["logits"][:, 0, 0], 1e-5)


def test_dropout_scales_inference_down_in_one_mode_alone(
    dropping: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    """Paddle, whose modes these are, multiplies by float32's 1 - 0.3 in every dtype."""
    given = weights(dropping) | {"logits/biases": np.zeros(10)}
    found = []
    for architecture in (dropping, dropping.with_options(dropout=0.0)):
        network = build(architecture, dtype="float64")
        network.load(given)
        found.append(network.native(to_native(images, network.options.layout).astype("float64")).numpy())
    scale = float(np.float32(1) - np.float32(0.3)) if dropping.convention.dropout_mode == "downscale_in_infer" else 1
    assert_close(found[0], scale * found[1], 1e-14)


def test_dropout_drops_in_training(dropping: Architecture) -> None:
    dropout = build(dropping, training=True).native.head.logits.dropout
    found = dropout(paddle.ones([100, 100])).numpy()
    kept = 1.0 if dropping.convention.dropout_mode == "downscale_in_infer" else 1 / 0.7
    assert np.allclose(found[found != 0], kept)
    assert np.mean(found == 0) == pytest.approx(0.3, abs=0.02)  # four of its deviations


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
    if options.get("compiled"):
        with pytest.raises(Unavailable, match=r"^Paddle's inference engine runs a copy of the weights, which training"):
            build(small, training=True, **options)
        return
    network = build(small, training=True, **options)
    native = network.native
    before, first = network.tensors(), network.answer(images)
    optimizer = paddle.optimizer.SGD(0.01, native.parameters())
    x, y = to_native(images, network.options.layout), paddle.to_tensor(labels)
    loss = F.cross_entropy(native(x), y)
    loss.backward()
    optimizer.step()
    assert F.cross_entropy(native(x), y) < loss
    after = network.tensors()
    assert [name for name in before if np.array_equal(before[name], after[name])] == []
    answer = network.answer(images)
    assert not np.allclose(answer, first), "the answer is that of the weights before the step"
    assert_close(answer, network.end_points(images)["logits"][:, 0, 0], 1e-5)


def test_frozen_batch_norms_stay_as_they_are(small: Architecture, images: Array, labels: Array) -> None:
    """Whatever mode the layer is in, and whatever the optimizer is given."""
    network = build(small, layout="NCHW", training=True, freeze_batch_norm=True)
    native, before = network.native, network.tensors()
    native.train()
    assert native.state_dict().keys() == build(small).native.state_dict().keys()
    optimizer = paddle.optimizer.SGD(0.01, native.parameters(), weight_decay=0.1)
    F.cross_entropy(native(to_native(images, "NCHW")), paddle.to_tensor(labels)).backward()
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
    found = build(pool, layout=layout).native.stem(to_native(negative, layout)).numpy()
    found = found if layout == "NHWC" else found.transpose(0, 2, 3, 1)
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
    x = network.native.stem(to_native(images, network.options.layout))
    assert paddle.equal_all(unit(x), F.relu(unit.shortcut(x)))
