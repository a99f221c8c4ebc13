"""Recorded peers: what other zoos' own code answered, held against every backend.

Each fixture lists a peer's tensors; `peer_rule.py` beside them makes the tensors and the images from nothing but that.
"""

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from isomorph.backends.arrays import SharedArrays
from isomorph.conformance.cases import last_answer
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.reference import Reference
from isomorph.conformance.small_networks import Array, slim_small
from isomorph.conformance.suite.conftest import Build
from isomorph.conformance.verdict import FLOORS, relative_l2
from isomorph.spec import Architecture, architecture, zoo
from isomorph.spec.convention import as_float32
from isomorph.spec.tensors import MOVING_VARIANCE

# fixture -> zoo, architecture (None: slim's test network), options beside the fixture's own
FIXTURES: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "slim_small": ("slim", None, {}),
    "slim_small_os4": ("slim", None, {}),
    "slim_small_os8": ("slim", None, {}),
    "slim_small_os16": ("slim", None, {}),
    "slim_resnet_v1_50": ("slim", "slim/resnet_v1_50", {}),
    "slim_resnet_v1_50_os16_dense": ("slim", "slim/resnet_v1_50", {}),
    "torchvision_resnet18": ("torchvision", "torchvision/resnet18", {}),
    "torchvision_resnet50": ("torchvision", "torchvision/resnet50", {}),
    "torchvision_resnet50_dilated_os8": (
        "torchvision",
        "torchvision/resnet50",
        {"replace_stride_with_dilation": (False, True, True)},
    ),
    "torchvision_resnext50_32x4d": ("torchvision", "torchvision/resnext50_32x4d", {}),
    "torchvision_mobilenet_v2": ("torchvision", "torchvision/mobilenet_v2", {}),
    "torchvision_googlenet": ("torchvision", "torchvision/googlenet", {}),
    "tutorial_googlenet": ("tutorial", "tutorial/googlenet", {"num_classes": 5}),
    "tutorial_resnet34_classes5": ("tutorial", "tutorial/resnet34", {"num_classes": 5}),
    "d2l_resnet18": ("d2l", "d2l/resnet18", {}),
    "timm_resnet50": ("timm", "timm/resnet50", {}),
    "transformers_resnet50": ("transformers", "transformers/resnet-50", {}),
}
SLIM = [name for name, (zoo_name, _, _) in FIXTURES.items() if zoo_name == "slim"]

# relative L2 of logits and of the taps' means, recorded in float32, as slim computed them
FLOAT32_LIMITS = (1e-4, 1e-5)

# How each peer calls our end points, and over which axes its taps are means. The others' logits alone were recorded.
TAPS = {"torchvision": ("layer", "block", (0, 1, 2)), "slim": (None, None, (1, 2))}
UNTAPPED = {"torchvision_mobilenet_v2", "torchvision_googlenet"}
TAPPED = [name for name, (zoo_name, _, _) in FIXTURES.items() if zoo_name in TAPS and name not in UNTAPPED]


