"""Architectures as TOML: what is written is read back equal, and what a person leaves out has its default."""

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from isomorph.spec import (
    Architecture,
    Block,
    Convention,
    Head,
    Initializer,
    Preprocessing,
    Stem,
    StemConvolution,
    StemPool,
    architecture,
    architectures,
    zoo,
)
from isomorph.spec.architecture import AuxiliaryHead, InputTransform
from isomorph.spec.toml.document import read_toml
from isomorph.spec.toml.tables import spelled
from isomorph.spec.toml.writing import to_toml

from .toml_texts import HEAD, TINY, TRANSFORM

# There and back.


@pytest.mark.parametrize("name", architectures())
def test_every_architecture_comes_back_equal(name: str) -> None:
    assert read_toml(to_toml(architecture(name))) == architecture(name)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"num_classes": None, "global_pool": False}, id="without a head"),
        pytest.param({"output_stride": 8, "include_root_block": False, "in_channels": 1}, id="atrous and rootless"),
        pytest.param({"batch_norm_epsilon": 1.001e-5, "shortcut": "none"}, id="another convention"),
        pytest.param({"last_gamma": 0, "batch_norm_epsilon": 1e-30}, id="extreme numbers"),
        pytest.param({"preprocessing": Preprocessing("stretch", None, (192, 256)).normalised("torch")}, id="no resize"),
        pytest.param({"logits_initializer": Initializer("uniform", 1 / 3, "fan_avg")}, id="another initialiser"),
    ],
)
def test_options_come_back_equal(options: dict[str, Any]) -> None:
    changed = architecture("slim/resnet_v1_50", **options)
    assert read_toml(to_toml(changed)) == changed != architecture("slim/resnet_v1_50")


def test_what_comes_back_can_be_a_key() -> None:
    """Lists would not do: plans are remembered by architecture."""
    assert hash(read_toml(to_toml(architecture("keras/ResNet50")))) == hash(architecture("keras/ResNet50"))


def test_a_file_says_what_a_fields_other_values_are() -> None:
    lines = to_toml(architecture("keras/ResNet50")).splitlines()
    assert 'bottleneck_stride = "conv1"  # or "conv2"' in lines
    assert 'shortcut = "projection"  # or "zero_channels", "none"' in lines
    assert 'output_stride = "none"' in lines
    assert "units = [  # [depth, depth_bottleneck, stride]" in lines
    assert "  { times = 3, numbers = [256, 64, 1] }," in lines


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(AuxiliaryHead("aux1", "block1", 1), id="by default"),
        pytest.param(
            AuxiliaryHead("aux1", "block1", 2, (3, 2), 2, 5, 7, False, (0.5, 0)), id="with all fields changed"
        ),
        pytest.param(AuxiliaryHead("aux1", "block1", 3, None), id="with an adaptive pool"),
    ],
)
def test_an_auxiliary_head_comes_back_equal(head: AuxiliaryHead) -> None:
    network = replace(read_toml(TINY), auxiliary=(head,))
    assert read_toml(to_toml(network)) == network


def test_an_input_transform_comes_back_equal() -> None:
    network = replace(read_toml(TINY), input_transform=InputTransform((0.458, 1, 2.0), (-0.03, 0, 1e-9)))
    assert read_toml(to_toml(network)) == network


def test_the_widths_of_mobilenets_come_back_equal() -> None:
    narrow = zoo("keras").widths["MobileNetV2"].build(0.35)
    assert read_toml(to_toml(narrow)) == narrow


def test_a_text_is_spelled_as_toml_reads_it() -> None:
    """JSON's escape of a character beyond 16 bits is two surrogates, which TOML refuses."""
    for text in ('"quoted"', "back\\slash", "line\nend", "\x7f", "naïve", "\N{WHITE SMILING FACE}", "\U0001f600"):
        assert tomllib.loads(f"text = {spelled(text)}") == {"text": text}
    assert spelled("naïve") == '"naïve"'


# By hand.

STEM = Stem((StemConvolution("conv1", 16, 3), StemPool("pool1", 3, 2)))
BLOCKS = (Block("block1", "basic", ((32, 32, 2), (32, 32, 1), (32, 32, 1))),)


def test_what_is_left_out_has_its_default() -> None:
    assert read_toml(TINY) == Architecture("mine/the_text", STEM, BLOCKS, Head(), Convention())


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tiny.toml", "mine/tiny"),
        ("some folder/my net.toml", "mine/my_net"),
        ("v1.5.toml", "mine/v1_5"),
        ("_.toml", "mine/network"),
        ("slim.toml", "mine/slim"),
    ],
)
def test_a_network_without_a_name_is_called_as_its_file(file: str, name: str) -> None:
    assert read_toml(TINY, file).name == name


def test_a_name_of_its_own_wins() -> None:
    assert read_toml('name = "theirs/net"\n' + TINY, "tiny.toml").name == "theirs/net"


def test_there_may_be_auxiliary_heads_and_an_input_transform() -> None:
    network = read_toml(TINY + HEAD + TRANSFORM)
    assert network.auxiliary == (AuxiliaryHead("aux1", "block1", 3, None),)
    assert network.input_transform == InputTransform((2.0, 2.0, 2.0), (-1, -1, -1))


KERAS = architecture("keras/ResNet50").convention


@pytest.mark.parametrize(
    ("text", "convention"),
    [
        pytest.param('[convention]\nlike = "keras"', KERAS, id="that of a zoo's first network"),
        pytest.param(
            '[convention]\nlike = "keras/MobileNet"', architecture("keras/MobileNet").convention, id="an architecture's"
        ),
        pytest.param("[convention]\nlast_gamma = 0", Convention(last_gamma=0), id="the default with a field changed"),
        pytest.param(
            '[convention]\nlike = "keras"\nbatch_norm_epsilon = 1e-3\npreprocessing.size = [32, 48]',
            architecture(
                "keras/ResNet50",
                batch_norm_epsilon=1e-3,
                preprocessing=Preprocessing("stretch", size=(32, 48), interpolation="nearest").normalised("caffe"),
            ).convention,
            id="a zoo's with fields changed, also in its tables",
        ),
        pytest.param(
            '[convention.convolution_initializer]\ndistribution = "uniform"',
            Convention(convolution_initializer=Initializer("uniform", 2.0)),
            id="the default with an initialiser's distribution changed",
        ),
    ],
)
def test_a_convention_may_be(text: str, convention: Convention) -> None:
    assert read_toml(TINY + text).convention == convention


def test_none_is_a_word() -> None:
    network = read_toml('output_stride = "none"\nhead.num_classes = "none"\n' + TINY)
    assert (network.output_stride, network.head) == (None, Head(num_classes=None))
