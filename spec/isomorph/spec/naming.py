"""A zoo's names and axes of tensors, as data: templates for scopes, names for leaves, letters for axes."""

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple, Self

from isomorph.spec.architecture import Architecture
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import Convolution, Parametrised, name_of
from isomorph.spec.plan import Plan, plan
from isomorph.spec.tensors import OF_BATCH_NORM, WEIGHTS, Shape, tensor_name, tensors_of

Array = Any
"""A NumPy array, or another with `transpose` and `reshape`; the specification itself imports no NumPy."""

CANONICAL = "HWIO"
"""The axes of a canonical kernel: height, width, input channels of a group, output channels."""

_PLACEHOLDER = re.compile(r"\{(?P<group>\w+?)(?P<shift>[+-]\d+)?\}")


@dataclass(frozen=True)
class KernelAxes:
    """The axes of a kernel, as letters: "HWIO", "OIHW", or "OI" and "IO" for a dense kernel, whose H and W are 1.

    Axes in parentheses are one: "O(IHW)" is a dense kernel behind a map that was flattened channel by channel.

    >>> KernelAxes("OIHW").shape((7, 7, 3, 64))
    (64, 3, 7, 7)
    >>> KernelAxes("O(IHW)").shape((7, 7, 512, 4096))
    (4096, 25088)
    """

    letters: str

    @property
    def _single_letters(self) -> str:
        return self.letters.replace("(", "").replace(")", "")

    def _order(self) -> tuple[int, ...]:
        left_out = [axis for axis in CANONICAL if axis not in self._single_letters]
        return tuple(CANONICAL.index(axis) for axis in (*self._single_letters, *left_out))

    def shape(self, canonical: Shape) -> Shape:
        """Return the zoo's shape of a kernel whose canonical shape is `canonical`."""
        groups = re.findall(r"\((\w+)\)|(\w)", self.letters)
        return tuple(prod(canonical[CANONICAL.index(axis)] for axis in several or single) for several, single in groups)

    def from_canonical(self, array: Array) -> Array:
        """Return the HWIO `array` with the zoo's axes, as a view where possible."""
        return array.transpose(self._order()).reshape(self.shape(array.shape))

    def to_canonical(self, array: Array, canonical: Shape) -> Array:
        """Return the HWIO view, of shape `canonical`, of an `array` with the zoo's axes."""
        order = self._order()
        full = array.reshape(tuple(canonical[axis] for axis in order))
        return full.transpose(tuple(order.index(axis) for axis in range(len(CANONICAL))))


@dataclass(frozen=True)
class ZooTensor:
    """One tensor in a zoo's form: its name, its shape there, its canonical shape and, for a kernel, its axes."""

    name: str
    shape: Shape
    canonical: Shape
    axes: KernelAxes | None

    def from_canonical(self, array: Array) -> Array:
        """Return a view of the canonical `array` in the zoo's form."""
        return self.axes.from_canonical(array) if self.axes else array

    def to_canonical(self, array: Array) -> Array:
        """Return a view of the zoo's `array` in canonical form."""
        return self.axes.to_canonical(array, self.canonical) if self.axes else array


class NameRule(NamedTuple):
    r"""The names of the layers whose whole canonical scope the regular expression `scope` matches.

    In the templates `convolution` and `batch_norm`, these placeholders are filled:

    `{group}`: what the expression's group of that name matched; `{group-1}`, `{group+1}`: the number before or after.
    `{network}`: the architecture's own name.
    `{own}`: the layer's canonical scope; `{flat}`: the same with underscores instead of slashes.
    `{index}`: the number of units before the layer's own.
    `{step}`: the number of modules before the layer's in an nn.Sequential of all units in which convolution, batch
        norm, activation and pool are one module each.
    `{module}`: the layer's path, joined by dots, in isomorph's own networks that nest their modules.

    kernel: the axes of these layers' kernels, where they are not the zoo's usual ones.

    >>> rule = NameRule(
    ...     r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/conv(?P<conv>\d)",
    ...     "layer{block}.{unit-1}.conv{conv}",
    ...     "layer{block}.{unit-1}.bn{conv}",
    ... )
    >>> rule.filled("block2/unit_3/basic_v1/conv1", {}).convolution
    'layer2.2.conv1'
    >>> NameRule(r".+", "features.{step}", "features.{step+1}").filled("conv2", {"step": "3"}).batch_norm
    'features.4'
    """

    scope: str
    convolution: str
    batch_norm: str = ""
    kernel: KernelAxes | None = None

    def filled(self, scope: str, placeholders: dict[str, str]) -> Self | None:
        """Return the rule with its templates filled for a canonical scope; None if it does not match the scope."""
        match = re.fullmatch(self.scope, scope)
        if match is None:
            return None
        values = match.groupdict() | placeholders
        return self._replace(convolution=_fill(self.convolution, values), batch_norm=_fill(self.batch_norm, values))


