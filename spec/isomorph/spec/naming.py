"""How a zoo names and lays out its tensors, as data: templates for scopes, names for leaves, letters for axes."""

import re
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

from isomorph.spec.architecture import Architecture
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import Convolution, Parametrised, name_of
from isomorph.spec.plan import Plan, plan
from isomorph.spec.tensors import OF_BATCH_NORM, WEIGHTS, Shape, tensor_name, tensors_of

CANONICAL = "HWIO"

_GROUP = re.compile(r"\{(?P<group>\w+?)(?P<shift>[+-]\d+)?\}")


@dataclass(frozen=True)
class Layout:
    """The axes of a kernel, as letters: "HWIO", "OIHW", or "OI" and "IO" for a dense kernel, whose H and W are 1.

    Axes in parentheses are one: "O(IHW)" is a dense kernel behind a map that was flattened channel by channel.
    """

    axes: str

    @property
    def _letters(self) -> str:
        return self.axes.replace("(", "").replace(")", "")

    def _order(self) -> tuple[int, ...]:
        left_out = [axis for axis in CANONICAL if axis not in self._letters]
        return tuple(CANONICAL.index(axis) for axis in (*self._letters, *left_out))

    def shape(self, canonical: Shape) -> Shape:
        """The zoo's shape of a kernel whose canonical shape is `canonical`."""
        groups = re.findall(r"\((\w+)\)|(\w)", self.axes)
        return tuple(prod(canonical[CANONICAL.index(axis)] for axis in many or one) for many, one in groups)

    def from_canonical(self, array: Any) -> Any:
        """The HWIO `array` with the zoo's axes, a view where it can be one."""
        return array.transpose(self._order()).reshape(self.shape(array.shape))

    def to_canonical(self, array: Any, canonical: Shape) -> Any:
        """The HWIO view, of shape `canonical`, of an `array` with the zoo's axes."""
        order = self._order()
        full = array.reshape(tuple(canonical[axis] for axis in order))
        return full.transpose(tuple(order.index(axis) for axis in range(len(CANONICAL))))


@dataclass(frozen=True)
class ZooTensor:
    """One tensor in a zoo's form: its name, its shape there, its canonical shape and, for a kernel, its layout."""

    name: str
    shape: Shape
    canonical: Shape
    layout: Layout | None

    def from_canonical(self, array: Any) -> Any:
        """A view of the canonical `array` in the zoo's form."""
        return self.layout.from_canonical(array) if self.layout else array

    def to_canonical(self, array: Any) -> Any:
        """A view of the zoo's `array` in canonical form."""
        return self.layout.to_canonical(array, self.canonical) if self.layout else array


class Row(NamedTuple):
    """How a zoo names the layers of some scopes: those that the regular expression `scope` matches, whole.

    In the templates `convolution` and `batch_norm`, `{group}` stands for what the expression's group of that name
    caught and `{group-1}`, `{group+1}` for the number next to it; `{network}` is the architecture's own name, `{own}`
    the layer's canonical scope, `{index}` the number of units before the layer's own, and `{step}` that of the modules
    before it in an nn.Sequential of all units in which convolution, batch norm, activation and pool are one each.
    `{module}` is where isomorph's own networks that nest their modules have the layer, joined by dots, and `{flat}` the
    canonical scope where one name must say it all, joined by underscores.

    kernel: the layout of their kernels, where it is another than the zoo's.
    """

    scope: str
    convolution: str
    batch_norm: str = ""
    kernel: Layout | None = None


