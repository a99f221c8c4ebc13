"""An outline has the layers of the plan, without their scopes."""

from dataclasses import replace

import pytest

from isomorph.spec import Architecture, architecture, architectures, plan, tensor_shapes
from isomorph.spec.layers import Parametrised
from isomorph.spec.outline import outline
from isomorph.spec.tensors import Shape, tensors_of

OPTIONS = {"output_stride": 8, "num_classes": None, "in_channels": 1, "include_root_block": False}


def shapes(layers: tuple[Parametrised, ...]) -> list[dict[str, Shape]]:
    """What tensors tell of layers."""
    return [tensors_of(layer) for layer in layers]


def outlined(network: Architecture) -> tuple[Parametrised, ...]:
    parts = outline(network)
    classifier = parts.classifier.layers if parts.classifier else ()
    return (*(layer for part in parts.parts for layer in part.layers), *classifier)


@pytest.mark.parametrize("name", architectures())
def test_it_has_the_layers_of_the_plan(name: str) -> None:
    network = architecture(name)
    assert shapes(outlined(network)) == shapes(tuple(plan(network).parametrised))


@pytest.mark.parametrize(("option", "value"), OPTIONS.items(), ids=OPTIONS)
def test_it_has_those_of_a_network_with(option: str, value: object) -> None:
    network = architecture("slim/resnet_v2_50", **{option: value})
    assert shapes(outlined(network)) == shapes(tuple(plan(network).parametrised))


@pytest.mark.parametrize("name", ["cifar/resnet20", "torchvision/googlenet", "torchvision/vgg11"])
def test_it_counts_tensors_without_those_of_the_classifier(name: str) -> None:
    network = architecture(name)
    without = replace(network, head=replace(network.head, num_classes=None), auxiliary=())
    assert outline(network.with_options(auxiliary=())).tensors == len(tensor_shapes(without))
    assert outline(without).classifier is None
