"""How like networks are by structure alone: where another network begins, and which architectures it is like."""

import numpy as np
import pytest

from isomorph.backends.folding import fold
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.graphs.planned import graph_of
from isomorph.conformance.likeness.anchors import Sight, pair_anchors
from isomorph.conformance.likeness.canonical import bring_into_form
from isomorph.conformance.likeness.diagnosis import ALIKE, compare_with
from isomorph.conformance.likeness.folded import has_folded
from isomorph.conformance.likeness.ranking import nearest_architectures, share_of_layers
from isomorph.spec import architecture, architectures, plan
from isomorph.spec.operations import BatchNorm

from .written import NETWORKS, Written, drawn, told


def blank(name: str, side: int = 224) -> Graph:
    """Return an architecture's graph in form, with images of no number."""
    network = architecture(name)
    shape = (1, side, side, network.in_channels)
    graph = graph_of(plan(network), shape)
    graph.outputs = dict(list(graph.outputs.items())[:1])
    graph.input.value = np.broadcast_to(np.nan, shape)
    return bring_into_form(graph)


def share(first: str, second: str) -> float:
    one, other = Sight(blank(first)), Sight(blank(second))
    return share_of_layers(one, other, pair_anchors(one, other))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("keras/ResNet50", "torchvision/resnet50"),
        ("slim/resnet_v1_50", "torchvision/resnet50"),
        ("keras/MobileNetV2", "torchvision/mobilenet_v2"),
        ("keras/VGG16", "torchvision/vgg16_bn"),
        ("slim/inception_v1", "torchvision/googlenet"),
        ("d2l/resnet18", "cifar/resnet18"),
    ],
)
def test_one_design_of_two_zoos_is_one_network(first: str, second: str) -> None:
    assert share(first, second) > (1 + ALIKE) / 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("torchvision/resnet18", "torchvision/resnet34"),
        ("torchvision/resnet50", "torchvision/resnet34"),
        ("torchvision/resnet50", "torchvision/resnext50_32x4d"),
        ("torchvision/mobilenet_v2", "keras/MobileNet"),
        ("keras/MobileNet", "torchvision/vgg19"),
        ("torchvision/googlenet", "torchvision/resnet50"),
        ("cifar/resnet32", "cifar/resnet56"),
    ],
)
def test_others_are_other_networks(first: str, second: str) -> None:
    assert share(first, second) < ALIKE


@pytest.mark.parametrize("name", ["keras/ResNet50", "keras/MobileNetV2", "cifar/resnet20", "keras/ResNet50V2"])
def test_an_architecture_is_most_like_itself(name: str) -> None:
    nearest = nearest_architectures(blank(name), map(architecture, architectures()), ALIKE)
    assert [each.name for each in nearest] == [name]


def test_the_same_function_in_several_zoos_is_like_all_of_them() -> None:
    nearest = nearest_architectures(blank("torchvision/resnet34"), map(architecture, architectures()), ALIKE)
    assert {"torchvision/resnet34", "timm/resnet34"} <= {each.name for each in nearest}
    assert not any("50" in each.name for each in nearest)


def test_what_is_like_none_has_none() -> None:
    graph = bring_into_form(Written.of("inceptions").run())
    assert nearest_architectures(graph, map(architecture, architectures()), ALIKE) == []


@pytest.mark.parametrize(
    "name", ["slim's bottlenecks", "inverted residuals", "pre-activated bottlenecks", "inceptions"]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_folded_model_is_the_folded_network(name: str, dtype: str) -> None:
    """Also where it was folded in float32, whose last digits are others."""
    network = NETWORKS[name]
    images, tensors = drawn(name)
    kernels = {each: value.astype(dtype) for each, value in fold(network, tensors).items()}
    diagnosis = compare_with(network, Written(network.folded(), images, kernels).run(), tensors)
    assert diagnosis.is_folded
    assert (told(diagnosis), diagnosis.proved) == ([], True)


def test_a_wrong_kernel_of_a_folded_model_is_named() -> None:
    name = "slim's bottlenecks"
    network = NETWORKS[name]
    images, tensors = drawn(name)
    kernels = fold(network, tensors)
    kernels["conv1/weights"] = kernels["conv1/weights"][..., ::-1]
    diagnosis = compare_with(network, Written(network.folded(), images, kernels).run(), tensors)
    assert diagnosis.is_folded
    assert told(diagnosis) == [("outputs reversed", "conv1")]


def test_one_batch_norm_that_is_left_out_is_no_folding() -> None:
    model = Written.of("slim's bottlenecks")
    model.remove("conv1", BatchNorm)
    assert not has_folded(model.network, model.run())