def peer_rule(shared: Path) -> ModuleType:
    """The rule by which tensors and images are made, as a module."""
    spec = importlib.util.spec_from_file_location("peer_rule", shared / "peer_rule.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Peer:
    """One fixture.

    document: its list of tensors, its image, for slim its end points' shapes.
    answers: its logits and the means of its taps.
    rule: what makes its tensors and images. share: how backends get them.
    """

    name: str
    document: dict[str, Any]
    answers: Mapping[str, Array]
    rule: ModuleType
    share: Share

    @property
    def zoo(self) -> str:
        """Where it comes from."""
        return FIXTURES[self.name][0]

    @property
    def architecture(self) -> Architecture:
        """What it should be here."""
        _, name, options = FIXTURES[self.name]
        options = options | self.document.get("arguments", {})
        return architecture(name, **options) if name else slim_small(**options)

    @cached_property
    def images(self) -> Array:
        """[N, H, W, C]."""
        images: Array = self.rule.image(**self.document["image"])
        return images

    @cached_property
    def theirs(self) -> dict[str, Array]:
        """Its tensors under its own names, less what no network computes with."""
        naming = zoo(self.zoo).naming
        rows = [row for row in self.document["tensors"] if naming.carries(row[0])]
        return {row[0]: self.rule.tensor(*row) for row in rows}

    @cached_property
    def tensors(self) -> dict[str, Array]:
        """The same under canonical names."""
        renamed = zoo(self.zoo).naming.tensors(self.architecture)
        return {name: tensor.to_canonical(self.theirs[tensor.name]) for name, tensor in renamed.items()}

    @cached_property
    def shared(self) -> tuple[SharedArrays, SharedArrays]:
        """Tensors and images where every backend can map them."""
        return self.share(self.tensors), self.share({"images": self.images})

    @cached_property
    def under_its_epsilon(self) -> dict[str, Array]:
        """The tensors with which our rounded epsilon gives what its own, kept in float64, gave with the recorded ones.

        What the rounding added to epsilon is taken from every variance. 1e-3 would else part by 5e-10 of the logits.
        """
        epsilon = self.architecture.convention.batch_norm_epsilon
        shift = epsilon - as_float32(epsilon)
        return {
            name: value.astype(np.float64) + shift if name.endswith(MOVING_VARIANCE) else value
            for name, value in self.tensors.items()
        }

    def floor(self, dtype: str) -> float:
        """The noise floor of its answer."""
        return self.reference.answer_floor(dtype)

    @property
    def logits(self) -> Array:
        """[N, h, w, classes], or its last map where it has no head."""
        logits = self.answers["logits"]
        return logits if logits.ndim == 4 else logits[:, None, None, :]

    @cached_property
    def end_point_shapes(self) -> dict[str, tuple[int, ...]]:
        """Slim's end points without the network's scope, in slim's order."""
        shapes = self.document["end_point_shapes"].items()
        return {self._unscoped(name): tuple(shape) for name, shape in shapes}

    @cached_property
    def taps(self) -> dict[str, tuple[Array, tuple[int, ...]]]:
        """Our end point -> the mean of theirs, and over which axes."""
        theirs, ours, axes = TAPS.get(self.zoo, (None, None, ()))
        taps = {}
        for key in self.answers:
            if key.startswith("tap:"):
                name = self._unscoped(key.removeprefix("tap:").removesuffix(":mean"))
                taps[name.replace(theirs, ours) if theirs and ours else name] = (self.answers[key], axes)
        return taps

    @cached_property
    def reference(self) -> Reference:
        """The oracle's answers."""
        return Reference(self.architecture, self.tensors, self.images)

    def _unscoped(self, name: str) -> str:
        scope, _, rest = name.partition("/")
        return rest if scope == self.architecture.name.rpartition("/")[2] else name


@pytest.fixture(scope="module")
def peer(request: pytest.FixtureRequest, shared: Path, share: Share) -> Peer:
    folder, name = shared / "peers", request.param
    document = json.loads((folder / f"{name}.json").read_text())
    with np.load(folder / f"{name}.npz") as answers:
        return Peer(name, document, dict(answers), peer_rule(shared), share)


def run(peer: Peer, dtype: str, build: Build) -> dict[str, Array]:
    network = build(peer.architecture, dtype)
    tensors, images = peer.shared
    network.load(peer.share(peer.under_its_epsilon) if dtype == "float64" else tensors)
    return network.end_points(images)


@pytest.mark.parametrize("peer", FIXTURES, indirect=True)
def test_its_tensors_are_ours_by_name_and_shape(peer: Peer) -> None:
    renamed = zoo(peer.zoo).naming.tensors(peer.architecture)
    assert {tensor.name: tensor.shape for tensor in renamed.values()} == {
        name: value.shape for name, value in peer.theirs.items()
    }


@pytest.mark.parametrize("peer", [name for name in FIXTURES if name not in SLIM], indirect=True)
def test_in_float64_its_logits_and_taps_are_ours_but_for_noise(peer: Peer, build: Build) -> None:
    found = run(peer, "float64", build)
    ratio = relative_l2(last_answer(found), peer.logits) / peer.floor("float64")
    assert ratio <= FLOORS, f"{ratio:.3g} noise floors of {peer.floor('float64'):.2g}"
    assert bool(peer.taps) == (peer.name in TAPPED)
    assert parted(peer, found, 1e-12) == {}


@pytest.mark.parametrize("peer", SLIM, indirect=True)
def test_in_float64_slims_logits_and_taps_are_ours_but_for_float32(peer: Peer, build: Build) -> None:
    found = run(peer, "float64", build)
    logits_limit, taps_limit = FLOAT32_LIMITS
    assert relative_l2(last_answer(found), peer.logits) <= logits_limit
    assert bool(peer.taps) == (peer.name in TAPPED)
    assert parted(peer, found, taps_limit) == {}


def parted(peer: Peer, found: Mapping[str, Array], limit: float) -> dict[str, float]:
    """The taps whose means are off by more than `limit`."""
    errors = {name: relative_l2(found[name].mean(axes), mean) for name, (mean, axes) in peer.taps.items()}
    return {name: error for name, error in errors.items() if error > limit}


@pytest.mark.parametrize("peer", [name for name in FIXTURES if name not in SLIM], indirect=True)
def test_in_float32_its_float64_logits_are_ours_but_for_noise(peer: Peer, build: Build) -> None:
    ratio = relative_l2(last_answer(run(peer, "float32", build)), peer.logits) / peer.floor("float32")
    assert ratio <= FLOORS, f"{ratio:.3g} noise floors of {peer.floor('float32'):.2g}"


@pytest.mark.parametrize("peer", SLIM, indirect=True)
def test_in_float32_its_end_points_and_logits_are_ours(peer: Peer, build: Build) -> None:
    """Slim has no end point for the pools: ours are there beside its own, which are in its order."""
    found = run(peer, "float32", build)
    shapes = [(name, y.shape) for name, y in found.items() if name not in ("pool1", "global_pool")]
    assert shapes == list(peer.end_point_shapes.items())
    assert relative_l2(last_answer(found), peer.logits) <= FLOAT32_LIMITS[0]
