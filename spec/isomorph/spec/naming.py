"""How a zoo names and lays out its tensors, as data: templates for scopes, names for leaves, letters for axes."""

import re
from dataclasses import dataclass
from typing import Any

from isomorph.spec.architecture import Architecture
from isomorph.spec.layers import name_of
from isomorph.spec.plan import plan
from isomorph.spec.tensors import BATCH_NORM, WEIGHTS, Shape, tensors_of

CANONICAL = "HWIO"


@dataclass(frozen=True)
class Layout:
    """The axes of a kernel, as letters: "HWIO", "OIHW", or "OI" and "IO" for a dense kernel, whose H and W are 1."""

    axes: str

    def _order(self) -> tuple[int, ...]:
        left_out = [axis for axis in CANONICAL if axis not in self.axes]
        return tuple(CANONICAL.index(axis) for axis in (*self.axes, *left_out))

    def shape(self, canonical: Shape) -> Shape:
        """The zoo's shape of a kernel whose canonical shape is `canonical`."""
        return tuple(canonical[CANONICAL.index(axis)] for axis in self.axes)

    def from_canonical(self, array: Any) -> Any:
        """A view of the HWIO `array` with the zoo's axes; any array with `transpose` and `reshape` will do."""
        return array.transpose(self._order()).reshape(self.shape(array.shape))

    def to_canonical(self, array: Any) -> Any:
        """The HWIO view of an `array` with the zoo's axes."""
        order = self._order()
        full = array.reshape(tuple(array.shape) + (1,) * (len(CANONICAL) - len(self.axes)))
        return full.transpose(tuple(order.index(axis) for axis in range(len(CANONICAL))))


@dataclass(frozen=True)
class ZooTensor:
    """One tensor in a zoo's form: its name, its shape there and, for a kernel, its layout."""

    name: str
    shape: Shape
    layout: Layout | None

    def from_canonical(self, array: Any) -> Any:
        """A view of the canonical `array` in the zoo's form."""
        return self.layout.from_canonical(array) if self.layout else array

    def to_canonical(self, array: Any) -> Any:
        """A view of the zoo's `array` in canonical form."""
        return self.layout.to_canonical(array) if self.layout else array


@dataclass(frozen=True)
class Naming:
    """A zoo's names.

    scopes: `(pattern, convolution, batch norm)`, the first whose regular expression matches the whole canonical scope
        of a convolution being used. In the two templates `{group}` stands for what the pattern's group of that name
        caught and `{group-1}`, `{group+1}` for the number next to it; `{network}` is the architecture's own name.
    leaves: canonical leaf -> the zoo's, which follows its template after `separator`.
    kernel, logits: the layouts of kernels and of the classifier's.
    left_out: a regular expression of tensors that the zoo's files hold and that no network computes with.
    """

    scopes: tuple[tuple[str, str, str], ...]
    leaves: dict[str, str]
    separator: str = "."
    kernel: Layout = Layout("OIHW")
    logits: Layout = Layout("OI")
    left_out: str = r"(?!)"

    def tensors(self, architecture: Architecture) -> dict[str, ZooTensor]:
        """Canonical name -> the zoo's tensor, for every tensor of `architecture`, in network order."""
        network = architecture.name.rpartition("/")[2]
        renamed = {}
        for convolution in plan(architecture).convolutions:
            templates = self._templates(convolution.scope, network)
            for leaf, shape in tensors_of(convolution).items():
                scope = templates[leaf.startswith(BATCH_NORM)]
                layout = (self.logits if name_of(convolution) == "logits" else self.kernel) if leaf == WEIGHTS else None
                renamed[f"{convolution.scope}/{leaf}"] = ZooTensor(
                    f"{scope}{self.separator}{self.leaves[leaf]}", layout.shape(shape) if layout else shape, layout
                )
        return renamed

    def carries(self, name: str) -> bool:
        """Whether a tensor called `name` in the zoo's file is one that a network computes with."""
        return re.fullmatch(self.left_out, name) is None

    def _templates(self, scope: str, network: str) -> tuple[str, str]:
        for pattern, *templates in self.scopes:
            if caught := re.fullmatch(pattern, scope):
                groups = caught.groupdict() | {"network": network}
                convolution, batch_norm = (_fill(template, groups) for template in templates)
                return convolution, batch_norm
        raise AssertionError(f"no name for the scope {scope!r}")


def _fill(template: str, groups: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        group, shift = found["group"], found["shift"]
        return str(int(groups[group]) + int(shift)) if shift else groups[group]

    return re.sub(r"\{(?P<group>\w+?)(?P<shift>[+-]\d+)?\}", value, template)
