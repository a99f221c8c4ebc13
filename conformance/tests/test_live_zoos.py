"""What installed zoos' own layers and fresh tensors say of themselves, against the specification of the same network.

Of every family one network: its tensors by name, shape and distribution, its batch norms, its dropout. In `make test`
what was recorded of the zoos stands for them, in `spec/tests/tensor_names/` and `spec/tests/witness/`.
"""

import json
import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from isomorph.spec import Initializer, architecture, plan, zoo
from isomorph.spec.layers import Convolution
from isomorph.spec.tensors import BIASES, GAMMA, WEIGHTS, tensor_name, tensors_of

pytestmark = pytest.mark.thorough

NETWORKS = {
    "keras": ("ResNet50", "ResNet50V2", "MobileNet", "MobileNetV2", "VGG16"),
    "paddle": (
        "resnet18",
        "resnet50",
        "resnext50_32x4d",
        "mobilenet_v1",
        "mobilenet_v2",
        "vgg16",
        "LeNet",
        "googlenet",
    ),
    "transformers": ("resnet-18", "resnet-50"),
}

NAMED = [f"{zoo_name}/{name}" for zoo_name, names in NETWORKS.items() for name in names]

# distribution -> the range of the largest of a thousand values and more, in deviations.
LARGEST = {"uniform": (1.6, 1.7321), "normal": (2.8, 7.0), "truncated_normal": (2.1, 2.2737), "zeros": (0.0, 0.0)}

ENOUGH = 1000
"""Values that show how they were drawn: their deviation is known to 7 % then, by three of its own deviations."""


@cache
def live(zoo_name: str) -> dict[str, Any]:
    """What the zoo's own networks say."""
    command = [sys.executable, "-m", "live_zoo", zoo_name, *NETWORKS[zoo_name]]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert process.returncode == 0, process.stderr[-2000:]
    found: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return found


@pytest.fixture
def theirs(request: pytest.FixtureRequest) -> dict[str, Any]:
    zoo_name, _, network = request.param.partition("/")
    if find_spec(zoo_name) is None:
        pytest.skip(f"needs {zoo_name}, to ask its own {network}")
    found: dict[str, Any] = live(zoo_name)[network]
    return found


# Every network, beside what it says of itself.
EVERY = pytest.mark.parametrize(("name", "theirs"), [(name, name) for name in NAMED], indirect=["theirs"], ids=NAMED)


@EVERY
def test_tensors_have_its_names_and_shapes(name: str, theirs: dict[str, Any]) -> None:
    naming = zoo(name.partition("/")[0]).naming
    tensors = naming.tensors(architecture(name)).values()
    found = {key: tuple(shape) for key, (shape, *_) in theirs["tensors"].items() if naming.carries(key)}
    assert {tensor.name: tensor.shape for tensor in tensors} == found


@EVERY
def test_batch_norms_and_dropouts_have_its_numbers(name: str, theirs: dict[str, Any]) -> None:
    network = architecture(name)
    layers = list(plan(network).parametrised)
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    normalised = any(layer.batch_norm for layer in convolutions)
    shares = {layer.dropout.share for layer in convolutions if layer.dropout}
    assert theirs["dropouts"] == sorted(shares)
    assert theirs["epsilons"] == pytest.approx([network.convention.batch_norm_epsilon] * normalised, rel=1e-7)
    assert theirs["decays"] == pytest.approx([network.convention.batch_norm_decay] * normalised, rel=1e-7)


@EVERY
def test_fresh_weights_are_drawn_alike(name: str, theirs: dict[str, Any]) -> None:
    renamed = zoo(name.partition("/")[0]).naming.tensors(architecture(name))
    expected = {renamed[key].name: (initializer, deviation) for key, (initializer, deviation) in drawn(name).items()}
    wrong = {
        key: (initializer, f"deviation {ratio:.4g} times ours, largest {largest / (deviation or 1.0):.4g} of it")
        for key, (initializer, deviation) in expected.items()
        for _, measured, largest in (theirs["tensors"][key],)
        for ratio in (measured / deviation if deviation else 1.0 + measured,)
        for low, high in (LARGEST[initializer.distribution],)
        if not (0.9 < ratio < 1.1 and low <= largest / (deviation or 1.0) <= high)
    }
    assert wrong == {}


def drawn(name: str) -> dict[str, tuple[Initializer, float]]:
    """Kernels and biases of enough values -> how they are drawn, and their deviation."""
    tensors = {}
    for layer in plan(architecture(name)).convolutions:
        initializers = {WEIGHTS: layer.initializer, BIASES: layer.bias_initializer}
        for leaf, shape in tensors_of(layer).items():
            size = 1
            for side in shape:
                size *= side
            if leaf in initializers and (size >= ENOUGH or initializers[leaf].distribution == "zeros"):
                initializer = initializers[leaf]
                deviation = 0.0 if initializer.distribution == "zeros" else layer.stddev(initializer)
                shrunk = 0.8796256610342398 if initializer.distribution == "truncated_normal" else 1.0
                tensors[tensor_name(layer, leaf)] = initializer, deviation * shrunk
    return tensors


@EVERY
def test_fresh_gammas_are_its_own(name: str, theirs: dict[str, Any]) -> None:
    renamed = zoo(name.partition("/")[0]).naming.tensors(architecture(name))
    gammas = {
        renamed[tensor_name(layer, GAMMA)].name: layer.gamma
        for layer in plan(architecture(name)).parametrised
        if GAMMA in tensors_of(layer)
    }
    assert {key: theirs["tensors"][key][1] for key in gammas} == gammas
