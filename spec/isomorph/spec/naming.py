"""How a zoo names and lays out its tensors, as data: templates for scopes, names for leaves, letters for axes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from isomorph.spec.architecture import Architecture
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import Convolution, Parametrised, name_of
from isomorph.spec.plan import plan
from isomorph.spec.tensors import OF_BATCH_NORM, WEIGHTS, Shape, tensor_name, tensors_of

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
        of a layer being used. In the two templates `{group}` stands for what the pattern's group of that name
        caught and `{group-1}`, `{group+1}` for the number next to it; `{network}` is the architecture's own name, and
        `{index}` the number of units before the layer's own in the network.
    leaves: canonical leaf -> the zoo's, which follows its template after `separator`.
    kernel, logits, depthwise: the layouts of kernels, of the classifier's and of depthwise ones.
    depthwise_weights: the leaf of a depthwise kernel, where it has one of its own.
    classifiers: the unit kind of a network's first block -> name and layout of its classifier, where they are others.
    left_out: a regular expression of tensors that the zoo's files hold and that no network computes with.
    """

    scopes: tuple[tuple[str, str, str], ...]
    leaves: dict[str, str]
    separator: str = "."
    kernel: Layout = Layout("OIHW")
    logits: Layout = Layout("OI")
    depthwise: Layout | None = None
    depthwise_weights: str | None = None
    classifiers: Mapping[str, tuple[str, Layout]] = field(default_factory=dict)
    left_out: str = r"(?!)"

    def tensors(self, architecture: Architecture) -> dict[str, ZooTensor]:
        """Canonical name -> the zoo's tensor, for every tensor of `architecture`, in network order.

        Raises BadInput where the zoo has no name for one, or only the one that another has.
        """
        planned = plan(architecture)
        index = {layer.scope: number for number, unit in enumerate(planned.units) for layer in unit.layers}
        groups = {"network": architecture.name.rpartition("/")[2]}
        kind = architecture.blocks[0].unit if architecture.blocks else ""
        classifier, logits = self.classifiers.get(kind, (None, self.logits))
        renamed: dict[str, ZooTensor] = {}
        for layer in planned.parametrised:
            if layer is planned.logits and classifier:
                templates = (classifier, "")
            else:
                templates = self._templates(layer.scope, groups | {"index": str(index.get(layer.scope, 0))})
            for leaf, shape in tensors_of(layer).items():
                scope = templates[leaf in OF_BATCH_NORM]
                own, layout = self.leaves[leaf], None
                if leaf == WEIGHTS:
                    own, layout = self._kernel(layer, logits)
                renamed[tensor_name(layer, leaf)] = ZooTensor(
                    f"{scope}{self.separator}{own}", layout.shape(shape) if layout else shape, layout
                )
        if len({tensor.name for tensor in renamed.values()}) < len(renamed):
            raise BadInput(f"These names are of another kind of network, and the same for some of {architecture.name}.")
        return renamed

    def _kernel(self, layer: Parametrised, logits: Layout) -> tuple[str, Layout]:
        """The leaf and the layout of a kernel."""
        leaf = self.leaves[WEIGHTS]
        if isinstance(layer, Convolution) and layer.is_depthwise:
            return self.depthwise_weights or leaf, self.depthwise or self.kernel
        return leaf, logits if name_of(layer) == "logits" else self.kernel

    def carries(self, name: str) -> bool:
        """Whether a tensor called `name` in the zoo's file is one that a network computes with."""
        return re.fullmatch(self.left_out, name) is None

    def _templates(self, scope: str, known: dict[str, str]) -> tuple[str, str]:
        for pattern, *templates in self.scopes:
            if caught := re.fullmatch(pattern, scope):
                groups = caught.groupdict() | known
                convolution, batch_norm = (_fill(template, groups) for template in templates)
                return convolution, batch_norm
        raise BadInput(f"There is no name for {scope} among these; it is another kind of network that they are of.")


def _fill(template: str, groups: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        group, shift = found["group"], found["shift"]
        return str(int(groups[group]) + int(shift)) if shift else groups[group]

    return re.sub(r"\{(?P<group>\w+?)(?P<shift>[+-]\d+)?\}", value, template)
