"""Group a file's tensors into layers by their shapes: kernels with their biases, and batch norms.

The names of tensors say which belong together where they share what stands before their last word, and which of four
equal vectors is which where the last word is known. Where names say nothing, the order of the file does.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from isomorph.tools.weights.structure.roles import Role, role_of, scope_of, without_kind

Shape = tuple[int, ...]

WIDEST = 11
"""Rows and columns of the largest window that is taken for a kernel's: AlexNet's first has 11."""

_BY_ORDER: dict[int, tuple[Role, ...]] = {
    4: ("gamma", "beta", "mean", "variance"),
    3: ("beta", "mean", "variance"),
    2: ("gamma", "beta"),
}
"""How many vectors of one length -> what they are, in the order that all frameworks write them in."""

_NORM_ROLES: dict[Role, Role] = {"kernel": "gamma", "bias": "beta"}
"""What PyTorch and Paddle call the weight and the bias of a batch norm."""


class KernelShape(NamedTuple):
    """What a kernel's shape says, whatever its axes are.

    side: rows and columns of its window; 1 of a dense layer. depth_seen: input channels that one output sees.
    """

    side: int
    depth_seen: int
    depth: int


@dataclass(frozen=True)
class Norm:
    """A batch norm of a file.

    scope: what its tensors' names share. place: of its first tensor, in the order of the file.
    tensors: what each is -> its name. told: whether their names say so; else their order does.
    """

    scope: str
    depth: int
    place: int
    tensors: dict[Role, str]
    told: bool


@dataclass(frozen=True)
class Kernel:
    """A convolution or a dense layer of a file.

    name: of the kernel's tensor. scope: what stands before its last word. axes: "OIHW", "HWIO" (a depthwise kernel of
    Keras, [H, W, O, 1], is "HWOI"), and of a dense layer "OI" or "IO". place: in the order of the file.
    bias: the name of its bias. norm: the batch norm behind it, where names or places say so.
    """

    name: str
    scope: str
    shape: KernelShape
    is_dense: bool
    axes: str
    place: int
    bias: str | None = None
    norm: Norm | None = None

    def __str__(self) -> str:
        side, depth_seen, depth = self.shape
        what = "dense" if self.is_dense else f"{side}x{side}"
        return f"{self.scope or self.name} ({what}, {depth_seen} to {depth}{', with a bias' if self.bias else ''})"


@dataclass(frozen=True)
class Layers:
    """A file's layers, in its order.

    norms: all batch norms, those behind kernels among them. strangers: names of tensors that are of neither kind.
    """

    kernels: tuple[Kernel, ...]
    norms: tuple[Norm, ...]
    strangers: tuple[str, ...]

    def under(self, prefix: str) -> Self:
        """Return those whose names start with `prefix`."""
        return replace(
            self,
            kernels=tuple(kernel for kernel in self.kernels if kernel.name.startswith(prefix)),
            norms=tuple(norm for norm in self.norms if next(iter(norm.tensors.values())).startswith(prefix)),
            strangers=tuple(name for name in self.strangers if name.startswith(prefix)),
        )

    @property
    def are_paired(self) -> bool:
        """Whether there are batch norms, and each stands behind a kernel."""
        return bool(self.norms) and sum(kernel.norm is not None for kernel in self.kernels) == len(self.norms)


def layers_of(shapes: Mapping[str, Shape]) -> Layers:
    """Group the tensors of a file, name -> shape in the file's order, into layers; scalars are none.

    >>> from isomorph.tools.weights.structure.layers import layers_of
    >>> found = layers_of({"stem.w": (16, 3, 3, 3), "norm.a": (16,), "norm.b": (16,), "norm.c": (16,), "norm.d": (16,)})
    >>> found.kernels[0].shape, found.kernels[0].norm.tensors["mean"]
    (KernelShape(side=3, depth_seen=3, depth=16), 'norm.c')
    """
    names = _in_network_order([name for name, shape in shapes.items() if shape and 0 not in shape])
    places = {name: place for place, name in enumerate(names)}
    axes = _axes_of_convolutions(shapes[name] for name in names)
    by_name = _are_grouped_by_name(names, shapes)
    kernels: list[Kernel] = []
    norms: list[Norm] = []
    strangers: list[str] = []
    for group in _groups(names, shapes, by_name):
        vectors = [name for name in group if len(shapes[name]) == 1]
        matrices = [name for name in group if len(shapes[name]) > 1]
        if matrices:
            kernel = _kernel(matrices[0], shapes[matrices[0]], axes, places[matrices[0]])
            if kernel is None:
                strangers += group
                continue
            bias = _bias(kernel, vectors, shapes, by_name)
            vectors = [name for name in vectors if name != bias]
            kernels.append(replace(kernel, bias=bias))
        for alike in _by_fours(vectors, shapes):
            norm = _norm(alike, shapes[alike[0]][0], places[alike[0]], by_name)
            if norm:
                norms.append(norm)
            else:
                strangers += alike
    kernels = sorted(_oriented(kernels, shapes, axes), key=lambda kernel: kernel.place)
    norms.sort(key=lambda norm: norm.place)
    return Layers(tuple(_paired(kernels, norms)), tuple(norms), tuple(strangers))


def _in_network_order(names: list[str]) -> list[str]:
    """Return names that stand by letters, as HDF5 and TensorFlow sort them, by their numbers; others as they are."""
    return sorted(names, key=_natural) if len(names) > 2 and names == sorted(names) else names


def _natural(name: str) -> list[tuple[bool, int, str]]:
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


def _are_grouped_by_name(names: Sequence[str], shapes: Mapping[str, Shape]) -> bool:
    """Whether names say which tensors belong together: nearly every kernel is the only one of its scope."""
    kernels = Counter(scope_of(name) for name in names if len(shapes[name]) > 1)
    alone = sum(count == 1 for count in kernels.values())
    return len(kernels) > 1 and alone > 0.75 * kernels.total()


def _groups(names: Sequence[str], shapes: Mapping[str, Shape], by_name: bool) -> Iterable[list[str]]:
    """Yield the names of a layer's tensors; of one without a name of its own a kernel opens each group."""
    runs: dict[str, list[str]] = defaultdict(list)
    for name in names:
        runs[scope_of(name) if by_name else ""].append(name)
    for run in runs.values():
        if sum(len(shapes[name]) > 1 for name in run) == 1:
            yield run  # its vectors may stand before the kernel
            continue
        group: list[str] = []
        for name in run:
            if len(shapes[name]) > 1 and group:
                yield group
                group = []
            group.append(name)
        yield group


