"""Recover a network from the layers of a file: stem, units, head, convention; or name a layer that is of none here."""

from collections import Counter
from collections.abc import Sequence

from isomorph.spec import Architecture, BadInput
from isomorph.tools.weights.recovery.building import build, ends_of_stem, kind_of_unit, normalisations
from isomorph.tools.weights.recovery.flow import Stuck, cut
from isomorph.tools.weights.recovery.nearest import nearest_to
from isomorph.tools.weights.recovery.order import Order, orders
from isomorph.tools.weights.recovery.recovered import Recovered
from isomorph.tools.weights.recovery.steps import GRAMMARS, Grammar, Step
from isomorph.tools.weights.structure.bags import Bag, bag_of, bag_of_file
from isomorph.tools.weights.structure.layers import Kernel, Layers, Shape, layers_of
from isomorph.tools.weights.structure.roles import scope_of
from isomorph.tools.weights.structure.search import MOST_KERNELS, MOST_TENSORS, frameworks_of, has_shortcuts_first

FEWEST_UNITS = 2
"""The units that a reading needs: of fewer, chance would find one."""


Reading = tuple[Grammar, list[Step]]


def recover(shapes: dict[str, Shape], name: str = "mine/network") -> Recovered:
    """Return the network that a file's tensors are of, whatever their names; name -> shape, in the file's order.

    Its plan has exactly the layers of the file. name: what the network is called.
    Raises BadInput with the first layer that no unit here explains.

    >>> from isomorph.spec import architecture, tensor_shapes
    >>> from isomorph.tools.weights.recovery.recover import recover
    >>> found = recover(tensor_shapes(architecture("torchvision/resnet18", num_classes=7)))
    >>> found.architecture.blocks[1]
    Block(scope='block2', unit='basic', args=((128, 128, 2), (128, 128, 1)))
    >>> found.architecture.head.num_classes
    7
    """
    kernels = sum(len(shape) > 1 for shape in shapes.values())
    if kernels > MOST_KERNELS:
        raise BadInput(f"There are {kernels:,} kernels; {MOST_KERNELS:,} are the most of a network here.")
    if len(shapes) > MOST_TENSORS:
        raise BadInput(f"There are {len(shapes):,} tensors; no network here has as many.")
    layers = layers_of(shapes)
    _check(layers)
    problems: list[BadInput] = []
    for order in orders(layers):
        try:
            readings = _readings(order, layers)
        except BadInput as problem:
            problems.append(problem)
            continue
        for grammar, steps in readings:
            try:
                return _fitted(name, steps, grammar, order.head, layers, readings)
            except BadInput as problem:
                problems.append(problem)
    raise problems[0]


def _check(layers: Layers) -> None:
    """Raise BadInput for what no network here has, whatever its units are."""
    if layers.strangers:
        stranger = layers.strangers[0]
        beside = next((kernel for kernel in layers.kernels if kernel.scope == scope_of(stranger)), None)
        if beside:
            raise BadInput(f"{stranger} is no bias of {beside}: that is no convolution, but perhaps a transposed one.")
        raise BadInput(f"{stranger} belongs to no convolution, dense layer or batch norm.")
    if any("mean" not in norm.tensors for norm in layers.norms):
        raise BadInput("The running statistics of the batch norms are missing.")


def _readings(order: Order, layers: Layers) -> list[Reading]:
    """Return the ways in which convolutions make units, the likeliest first. Raises BadInput where there is none."""
    shortcut_first = has_shortcuts_first(layers)
    readings: list[Reading] = []
    furthest = Stuck(0, ())
    for grammar in GRAMMARS:
        steps = cut(order.convolutions, grammar, shortcut_first)
        if isinstance(steps, Stuck):
            furthest = max(furthest, steps)
        elif grammar.match is None or sum(step.kind != "convolution" for step in steps) >= FEWEST_UNITS:
            readings.append((grammar, steps))
    if not readings:
        raise BadInput(_stuck(order.convolutions, furthest))
    return sorted(readings, key=lambda reading: _unlikely(reading[0], reading[1], len(order.head), bool(layers.norms)))


