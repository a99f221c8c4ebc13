"""What a framework's modes are held against: the network of its own zoo."""

import re
from dataclasses import dataclass, replace

from isomorph.spec import Architecture, architecture, zoo
from isomorph.spec.preprocessing import Preprocessing

ZOOS = {"pytorch": "torchvision", "keras": "keras", "paddle": "paddle"}
"""Backend, less its engine -> the zoo that comes with its framework."""

CALLS = {"torchvision": "torchvision.models.", "keras": "keras.applications.", "paddle": "paddle.vision.models."}

PLAIN = "a plain NCHW module, eager, as torchvision builds it"
"""PyTorch's baseline where torchvision is not installed, or has no such network: ours without a layout of its own."""


@dataclass(frozen=True)
class Baseline:
    """A network of a framework's own zoo.

    design: what the zoo's network is, with the classes of the one that is measured.
    same: whether it is that very network, so that it takes the same weights and gives the same answers; else it is the
        one of the same name, and speeds are compared by multiply-accumulates.
    """

    design: Architecture
    same: bool

    @property
    def own_name(self) -> str:
        """What the zoo calls it."""
        return self.design.name.partition("/")[2]

    @property
    def call(self) -> str:
        """`keras.applications.ResNet50`."""
        return CALLS[self.design.name.partition("/")[0]] + self.own_name


def find_baseline(backend: str, network: Architecture) -> Baseline | None:
    """The network of the zoo of `backend` that is `network`, or is called alike; None if there is none."""
    framework = backend.partition(":")[0]
    if framework not in ZOOS or network.head.num_classes is None or not network.head.global_pool:
        return None
    own = zoo(ZOOS[framework])
    wanted = _plain(network.name.partition("/")[2])
    found = next((name for name in own.networks if _plain(name) == wanted), None)
    if found is None:
        return None
    design = architecture(f"{own.name}/{found}", num_classes=network.head.num_classes)
    return Baseline(design, same=_function(design) == _function(network))


def _function(network: Architecture) -> Architecture:
    """What it computes at inference: one that differs in what weights are drawn from, or in training, is the same."""
    learned = {"running_variance": "biased", "batch_norm_decay": 0.9, "preprocessing": Preprocessing()}
    return replace(network.undrawn().with_options(**learned), name="")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
