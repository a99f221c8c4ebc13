"""The baseline for a framework's modes: the network of its own zoo."""

import re
from dataclasses import dataclass, replace

from isomorph.spec import Architecture, architecture, zoo
from isomorph.spec.preprocessing import Preprocessing

ZOOS = {"pytorch": "torchvision", "keras": "keras", "paddle": "paddle"}
"""Backend, less its engine -> the zoo that comes with its framework."""

CALLS = {"torchvision": "torchvision.models.", "keras": "keras.applications.", "paddle": "paddle.vision.models."}

PLAIN = "a plain NCHW module, eager, as torchvision builds it"
"""PyTorch's baseline where torchvision is not installed or has no such network: isomorph's, in its usual layout."""


@dataclass(frozen=True)
class Baseline:
    """A network of a framework's own zoo.

    design: the zoo's network, with the classes of the measured one.
    same: whether it is the same function as the measured network, so that it takes the same weights and gives the same
        answers; if not, it has the same name, and speeds are compared by multiply-accumulates.
    """

    design: Architecture
    same: bool

    @property
    def own_name(self) -> str:
        """Its name in the zoo."""
        return self.design.name.partition("/")[2]

    @property
    def call(self) -> str:
        """The call that makes it: `keras.applications.ResNet50`."""
        return CALLS[self.design.name.partition("/")[0]] + self.own_name


def find_baseline(backend: str, network: Architecture) -> Baseline | None:
    """Return the network in the zoo of `backend` with the name of `network`; None if there is none.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.benching.baselines import find_baseline
    >>> baseline = find_baseline("keras", architecture("torchvision/resnet50"))
    >>> baseline.call, baseline.same
    ('keras.applications.ResNet50', False)
    """
    framework = backend.partition(":")[0]
    if framework not in ZOOS or network.head.num_classes is None or not network.head.global_pool:
        return None
    framework_zoo = zoo(ZOOS[framework])
    wanted = _plain(network.name.partition("/")[2])
    own_name = next((name for name in framework_zoo.networks if _plain(name) == wanted), None)
    if own_name is None:
        return None
    design = architecture(f"{framework_zoo.name}/{own_name}", num_classes=network.head.num_classes)
    return Baseline(design, same=_function(design) == _function(network))


def _function(network: Architecture) -> Architecture:
    """Return the network without what only initialisation and training depend on: equal ones compute the same."""
    learned = {"running_variance": "biased", "batch_norm_decay": 0.9, "preprocessing": Preprocessing()}
    return replace(network.undrawn().with_options(**learned), name="")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