def _axes_of_convolutions(shapes: Iterable[Shape]) -> str:
    """Return "OIHW" or "HWIO", by the two equal axes of at most WIDEST of the kernels where one pair alone is so."""
    votes: Counter[str] = Counter()
    for shape in shapes:
        if len(shape) == 4:
            first, last = shape[0] == shape[1] <= WIDEST, shape[2] == shape[3] <= WIDEST
            votes["HWIO"] += first and not last
            votes["OIHW"] += last and not first
    return "HWIO" if votes["HWIO"] > votes["OIHW"] else "OIHW"


def _kernel(name: str, shape: Shape, axes: str, place: int) -> Kernel | None:
    """Return the kernel of a shape; None for one that no layer here has."""
    scope = scope_of(name)
    if len(shape) == 2:
        return Kernel(name, scope, KernelShape(1, shape[1], shape[0]), True, "OI", place)
    if len(shape) != 4:
        return None
    extents = dict(zip(axes, shape, strict=True))
    if axes == "HWIO" and extents["O"] == 1 and extents["I"] > 1 and extents["H"] > 1:
        axes, extents = "HWOI", extents | {"I": 1, "O": extents["I"]}  # a depthwise kernel of Keras or TensorFlow
    if not extents["H"] == extents["W"] <= WIDEST:
        return None
    return Kernel(name, scope, KernelShape(extents["H"], extents["I"], extents["O"]), False, axes, place)


def _bias(kernel: Kernel, vectors: Sequence[str], shapes: Mapping[str, Shape], by_name: bool) -> str | None:
    """Return the one of a group's vectors that is the kernel's bias.

    By its name; else the first, where those of batch norms, by fours, leave one over, or two where nothing is named.
    """
    lengths = set(shapes[kernel.name]) if kernel.is_dense else {kernel.shape.depth}
    named = next((name for name in vectors if by_name and role_of(name) == "bias"), None)
    first = vectors[0] if len(vectors) % 4 == 1 or (len(vectors) == 2 and not by_name) else None
    bias = named or first
    return bias if bias and shapes[bias][0] in lengths else None


