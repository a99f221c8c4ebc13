"""Networks that people wrote by hand in Keras are told to be what they are, and what is their own is named alone."""

from pathlib import Path

import pytest

from isomorph.backends import find_backend
from isomorph.tools import diagnose

PORTS = Path(__file__).with_name("keras_ports.py")
WHY_NOT = find_backend("keras").why_not()

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.mark.parametrize("weights", ["theirs", "drawn"])
@pytest.mark.parametrize(
    ("subject", "name", "causes"),
    [
        (
            "cifar/resnet20",
            "subclassed_cifar",
            [
                "padding: block2/unit_1/basic_v1/conv1 has pads (1, (0, 1)) (TensorFlow's SAME), expected 1,"
                " in 2 places (theirs: residual_3/conv2d_7, ...)"
            ],
        ),
        ("paddle/LeNet", "flattened_lenet", []),
        (
            "mlperf_tiny/resnet8",
            "normalising_resnet8",
            ["images: conv1 reads the images times 4, plus -1.2 (theirs: conv2d)"],
        ),
        (
            "cifar/resnet20",
            "handmade_cifar",
            ["epsilon: conv1 has epsilon 0.001, expected 1e-05, in 19 places (theirs: handmade, ...)"],
        ),
    ],
)
def test_what_is_a_port_s_own_is_named_alone(subject: str, name: str, causes: list[str], weights: str) -> None:
    report = diagnose(subject, f"{PORTS}:{name}", weights=weights)
    assert (report.matched, report.left_over) == (report.layers, 0)
    assert [str(cause) for cause in report.causes] == causes
    assert report.proved
