"""Single operations of Paddle, traced: each is named, and the oracle gives its value."""

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from .graph_checks import assert_is_known
from .paddle_layers import IMAGES, Functional, model


def constant(*shape: int) -> Any:
    return paddle.to_tensor(np.random.default_rng(1).normal(size=shape))


W, DEPTHWISE, B, DENSE = (8, 8, 3, 3), (8, 1, 3, 3), (8,), (8, 5)


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda x: F.conv2d(x, constant(*W), constant(*B), padding=1), id="conv2d"),
        pytest.param(lambda x: F.conv2d(x, constant(*W), padding=[1, 2, 0, 1], stride=[2, 1]), id="uneven padding"),
        pytest.param(lambda x: F.conv2d(x, constant(*W), padding="SAME", stride=2, dilation=2), id="SAME"),
        pytest.param(lambda x: F.conv2d(x, constant(*W), padding="VALID", dilation=2), id="VALID"),
        pytest.param(lambda x: F.conv2d(x, constant(*DEPTHWISE), groups=8), id="depthwise_conv2d"),
        pytest.param(lambda x: F.conv2d(x, constant(8, 2, 3, 3), groups=4), id="groups"),
        pytest.param(
            lambda x: F.conv2d(x.transpose([0, 2, 3, 1]), constant(*W), padding=[1, 2], data_format="NHWC"),
            id="conv2d of channels last",
        ),
        pytest.param(
            lambda x: F.conv2d_transpose(x, constant(*W), constant(*B), stride=2, padding=1, output_padding=1),
            id="conv2d_transpose",
        ),
        pytest.param(
            lambda x: F.conv2d_transpose(x, constant(8, 4, 3, 3), stride=[2, 3], padding=[0, 1, 1, 0], groups=2),
            id="conv2d_transpose in groups",
        ),
        pytest.param(lambda x: F.conv2d_transpose(x, constant(*W), stride=2, padding="SAME"), id="its SAME"),
        pytest.param(lambda x: F.max_pool2d(x, 3, 2, 1), id="max_pool2d"),
        pytest.param(lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), id="max_pool2d of ceil_mode"),
        pytest.param(lambda x: F.max_pool2d(x, 2, 3, 0, ceil_mode=True), id="a window behind the last cell"),
        pytest.param(lambda x: F.max_pool2d(x, 3, 2, "SAME"), id="max_pool2d of SAME"),
        pytest.param(lambda x: F.max_pool2d(x, 2, 2, return_mask=True)[0], id="max_pool2d with its mask"),
        pytest.param(lambda x: F.avg_pool2d(x, 3, 2, 1), id="avg_pool2d"),
        pytest.param(lambda x: F.avg_pool2d(x, 3, 2, 1, exclusive=False), id="avg_pool2d that counts its padding"),
        pytest.param(lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), id="avg_pool2d of ceil_mode"),
        pytest.param(lambda x: F.avg_pool2d(x, 3, 2, 1, exclusive=False, ceil_mode=True), id="and that counts"),
        pytest.param(lambda x: F.avg_pool2d(x, 3, 2, "SAME", exclusive=False), id="avg_pool2d of SAME that counts"),
        pytest.param(lambda x: F.adaptive_avg_pool2d(x, (3, 4)), id="adaptive_avg_pool2d"),
        pytest.param(lambda x: F.adaptive_max_pool2d(x, (3, 5)), id="adaptive_max_pool2d"),
        pytest.param(lambda x: F.adaptive_max_pool2d(x, 1), id="a global maximum"),
        pytest.param(lambda x: x.mean(), id="the mean of all"),
        pytest.param(lambda x: x.mean(1), id="a mean over channels"),
        pytest.param(lambda x: x.sum([2, 3], keepdim=True), id="sum"),
        pytest.param(lambda x: paddle.concat([x, x * 2], axis=-1), id="concat of columns"),
        pytest.param(lambda x: paddle.concat([constant(1, 8, 1, 10).tile([2, 1, 1, 1]), x], 2), id="concat of a token"),
        pytest.param(lambda x: paddle.stack([x, x * 2], 1), id="stack"),
        pytest.param(lambda x: 1 - x / 3, id="a number minus"),
        pytest.param(lambda x: 2 / (x * x + 5), id="a number divided by"),
        pytest.param(lambda x: constant(8, 1, 1) - x * 0.1, id="a tensor minus"),
        pytest.param(lambda x: x / constant(8, 1, 1), id="divided by a tensor"),
        pytest.param(lambda x: x / F.adaptive_avg_pool2d(x * x + 1, 1), id="divided by a value"),
        pytest.param(lambda x: (x * x + 1) ** 0.5, id="a power"),
        pytest.param(lambda x: paddle.add_n([x, x * 2, x * 3]), id="add_n"),
        pytest.param(lambda x: F.hardtanh(x, -0.1, 0.3), id="hardtanh"),
        pytest.param(lambda x: paddle.clip(x, min=0.1), id="clip from below"),
        pytest.param(lambda x: F.leaky_relu(x, 0.1), id="leaky_relu"),
        pytest.param(lambda x: F.elu(x, 0.7), id="elu"),
        pytest.param(F.celu, id="celu"),
        pytest.param(F.hardsigmoid, id="hardsigmoid"),
        pytest.param(F.hardswish, id="hardswish"),
        pytest.param(lambda x: F.swish(x) + F.silu(x), id="swish"),
        pytest.param(F.gelu, id="gelu"),
        pytest.param(lambda x: F.gelu(x, approximate=True), id="gelu by tanh"),
        pytest.param(lambda x: F.softplus(x) + F.mish(x), id="softplus and mish"),
        pytest.param(lambda x: paddle.exp(F.tanh(x)) + paddle.erf(x), id="exp, tanh and erf"),
        pytest.param(lambda x: paddle.log(x * x + 1) + paddle.rsqrt(x * x + 1), id="log and rsqrt"),
        pytest.param(lambda x: F.prelu(x, constant(1)), id="prelu"),
        pytest.param(lambda x: F.prelu(x, constant(8)), id="prelu of each channel"),
        pytest.param(lambda x: F.softmax(x, 1) + F.log_softmax(x, 1), id="softmax over channels"),
        pytest.param(lambda x: F.pad(x, [1, 1, 0, 2], value=2.0), id="pad"),
        pytest.param(lambda x: F.pad(x, [0, 0, 1, 0, 1, 1, 2, 2]), id="pad of channels"),
        pytest.param(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), id="bilinear_interp"),
        pytest.param(lambda x: F.interpolate(x, [17, 19], mode="bilinear", align_corners=True), id="aligned corners"),
        pytest.param(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_mode=1), id="asymmetric"),
        pytest.param(lambda x: F.interpolate(x, [13, 7]) * 2, id="nearest_interp"),
        pytest.param(lambda x: F.dropout(x, 0.3, training=False, mode="downscale_in_infer"), id="dropout that scales"),
        pytest.param(lambda x: F.group_norm(x, 2) + F.instance_norm(x), id="group_norm and instance_norm"),
        pytest.param(lambda x: F.layer_norm(x, [9, 10], constant(90)), id="layer_norm over two axes"),
        pytest.param(lambda x: paddle.matmul(x, x, transpose_y=True), id="a product of values"),
        pytest.param(lambda x: paddle.matmul(constant(*DENSE), x.transpose([0, 2, 1, 3]), transpose_x=True), id="W x"),
        pytest.param(lambda x: paddle.matmul(x, constant(8, 10, 4)), id="a stack of kernels"),
        pytest.param(lambda x: paddle.addmm(constant(5), x.mean([2, 3]), constant(*DENSE)), id="addmm"),
        pytest.param(lambda x: paddle.einsum("bchw,bchv->bcwv", x, x * 2), id="einsum of values"),
        pytest.param(lambda x: paddle.einsum("co,bchw->bohw", constant(*DENSE), x), id="einsum with a kernel"),
        pytest.param(lambda x: F.glu(x, 1) * paddle.flip(x, [1])[:, ::2], id="glu, flip and slices"),
        pytest.param(lambda x: F.channel_shuffle(F.pixel_shuffle(x.tile([1, 2, 1, 1]), 2), 2) * 2, id="shuffles"),
    ],
)
def test_operation(compute: Callable[[Any], Any]) -> None:
    graph = model(Functional(compute)).trace(IMAGES)
    (read,) = graph.outputs.values()
    assert_is_known(graph)
    expected = compute(paddle.to_tensor(IMAGES.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(graph.take(read), expected.numpy())
