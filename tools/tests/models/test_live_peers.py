"""What the zoos make themselves, against what is specified here: told to be what they are, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from isomorph.backends import find_backend
from isomorph.tools import diagnose

pytestmark = pytest.mark.thorough

PADDLE = Path(__file__).with_name("paddle_ports.py")

WITHOUT_SOFTMAX = {"weights": None, "classifier_activation": None, "input_shape": (96, 96, 3)}
"""Arguments of Keras's factories, whose models else end in a softmax. In 96x96 every stride meets an even map."""


@dataclass(frozen=True)
class Peer:
    """A zoo's own model.

    subject: what it is held against. factory, call: what makes it. causes: all that differs, with the number of places.
    """

    backend: str
    subject: str
    factory: str
    causes: Mapping[str, int] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)


# Counted in the zoos' own sources: torchvision/models/resnet.py, mobilenetv2.py, keras/src/applications/resnet.py,
# resnet_v2.py, mobilenet_v2.py and paddle/vision/models/resnet.py, googlenet.py. Of 53 convolutions of a ResNet-50 each
# has a bias and a batch norm of epsilon 1.001e-5 in Keras, where three groups stride in a 1x1 and not in the 3x3 behind
# it; a MobileNetV2 has 52 batch norms, and SAME padding in its five convolutions that stride.
PEERS = (
    Peer(
        "keras",
        "torchvision/resnet50",
        "keras.applications:ResNet50",
        {"biases extra": 53, "epsilon": 53, "stride": 6},
        WITHOUT_SOFTMAX,
    ),
    Peer(
        "keras",
        "torchvision/mobilenet_v2",
        "keras.applications:MobileNetV2",
        {"padding": 5, "epsilon": 52},
        WITHOUT_SOFTMAX,
    ),
    Peer("keras", "keras/ResNet50", "keras.applications:ResNet50", {}, WITHOUT_SOFTMAX),
    Peer("keras", "keras/MobileNetV2", "keras.applications:MobileNetV2", {}, WITHOUT_SOFTMAX),
    Peer("keras", "keras/ResNet50V2", "keras.applications:ResNet50V2", {}, WITHOUT_SOFTMAX),
    Peer(
        "keras",
        "slim/resnet_v2_50",
        "keras.applications:ResNet50V2",
        {"pool padding": 1, "pool padded with": 1, "epsilon": 49, "depth": 1},
        WITHOUT_SOFTMAX,
    ),
    Peer("paddle", "paddle/resnet18", f"{PADDLE}:zoo_resnet18"),
    Peer("paddle", "torchvision/resnet18", f"{PADDLE}:zoo_resnet18"),
    Peer("paddle", "paddle/googlenet", f"{PADDLE}:zoo_googlenet"),
)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: f"{peer.factory.rpartition(':')[2]}-{peer.subject}")
def test_a_zoos_own_model_is_told_right(peer: Peer) -> None:
    if (why_not := find_backend(peer.backend).why_not()) is not None:
        pytest.skip(why_not)
    report = diagnose(peer.subject, peer.factory, call=peer.call, batch=1)
    assert {cause.first.cause: len(cause.findings) for cause in report.causes} == peer.causes
    assert (report.matched, report.left_over) == (report.layers, 0)
    assert (report.agree, report.proved) == (not peer.causes, True)


@pytest.mark.parametrize(
    "peer",
    [peer for peer in PEERS if peer.subject in ("torchvision/mobilenet_v2", "paddle/googlenet")],
    ids=lambda peer: peer.subject,
)
def test_weights_that_are_drawn_are_put_into_it(peer: Peer) -> None:
    if (why_not := find_backend(peer.backend).why_not()) is not None:
        pytest.skip(why_not)
    report = diagnose(peer.subject, peer.factory, call=peer.call, batch=1, weights="drawn")
    assert {cause.first.cause: len(cause.findings) for cause in report.causes} == peer.causes
    assert report.proved
