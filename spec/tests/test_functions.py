"""What a network computes, apart from all else that is said of it: `function`, `folded` and `undrawn`."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from isomorph.spec import (
    Architecture,
    Initializer,
    Preprocessing,
    architecture,
    architectures,
    function,
    infer,
    plan,
    zoos,
)
from isomorph.spec.architecture import AuxiliaryHead, Head, InputTransform, Stem, StemConvolution, StemPool
from isomorph.spec.convention import ZEROS, Convention
from isomorph.spec.families.residual import residual_block
from isomorph.spec.function import training_function
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import tensor_shapes

NETWORK = architecture("torchvision/resnet50")

# Where an option is tried on a network that has what it is about.
NETWORKS = {
    "depthwise_padding": architecture("keras/MobileNet"),
    "pool_fill": architecture("slim/resnet_v2_50"),
    "linear_bias": architecture("slim/resnet_v2_50"),
    "inception_kernel": architecture("tutorial/googlenet"),
    "dropout_mode": architecture("tutorial/googlenet"),
    "dense_initializer": architecture("torchvision/vgg11"),
    "convolution_bias_initializer": architecture("torchvision/vgg11"),
}

# Every option, changed: whether inference computes something else.
OTHERWISE: dict[str, tuple[Any, bool]] = {
    "num_classes": (10, True),
    "global_pool": (False, True),
    "output_stride": (16, True),
    "include_root_block": (False, True),
    "in_channels": (1, True),
    "dropout": (0.5, False),
    "auxiliary": ((AuxiliaryHead("aux1", "block3", 1),), True),
    "input_transform": (InputTransform((2.0,) * 3, (0.0,) * 3), True),
    "bottleneck_stride": ("conv1", True),
    "shortcut": ("zero_channels", True),
    "shortcut_batch_norm": (False, True),
    "activation": ("relu6", True),
    "activation_after": ("joins", True),
    "inception_kernel": (3, True),
    "convolution_padding": ("same", True),
    "depthwise_padding": ("same", True),
    "pool_padding": ("same", True),
    "pool_fill": ("zero", True),
    "convolution_bias": (True, True),
    "linear_bias": (False, True),
    "batch_norm": (False, True),
    "batch_norm_gamma": (False, True),
    "batch_norm_epsilon": (1.001e-5, True),
    "batch_norm_decay": (0.99, False),
    "running_variance": ("biased", False),
    "dropout_mode": ("downscale_in_infer", True),
    "convolution_initializer": (Initializer("normal"), False),
    "convolution_bias_initializer": (Initializer("normal"), False),
    "dense_initializer": (Initializer("normal"), False),
    "logits_initializer": (Initializer("normal"), False),
    "logits_bias_initializer": (Initializer("normal"), False),
    "last_gamma": (0.0, False),
    "preprocessing": (Preprocessing().normalised("tf"), False),
}


def test_every_option_is_decided_upon_here() -> None:
    others = {"output_stride", "include_root_block", "in_channels", "auxiliary", "input_transform"}
    heads = Head.__dataclass_fields__.keys()
    assert OTHERWISE.keys() == Convention.__dataclass_fields__.keys() | heads | others


@pytest.mark.parametrize("option", OTHERWISE)
def test_a_function_is_another_where_inference_is(option: str) -> None:
    value, differs = OTHERWISE[option]
    network = NETWORKS.get(option, NETWORK)
    changed = network.with_options(**{option: value})
    assert changed != network
    assert (function(changed) != function(network)) == differs
    assert (training_function(changed) != training_function(network)) == (option != "preprocessing")


# Fields that nothing in the network depends on.
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("torchvision/resnet50", {"depthwise_padding": "same"}),
        ("torchvision/resnet50", {"inception_kernel": 3}),
        ("torchvision/resnet50", {"dropout_mode": "downscale_in_infer"}),
        ("torchvision/resnet18", {"bottleneck_stride": "conv1"}),
        ("torchvision/vgg16", {"batch_norm_epsilon": 1e-3}),
        ("torchvision/vgg16", {"shortcut": "none"}),
        ("torchvision/vgg16", {"convolution_padding": "same"}),  # at a stride of 1
        ("torchvision/vgg16", {"pool_fill": "zero"}),  # of pools without padding
        ("torchvision/resnet50", {"pool_fill": "zero"}),  # of a pool behind a ReLU
        ("torchvision/googlenet", {"pool_fill": "zero"}),  # of pools behind ReLUs, and behind what joins them
        ("torchvision/vgg16", {"batch_norm_decay": 0.5}),
        ("torchvision/vgg16", {"running_variance": "biased"}),
        ("torchvision/vgg16", {"last_gamma": 0.0}),
        ("torchvision/resnet50", {"dense_initializer": ZEROS}),
        ("torchvision/resnet50", {"convolution_bias_initializer": Initializer("normal")}),
        ("cifar/resnet20", {"pool_padding": "same"}),
    ],
)
def test_what_no_layer_depends_on_makes_no_other_function(name: str, options: dict[str, Any]) -> None:
    assert function(architecture(name, **options)) == function(architecture(name))
    assert training_function(architecture(name, **options)) == training_function(architecture(name))


# A stem of one convolution and one pool: kernel and stride of each.
@pytest.mark.parametrize(
    ("convolution", "pool", "options", "differs"),
    [
        pytest.param((2, 1), (3, 2), {"convolution_padding": "same"}, True, id="even kernels that are padded behind"),
        pytest.param((2, 2), (3, 2), {"convolution_padding": "same"}, True, id="even kernels that stride"),
        pytest.param((3, 1), (3, 2), {"convolution_padding": "same"}, False, id="odd kernels at a stride of 1"),
        pytest.param((1, 2), (3, 2), {"convolution_padding": "same"}, False, id="kernels of one cell"),
        pytest.param((3, 1), (2, 2), {"pool_padding": "valid"}, False, id="explicit pools of an even kernel"),
        pytest.param((3, 1), (3, 2), {"pool_padding": "valid"}, True, id="explicit pools of an odd kernel"),
        pytest.param((3, 1), (3, 1), {"pool_padding": "same"}, False, id="pools that do not stride"),
        pytest.param((3, 1), (1, 2), {"pool_padding": "ceil"}, False, id="pools of one cell"),
        pytest.param((3, 1), (2, 2), {"pool_fill": "zero"}, False, id="fillings of pools that have no padding"),
    ],
)
def test_padding_makes_another_function_where_it_pads_otherwise(
    convolution: tuple[int, int], pool: tuple[int, int], options: dict[str, Any], differs: bool
) -> None:
    stem = Stem((StemConvolution("conv1", 8, *convolution), StemPool("pool1", *pool)))
    network = Architecture("mine/padded", stem, (residual_block(1, "basic", 8, 1, stride=1),))
    changed = network.with_options(**options)
    assert (function(network) != function(changed)) == differs


# What stands before a pool that is padded, and whether a zero can exceed all that the pool sees.
@pytest.mark.parametrize(
    ("before", "options", "differs"),
    [
        pytest.param((), {}, True, id="the images"),
        pytest.param((StemConvolution("conv1", 8, 3, 1),), {}, False, id="a ReLU"),
        pytest.param((StemConvolution("conv1", 8, 3, 1),), {"activation": "relu6"}, False, id="a ReLU6"),
        pytest.param((StemConvolution("conv1", 8, 3, 1, linear=True),), {}, True, id="a linear convolution"),
        pytest.param((StemConvolution("conv1", 8, 3, 1),), {"activation_after": "joins"}, True, id="a later ReLU"),
        pytest.param(
            (StemConvolution("conv1", 8, 3, 1), StemPool("pool0", 3, 2)), {}, False, id="a ReLU and another pool"
        ),
        pytest.param((StemPool("pool0", 3, 2),), {}, True, id="another pool of the images"),
    ],
)
def test_the_filling_of_a_pool_matters_where_it_may_see_negative_values_alone(
    before: tuple[StemConvolution | StemPool, ...], options: dict[str, Any], differs: bool
) -> None:
    stem = Stem((*before, StemPool("pool1", 3, 2)))
    network = Architecture("mine/pooled", stem, (residual_block(1, "basic", 8, 1, stride=1),)).with_options(**options)
    changed = network.with_options(pool_fill="zero")
    assert (function(network) != function(changed)) == differs
    assert (training_function(network) != training_function(changed)) == differs


@pytest.mark.parametrize(("mode", "differs"), [("upscale_in_train", False), ("downscale_in_infer", True)])
def test_a_share_that_is_dropped_matters_to_inference_where_it_scales_it(mode: str, differs: bool) -> None:
    one, other = (architecture("torchvision/googlenet", dropout=share, dropout_mode=mode) for share in (0.2, 0.4))
    assert (function(one) != function(other)) == differs
    assert training_function(one) != training_function(other)


def test_a_batch_norm_on_its_own_is_another_function_without_gamma() -> None:
    network = architecture("slim/resnet_v2_50")
    linear = {"batch_norm": False, "batch_norm_gamma": False}
    assert function(network.with_options(**linear)) != function(network.with_options(batch_norm=False))


def test_a_function_has_no_name() -> None:
    assert function(replace(NETWORK, name="mine/resnet50")) == function(NETWORK)


# The zoos that took over torchvision's design, and what they call it.
DERIVED = ("paddle", "timm", "transformers", "tutorial", "wsl")
TOOK_OVER = {"paddle": "paddle/resnet{}", "timm": "timm/resnet{}", "transformers": "transformers/resnet-{}"}


def test_zoos_say_whose_design_they_took_over() -> None:
    assert {name: found.design_of for name, found in zoos().items() if found.design_of} == dict.fromkeys(
        DERIVED, "torchvision"
    )


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
@pytest.mark.parametrize("name", TOOK_OVER.values(), ids=TOOK_OVER)
def test_a_design_that_was_taken_over_is_the_same_function(name: str, depth: int) -> None:
    assert function(architecture(name.format(depth))) == function(architecture(f"torchvision/resnet{depth}"))


@pytest.mark.parametrize(
    ("one", "other"), list(combinations(("torchvision/resnet50", "keras/ResNet50", "slim/resnet_v1_50"), 2))
)
def test_three_resnet_50s_are_three_functions(one: str, other: str) -> None:
    assert function(architecture(one)) != function(architecture(other))


@pytest.mark.parametrize("name", architectures())
def test_folded_has_no_batch_norm_behind_a_convolution(name: str) -> None:
    """Those on their own, before a unit, stay, and so does what has nothing behind it, not even a bias."""
    network = architecture(name)
    folded = network.folded()
    bare = {x.scope for x in plan(network.with_options(convolution_bias=True)).convolutions if not x.bias}
    assert not bare or not network.convention.linear_bias
    leaves = {False: ["gamma", "beta", "moving_mean", "moving_variance"], True: ["weights", "biases"]}
    assert list(tensor_shapes(folded)) == [
        f"{layer.scope}/{leaf}"
        for layer in plan(folded).parametrised
        for leaf in leaves[isinstance(layer, Convolution)]
        if not (layer.scope in bare and leaf == "biases")
    ]
    assert folded.folded() == folded
    assert folded.name == name


@pytest.mark.parametrize("name", ["slim/resnet_v1_50", "keras/ResNet50", "cifar/resnet20"])
def test_folded_has_the_same_end_points(name: str) -> None:
    network = architecture(name)
    assert infer(network.folded(), 65, 33).shapes(2) == infer(network, 65, 33).shapes(2)
    assert infer(network.folded(), 65, 33).macs == infer(network, 65, 33).macs


def drawn(network: Architecture) -> set[Initializer]:
    """The initialisers of all its layers."""
    return {found for layer in plan(network).convolutions for found in (layer.initializer, layer.bias_initializer)}


@pytest.mark.parametrize("name", ["slim/resnet_v1_50", "torchvision/resnet18", "cifar/resnet20"])
def test_undrawn_is_the_same_function_with_weights_of_zero(name: str) -> None:
    network = architecture(name)
    assert drawn(network) != {ZEROS}
    assert drawn(network.undrawn()) == {ZEROS}
    assert function(network.undrawn()) == function(network)
    assert tensor_shapes(network.undrawn()) == tensor_shapes(network)