@dataclass(frozen=True)
class Naming:
    r"""How a zoo names its tensors and orders the axes of its kernels.

    scopes: the first rule that matches a layer's canonical scope is used. The classifier's scope is the last unit's and
        `/logits`, as networks of one zoo do not all give it the same name.
    leaves: canonical leaf -> the zoo's, which follows the filled template after `separator`.
    kernel, logits, depthwise: the axes of kernels, of a classifier's and of depthwise ones.
    depthwise_weights: the leaf of a depthwise kernel, where it has one of its own.
    left_out: a regular expression of tensors that the zoo's files hold and no network computes with.

    >>> from isomorph.spec import architecture, zoo
    >>> naming = Naming(
    ...     scopes=(
    ...         NameRule(r"conv1", "stem.conv", "stem.norm"),
    ...         NameRule(
    ...             r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/conv(?P<conv>\d)",
    ...             "layers.{block-1}.{unit-1}.conv{conv}",
    ...             "layers.{block-1}.{unit-1}.norm{conv}",
    ...         ),
    ...         NameRule(r".*logits", "classifier"),
    ...     ),
    ...     leaves=zoo("torchvision").naming.leaves,
    ... )
    >>> tensors = naming.tensors(architecture("cifar/resnet20"))
    >>> tensors["block1/unit_2/basic_v1/conv1/BatchNorm/gamma"].name
    'layers.0.1.norm1.weight'
    >>> tensors["logits/weights"].name, tensors["logits/weights"].shape
    ('classifier.weight', (10, 64))
    """

    scopes: tuple[NameRule, ...]
    leaves: dict[str, str]
    separator: str = "."
    kernel: KernelAxes = KernelAxes("OIHW")
    logits: KernelAxes = KernelAxes("OI")
    depthwise: KernelAxes | None = None
    depthwise_weights: str | None = None
    left_out: str = r"(?!)"

    def tensors(self, architecture: Architecture) -> dict[str, ZooTensor]:
        """Return canonical name -> the zoo's tensor, for every tensor of `architecture`, in network order.

        Raises BadInput where no rule matches a layer, or two tensors get the same name.

        >>> from isomorph.spec import architecture, zoo
        >>> zoo("keras").naming.tensors(architecture("keras/ResNet50"))["conv1/weights"].name
        'conv1_conv/kernel'
        """
        planned = plan(architecture)
        network = {"network": architecture.name.rpartition("/")[2]}
        placeholders = _placeholders(planned)
        renamed: dict[str, ZooTensor] = {}
        for layer in planned.parametrised:
            scope = layer.scope if layer is not planned.logits else _classifier(planned)
            rule = self._rule(scope, network | placeholders[layer.scope])
            for leaf, shape in tensors_of(layer).items():
                template = rule.batch_norm if leaf in OF_BATCH_NORM else rule.convolution
                zoo_leaf, axes = self._kernel(layer, rule) if leaf == WEIGHTS else (self.leaves[leaf], None)
                zoo_shape = axes.shape(shape) if axes else shape
                name = f"{template}{self.separator}{zoo_leaf}"
                renamed[tensor_name(layer, leaf)] = ZooTensor(name, zoo_shape, shape, axes)
        if len({tensor.name for tensor in renamed.values()}) < len(renamed):
            raise BadInput(
                f"These names are of another kind of network: two tensors of {architecture.name} would have the same."
            )
        return renamed

    def _kernel(self, layer: Parametrised, rule: NameRule) -> tuple[str, KernelAxes]:
        """Return the leaf and the axes of a kernel."""
        leaf = self.leaves[WEIGHTS]
        if isinstance(layer, Convolution) and layer.is_depthwise:
            return self.depthwise_weights or leaf, self.depthwise or self.kernel
        return leaf, rule.kernel or (self.logits if name_of(layer) == "logits" else self.kernel)

    def carries(self, name: str) -> bool:
        """Return whether a network computes with a tensor called `name` in the zoo's file.

        >>> from isomorph.spec import zoo
        >>> zoo("torchvision").naming.carries("bn1.num_batches_tracked")
        False
        """
        return self._left_out.fullmatch(name) is None

    @cached_property
    def _left_out(self) -> re.Pattern[str]:
        return re.compile(self.left_out)

    def knows(self, name: str) -> bool:
        """Return whether the tensor of some layer might be called `name`; False is certain. It needs no plan.

        >>> from isomorph.spec import zoo
        >>> zoo("torchvision").naming.knows("layer1.0.conv1.weight"), zoo("torchvision").naming.knows("step")
        (True, False)
        """
        names, ends = self._known
        if not name.endswith(self._ends):  # most names of a file that is no zoo's
            return name in names
        return name in names or any(name.endswith(end) and name.startswith(starts) for end, starts in ends.items())

    @cached_property
    def _ends(self) -> tuple[str, ...]:
        return tuple(self._known[1])

    @cached_property
    def _known(self) -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
        """The names of templates without placeholders; of the others, how names end -> how those may start.

        A name ends with the text after a template's last placeholder, and starts with that before its first one.
        """
        leaves: dict[bool, list[str]] = {False: [], True: []}
        for leaf, zoo_leaf in self.leaves.items():
            leaves[leaf in OF_BATCH_NORM].append(zoo_leaf)
        leaves[False] += [self.depthwise_weights] if self.depthwise_weights else []
        templates = {(rule.convolution, False) for rule in self.scopes}
        templates |= {(rule.batch_norm, True) for rule in self.scopes}
        names: set[str] = set()
        starts: dict[str, set[str]] = defaultdict(set)
        for template, normalises in templates:
            for leaf in leaves[normalises] if template else ():
                match _PLACEHOLDER.split(f"{template}{self.separator}{leaf}"):
                    case [name]:
                        names.add(name)
                    case [start, *_, end]:
                        starts[end].add(start)
        return frozenset(names), {end: tuple(texts) for end, texts in starts.items()}

    def _rule(self, scope: str, placeholders: dict[str, str]) -> NameRule:
        """Return the first rule that matches a scope, its templates filled."""
        for rule in self.scopes:
            if filled := rule.filled(scope, placeholders):
                return filled
        raise BadInput(f"There is no name for {scope} among these; they are of another kind of network.")


def _classifier(planned: Plan) -> str:
    *_, last_unit = ("", *(f"{unit.scope}/" for unit in planned.units))
    return f"{last_unit}logits"


def _placeholders(planned: Plan) -> dict[str, dict[str, str]]:
    """Return scope of a layer -> its placeholders' values; only layers of units have `{index}` and `{step}`."""
    modules = planned.modules
    placeholders = {
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
            placeholders.setdefault(layer.scope, {}).update(index=str(index), step=str(step))
            step += 1
            if isinstance(layer, Convolution):
                step += layer.batch_norm + (layer.activation is not None)
    return placeholders


def _fill(template: str, values: dict[str, str]) -> str:
    def value(placeholder: re.Match[str]) -> str:
        group, shift = placeholder["group"], placeholder["shift"]
        return str(int(values[group]) + int(shift)) if shift else values[group]

    return _PLACEHOLDER.sub(value, template)
