"""Networks that people wrote by hand in Paddle are told to be what they are, and what is their own is named alone."""

from pathlib import Path

import pytest

from isomorph.backends import find_backend
from isomorph.tools import diagnose

PORTS = Path(__file__).with_name("paddle_ports.py")
WHY_NOT = find_backend("paddle").why_not()

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.mark.parametrize(
    ("subject", "name"),
    [("cifar/resnet20", "cifar"), ("paddle/LeNet", "lenet"), ("torchvision/resnext50_32x4d", "split_resnext")],
)
def test_a_port_that_is_right_passes(subject: str, name: str) -> None:
    report = diagnose(subject, f"{PORTS}:{name}")
    assert (report.matched, report.left_over) == (report.layers, 0)
    assert report.agree, report.causes


@pytest.mark.parametrize("weights", ["theirs", "drawn"])
def test_a_relu_before_each_sum_is_named_alone(weights: str) -> None:
    report = diagnose("cifar/resnet20", f"{PORTS}:relu_before_the_sum", weights=weights)
    assert [str(cause) for cause in report.causes] == [
        "ReLU before sum: block1/unit_1/basic_v1 has its ReLU before its sum, in 9 places (theirs: koerper.0, ...)"
    ]
    assert report.proved
