"""A live peer: Paddle's own zoo, with our trained-like weights, against every backend; and with its tensors in ours."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.conftest import Build
from isomorph.conformance.small_networks import Array
from isomorph.conformance.verdict import FLOORS, noise_floors, relative_l2
from isomorph.spec import Architecture, architecture, zoo

# Runs in a process of its own: fill Paddle's network, run it in both dtypes, and give back what it holds.
SCRIPT = """
import sys
import numpy as np
import paddle

name, given, out = sys.argv[1:]
given = dict(np.load(given))
images = given.pop("images").transpose(0, 3, 1, 2)
network = getattr(paddle.vision.models, name)(pretrained=False)
network.eval()
names = list(network.state_dict())
assert sorted(names) == sorted(given), set(names) ^ set(given)
network.set_state_dict({name: paddle.to_tensor(value) for name, value in given.items()})
result = {f"held:{name}": value.numpy() for name, value in network.state_dict().items()}
with paddle.no_grad():
    for dtype in ("float32", "float64"):
        result[dtype] = network.to(dtype=dtype)(paddle.to_tensor(images.astype(dtype))).numpy()
np.savez(out, **result)
"""


@dataclass(frozen=True)
class LivePeer:
    """Paddle's network.

    drawn: what it was given, under canonical names. held: what it then held, under its own.
    logits: dtype -> [N, 1, 1, classes].
    """

    architecture: Architecture
    images: Array
    drawn: dict[str, Array]
    held: dict[str, Array]
    logits: dict[str, Array]

    @cached_property
    def tensors(self) -> dict[str, Array]:
        """What it holds, under canonical names."""
        renamed = zoo("paddle").naming.tensors(self.architecture)
        return {name: tensor.to_canonical(self.held[tensor.name]) for name, tensor in renamed.items()}

    @cached_property
    def float32_floor(self) -> float:
        """The noise floor of its logits in float32."""
        networks = [
            OracleNetwork(self.architecture, "cpu", dtype, halves)
            for dtype, halves in (("float64", False), ("float32", False), ("float32", True))
        ]
        for network in networks:
            network.load(self.drawn)
        exact, *runs = [network.end_points(self.images) for network in networks]
        return noise_floors(exact, runs, "float32")["logits"]


@pytest.fixture(scope="module")
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, need_peers: Callable[[str], None]
) -> LivePeer:
    if importlib.util.find_spec("paddle") is None:
        need_peers("needs Paddle, whose own networks it runs")
    network = architecture(f"paddle/{request.param}")
    images = draw_images(network, 2, 97, 128)
    drawn = draw_tensors(network, images)
    renamed = zoo("paddle").naming.tensors(network)
    folder = tmp_path_factory.mktemp("paddle")
    np.savez(
        folder / "given.npz",
        images=images,
        **{tensor.name: tensor.from_canonical(drawn[name]) for name, tensor in renamed.items()},
    )
    command = [sys.executable, "-P", "-c", SCRIPT, request.param, folder / "given.npz", folder / "found.npz"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with np.load(folder / "found.npz") as found:
        held = {key.removeprefix("held:"): found[key] for key in found if key.startswith("held:")}
        logits = {dtype: found[dtype][:, None, None, :] for dtype in ("float32", "float64")}
    (folder / "given.npz").unlink()
    (folder / "found.npz").unlink()
    return LivePeer(network, images, drawn, held, logits)


NETWORKS = pytest.mark.parametrize("live", ["resnet18", "resnet50"], indirect=True)


@NETWORKS
def test_its_tensors_survive_the_way_there_and_back(live: LivePeer) -> None:
    assert len(live.held) == len(live.drawn)
    changed = [name for name, value in live.tensors.items() if value.tobytes() != live.drawn[name].tobytes()]
    assert not changed


@NETWORKS
def test_its_images_tell_its_answers_apart(live: LivePeer) -> None:
    """Its default initialisation would not: trained-like weights make two images two different answers."""
    first, second = live.logits["float64"]
    assert relative_l2(first, second) > 0.1


@NETWORKS
def test_in_float64_its_logits_are_ours(live: LivePeer, build: Build) -> None:
    network = build(live.architecture, "float64")
    network.load(live.tensors)
    assert relative_l2(network.end_points(live.images)["logits"], live.logits["float64"]) <= 1e-10


@NETWORKS
def test_in_float32_its_logits_are_ours_but_for_noise(live: LivePeer, build: Build) -> None:
    """Theirs in float64 against ours in float32, and theirs in float32 against the same."""
    network = build(live.architecture, "float32")
    network.load(live.tensors)
    found, floor = network.end_points(live.images)["logits"], live.float32_floor
    for whose, logits in (("ours", found), ("Paddle's own", live.logits["float32"])):
        ratio = relative_l2(logits, live.logits["float64"]) / floor
        assert ratio <= FLOORS, f"{whose} in float32 are {ratio:.3g} noise floors from Paddle's in float64"
