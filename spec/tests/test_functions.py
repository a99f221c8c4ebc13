"""What a network computes, apart from all else that is said of it: `function`, `folded` and `undrawn`."""

from itertools import combinations
from typing import Any

import pytest

from isomorph.spec import Architecture, Initializer, Preprocessing, architecture, architectures, infer, plan, zoos
from isomorph.spec.convention import ZEROS, Convention
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import tensor_shapes

NETWORK = architecture("torchvision/resnet50")

# Every option, changed: whether inference computes something else.
OTHERWISE: dict[str, tuple[Any, bool]] = {
    "num_classes": (10, True),
    "global_pool": (False, True),
    "output_stride": (16, True),
    "include_root_block": (False, True),
    "in_channels": (1, True),
    "dropout": (0.5, False),
    "bottleneck_stride": ("conv1", True),
    "shortcut": ("zero_channels", True),
    "shortcut_batch_norm": (False, True),
    "activation": ("relu6", True),
    "convolution_padding": ("same", True),
    "depthwise_padding": ("same", True),
    "pool_padding": ("same", True),
    "pool_fill": ("zero", True),
    "convolution_bias": (True, True),
    "batch_norm": (False, True),
    "batch_norm_epsilon": (1.001e-5, True),
    "batch_norm_decay": (0.99, False),
    "running_variance": ("biased", False),
    "convolution_initializer": (Initializer("normal"), False),
    "logits_initializer": (Initializer("normal"), False),
    "logits_bias_initializer": (Initializer("normal"), False),
    "last_gamma": (0.0, False),
    "preprocessing": (Preprocessing().normalised("tf"), False),
}


def test_every_option_is_decided_upon_here() -> None:
    others = {"num_classes", "global_pool", "output_stride", "include_root_block", "in_channels", "dropout"}
    assert OTHERWISE.keys() == Convention.__dataclass_fields__.keys() | others


@pytest.mark.parametrize("option", OTHERWISE)
def test_a_function_is_another_where_inference_is(option: str) -> None:
    value, differs = OTHERWISE[option]
    changed = NETWORK.with_options(**{option: value})
    assert changed != NETWORK
    assert (changed.function() != NETWORK.function()) == differs


def test_a_function_has_no_name_and_is_its_own() -> None:
    function = NETWORK.function()
    assert function.name == ""
    assert function.function() == function


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
    assert architecture(name.format(depth)).function() == architecture(f"torchvision/resnet{depth}").function()


@pytest.mark.parametrize(
    ("one", "other"), list(combinations(("torchvision/resnet50", "keras/ResNet50", "slim/resnet_v1_50"), 2))
)
def test_three_resnet_50s_are_three_functions(one: str, other: str) -> None:
    assert architecture(one).function() != architecture(other).function()


@pytest.mark.parametrize("name", architectures())
def test_folded_has_no_batch_norm_behind_a_convolution(name: str) -> None:
    """Those on their own, before a unit, stay."""
    folded = architecture(name).folded()
    leaves = {False: ["gamma", "beta", "moving_mean", "moving_variance"], True: ["weights", "biases"]}
    assert list(tensor_shapes(folded)) == [
        f"{layer.scope}/{leaf}"
        for layer in plan(folded).parametrised
        for leaf in leaves[isinstance(layer, Convolution)]
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
    assert network.undrawn().function() == network.function()
    assert tensor_shapes(network.undrawn()) == tensor_shapes(network)