def _stuck(convolutions: Sequence[Kernel], furthest: Stuck) -> str:
    """Return a sentence on the first convolution that no reading explains."""
    bare = [kernel for kernel in convolutions if kernel.bias and not kernel.norm]
    if bare and 2 * sum(kernel.norm is not None for kernel in convolutions) >= len(convolutions):
        return (
            f"{bare[0]} has a bias and no batch norm, among convolutions that have one: squeeze-and-excitation or a"
            " second head, of which no unit kind here has any."
        )
    depths = " or ".join(map(str, furthest.depths))
    return (
        f"{convolutions[furthest.place]}, number {furthest.place + 1} of {len(convolutions)} convolutions, is part of"
        f" no unit here where {depths} channels flow."
    )


def _unlikely(grammar: Grammar, steps: Sequence[Step], dense: int, normalised: bool) -> int:
    """Return what is smaller for a likelier reading, where the same kernels may be read in several ways.

    Pairs of 3x3 are units where each pair has a module of its own, or where one dense layer follows batch norms; a
    network that widens nothing is one of separable units.
    """
    if grammar.name == "basic without projections":
        pairs = [{_module(kernel) for kernel in step.kernels} for step in steps if step.kind == "basic"]
        modules = {next(iter(pair)) for pair in pairs}
        in_modules = all(len(pair) == 1 for pair in pairs) and len(modules) == len(pairs)
        return 1 if in_modules or (normalised and dense <= 1) else 3
    if grammar.name == "inverted_residual" and all(
        step.numbers[0] == 1 for step in steps if step.kind != "convolution"
    ):
        return 1
    return 2 if grammar.match is None else 0


def _module(kernel: Kernel) -> str:
    """Return what stands before a kernel's layer in its name."""
    last = max(kernel.scope.rfind("."), kernel.scope.rfind("/"))
    return kernel.scope[:last] if last >= 0 else ""


def _fitted(
    name: str, steps: list[Step], grammar: Grammar, head: Sequence[Kernel], layers: Layers, readings: Sequence[Reading]
) -> Recovered:
    """Return the network of a reading whose layers are exactly the file's. Raises BadInput where none is."""
    for step in steps:
        if step.projects and step.depth_in == step.depth:
            raise BadInput(
                f"{step.kernels[-1]} is a projection between equal depths; units here project where depths differ."
            )
    expected = bag_of_file(layers)
    stem, units = ends_of_stem(steps)
    misfits: list[Bag] = []
    nearest_of: dict[frozenset[str], Architecture] = {}
    for normalisation in normalisations(layers, grammar):
        kinds = frozenset(kind_of_unit(step, normalisation) for step in units if step.kind != "convolution")
        if kinds not in nearest_of:
            nearest_of[kinds] = nearest_to(expected, stem, kinds or frozenset({"convolution"}), frameworks_of(layers))
        nearest = nearest_of[kinds]
        network = build(name, steps, normalisation, head, nearest)
        found = bag_of(network)
        if found == expected:
            others = tuple(other.name for other, _ in readings if other is not grammar)
            return Recovered(network, nearest, others)
        misfits.append((expected - found) + (found - expected))
    raise BadInput(_misfit(min(misfits, key=Counter.total), layers))


def _misfit(differences: Bag, layers: Layers) -> str:
    """Return a sentence on the first layer of a file that differs from those of the nearest reading."""
    for kernel in layers.kernels:
        if (kernel.shape, kernel.bias is not None) in differences:
            return f"{kernel} has {'a' if kernel.bias else 'no'} bias, unlike the other layers of its kind."
    for norm in layers.norms:
        if (norm.depth, "gamma" in norm.tensors) in differences:
            called = norm.scope or norm.tensors["beta"]
            return f"The batch norm {called} of {norm.depth} channels belongs to no convolution."
    return "Batch norms are missing behind some convolutions."
