"""What the tests of this floor share. None of them imports a framework into this process: see run_apart."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest

from isomorph.spec import Architecture, Block, Convention, Head, Stem, StemConvolution, tensor_shapes
from isomorph.spec.architecture import AuxiliaryHead, InputTransform
from isomorph.spec.families.residual import IMAGENET_STEM, residual_block
from isomorph.spec.zoos import cifar, slim, torchvision

Array = npt.NDArray[Any]

ONLY = "ISOMORPH_NATIVE_DESIGNS"
"""Names of the designs that tests of native objects are run with, if not all."""

collect_ignore = ["keras_tracing", "native"]  # their files need processes of their own

ROOT = Path(__file__).parents[2]

RunApart = Callable[..., list[ElementTree.Element]]


@pytest.fixture(scope="session")
def tiny() -> Architecture:
    """A stem of one 3x3 convolution, one strided bottleneck unit behind a projection, four classes."""
    stem = Stem((StemConvolution("conv1", 4, 3, stride=2),))
    return Architecture("slim/tiny", stem, (slim.resnet_block("block1", 2, 1, stride=2),), Head(4), slim.CONVENTION)


# Every kind of unit and of padding; subsampled, projected and zero-channel shortcuts; auxiliary heads.
DESIGNS = {
    "slim": Architecture(
        "slim/tiny",
        Stem((StemConvolution("conv1", 8, 7, stride=2), slim.STEM.layers[1])),
        (slim.resnet_block("block1", 4, num_units=2, stride=2), slim.resnet_block("block2", 8, 2, 1)),
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
    "others": Architecture(
        "isomorph/others",
        Stem((StemConvolution("conv1", 8, 3, stride=2),)),
        (
            Block("block1", "grouped_bottleneck", ((16, 8, 1, 4),)),
            Block("block2", "bottleneck_v2", ((16, 4, 2), (24, 4, 1))),
            Block("block5", "basic_v2", ((24, 6, 1), (16, 8, 2))),
            Block("block3", "separable", ((24, 1), (8, 2))),
            Block("block4", "inverted_residual", ((1, 8, 1), (6, 8, 1), (6, 12, 1))),
            Block("Conv_1", "convolution", ((16, 1, 1),)),
            Block("postnorm", "batch_norm", ((),)),
        ),
        Head(10),
        Convention(convolution_padding="same", depthwise_padding="after"),
    ),
    # In training its shares of dropout are so small that one step still shows in the loss.
    "inceptions": Architecture(
        "isomorph/inceptions",
        Stem((StemConvolution("conv1", 8, 7, stride=2),)),
        (
            Block("block1", "inception", ((4, 2, 6, 2, 3, 3), (6, 3, 4, 2, 5, 3))),
            Block("pool1", "max_pool", ((3, 2),)),
            Block("block2", "inception", ((4, 2, 6, 2, 3, 3),)),
        ),
        Head(10, dropout=0.02),
        Convention(pool_padding="ceil", batch_norm_gamma=False, batch_norm_epsilon=1e-3),
        auxiliary=(
            AuxiliaryHead("aux1", "block1", 1, pool=(5, 3), cells=3, depth=5, hidden=7, dropout=(0.02, 0.02)),
            AuxiliaryHead("aux2", "block1", 2, pool=None, cells=2, depth=5, hidden=7, rectified=False),
        ),
        input_transform=InputTransform((0.458, 0.448, 0.45), (-0.03, -0.088, -0.188)),
    ),
    "dense": Architecture(
        "isomorph/dense",
        Stem((StemConvolution("conv1", 6, 3),)),
        (
            Block("pool1", "max_pool", ((2, 2),)),
            Block("block1", "valid_convolution", ((8, 5, 1),)),
            Block("adaptive_pool", "adaptive_pool", ((7,),)),
            Block("fc6", "dense", ((16, 7),)),
            Block("fc7", "dense", ((12, 1),)),
            Block("fc8", "linear", ((12, 1),)),
        ),
        Head(10, dropout=0.02),
        Convention(pool_padding="valid", convolution_bias=True, dropout_mode="downscale_in_infer"),
    ),
}


@pytest.fixture(scope="session")
def designs() -> dict[str, Architecture]:
    return DESIGNS


ASKED = {name: DESIGNS[name] for name in os.environ.get(ONLY, " ".join(DESIGNS)).split()}


@pytest.fixture(scope="session")
def asked() -> dict[str, Architecture]:
    """Those of the designs that tests are run with one by one."""
    return ASKED


@pytest.fixture(scope="session")
def small() -> Architecture:
    """One unit, for what takes long: compilers that write and compile C++."""
    return replace(DESIGNS["cifar"], blocks=DESIGNS["cifar"].blocks[:1])


@pytest.fixture(params=ASKED)
def design(request: pytest.FixtureRequest) -> Architecture:
    return DESIGNS[request.param]


@pytest.fixture(scope="session")
def images() -> Array:
    """[8, 33, 30, 3], float64: neither square nor even."""
    return np.random.default_rng(1).normal(size=(8, 33, 30, 3))


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


Offer = Callable[[str], Path]


@pytest.fixture
def offer(tmp_path: Path) -> Offer:
    """Make a folder of installed packages in which one offers `misbehaving.py` as the backend of a given name."""

    def package(name: str) -> Path:
        site = tmp_path / "site-packages"
        metadata = site / "misbehaving-1.0.dist-info"
        metadata.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(__file__).with_name("misbehaving.py"), site)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[isomorph.backends]\n{name} = misbehaving\n")
        return site

    return package


@pytest.fixture
def install(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Have processes that are started from here find the backend of a given name; returns the name."""

    def on_their_path(name: str) -> str:
        paths = [str(offer(name)), *filter(None, [os.environ.get("PYTHONPATH")])]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
        return name

    return on_their_path


@pytest.fixture
def run_apart(tmp_path: Path) -> RunApart:
    """Run files of tests in a process of their own, with variables of its environment; returns a report of each test.

    TensorFlow and Paddle in one process end the interpreter, and Keras fixes its engine at import.
    """

    def run(files: list[Path], environment: dict[str, str], *more: str) -> list[ElementTree.Element]:
        report = tmp_path / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", *more]
        command = [sys.executable, "-P", "-m", "pytest", *options, *map(str, files)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        whole = inherited | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"} | environment
        done = subprocess.run(command, cwd=ROOT, env=whole, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            pytest.fail(f"status {done.returncode}\n{done.stdout[-20_000:]}\n{done.stderr[-3000:]}", pytrace=False)
        return list(ElementTree.parse(report).iter("testcase"))

    return run
