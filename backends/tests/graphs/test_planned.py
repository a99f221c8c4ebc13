"""The graph of a plan computes what the oracle computes, bit for bit, in every family of networks."""

import numpy as np
import pytest

from isomorph.backends import load_backend
from isomorph.backends.graphs.planned import graph_of
from isomorph.backends.oracle.evaluation import evaluate
from isomorph.spec import Architecture, architecture, plan

NETWORKS = {
    "basic units": (architecture("cifar/resnet20"), (20, 21)),
    "option A, strided twice": (architecture("cifar/resnet20", output_stride=1), (12, 13)),
    "bottlenecks": (architecture("slim/resnet_v1_50"), (40, 41)),
    "groups": (architecture("torchvision/resnext50_32x4d"), (33, 34)),
    "pre-activation": (architecture("keras/ResNet50V2"), (33, 34)),
    "depthwise": (architecture("keras/MobileNet"), (33, 34)),
    "inverted residuals": (architecture("torchvision/mobilenet_v2"), (33, 34)),
    "inception with heads and an affine": (architecture("torchvision/googlenet"), (64, 65)),
    "dropout scaled at inference": (architecture("paddle/googlenet", aux_logits=False), (64, 65)),
    "dense layers behind a map": (architecture("paddle/LeNet"), (28, 28)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_what_the_oracle_does(name: str) -> None:
    network, size = NETWORKS[name]
    oracle = load_backend("oracle").build(network, dtype="float64")
    images = np.random.default_rng(0).normal(size=(1, *size, network.in_channels))
    expected = oracle.end_points(images)
    graph = graph_of(plan(network), images.shape, oracle.tensors())
    values = {graph.input.number: images}
    for node in graph.nodes.values():
        if node.reads:
            inputs = [graph.take(read, values) for read in node.reads]
            values[node.number] = evaluate(node.operation, inputs, node.arrays)
    last = {node.name: values[node.number] for node in graph.nodes.values() if node.reads}
    compared = [each for each in expected if each in last]
    assert len(compared) > len(expected) / 2
    for each in compared:
        assert np.array_equal(last[each].reshape(expected[each].shape), expected[each]), each


def test_without_tensors_it_has_their_axes_and_no_numbers() -> None:
    graph = graph_of(plan(architecture("cifar/resnet20")), (1, 32, 32, 3))
    convolution = next(node for node in graph.nodes.values() if node.tensors)
    weights = convolution.tensors["weights"]
    assert (weights.name, weights.value.shape) == ("conv1/weights", (3, 3, 3, 16))
    assert np.isnan(weights.value).all()


def test_what_another_model_has_computed_decides_what_follows() -> None:
    network: Architecture = architecture("keras/MobileNet")  # its strided layers are padded by TensorFlow's rules
    planned = graph_of(plan(network), (1, 64, 64, 3))
    first = next(node for node in planned.nodes.values() if node.reads)
    other = graph_of(plan(network), (1, 64, 64, 3), shapes={first.number: (1, 64, 64, 32)})
    read = next(node for node in other.nodes.values() if node.reads and node.reads[0].source == first.number).reads[0]
    assert read.shape == (1, 64, 64, 32)
