"""Recorded answers of other zoos' own code: a fixture is a `NAME.json`, with a peer's tensors, and a `NAME.npz`.

`peer_rule.py` beside their folder makes tensors and images from what the document lists. A fixture whose document names
the architecture needs no line here; the first fixtures do not name it.
"""

import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.protocol import Array
from isomorph.conformance.cases import last_answer
from isomorph.conformance.drawn_case import Share
from isomorph.conformance.reference import Reference
from isomorph.conformance.small_networks import slim_small
from isomorph.spec import Architecture, architecture, architectures, zoo
from isomorph.spec.convention import as_float32
from isomorph.spec.tensors import MOVING_VARIANCE
from isomorph.spec.zoos.cifar import wide_resnet

SMALL = "slim/small"
"""Slim's own test network, which no zoo has."""

WIDE = "cifar/wide_resnet16_4"
"""A wide ResNet that is not in the paper's table, and not among the zoo's."""

# Fixtures whose documents do not name their architecture -> it, and options beside those that the document lists.
UNNAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "slim_small": (SMALL, {}),
    "slim_small_os4": (SMALL, {}),
    "slim_small_os8": (SMALL, {}),
    "slim_small_os16": (SMALL, {}),
    "slim_resnet_v1_50": ("slim/resnet_v1_50", {}),
    "slim_resnet_v1_50_os16_dense": ("slim/resnet_v1_50", {}),
    "torchvision_resnet18": ("torchvision/resnet18", {}),
    "torchvision_resnet50": ("torchvision/resnet50", {}),
    "torchvision_resnet50_dilated_os8": (
        "torchvision/resnet50",
        {"replace_stride_with_dilation": (False, True, True)},
    ),
    "torchvision_resnext50_32x4d": ("torchvision/resnext50_32x4d", {}),
    "torchvision_mobilenet_v2": ("torchvision/mobilenet_v2", {}),
    "torchvision_googlenet": ("torchvision/googlenet", {}),
    "tutorial_googlenet": ("tutorial/googlenet", {}),
    "tutorial_resnet34_classes5": ("tutorial/resnet34", {}),
    "d2l_resnet18": ("d2l/resnet18", {}),
    "timm_resnet50": ("timm/resnet50", {}),
    "transformers_resnet50": ("transformers/resnet-50", {}),
    "fam_plain_wrn_16_4": (WIDE, {}),
}

# Fixtures of models that were typed from a paper, whose modules have other names -> patterns of those, and the zoo's.
RENAMED = {
    "fam_plain_cifar_resnet18": {r"^stage": "layer", r"^fc\.": "linear."},
    "fam_plain_wrn_16_4": {r"^group(\d)\.": r"block\1.layer.", r"^bn\.": "bn1.", r"\.project\.": ".convShortcut."},
}

OTHER_KINDS = ("fam_", "preprocessing_")
"""Prefixes of other files in the folder: networks of other families, and photographs that zoos preprocessed."""


