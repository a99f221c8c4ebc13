"""What the tests of the native objects share beside ../conftest.py: fresh processes, and the frameworks' own warnings.

Every file here imports one framework at its top: they run apart, each in a process of its own (../test_native.py), or
by hand, `pytest backends/tests/native/test_paddle*.py`.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import load_backend
from isomorph.spec import Architecture, Block, Head, Initializer, Stem, StemPool
from isomorph.spec.families.residual import residual_block
from isomorph.spec.zoos import slim, torchvision

Array = npt.NDArray[Any]

WARNINGS = (
    # `import paddle` (3.3) looks for a compiler cache that only its C++ extensions use.
    "ignore:No ccache found:UserWarning",
    # Paddle's batch norm says so at every step of training.
    "ignore:When training, we now always track global mean and variance:UserWarning",
    # Paddle (3.3) asks this of itself when it makes a static program to train.
    "ignore:Tensor do not have 'place' interface for pir graph mode:UserWarning",
    # Keras (3.15) hands NumPy 2.4 variables whose __array__ takes no `copy`.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    # torch.compile (2.13) imports PyTorch's own modules that still use TorchScript.
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning",
    # torch.export.save (2.13) says so of weights in the layout NHWC, and saves them all the same.
    "ignore:No complete tensor found in the group:UserWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors, but for those of the frameworks' own imports."""
    for warning in WARNINGS:
        config.addinivalue_line("filterwarnings", warning)


class Draw(NamedTuple):
    """How weights of one distribution must turn out, in units of the initializer's standard deviation."""

    architecture: Architecture
    deviation: float
    largest: tuple[float, float]


# distribution -> the deviation of what is drawn, and the range in which the largest of 20 000 and more values lies
DRAWS = {
    "normal": (1.0, (3.5, 8.0)),
    "truncated_normal": (0.8796256610342398, (1.99, 2.0)),  # a normal cut off at two of its deviations
    "uniform": (1.0, (1.72, 3**0.5)),
    "zeros": (0.0, (0.0, 0.0)),
}


@pytest.fixture(params=DRAWS)
def draw(request: pytest.FixtureRequest) -> Draw:
    """A network with two 3x3 kernels of 128 x 128 channels, and 20 000 biases."""
    architecture = Architecture(
        "slim/wide", Stem(()), (Block("block1", "bottleneck", ((4, 128, 1),) * 2),), Head(20_000), slim.CONVENTION
    ).with_options(
        include_root_block=False,
        convolution_initializer=Initializer(request.param, 2.6),
        logits_initializer=Initializer("zeros"),
        logits_bias_initializer=Initializer(request.param, 0.5),
    )
    return Draw(architecture, *DRAWS[request.param])


@pytest.fixture(scope="session")
def labels() -> npt.NDArray[np.int64]:
    return np.arange(8) % 3


@pytest.fixture(scope="session")
def oracle(weights: Callable[[Architecture], dict[str, Array]]) -> Callable[[Architecture, Array], dict[str, Array]]:
    """The oracle's end points in float64, with those weights."""

    def end_points(architecture: Architecture, images: Array) -> dict[str, Array]:
        network = load_backend("oracle").build(architecture, dtype="float64")
        network.load(weights(architecture))
        return network.end_points(images)

    return end_points


@pytest.fixture
def deterministic(designs: dict[str, Architecture]) -> Architecture:
    """A network with auxiliary heads that computes in training what it does at inference."""
    network = designs["inceptions"].folded()
    heads = tuple(replace(head, dropout=(0.0, 0.0)) for head in network.auxiliary)
    return network.with_options(dropout=0.0, auxiliary=heads)


@pytest.fixture(params=["upscale_in_train", "downscale_in_infer"])
def dropping(request: pytest.FixtureRequest, designs: dict[str, Architecture]) -> Architecture:
    """A network whose classifier drops 3 of 10 values, in either mode."""
    return designs["cifar"].with_options(dropout=0.3, dropout_mode=request.param)


@pytest.fixture(params=["lowest", "zero"])
def pool(request: pytest.FixtureRequest) -> Architecture:
    """A network that begins with a max pool, which can so be given what is negative."""
    block = residual_block(1, "basic", 3, 1, stride=1)
    convention = replace(torchvision.CONVENTION, pool_fill=request.param)
    return Architecture("torchvision/pool", Stem((StemPool("pool1", 3, stride=2),)), (block,), Head(4), convention)


@pytest.fixture(scope="session")
def fresh_python() -> Callable[..., None]:
    """Run a script in a new interpreter that has nothing of this one."""

    def run(script: str, *arguments: str | Path) -> None:
        command = [sys.executable, "-P", "-c", script, *map(str, arguments)]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
        assert done.returncode == 0, f"the fresh process exited with status {done.returncode}:\n{done.stderr[-3000:]}"

    return run