def _by_fours(vectors: Iterable[str], shapes: Mapping[str, Shape]) -> Iterable[list[str]]:
    """Yield vectors of one length, up to four at a time: as many as a batch norm has."""
    by_length: dict[Shape, list[str]] = defaultdict(list)
    for name in vectors:
        by_length[shapes[name]].append(name)
    for alike in by_length.values():
        yield from (alike[start : start + 4] for start in range(0, len(alike), 4))


def _norm(names: Sequence[str], depth: int, place: int, by_name: bool) -> Norm | None:
    """Return the batch norm that vectors of one length make, by their last words, or else by their order."""
    scope = scope_of(names[0]) if by_name else ""
    told: dict[Role, str] = {}
    for name in names:
        role = role_of(name)
        if role:
            told.setdefault(_NORM_ROLES.get(role, role), name)
    if len(told) == len(names) >= 2:
        whole = "beta" in told and ("mean" in told) == ("variance" in told)
        return Norm(scope, depth, place, told, True) if whole else None
    if len(names) not in _BY_ORDER:
        return None
    return Norm(scope, depth, place, dict(zip(_BY_ORDER[len(names)], names, strict=True)), False)


def _oriented(kernels: Iterable[Kernel], shapes: Mapping[str, Shape], axes: str) -> Iterable[Kernel]:
    """Yield the kernels, dense ones with the axes that the lengths of biases tell; else those of their framework."""
    kernels = list(kernels)
    votes: Counter[str] = Counter()
    for kernel in kernels:
        if kernel.is_dense and kernel.bias and kernel.shape.depth != kernel.shape.depth_seen:
            votes["OI" if shapes[kernel.bias][0] == kernel.shape.depth else "IO"] += 1
    dense = votes.most_common(1)[0][0] if votes else ("IO" if axes == "HWIO" else "OI")
    for kernel in kernels:
        if kernel.is_dense and dense == "IO":
            side, depth_seen, depth = kernel.shape
            yield replace(kernel, shape=KernelShape(side, depth, depth_seen), axes="IO")
        else:
            yield kernel


def _paired(kernels: Sequence[Kernel], norms: Sequence[Norm]) -> Iterable[Kernel]:
    """Yield the kernels, each with the batch norm behind it.

    It is the one whose name differs in the word for its kind alone; else the one that stands next to it in the file;
    else `downsample.1` behind `downsample.0`.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for index, kernel in enumerate(kernels):
        if not kernel.is_dense:
            alike[without_kind(kernel.scope)].append(index)
    alike.pop("", None)
    behind: dict[int, Norm] = {}
    indices = {kernel.place: index for index, kernel in enumerate(kernels)}
    layers: list[Kernel | Norm] = sorted([*kernels, *norms], key=lambda layer: layer.place)
    before: int | None = None
    for layer in layers:
        if not isinstance(layer, Norm):
            before = None if layer.is_dense else indices[layer.place]
            continue
        named = [
            at for at in alike.get(without_kind(layer.scope), ()) if _could_precede(kernels[at], at, layer, behind)
        ]
        near = [before] if before is not None and _could_precede(kernels[before], before, layer, behind) else []
        steps = [
            at
            for at in alike.get(without_kind(_step_before(layer.scope)), ())
            if _could_precede(kernels[at], at, layer, behind)
        ]
        if found := (named if len(named) == 1 else []) or near or steps:
            behind[found[0]] = layer
    for index, kernel in enumerate(kernels):
        yield replace(kernel, norm=behind.get(index))


def _could_precede(kernel: Kernel, index: int, norm: Norm, behind: Mapping[int, Norm]) -> bool:
    return kernel.shape.depth == norm.depth and index not in behind


def _step_before(scope: str) -> str:
    """Return the name of the module before one in a Sequential: `downsample.0` of `downsample.1`."""
    head, _, last = scope.rpartition(".")
    return f"{head}.{int(last) - 1}" if last.isdigit() and int(last) else ""
