"""transformers' `config.json`: the architecture that it describes, and the one that describes an architecture."""

from typing import Any

import pytest

from isomorph.spec import BadInput, architecture, function, zoo
from isomorph.tools.checkpoints.transformers.config import read_config, write_config

from ..transformers_folders import CONFIG, SMALL

OWN = [network.name for network in zoo("transformers").networks.values()]


@pytest.mark.parametrize("name", OWN)
def test_a_network_of_the_zoo_comes_back(name: str) -> None:
    network = architecture(name, num_classes=7, in_channels=1)
    assert read_config(write_config(network)) == network


@pytest.mark.parametrize(
    "name",
    ["torchvision/resnet18", "timm/resnet26", "torchvision/resnet50", "paddle/resnet101", "transformers/resnet-50"],
)
def test_networks_of_the_same_function_are_described(name: str) -> None:
    assert function(read_config(write_config(architecture(name)))) == function(architecture(name))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"downsample_in_first_stage": True, "embedding_size": 32}, id="a stride in the first stage"),
        pytest.param({"downsample_in_bottleneck": True}, id="the stride in the first 1x1"),
        pytest.param({"layer_type": "basic", "hidden_sizes": [8, 32]}, id="basic units"),
        pytest.param({"depths": [1, 1, 1], "hidden_sizes": [16, 32, 48]}, id="three stages"),
    ],
)
def test_a_network_of_other_widths_and_depths_comes_back(changed: dict[str, Any]) -> None:
    network = read_config({**CONFIG, **changed})
    assert network.name == "transformers/resnet"
    assert read_config(write_config(network)) == network


def test_what_is_left_out_is_what_transformers_takes() -> None:
    assert read_config({}) == architecture("transformers/resnet-50", num_classes=2)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown kind": ({"layer_type": "wide"}, "its layer_type is 'wide', basic or bottleneck was expected"),
    "another activation": ({"hidden_act": "gelu"}, "its hidden_act is 'gelu', relu was expected"),
    "no list": ({"depths": 3}, "its depths is 3, a list of 1 to 16 numbers was expected"),
    "no stages": ({"depths": [], "hidden_sizes": []}, "its hidden_sizes is a list, a list of 1 to 16"),
    "an endless stage": ({"depths": [1, 10**9]}, "its depths is 1000000000, a number from 1 to 1,024 was expected"),
    "a stage of nothing": ({"depths": [0, 1]}, "its depths is 0, a number from 1 to 1,024 was expected"),
    "text": ({"num_channels": "3"}, "its num_channels is '3', a number from 1 to 65,536 was expected"),
    "a truth value": ({"embedding_size": True}, "its embedding_size is True, a number from 1 to"),
    "no truth value": ({"downsample_in_bottleneck": 1}, "its downsample_in_bottleneck is 1, true or false"),
    "fewer depths": ({"depths": [1]}, "its hidden_sizes are 2 and its depths 1, as many were expected"),
    "a projection that is not here": (
        {"hidden_sizes": [16, 16]},
        "it halves the map between two stages of 16 channels, a number that changes was expected",
    ),
}


@pytest.mark.parametrize(("changed", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_configuration_is_refused_for(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_config({**CONFIG, **changed})
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(architecture("slim/resnet_v1_50"), id="another padding"),
        pytest.param(architecture("keras/ResNet50"), id="biases"),
        pytest.param(architecture("torchvision/resnext50_32x4d"), id="groups"),
        pytest.param(architecture("torchvision/vgg11"), id="no residual units"),
        pytest.param(architecture("cifar/resnet20"), id="shortcuts without parameters"),
        pytest.param(SMALL.with_options(num_classes=None), id="no classes"),
        pytest.param(SMALL.with_options(output_stride=4), id="rates"),
        pytest.param(SMALL.with_options(batch_norm_epsilon=1e-3), id="another epsilon"),
    ],
)
def test_a_network_is_refused_of(network: Any) -> None:
    with pytest.raises(BadInput, match=r"is no network that transformers' ResNet can be; expected"):
        write_config(network)
