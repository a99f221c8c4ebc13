"""What zoos disagree on, as the networks have it: epsilon in float32, initialisers, where the stride sits, gammas."""

import math

import numpy as np
import pytest

from isomorph.spec import Initializer, architecture, architectures, plan, tensor_shapes
from isomorph.spec.convention import as_float32
from isomorph.spec.layers import Convolution, MaxPool, name_of


@pytest.mark.parametrize("value", [1e-5, 1.001e-5, 1e-3, 0.9, 0.997, 0.99, 0.5])
def test_rounding_to_float32_is_ieee_754s(value: float) -> None:
    assert as_float32(value) == float(np.float32(value))
    assert as_float32(as_float32(value)) == as_float32(value)


def test_epsilon_and_decay_are_rounded_when_a_network_is_resolved() -> None:
    network = architecture("slim/resnet_v1_50")
    assert (network.convention.batch_norm_epsilon, network.convention.batch_norm_decay) == (1e-5, 0.997)
    # Written out, so that the rounding is not its own witness.
    assert plan(network).epsilon == 9.999999747378752e-06
    assert plan(network).decay == 0.996999979019165


def test_a_tenth_of_a_percent_of_epsilon_survives_the_rounding() -> None:
    rounded = as_float32(1.001e-5) / as_float32(1e-5)
    assert math.isclose(rounded, 1.001, rel_tol=1e-6)


# Where the zoos part, from their sources: slim resnet_utils.py, the resnet.py of torchvision, paddle, keras, timm and
# the CIFAR networks, transformers' modeling_resnet.py.
@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("slim/resnet_v1_50", {"batch_norm_decay": 0.997, "pool_padding": "same"}),
        ("torchvision/resnet50", {}),
        ("paddle/resnet50", {"running_variance": "biased"}),
        (
            "keras/ResNet50",
            {
                "bottleneck_stride": "conv1",
                "pool_fill": "zero",
                "convolution_bias": True,
                "batch_norm_epsilon": 1.001e-5,
                "batch_norm_decay": 0.99,
                "running_variance": "biased",
            },
        ),
        ("timm/resnet50", {"last_gamma": 0.0}),
        ("transformers/resnet-50", {}),
        ("cifar/resnet20", {"shortcut": "zero_channels"}),
    ],
)
def test_zoos_disagree_as_their_sources_do(name: str, differs: dict[str, object]) -> None:
    expected = {
        "bottleneck_stride": "conv2",
        "shortcut": "projection",
        "convolution_padding": "explicit",
        "pool_padding": "explicit",
        "pool_fill": "lowest",
        "convolution_bias": False,
        "batch_norm": True,
        "batch_norm_epsilon": 1e-5,
        "batch_norm_decay": 0.9,
        "running_variance": "unbiased",
        "last_gamma": 1.0,
    } | differs
    convention = architecture(name).convention
    assert {field: getattr(convention, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (Initializer("normal", 2.0), 2 / (9 * 16)),
        (Initializer("normal", 2.0, "fan_out"), 2 / (9 * 64)),
        (Initializer("uniform", 1.0, "fan_avg"), 1 / (9 * 40)),
        (Initializer("truncated_normal", 2.6), 2.6 / (9 * 16)),
    ],
    ids=["fan in", "fan out", "the mean of both", "slim's"],
)
def test_fresh_weights_have_the_variance_of_their_fan(initializer: Initializer, variance: float) -> None:
    """Of a 3x3 kernel from 16 channels to 64."""
    assert initializer.stddev(3, 16, 64) == pytest.approx(variance**0.5, rel=1e-15)


# nn/layer/conv.py of Paddle divides by the kernel times all input channels; PyTorch by those of a group.
@pytest.mark.parametrize(
    ("name", "scope", "channels"),
    [
        ("paddle/mobilenet_v1", "block1/unit_1/separable/depthwise", 32),
        ("paddle/resnext50_32x4d", "block1/unit_1/bottleneck_v1/conv2", 128),
        ("cifar/resnet20", "block1/unit_1/basic_v1/conv1", 16),
    ],
)
def test_a_grouped_convolution_counts_the_channels_that_its_zoo_does(name: str, scope: str, channels: int) -> None:
    layer = next(layer for layer in plan(architecture(name)).convolutions if layer.scope == scope)
    assert layer.stddev(layer.initializer) == pytest.approx((2 / (9 * channels)) ** 0.5, rel=1e-15)


# Xavier's variance is 2 / (inputs + outputs), of a flattened map all its values (Glorot and Bengio, 2010).
@pytest.mark.parametrize(
    ("name", "scope", "inputs", "outputs"),
    [
        ("keras/VGG16", "fc6", 7 * 7 * 512, 4096),
        ("paddle/vgg16", "fc6", 7 * 7 * 512, 4096),
        ("paddle/LeNet", "fc3", 400, 120),
        ("keras/VGG16", "fc7", 4096, 4096),
    ],
)
def test_a_dense_layer_counts_the_cells_of_its_window_as_inputs(
    name: str, scope: str, inputs: int, outputs: int
) -> None:
    layer = next(layer for layer in plan(architecture(name)).convolutions if layer.scope == scope)
    assert layer.stddev(layer.initializer) == pytest.approx((2 / (inputs + outputs)) ** 0.5, rel=1e-15)