def named_architecture(fixture: str, document: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the architecture of a fixture, with its options; None for a fixture of no network here."""
    if fixture in UNNAMED:
        return UNNAMED[fixture]
    name = document.get("architecture")
    return (name, document.get("options", {})) if name in architectures() and "tensors" in document else None


@cache
def recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """Return fixture -> document, for every fixture in `folder` of an architecture here."""
    documents = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return {name: document for name, document in documents.items() if named_architecture(name, document)}


def unread(folder: Path) -> list[str]:
    """Return the fixtures in `folder` that are neither of an architecture here nor of another kind."""
    names = {path.stem for path in folder.glob("*.json")} | {path.stem for path in folder.glob("*.npz")}
    return sorted(name for name in names - recorded(folder).keys() if not name.startswith(OTHER_KINDS))


def peer_rule(shared: Path) -> ModuleType:
    """Import the rule by which tensors and images are made."""
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
    rule: the module that makes its tensors and images. share: writes them for backends.
    """

    name: str
    document: dict[str, Any]
    answers: Mapping[str, Array]
    rule: ModuleType
    share: Share

    @classmethod
    def read(cls, shared: Path, name: str, share: Share) -> "Peer":
        """Read the fixture `name` of `shared`/peers."""
        folder = shared / "peers"
        with np.load(folder / f"{name}.npz") as answers:
            return cls(name, recorded(folder)[name], dict(answers), peer_rule(shared), share)

    @cached_property
    def architecture(self) -> Architecture:
        """Its architecture here; documents omit the number of classes, unless it is an argument of slim's.

        `global_pool` is an argument of slim's MobileNet and Inception, too, where it means the mean of any map instead
        of one over 7x7 cells.
        """
        name, options = named_architecture(self.name, self.document) or ("", {})
        options = {"num_classes": self.answers["logits"].shape[-1]} | options | self.document.get("arguments", {})
        if name == WIDE:
            return wide_resnet(16, 4).with_options(**options)
        return slim_small(**options) if name == SMALL else architecture(name, **options)

    @property
    def zoo(self) -> str:
        """The zoo that it comes from."""
        known = self.name in UNNAMED and self.name not in RENAMED
        return self.name.partition("_")[0] if known else self.architecture.name.partition("/")[0]

    @property
    def dtype(self) -> str:
        """The dtype in which it computed its answers."""
        dtype: str = self.document["logits_dtype"]
        return dtype

    @cached_property
    def images(self) -> Array:
        """Its images [N, H, W, C], in pixels for a network that takes pixels."""
        arguments = dict(self.document["image"])
        scale, offset = arguments.pop("scale", 1.0), arguments.pop("offset", 0.0)
        images: Array = (self.rule.image(**arguments) * scale + offset).astype(np.float32)
        return images

    @property
    def rows(self) -> dict[str, list[Any]]:
        """The zoo's name -> its own name, shape and rule, of each tensor but those that no network computes with."""
        naming = zoo(self.zoo).naming
        rows = {self._in_zoo(row[0]): row for row in self.document["tensors"]}
        return {name: row for name, row in rows.items() if naming.carries(name)}

    def _in_zoo(self, name: str) -> str:
        for own, zoos in RENAMED.get(self.name, {}).items():
            name = re.sub(own, zoos, name)
        return name

    @cached_property
    def theirs(self) -> dict[str, Array]:
        """Its tensors under the zoo's names."""
        return {name: self.rule.tensor(*row) for name, row in self.rows.items()}

    @cached_property
    def tensors(self) -> dict[str, Array]:
        """Its tensors under canonical names."""
        zoo_tensors = zoo(self.zoo).naming.tensors(self.architecture)
        return {name: tensor.to_canonical(self.theirs[tensor.name]) for name, tensor in zoo_tensors.items()}

    @cached_property
    def shared(self) -> tuple[SharedArrays, SharedArrays]:
        """Tensors and images in files that every backend can map."""
        return self.share(self.tensors), self.share({"images": self.images})

    @cached_property
    def under_its_epsilon(self) -> dict[str, Array]:
        """The tensors with which our rounded epsilon gives the recorded answers of its own, which stayed in float64.

        The rounding error of epsilon is subtracted from every variance. With 1e-3 logits would otherwise differ by
        5e-10. Paddle rounds its epsilon as we do.
        """
        if zoo(self.zoo).framework == "paddle":
            return self.tensors
        epsilon = self.architecture.convention.batch_norm_epsilon
        shift = epsilon - as_float32(epsilon)
        return {
            name: value.astype(np.float64) + shift if name.endswith(MOVING_VARIANCE) else value
            for name, value in self.tensors.items()
        }

    @cached_property
    def logits(self) -> dict[str, Array]:
        """Our end point -> its answer, [N, h, w, classes], or its last map where it has no head."""
        answers = {key: value for key, value in self.answers.items() if key.partition(":")[0] == "logits"}
        return {
            f"{head}/logits" if (head := key.partition(":")[2]) else "logits": value
            if value.ndim == 4
            else value[:, None, None, :]
            for key, value in answers.items()
        }

    @cached_property
    def taps(self) -> dict[str, Array]:
        """A module or end point of its own -> its output's mean over space, [N, channels], or over images, too."""
        return {
            key.removeprefix("tap:").removesuffix(":mean"): value
            for key, value in self.answers.items()
            if key.startswith("tap:")
        }

    @cached_property
    def reference(self) -> Reference:
        """The oracle's answers."""
        return Reference(self.architecture, self.tensors, self.images)

    def floor(self, dtype: str) -> float:
        """Return the noise floor of its answer."""
        return self.reference.answer_floor(dtype)

    def answer_of(self, end_points: Mapping[str, Array], head: str) -> Array:
        """Return the value of our end points that corresponds to its logits called `head`."""
        return last_answer(end_points) if head == "logits" else end_points[head]
