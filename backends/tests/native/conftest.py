"""What the tests of the native objects share: small networks, data, and the frameworks' own warnings.

Every file here imports one framework at its top: they run apart, each in a process of its own (../test_native.py), or
by hand, `pytest backends/tests/native/test_paddle.py`.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.spec import Architecture, Block, Head, Initializer, Stem, StemConvolution, tensor_shapes
from isomorph.spec.residual import IMAGENET_STEM, residual_block
from isomorph.spec.zoos import cifar, slim, torchvision

Array = npt.NDArray[Any]

WARNINGS = (
    # `import paddle` (3.3) looks for a compiler cache that only its C++ extensions use.
    "ignore:No ccache found:UserWarning",
    # Paddle's batch norm says so at every step of training.
    "ignore:When training, we now always track global mean and variance:UserWarning",
    # Keras (3.15) hands NumPy 2.4 variables whose __array__ takes no `copy`.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors, but for those of the frameworks' own imports."""
    for warning in WARNINGS:
        config.addinivalue_line("filterwarnings", warning)


# Both kinds of unit and of padding; subsampled, projected and zero-channel shortcuts.
DESIGNS = {
    "slim": Architecture(
        "slim/tiny",
        Stem((StemConvolution("conv1", 8, 7, stride=2), slim.STEM.layers[1])),
        (slim.resnet_v1_block("block1", 4, num_units=2, stride=2), slim.resnet_v1_block("block2", 8, 2, 1)),
        Head(10),
        slim.CONVENTION,
    ),
    "torchvision": Architecture(
        "torchvision/tiny",
        IMAGENET_STEM,
        (residual_block(1, "bottleneck", 16, 2, stride=1), residual_block(2, "bottleneck", 8, 2, stride=2)),
        Head(10),
        torchvision.CONVENTION,
    ),
    "cifar": Architecture(
        "cifar/tiny",
        cifar.STEM,
        (residual_block(1, "basic", 16, 1, stride=1), residual_block(2, "basic", 33, 1, stride=2)),
        Head(10),
        cifar.CONVENTION,
    ),
}


@pytest.fixture(scope="session")
def designs() -> dict[str, Architecture]:
    return DESIGNS


@pytest.fixture(params=DESIGNS)
def design(request: pytest.FixtureRequest) -> Architecture:
    return DESIGNS[request.param]


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
def images() -> Array:
    """[8, 33, 30, 3], float64: neither square nor even."""
    return np.random.default_rng(1).normal(size=(8, 33, 30, 3))


@pytest.fixture(scope="session")
def labels() -> npt.NDArray[np.int64]:
    return np.arange(8) % 3


@pytest.fixture(scope="session")
def weights() -> Callable[[Architecture], dict[str, Array]]:
    """Tensors for an architecture, none of them at its initial value."""

    def tensors(architecture: Architecture) -> dict[str, Array]:
        random = np.random.default_rng(2)
        drawn: dict[str, Array] = {}
        for name, shape in tensor_shapes(architecture).items():
            if name.endswith("weights"):
                drawn[name] = random.normal(size=shape) / np.prod(shape[:3]) ** 0.5
            elif name.endswith(("gamma", "moving_variance")):
                drawn[name] = random.uniform(0.5, 1.5, shape)
            else:
                drawn[name] = random.uniform(-0.5, 0.5, shape)
        return drawn

    return tensors


@pytest.fixture(scope="session")
def fresh_python() -> Callable[..., None]:
    """Run a script in a new interpreter that has nothing of this one."""

    def run(script: str, *arguments: str | Path) -> None:
        command = [sys.executable, "-P", "-c", script, *map(str, arguments)]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
        assert done.returncode == 0, f"the fresh process exited with status {done.returncode}:\n{done.stderr[-3000:]}"

    return run


@pytest.fixture(scope="session")
def assert_close() -> Callable[[Any, Any, float], None]:
    """Fail unless two arrays differ by at most `limit` in relative L2."""

    def check(found: Any, expected: Any, limit: float) -> None:
        __tracebackhide__ = True
        found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
        assert found.shape == expected.shape, f"found {found.shape}, expected {expected.shape}"
        assert np.any(expected), "a norm of zero proves nothing"
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        assert error <= limit, f"relative L2 error {error:.3g}, at most {limit:g} expected"

    return check