@pytest.mark.parametrize(
    ("bottleneck_stride", "strides"), [("conv1", [2, 1, 1]), ("conv2", [1, 2, 1])], ids=["as published", "version 1.5"]
)
def test_a_bottleneck_strides_where_the_convention_says(bottleneck_stride: str, strides: list[int]) -> None:
    planned = plan(architecture("torchvision/resnet50", bottleneck_stride=bottleneck_stride))
    unit = planned.blocks[1].units[0]
    assert [unit.layer(name).stride for name in ("conv1", "conv2", "conv3")] == strides
    assert unit.layer("shortcut").stride == 2


@pytest.mark.parametrize("name", architectures())
def test_what_is_summed_has_no_activation_before_the_sum(name: str) -> None:
    network = architecture(name)
    for unit in plan(network).units:
        summed = unit.wiring.joined if len(unit.wiring.joined) > 1 or unit.wiring.activation else ()
        if unit.kind == "linear" or unit.wiring.concatenated:
            continue
        for layer in unit.parametrised:
            linear = name_of(layer) in (*summed, "project")  # an inverted residual's is linear either way
            expected = None if linear else network.convention.activation
            assert layer.activation == expected, layer.scope


HEADS = ("torchvision/googlenet", "tutorial/googlenet", "paddle/googlenet")


@pytest.mark.parametrize("name", [*HEADS, "slim/inception_v1"])
def test_an_inception_has_its_activation_behind_convolutions_or_behind_what_they_join(name: str) -> None:
    network = architecture(name)
    joins = name == "paddle/googlenet"
    assert network.convention.activation_after == ("joins" if joins else "convolutions")
    inceptions = [unit for unit in plan(network).units if unit.kind == "inception"]
    assert len(inceptions) == 9
    for unit in inceptions:
        assert unit.wiring.activation == ("relu" if joins else None)
        assert {layer.activation for layer in unit.parametrised} == {None if joins else "relu"}
        kernel = 3 if name in ("torchvision/googlenet", "slim/inception_v1") else 5
        assert [layer.kernel for layer in unit.layers if isinstance(layer, Convolution)] == [1, 1, 3, 1, kernel, 1]


def test_paddles_second_auxiliary_head_alone_lacks_an_activation() -> None:
    found = {name: [head.layer("fc1").activation for _, head in plan(architecture(name)).auxiliary] for name in HEADS}
    usual = {name: ["relu", "relu"] for name in HEADS}
    assert found == usual | {"paddle/googlenet": ["relu", None]}


@pytest.mark.parametrize(("mode", "scale"), [("upscale_in_train", 1.0), ("downscale_in_infer", 0.6000000238418579)])
def test_a_dropout_scales_inference_where_it_does_not_scale_training(mode: str, scale: float) -> None:
    """By what Paddle multiplies with in every dtype, which is float32's 1 - 0.4."""
    logits = plan(architecture("paddle/googlenet", dropout_mode=mode)).logits
    assert logits is not None and logits.dropout is not None
    assert (logits.dropout.share, logits.dropout.scale) == (0.4, scale)


def test_a_dense_layer_drops_what_another_one_gives_it() -> None:
    planned = plan(architecture("torchvision/vgg11"))
    dropouts = {layer.scope: layer.dropout and layer.dropout.share for layer in planned.convolutions}
    assert {scope: share for scope, share in dropouts.items() if share} == {"fc7": 0.5, "logits": 0.5}


def test_a_batch_norm_may_lack_gamma() -> None:
    names = tensor_shapes(architecture("slim/inception_v1"))
    assert not [name for name in names if name.endswith("gamma")]
    assert len([name for name in names if name.endswith("beta")]) == 57


@pytest.mark.parametrize(("pool_fill", "fill"), [("lowest", -math.inf), ("zero", 0.0)])
def test_a_pool_is_padded_with_what_the_convention_says(pool_fill: str, fill: float) -> None:
    _, pool = plan(architecture("torchvision/resnet18", pool_fill=pool_fill)).stem
    assert isinstance(pool, MaxPool)
    assert pool.fill == fill


def test_same_may_be_planted_with_zeros() -> None:
    _, pool = plan(architecture("slim/resnet_v1_50", pool_fill="zero")).stem
    assert isinstance(pool, MaxPool)
    assert (pool.padding, pool.fill) == ("same", 0.0)


@pytest.mark.parametrize(("name", "last"), [("timm/resnet18", "conv2"), ("timm/resnet26", "conv3")])
def test_only_the_last_convolution_of_a_unit_has_the_last_gamma(name: str, last: str) -> None:
    planned = plan(architecture(name, last_gamma=0.25))
    found = {convolution.scope: convolution.gamma for convolution in planned.convolutions}
    assert {name for name, gamma in found.items() if gamma == 0.25} == {
        f"{unit.scope}/{last}" for unit in planned.units
    }
    assert set(found.values()) == {0.25, 1.0}


@pytest.mark.parametrize("bias", [True, False], ids=["biased", "unbiased"])
@pytest.mark.parametrize("batch_norm", [True, False], ids=["with batch norm", "without batch norm"])
def test_every_convolution_but_the_classifier_follows_the_convention(bias: bool, batch_norm: bool) -> None:
    network = architecture("torchvision/resnet18", convolution_bias=bias, batch_norm=batch_norm)
    *convolutions, logits = plan(network).convolutions
    assert {(found.bias, found.batch_norm) for found in convolutions} == {(bias, batch_norm)}
    assert (logits.bias, logits.batch_norm) == (True, False)
