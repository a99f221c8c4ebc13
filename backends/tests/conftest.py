"""What the tests of this floor share. None of them imports a framework into this process: see test_native.py."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from isomorph.spec import Architecture, Head, Stem, StemConvolution
from isomorph.spec.zoos import slim

collect_ignore = ["native"]  # each of its files needs a process of its own


@pytest.fixture(scope="session")
def tiny() -> Architecture:
    """A stem of one 3x3 convolution, one strided bottleneck unit behind a projection, four classes."""
    stem = Stem((StemConvolution("conv1", 4, 3, stride=2),))
    return Architecture("slim/tiny", stem, (slim.resnet_v1_block("block1", 2, 1, stride=2),), Head(4), slim.CONVENTION)


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
