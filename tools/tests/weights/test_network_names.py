"""PyTorch's files whose training script noted the network's name: its word counts, as that of a folder does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from isomorph.spec import BadInput, architecture
from isomorph.spec.document import to_document
from isomorph.tools import inspect
from isomorph.tools.checkpoints import METADATA, Checkpoint
from isomorph.tools.weights.weights import identified

from ..command import refused
from ..pytorch_files import saved
from ..tensors import of_zoo

PATH = Path("x.pth")


def noting(name: str, network: str) -> Checkpoint:
    """A file with a network's tensors that calls it `name`."""
    return Checkpoint(PATH, "PyTorch zip", of_zoo(architecture(network)), {}, network_name=name)


def write_training_script_s(path: Path, name: str, network: str) -> None:
    """A file as PyTorch's ImageNet example saves it."""
    state = {f"module.{name}": value for name, value in of_zoo(architecture(network)).items()}
    path.write_bytes(saved({"epoch": 90, "arch": name, "state_dict": state}))


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("resnet18", "torchvision/resnet18"),
        ("ResNet-18", "torchvision/resnet18"),
        ("resnet18.a1_in1k", "torchvision/resnet18"),
        ("hf-hub:timm/resnet18.a1_in1k", "torchvision/resnet18"),
        ("ResNet", "torchvision/resnet18"),
        ("vgg16_bn", "torchvision/vgg16_bn"),
        ("resnext101_32x16d", "wsl/resnext101_32x16d"),
        ("resnet-50", "transformers/resnet-50"),
        ("resnet20", "cifar/resnet20"),
        ("", "cifar/resnet20"),
    ],
)
def test_a_file_is_read_that_calls_its_network(name: str, network: str) -> None:
    assert identified(PATH, noting(name, network)).architecture == architecture(network)


def test_the_name_tells_networks_of_the_same_tensors_apart() -> None:
    assert identified(PATH, noting("plain20", "cifar/resnet20")).architecture == architecture("cifar/plain20")
    assert identified(PATH, noting("", "cifar/plain20")).architecture == architecture("cifar/resnet20")


@pytest.mark.parametrize(
    ("name", "network", "said"),
    [
        ("resnetblur18", "torchvision/resnet18", "which is none of those here, while its tensors are"),
        ("resnet1", "torchvision/resnet18", "which is none of those here, while its tensors are"),
        ("...", "torchvision/resnet18", "which is none of those here, while its tensors are"),
        ("resnet34", "torchvision/resnet18", "and its tensors are"),
        ("vgg16", "torchvision/vgg16_bn", "and its tensors are"),
        ("vgg", "torchvision/resnet18", "which is none of those here, while its tensors are"),
    ],
)
def test_a_file_is_refused_that_calls_its_network(name: str, network: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        identified(PATH, noting(name, network))
    assert str(caught.value) == (
        f"x.pth says that its network is '{name}', {said} those of {network}; --arch says what to read it as without"
        " its word."
    )


def test_another_architecture_may_be_asked_for() -> None:
    checkpoint = noting("resnetblur18", "torchvision/resnet18")
    assert identified(PATH, checkpoint, "torchvision/resnet18").architecture.name == "torchvision/resnet18"


def test_what_isomorph_notes_comes_first() -> None:
    """It says all of a network, where a name is but a name."""
    network = architecture("cifar/resnet20")
    noted = {METADATA: json.dumps(to_document(network))}
    assert identified(PATH, replace(noting("plain20", network.name), metadata=noted)).architecture == network


@pytest.mark.usefixtures("empty_folder")
def test_commands_follow_a_training_scripts_word() -> None:
    write_training_script_s(PATH, "plain20", "cifar/resnet20")
    assert inspect(PATH, values=False).title == "cifar/plain20"
    write_training_script_s(PATH, "resnet20_blur", "cifar/resnet20")
    sentence = (
        "x.pth says that its network is 'resnet20_blur', which is none of those here, while its tensors are those of"
        " cifar/resnet20; --arch says what to read it as without its word."
    )
    assert inspect(PATH, values=False).problem == sentence
    assert refused("check", PATH, "--backends", "oracle") == sentence
