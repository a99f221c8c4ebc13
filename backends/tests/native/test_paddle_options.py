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
def test_native_object_has_the_layout(
    layout: str,
    designs: dict[str, Architecture],
    images: Array,
    weights: Weights,
    oracle: Oracle,
    assert_close: Close,
) -> None:
    """Paddle's own way: maps lie as `data_format` says, kernels are [O, I, H, W] in both."""
    network = build(designs["slim"], layout=layout)
    native, x = network.native, to_native(images, layout)
    assert native.stem.conv1.conv.weight.shape == [8, 3, 7, 7]
    assert native.stem(x).shape == ([8, 9, 8, 8] if layout == "NHWC" else [8, 8, 9, 8])
    network.load(weights(designs["slim"]))
    assert_close(native(x).numpy(), oracle(designs["slim"], images)["logits"][:, 0, 0], 1e-5)


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


def test_a_last_gamma_of_zero_makes_a_unit_its_shortcut(design: Architecture, images: Array) -> None:
    network = build(design.with_options(last_gamma=0.0))
    unit = network.native.blocks.block1.unit_1
    *inner, last = [child.batch_norm.weight for name, child in unit.named_children() if name.startswith("conv")]
    assert not last.any()
    assert all((gamma == 1).all() for gamma in inner)
    x = network.native.stem(to_native(images, network.options.layout))
    assert paddle.equal_all(unit(x), F.relu(unit.shortcut(x)))
