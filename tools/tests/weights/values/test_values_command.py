"""What commands say of values that do not agree: `convert` and `check` go on, and warn; `inspect` tells it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from isomorph.spec import architecture, tensor_shapes
from isomorph.tools.checkpoints import write_safetensors
from isomorph.tools.converting.initialisation import initialise

from ...command import answered, isomorph
from ...converted import R20, named, of_cifar
from ...tensors import plain

pytestmark = pytest.mark.usefixtures("empty_folder")

EXCHANGED = ("layer2.1.conv1", "layer2.2.conv1")
"""Two kernels of one shape, as PyTorch names them."""

SAID = "The values of exchanged.safetensors do not agree as those of cifar/resnet20"


@pytest.fixture
def exchanged(empty_folder: None) -> str:
    tensors = named(R20, "cifar", plain(R20))
    one, other = (f"{layer}.weight" for layer in EXCHANGED)
    of_cifar(Path("exchanged.safetensors"), tensors | {one: tensors[other], other: tensors[one]})
    return "exchanged.safetensors"


def test_convert_warns_and_writes(exchanged: str) -> None:
    result = isomorph("convert", exchanged, "b.safetensors")
    assert result.returncode == 0
    assert SAID in " ".join(result.stderr.split())
    assert Path("b.safetensors").exists()


def test_check_warns_and_runs(exchanged: str) -> None:
    result = isomorph("check", exchanged, "--backends", "oracle", "--input", "8")
    assert result.returncode == 0
    assert SAID in " ".join(result.stderr.split())


def test_inspect_names_the_layers(exchanged: str) -> None:
    values = " ".join(answered("inspect", exchanged).split())
    assert "values do not agree: block2/unit_" in values
    document = json.loads(answered("inspect", exchanged, "--json", "-"))["values"]
    agreement = document["agreements"]["cifar/resnet20"]
    low = {scope for scope, value in agreement["correlations"].items() if value is not None and value < 0.8}
    assert low == {"block2/unit_2/basic_v1/conv1", "block2/unit_3/basic_v1/conv1"}
    assert agreement["worst"]["layer"] in low
    assert document["spoken_for"] is None


def test_what_is_read_in_its_own_order_is_no_alarm() -> None:
    of_cifar(Path("a.safetensors"))
    result = isomorph("convert", "a.safetensors", "b.safetensors")
    assert (result.returncode, result.stderr) == (0, "")
    assert "values agree: median" in " ".join(answered("inspect", "a.safetensors").split())


def test_a_new_network_is_said_to_be_not_trained() -> None:
    network = architecture("cifar/resnet20")
    fresh = initialise(network, frozenset(tensor_shapes(network)), 0)
    write_safetensors(Path("a.safetensors"), {name: value.astype(np.float32) for name, value in fresh.items()}, {})
    said = " ".join(answered("inspect", "a.safetensors", "--arch", network.name).split())
    assert "values not trained: all running means are 0 and all variances 1" in said
    assert isomorph("convert", "a.safetensors", "b.pth", "--arch", network.name).stderr == ""


def test_values_that_are_not_looked_at_say_nothing(exchanged: str) -> None:
    assert "values" not in [line.split(" ")[0] for line in answered("inspect", exchanged, "--no-values").splitlines()]
    document = json.loads(answered("inspect", exchanged, "--no-values", "--json", "-"))
    assert document["values"] == {"agreements": {}, "spoken_for": None}


def test_a_published_file_says_which_layer_is_worst_and_what_its_images_were(shared: Path) -> None:
    shutil.copy(shared / "weights/more/resnet_v1_8_32_cifar10.h5", "a.h5")
    said = " ".join(answered("inspect", "a.h5").split())
    assert "values agree: median 0.99, worst block3/unit_1/conv2 0.97, of 5 layers" in said
    assert "images of a mean of about 0.49, 0.48, 0.45" in said
