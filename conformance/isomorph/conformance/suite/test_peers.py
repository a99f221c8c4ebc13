"""Recorded peers: what other zoos' own code answered, held against every backend.

Every fixture in the folder of an architecture that is here is a test. Of a family there is one of an even size and one
of an odd one, in which alone some paddings show.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from isomorph.backends.protocol import Array
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.suite.recorded_peers import UNNAMED, Peer, recorded, unread
from isomorph.conformance.suite.selection import not_the_oracle
from isomorph.conformance.verdict import FLOORS, relative_l2
from isomorph.spec import zoo

pytestmark = pytest.mark.thorough_where(where=not_the_oracle)

# The dtype in which a peer computed -> relative L2 of its logits, and of its taps' means, from ours in float64. In
# float64 the sums' order alone is left: the oracle is within 1e-14 of all logits, and within 3e-14 of all means.
LIMITS = {"float64": (1e-13, 1e-12), "float32": (1e-4, 1e-5)}

# Left to `isomorph conformance run`: of 130 million values each, where the witness of the specification and VGGs of
# narrow dense layers stand for them; and in float32, where float64 says as much of the specification and
# `test_architectures` of the backend, all but one of each zoo, and one of those that were recorded in float32.
WIDE = ("torchvision_vgg11", "torchvision_vgg16_odd", "torchvision_vgg11_bn_odd", "keras_VGG16", "paddle_vgg16")
EVERY_TIME_IN_FLOAT32 = (
    "d2l_resnet18",
    "keras_MobileNetV2_050_odd",
    "mlperf_tiny_resnet8",
    "paddle_mobilenet_v1_050_odd",
    "slim_inception_v1_odd",
    "slim_small_os8",
    "timm_resnet50",
    "torchvision_mobilenet_v2_050_odd",
    "transformers_resnet50",
    "tutorial_resnet34_classes5",
)


def is_exhaustive(test: str, peer: str) -> bool:
    """Whether a test of a recorded peer is left to `isomorph conformance run`."""
    in_float32 = test == "test_in_float32_its_logits_are_ours_but_for_noise"
    return peer not in EVERY_TIME_IN_FLOAT32 if in_float32 else test.startswith("test_in_float64") and peer in WIDE


# Slim's own names of end points, less those of the pools and means that it gives none, are ours for its ResNets v1.
SLIM_V1 = [name for name, (network, _) in UNNAMED.items() if network.startswith("slim/")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make every fixture in the folder a test; where there is no folder, one, which says so."""
    if "peer" not in metafunc.fixturenames:
        return
    names: Iterable[str] = recorded(metafunc.config.rootpath.parent / "shared" / "peers")
    if "v1" in metafunc.function.__name__:
        names = [name for name in names if name in SLIM_V1]
    test = metafunc.function.__name__
    marked = [pytest.param(name, marks=pytest.mark.exhaustive if is_exhaustive(test, name) else ()) for name in names]
    metafunc.parametrize("peer", marked or ["no fixture"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def peer(request: pytest.FixtureRequest, shared: Path, share: Share) -> Peer:
    return Peer.read(shared, request.param, share)


def run(peer: Peer, dtype: str, build: Build) -> dict[str, Array]:
    network = build(peer.architecture, dtype)
    tensors, images = peer.shared
    network.load(peer.share(peer.under_its_epsilon) if dtype == "float64" else tensors)
    return network.end_points(images)


def test_every_fixture_is_read(shared: Path) -> None:
    """Unless it is of another kind, or of a family that is not here."""
    assert unread(shared / "peers") == []


def test_every_fixture_that_does_not_name_its_architecture_is_there(shared: Path) -> None:
    assert UNNAMED.keys() - recorded(shared / "peers").keys() == set()


def test_its_tensors_are_ours_by_name_and_shape(peer: Peer) -> None:
    renamed = zoo(peer.zoo).naming.tensors(peer.architecture)
    assert {tensor.name: tensor.shape for tensor in renamed.values()} == {
        name: tuple(row[1]) for name, row in peer.rows.items()
    }


def test_in_float64_its_logits_and_taps_are_ours(peer: Peer, build: Build) -> None:
    """But for the order of sums, or for float32 where the peer computed in that."""
    end_points = run(peer, "float64", build)
    for_logits, for_taps = LIMITS[peer.dtype]
    assert above(for_logits, logit_errors(peer, end_points)) == {}
    assert above(for_taps, tap_errors(peer, end_points)) == {}


@pytest.mark.thorough  # float64 stands for it: the oracle's own noise in float32 is tested apart
def test_in_float32_its_logits_are_ours_but_for_noise(peer: Peer, build: Build) -> None:
    error = relative_l2(peer.answer_of(run(peer, "float32", build), "logits"), peer.logits["logits"])
    limit = FLOORS * peer.floor("float32") if peer.dtype == "float64" else LIMITS[peer.dtype][0]
    assert error <= limit, f"{error:.3g} for up to {limit:.3g}"


def test_in_float32_the_end_points_of_slims_resnet_v1_are_ours_by_name(peer: Peer, build: Build) -> None:
    """Slim has no end point for the pools: ours are there beside its own, which are in its order."""
    network = peer.architecture.name.rpartition("/")[2]
    shapes = peer.document["end_point_shapes"].items()
    theirs = [(name.removeprefix(f"{network}/"), tuple(shape)) for name, shape in shapes]
    end_points = run(peer, "float32", build)
    assert [(name, y.shape) for name, y in end_points.items() if name not in ("pool1", "global_pool")] == theirs


def logit_errors(peer: Peer, end_points: Mapping[str, Array]) -> dict[str, float]:
    """Relative L2 of our logits, those of auxiliary heads too."""
    return {head: relative_l2(peer.answer_of(end_points, head), logits) for head, logits in peer.logits.items()}


def tap_errors(peer: Peer, end_points: Mapping[str, Array]) -> dict[str, float]:
    """Relative L2 of each tap's mean from that of our end point which is nearest.

    Which one that is needs no table of other zoos' modules: no two agree in so many digits of so many channels.
    """
    return {tap: min(distances(mean, end_points.values()), default=float("inf")) for tap, mean in peer.taps.items()}


def distances(mean: Array, end_points: Iterable[Array]) -> list[float]:
    """Of the means of the end points that are as deep, over the axes that `mean` lacks."""
    axes: Any = (1, 2) if mean.ndim == 2 else (0, 1, 2)
    return [relative_l2(y.mean(axes), mean) for y in end_points if y.shape[-1] == mean.shape[-1]]


def above(limit: float, errors: Mapping[str, float]) -> dict[str, float]:
    """The errors beyond `limit`."""
    return {name: error for name, error in errors.items() if error > limit}
