"""What cannot be trained on gets one sentence from every backend, and costs nothing: tensors stay as they were."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from isomorph.backends.process import RemoteNetwork
from isomorph.backends.protocol import Array
from isomorph.backends.training import SGD
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.learning import DTYPES, unless_unavailable
from isomorph.spec import BadInput, architecture

Learns = Callable[[RemoteNetwork, Array, Array], Any]

R8 = architecture("mlperf_tiny/resnet8")
IMAGES, LABELS = draw_images(R8, 4, 8, 10), np.array([3, 0, 9, 1])
TENSORS = draw_tensors(R8, IMAGES)
HUGE = {"float64": 1e308, "float32": 1e38}

LEARN: dict[str, Learns] = {
    "gradients": lambda network, images, labels: network.gradients(images, labels),
    "a step": lambda network, images, labels: network.step(images, labels, SGD()),
}


def nan_in(images: Array) -> Array:
    bad = images.copy()
    bad[1, 2, 3, 0] = np.nan
    return bad


BATCHES = {
    "a label behind the last class": (IMAGES, np.array([3, 0, 10, 1]), "There is a label 10; mlperf_tiny/resnet8 has"),
    "a negative label": (
        IMAGES,
        np.array([3, -1, 9, 1]),
        "There is a label -1; mlperf_tiny/resnet8 has classes 0 to",
    ),
    "labels that are no integers": (IMAGES, LABELS / 2, r"The labels are float64 of shape \(4,\); expected 4 integers"),
    "a label too few": (IMAGES, LABELS[:3], r"The labels are int64 of shape \(3,\); expected 4 integers"),
    "labels as rows": (
        IMAGES,
        np.eye(10, dtype=int)[LABELS],
        r"The labels are int64 of shape \(4, 10",
    ),
    "a NaN in an image": (nan_in(IMAGES), LABELS, "The images for mlperf_tiny/resnet8 hold NaN or infinity; expected"),
    "one image of one pixel": (IMAGES[:1, :1, :1], LABELS[:1], "conv1 of mlperf_tiny/resnet8 has one value in each"),
}


@pytest.fixture
def network(build: Build) -> RemoteNetwork:
    with unless_unavailable():
        made = build(R8, "float32", training=True)
        made.load(TENSORS)
    return made


def assert_as_before(network: RemoteNetwork, given: dict[str, Array]) -> None:
    found = network.tensors()
    assert [name for name, value in given.items() if not np.array_equal(found[name], value.astype(network.dtype))] == []


@pytest.mark.parametrize("learn", LEARN)
@pytest.mark.parametrize("batch", BATCHES)
def test_a_bad_batch(network: RemoteNetwork, learn: str, batch: str) -> None:
    images, labels, sentence = BATCHES[batch]
    with pytest.raises(BadInput, match=f"^{sentence}"):
        LEARN[learn](network, images, labels)
    assert_as_before(network, TENSORS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("learn", LEARN)
@pytest.mark.parametrize("layer", ["conv1/weights", "logits/weights"])
def test_a_loss_that_is_no_number(build: Build, dtype: str, learn: str, layer: str) -> None:
    """Some frameworks lose the NaN of a map on its way to the loss; then it shows in gradients."""
    given = TENSORS | {layer: TENSORS[layer].astype(dtype) * HUGE[dtype]}
    with unless_unavailable():
        made = build(R8, dtype, training=True)
        made.load(given)
        with pytest.raises(
            BadInput, match=r"^The loss is \S+( but its gradient of \S+ holds NaN or infinity;)? a small"
        ):
            LEARN[learn](made, IMAGES, LABELS)
        assert_as_before(made, given)


def test_statistics_of_what_is_no_image(network: RemoteNetwork) -> None:
    with pytest.raises(BadInput, match=r"^The images for mlperf_tiny/resnet8 hold NaN or infinity; expected numbers"):
        network.observe(nan_in(IMAGES))
    assert_as_before(network, TENSORS)


@pytest.mark.parametrize(
    ("velocity", "sentence"),
    [
        pytest.param({"conv2/weights": np.zeros(3)}, "There is a velocity of conv2/weights", id="no such tensor"),
        pytest.param({"logits/biases": np.zeros(3)}, r"The velocity of logits/biases is of shape", id="its shape"),
    ],
)
def test_a_velocity_of_something_else(network: RemoteNetwork, velocity: dict[str, Array], sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^{sentence}"):
        network.step(IMAGES, LABELS, SGD(), velocity)
    assert_as_before(network, TENSORS)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"learning_rate": 0.0}, r"The learning rate of SGD is 0\.0; expected a number above 0\."),
        ({"momentum": 1.0}, r"The momentum of SGD is 1\.0; expected a number above 0 and below 1\."),
        ({"l2": float("nan")}, r"The l2 of SGD is nan; expected a number that is not below 0\."),
    ],
    ids=["a learning rate", "a momentum", "an L2 term"],
)
def test_an_optimiser_that_cannot_learn(numbers: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^{sentence}$"):
        SGD(**numbers)