@dataclass(frozen=True)
class Naming:
    """A zoo's names.

    scopes: the first row that matches a layer's canonical scope is used. The classifier's is that of the last unit and
        `/logits`: networks of one zoo do not all call theirs the same.
    leaves: canonical leaf -> the zoo's, which follows its template after `separator`.
    kernel, logits, depthwise: the layouts of kernels, of a classifier's and of depthwise ones.
    depthwise_weights: the leaf of a depthwise kernel, where it has one of its own.
    left_out: a regular expression of tensors that the zoo's files hold and that no network computes with.
    """

    scopes: tuple[Row, ...]
    leaves: dict[str, str]
    separator: str = "."
    kernel: Layout = Layout("OIHW")
    logits: Layout = Layout("OI")
    depthwise: Layout | None = None
    depthwise_weights: str | None = None
    left_out: str = r"(?!)"

    def tensors(self, architecture: Architecture) -> dict[str, ZooTensor]:
        """Canonical name -> the zoo's tensor, for every tensor of `architecture`, in network order.

        Raises BadInput where the zoo has no name for one, or only the one that another has.
        """
        planned = plan(architecture)
        network = {"network": architecture.name.rpartition("/")[2]}
        places = _places(planned)
        renamed: dict[str, ZooTensor] = {}
        for layer in planned.parametrised:
            scope = layer.scope if layer is not planned.logits else _classifier(planned)
            row = self._row(scope, network | places[layer.scope])
            for leaf, shape in tensors_of(layer).items():
                template = row.batch_norm if leaf in OF_BATCH_NORM else row.convolution
                own, layout = self._kernel(layer, row) if leaf == WEIGHTS else (self.leaves[leaf], None)
                zoo_shape = layout.shape(shape) if layout else shape
                name = f"{template}{self.separator}{own}"
                renamed[tensor_name(layer, leaf)] = ZooTensor(name, zoo_shape, shape, layout)
        if len({tensor.name for tensor in renamed.values()}) < len(renamed):
            raise BadInput(f"These names are of another kind of network, and the same for some of {architecture.name}.")
        return renamed

    def _kernel(self, layer: Parametrised, row: Row) -> tuple[str, Layout]:
        """The leaf and the layout of a kernel."""
        leaf = self.leaves[WEIGHTS]
        if isinstance(layer, Convolution) and layer.is_depthwise:
            return self.depthwise_weights or leaf, self.depthwise or self.kernel
        return leaf, row.kernel or (self.logits if name_of(layer) == "logits" else self.kernel)

    def carries(self, name: str) -> bool:
        """Whether a tensor called `name` in the zoo's file is one that a network computes with."""
        return re.fullmatch(self.left_out, name) is None

    def knows(self, name: str) -> bool:
        """Whether the tensor of some layer might be called `name`: False is certain, and told without a plan."""
        return any(name.startswith(before) and name.endswith(behind) for before, behind in self._ends)

    @cached_property
    def _ends(self) -> tuple[tuple[str, str], ...]:
        """What all names that a template makes begin and end with, before its first group and behind its last."""
        leaves: dict[bool, list[str]] = {False: [], True: []}
        for leaf, own in self.leaves.items():
            leaves[leaf in OF_BATCH_NORM].append(own)
        leaves[False] += [self.depthwise_weights] if self.depthwise_weights else []
        templates = {(row.convolution, False) for row in self.scopes} | {(row.batch_norm, True) for row in self.scopes}
        ends = {
            (_GROUP.split(template)[0], f"{_GROUP.split(template)[-1]}{self.separator}{leaf}")
            for template, normalises in templates
            if template
            for leaf in leaves[normalises]
        }
        return tuple(sorted(ends))

    def _row(self, scope: str, known: dict[str, str]) -> Row:
        """The row for a scope, its templates filled."""
        for row in self.scopes:
            if caught := re.fullmatch(row.scope, scope):
                groups = caught.groupdict() | known
                return row._replace(
                    convolution=_fill(row.convolution, groups), batch_norm=_fill(row.batch_norm, groups)
                )
        raise BadInput(f"There is no name for {scope} among these; it is another kind of network that they are of.")


def _classifier(planned: Plan) -> str:
    *_, last = ("", *(f"{unit.scope}/" for unit in planned.units))
    return f"{last}logits"


def _places(planned: Plan) -> dict[str, dict[str, str]]:
    """A layer's scope -> what its own placeholders are for it; `{index}` and `{step}` for those of units alone."""
    modules = planned.modules
    places = {
        layer.scope: {
            "own": layer.scope,
            "module": ".".join(modules[layer.scope]),
            "flat": layer.scope.replace("/", "_"),
        }
        for layer in planned.parametrised
    }
    step = 0
    for index, unit in enumerate(planned.units):
        for layer in unit.layers:
            places.setdefault(layer.scope, {}).update(index=str(index), step=str(step))
            step += 1
            if isinstance(layer, Convolution):
                step += layer.batch_norm + (layer.activation is not None)
    return places


def _fill(template: str, groups: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        group, shift = found["group"], found["shift"]
        return str(int(groups[group]) + int(shift)) if shift else groups[group]

    return _GROUP.sub(value, template)
