"""Options and planted faults on which no layer depends are taken, and said to do nothing."""

import warnings
from typing import Any

import pytest

from isomorph.spec import architecture
from isomorph.spec.convention import Convention
from isomorph.tools.designs.show import show
from isomorph.tools.designs.without_effect import OptionWithoutEffect, warn_of_options, warn_of_plants
from isomorph.tools.subjects.subject import find_subject

from ..command import isomorph

pytestmark = pytest.mark.usefixtures("empty_folder")

# Every field of the convention but initialisers and preprocessing: a network that has no layer that depends on it.
IDLE: dict[str, tuple[str, Any]] = {
    "bottleneck_stride": ("slim/resnet_v2_50", "conv1"),
    "shortcut": ("torchvision/vgg11", "none"),
    "shortcut_batch_norm": ("cifar/resnet20", False),
    "inception_kernel": ("torchvision/resnet18", 3),
    "depthwise_padding": ("torchvision/resnet18", "after"),
    "pool_padding": ("cifar/resnet20", "ceil"),
    "pool_fill": ("torchvision/resnet18", "zero"),
    "linear_bias": ("torchvision/resnet50", False),
    "convolution_padding": ("torchvision/vgg11", "same"),
    "batch_norm_gamma": ("torchvision/vgg11", False),
    "batch_norm_epsilon": ("torchvision/vgg11", 1e-3),
    "batch_norm_decay": ("torchvision/vgg11", 0.5),
    "running_variance": ("torchvision/vgg11", "biased"),
    "dropout_mode": ("torchvision/resnet18", "downscale_in_infer"),
    "last_gamma": ("torchvision/vgg11", 0.0),
}

# And one that has.
AT_WORK: dict[str, tuple[str, Any]] = {
    "bottleneck_stride": ("torchvision/resnet50", "conv1"),
    "shortcut": ("cifar/resnet20", "none"),
    "shortcut_batch_norm": ("torchvision/resnet50", False),
    "activation": ("torchvision/resnet18", "relu6"),
    "activation_after": ("tutorial/googlenet", "joins"),
    "inception_kernel": ("torchvision/googlenet", 5),
    "depthwise_padding": ("keras/MobileNet", "explicit"),
    "pool_padding": ("torchvision/resnet18", "same"),
    "pool_fill": ("slim/resnet_v2_50", "zero"),
    "linear_bias": ("keras/ResNet50V2", False),
    "convolution_padding": ("torchvision/resnet18", "same"),
    "convolution_bias": ("torchvision/resnet18", True),
    "batch_norm": ("torchvision/resnet18", False),
    "batch_norm_gamma": ("torchvision/resnet18", False),
    "batch_norm_epsilon": ("torchvision/resnet18", 1e-3),
    "batch_norm_decay": ("torchvision/resnet18", 0.5),
    "running_variance": ("torchvision/resnet18", "biased"),
    "dropout_mode": ("torchvision/googlenet", "downscale_in_infer"),
    "last_gamma": ("torchvision/resnet18", 0.0),
    "dropout": ("torchvision/resnet18", 0.5),
    "num_classes": ("torchvision/resnet18", 7),
    "global_pool": ("torchvision/resnet18", False),
}


def test_every_field_of_the_convention_is_here() -> None:
    others = {name for name in Convention.__dataclass_fields__ if name.endswith("_initializer")} | {"preprocessing"}
    assert AT_WORK.keys() - {"dropout", "num_classes", "global_pool"} == Convention.__dataclass_fields__.keys() - others


@pytest.mark.parametrize("name", IDLE)
def test_an_option_that_no_layer_depends_on_is_said_to_do_nothing(name: str) -> None:
    network, value = IDLE[name]
    sentence = rf"^{name}={value} does nothing in {network}: no layer of it depends on that\.$"
    with pytest.warns(OptionWithoutEffect, match=sentence):
        show(network, **{name: value})
    with pytest.warns(OptionWithoutEffect, match=sentence):
        assert find_subject(network, **{name: value}).architecture == architecture(network, **{name: value})


@pytest.mark.parametrize("name", IDLE)
def test_it_is_said_of_the_value_that_it_has_anyway(name: str) -> None:
    network, _ = IDLE[name]
    with pytest.warns(OptionWithoutEffect, match=f"^{name}="):
        warn_of_options(architecture(network), [name])


@pytest.mark.parametrize("name", AT_WORK)
def test_nothing_is_said_of_an_option_that_does_something(name: str) -> None:
    network, value = AT_WORK[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        show(network, **{name: value})


@pytest.mark.parametrize(
    ("network", "planted", "training", "why"),
    [
        pytest.param("slim/resnet_v2_50", {"bottleneck_stride": "conv1"}, False, "no layer of it", id="no layer"),
        pytest.param(
            "slim/resnet_v2_50", {"bottleneck_stride": "conv1"}, True, "no layer of it", id="none in training"
        ),
        pytest.param(
            "cifar/resnet20", {"batch_norm_decay": 0.1}, False, "inference does not .*--training does", id="training's"
        ),
        pytest.param("torchvision/resnet18", {"pool_fill": "zero"}, False, "no layer of it", id="a pool behind a ReLU"),
        pytest.param("torchvision/resnet18", {"pool_fill": "zero"}, True, "no layer of it", id="nor in training"),
        pytest.param("cifar/resnet20", {"shortcut": "zero_channels"}, False, "it is so", id="what is so already"),
    ],
)
def test_a_plant_that_changes_nothing_is_said_to(
    network: str, planted: dict[str, Any], training: bool, why: str
) -> None:
    with pytest.warns(OptionWithoutEffect, match=rf", planted in {network}, changes nothing: {why}.*\.$"):
        warn_of_plants(architecture(network), planted, training)


@pytest.mark.parametrize(("planted", "training"), [({"batch_norm_decay": 0.1}, True), ({"shortcut": "none"}, False)])
def test_nothing_is_said_of_a_plant_that_is_compared(planted: dict[str, Any], training: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_plants(architecture("cifar/resnet20"), planted, training)


def test_the_command_line_says_it_on_stderr() -> None:
    done = isomorph("show", "slim/resnet_v2_50", "-o", "bottleneck_stride=conv1")
    assert done.returncode == 0
    assert done.stderr == (
        "isomorph: bottleneck_stride=conv1 does nothing in slim/resnet_v2_50: no layer of it depends on that.\n"
    )
