"""Networks that people wrote by hand in PyTorch are told to be what they are, and what is their own is named alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isomorph.conformance.small_networks import RIGID
from isomorph.spec import Architecture, Block, Convention, Head, Stem, StemConvolution
from isomorph.tools import diagnose

PORTS = Path(__file__).with_name("pytorch_ports.py")

GROUPED = Architecture(
    "ports/grouped",
    Stem((StemConvolution("conv1", 8, 3, stride=2),)),
    (
        Block("block1", "grouped_bottleneck", ((16, 8, 1, 4), (16, 8, 1, 4))),
        Block("block2", "grouped_bottleneck", ((32, 16, 2, 4), (32, 16, 1, 4))),
    ),
    Head(10),
    Convention(),
)

Diagnose = Callable[..., Any]


@pytest.fixture
def port() -> Diagnose:
    """Diagnose one of the ports."""
    return lambda subject, name, **options: diagnose(subject, f"{PORTS}:{name}", **options)


@pytest.mark.parametrize("weights", ["theirs", "drawn"])
def test_of_scrambled_layers_the_normalisation_inside_is_named_alone(port: Diagnose, weights: str) -> None:
    report = port("cifar/resnet20", "scrambled", weights=weights)
    assert (report.matched, report.layers, report.left_over) == (20, 20, 0)
    assert [str(cause) for cause in report.causes] == [
        "images: conv1 reads the images times 4, plus -1.2 (theirs: shell.0.0.0)"
    ]
    assert report.proved


def test_batch_norms_in_training_mode_are_named(port: Diagnose) -> None:
    report = port("cifar/resnet20", "in_training", training=True)
    images, mode = report.causes
    assert images.first.cause == "images"
    assert str(mode) == (
        "training batch norm: conv1 normalises by the statistics of the batch, in 19 places (theirs: shell.0.0.1, ...)"
    )
    assert report.proved


def test_a_folded_port_is_compared_with_the_folded_network(port: Diagnose) -> None:
    report = port("cifar/resnet20", "folded")
    assert report.is_folded
    assert report.agree, report.causes


def test_groups_that_are_split_by_hand_are_groups(port: Diagnose) -> None:
    report = port(GROUPED, "grouped", weights="theirs")
    assert report.agree, report.causes
    assert (report.matched, report.left_over) == (report.layers, 0)


@pytest.mark.parametrize("weights", ["theirs", "drawn"])
def test_a_map_that_is_flattened_with_its_channels_last_is_no_mistake(port: Diagnose, weights: str) -> None:
    """It would be one of a file's tensors, that are loaded as they lie."""
    report = port(RIGID["dense layers behind a flattened map"], "flattening", weights=weights)
    assert report.agree, report.causes


def test_a_unit_that_is_reused_has_the_tensors_of_the_other(port: Diagnose) -> None:
    report = port("cifar/resnet20", "reusing", weights="drawn")
    (cause,) = report.causes
    assert cause.first.cause == "another layer's tensors"
    assert {finding.place.rpartition("/")[0] for finding in cause.findings} <= {
        "block3/unit_2/basic_v1",
        "block3/unit_3/basic_v1",
    }
    assert report.proved


def test_another_network_is_named_with_those_that_it_is_like(port: Diagnose) -> None:
    report = port("cifar/resnet56", "scrambled")
    assert report.is_another
    assert report.nearest == ("cifar/resnet20",)
    assert "It is most like cifar/resnet20." in report.verdict


def test_another_network_is_that_where_its_channels_cannot_be_grouped(port: Diagnose) -> None:
    assert port("torchvision/mobilenet_v2", "scrambled").is_another
