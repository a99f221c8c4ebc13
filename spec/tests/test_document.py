"""An architecture crosses to another process as JSON and comes back equal."""

import json

import pytest

from isomorph.spec import Architecture, Initializer, Preprocessing, architecture, architectures
from isomorph.spec.document import from_document, to_document


def crossed(network: Architecture) -> Architecture:
    return from_document(json.loads(json.dumps(to_document(network))))


@pytest.mark.parametrize("name", architectures())
def test_every_architecture_comes_back_equal(name: str) -> None:
    assert crossed(architecture(name)) == architecture(name)


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": None, "global_pool": False},
        {"output_stride": 8, "include_root_block": False, "in_channels": 1},
        {"batch_norm_epsilon": 1.001e-5, "pool_padding": "explicit", "shortcut": "zero_channels"},
        {"pool_padding": "explicit", "pool_fill": "zero", "last_gamma": 0.0},
        {"batch_norm": False, "convolution_bias": True},
        {"preprocessing": Preprocessing("stretch", None, (192, 256), "nearest").normalised("caffe")},
        {"logits_initializer": Initializer("uniform", 1.0, "fan_avg")},
    ],
    ids=[
        "without a head",
        "atrous and rootless",
        "another convention",
        "zeros around the pool and in the last gammas",
        "without batch norm",
        "another preprocessing",
        "another initialiser",
    ],
)
def test_options_come_back_equal(options: dict[str, object]) -> None:
    changed = architecture("slim/resnet_v1_50", **options)
    assert crossed(changed) == changed != architecture("slim/resnet_v1_50")


@pytest.mark.parametrize("name", ["torchvision/resnet18", "keras/ResNet50"])
def test_what_comes_back_can_be_a_key(name: str) -> None:
    """Lists would not do: plans are remembered by architecture."""
    assert hash(crossed(architecture(name))) == hash(architecture(name))
