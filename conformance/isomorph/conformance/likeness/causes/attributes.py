"""What is written otherwise at one node: its operation, its attributes and its tensors, each a variation of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node, Tensor
from isomorph.conformance.likeness.causes.tensors import story
from isomorph.conformance.likeness.causes.words import number, short, word
from isomorph.spec.operations import (
    AdaptivePool,
    AveragePool,
    Convolution,
    MaxPool,
    Operation,
    Pads,
    Pointwise,
    TransposedConvolution,
    attributes,
)
from isomorph.spec.padding import Rule, pads
from isomorph.spec.tensors import WEIGHTS

_FIELDS = {"epsilon": "batch_norm_epsilon", "function": "activation"}
"""Attribute -> the field of a Convention that decides it."""

_CAUSES = {"pads": "padding", "batch_statistics": "training batch norm", "fill": "padded with"}


@dataclass(frozen=True)
class Variation:
    """One way in which a node differs from its counterpart.

    cause, says, field, value: as in a `Finding`.
    attributes: those of the operation that differ by it.
    leaves: the tensors that differ by it.
    is_stated: whether it counts though it may change no value here: a bias of zeros, for one.
    is_theirs: whether it is another kind of operation, or another function.
    """

    cause: str
    says: str
    field: str | None = None
    value: Any = None
    attributes: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    is_stated: bool = False
    is_theirs: bool = False


def variations(node: Node, partner: Node, x: Array, others: Mapping[str, Array]) -> list[Variation]:
    """Return all in which a node is written otherwise than its counterpart.

    x: what it reads, if it reads anything. others: name -> tensors of the first model.
    """
    if node.kind is not partner.kind:
        if not _are_one(node, partner):
            return [_kind(node, partner)]
        return _joined(list(_tensors(node, partner, others)), node, partner, x)
    if isinstance(node.operation, Pointwise) and isinstance(partner.operation, Pointwise):
        if node.operation == partner.operation:
            return []
        are_clips = node.operation.function == partner.operation.function == "clip"  # whose bounds nothing may reach
        return [replace(_kind(node, partner), is_stated=are_clips)]
    found = list(_attributes(node, partner, x))
    if not any("batch_statistics" in each.attributes for each in found):
        found += _tensors(node, partner, others)
    return _joined(found, node, partner, x)


def applied(node: Node, partner: Node, found: list[Variation]) -> tuple[Operation, dict[str, Tensor]]:
    """Return the operation and the tensors of a node with some variations of it."""
    operation, tensors = node.operation, dict(node.tensors)
    for each in found:
        if each.is_theirs:
            return partner.operation, dict(partner.tensors)
        theirs = attributes(partner.operation)
        if each.attributes:
            operation = replace(operation, **{name: theirs[name] for name in each.attributes})
        for leaf in each.leaves:
            tensors.pop(leaf, None)
            if leaf in partner.tensors:
                tensors[leaf] = fitted(node, partner, leaf)
    return operation, tensors


def fitted(node: Node, partner: Node, leaf: str) -> Tensor:
    """Return a counterpart's tensor with the axes of the node's, where each of its outputs sees as many numbers."""
    theirs = partner.tensors[leaf]
    if leaf not in node.tensors:
        return theirs
    *seen, _ = node.tensors[leaf].value.shape or (1,)
    *their_seen, outputs = theirs.value.shape or (1,)
    if leaf != WEIGHTS or seen == their_seen or np.prod(seen) != np.prod(their_seen):
        return theirs
    return theirs.moved(lambda w: w.reshape(*seen, outputs))


def _are_one(node: Node, partner: Node) -> bool:
    """Return whether two kinds are one: a dense layer is a convolution of one cell."""
    return WEIGHTS in node.tensors and WEIGHTS in partner.tensors


def _kind(node: Node, partner: Node) -> Variation:
    """Return the variation of a node that is another operation."""
    found, expected = word(partner.operation), word(node.operation)
    field = "activation" if isinstance(node.operation, Pointwise) else None
    return Variation(
        f"{_briefly(partner.operation)} for {_briefly(node.operation)}",
        f"has {_a(found)} where {_a(expected)} is expected",
        field,
        found,
        is_theirs=True,
    )


def _briefly(operation: Operation) -> str:
    """Return what an operation is called in a cause: pools to several sizes are one."""
    return short(operation) if isinstance(operation, AdaptivePool) else word(operation)


def _a(words: str) -> str:
    return words if words.startswith("a ") else f"{'an' if words[0] in 'aeiouAEIOUL' else 'a'} {words}"


def _attributes(node: Node, partner: Node, x: Array) -> Iterator[Variation]:
    """Yield the attributes that differ, each alone."""
    theirs = attributes(partner.operation)
    for name, value in attributes(node.operation).items():
        found = theirs[name]
        if found == value or (name == "counted" and attributes(node.operation)["pads"] != theirs["pads"]):
            continue
        cause = _CAUSES.get(name, name)
        if isinstance(node.operation, MaxPool):
            cause = f"pool {cause}"
        if name == "batch_statistics":
            says = "normalises by the statistics of the batch" if found else "normalises by its running statistics"
        else:
            says = f"has {name} {_said(name, found, partner, x)}, expected {_said(name, value, node, x)}"
        yield Variation(cause, says, _FIELDS.get(name), found, (name,))


def _said(name: str, value: Any, node: Node, x: Array) -> str:
    """Return an attribute's value, of pads with the rule that gives them."""
    rule = _rule(value, node, x) if name == "pads" else None
    return f"{number(value)} ({rule})" if rule else number(value)


_RULES: dict[Rule, str] = {"same": "TensorFlow's SAME", "after": "behind alone", "ceil": "ceil_mode"}


def _rule(value: Pads, node: Node, x: Array) -> str | None:
    """Return the words for the rule by which a window is padded; None where numbers say it all."""
    if all(before == behind for before, behind in value):
        return None
    return next((words for rule, words in _RULES.items() if _pads(node, rule, x) == value), None)


def _pads(node: Node, rule: Rule, x: Array) -> Pads | None:
    """Return the pads that a rule gives a convolution or a pool of `x`; None of another operation."""
    operation = node.operation
    if isinstance(operation, MaxPool):
        kernel, rates = operation.kernel, operation.rate
    elif isinstance(operation, AveragePool):
        kernel, rates = operation.kernel, (1, 1)
    elif isinstance(operation, Convolution):
        (rows, columns, *_), rates = node.arrays[WEIGHTS].shape, operation.rate
        kernel = rows, columns
    else:
        return None
    height, width = (pads(rule, *window) for window in zip(x.shape[1:3], kernel, operation.stride, rates, strict=True))
    return height, width


def _tensors(node: Node, partner: Node, others: Mapping[str, Array]) -> Iterator[Variation]:
    """Yield the tensors that differ, each alone."""
    for leaf in dict.fromkeys((*node.tensors, *partner.tensors)):
        if leaf not in node.tensors:
            yield Variation(f"{leaf} extra", f"has {leaf} that are not expected", leaves=(leaf,), is_stated=True)
            continue
        if leaf not in partner.tensors:
            yield Variation(f"{leaf} missing", f"has no {leaf}", leaves=(leaf,), is_stated=True)
            continue
        expected, found = node.tensors[leaf].value, fitted(node, partner, leaf).value
        if found.shape != expected.shape:
            yield _shape(leaf, found, expected)
            continue
        own = {other: tensor.value for other, tensor in node.tensors.items() if other != leaf}
        told = story(leaf, found, expected, own, others)
        if told is not None:
            cause, says = told
            yield Variation(cause, f"/{leaf} {says}", leaves=(leaf,))


SHAPES = ("kernel", "depth", "inputs")
"""Causes of tensors of another shape."""


def _shape(leaf: str, found: Array, expected: Array) -> Variation:
    """Return the variation of a tensor of another shape."""
    if found.ndim == expected.ndim == 4 and found.shape[:2] != expected.shape[:2]:
        sizes = [f"{rows}x{columns}" for rows, columns in (found.shape[:2], expected.shape[:2])]
        return Variation("kernel", f"has a kernel of {sizes[0]}, expected {sizes[1]}", value=sizes[0], leaves=(leaf,))
    if found.shape[-1] != expected.shape[-1]:
        says = f"has {found.shape[-1]} outputs, expected {expected.shape[-1]}"
        return Variation("depth", says, value=found.shape[-1], leaves=(leaf,))
    seen, right = (int(np.prod(shape[:-1])) for shape in (found.shape, expected.shape))
    return Variation("inputs", f"sees {seen} numbers, expected {right}", value=seen, leaves=(leaf,))


def _joined(found: list[Variation], node: Node, partner: Node, x: Array) -> list[Variation]:
    """Return variations with those in one that are one mistake.

    Pads that follow from another kernel, rate or stride by the same rule are a part of that. The leaves of a batch norm
    that come from one other layer, or that were never loaded, are one.
    """
    by_cause: dict[str, Variation] = {}
    for each in found:
        same = by_cause.get(each.cause)
        if same is None:
            by_cause[each.cause] = each
        else:
            says = same.says if same.says == each.says else f"{same.says}, and {each.says.removeprefix('/')}"
            by_cause[each.cause] = replace(same, says=says, leaves=same.leaves + each.leaves)
    reason = next((by_cause[cause] for cause in _DECIDING if cause in by_cause), None)
    following = [by_cause[cause] for cause in _FOLLOWING if cause in by_cause]
    if reason and following and (isinstance(node.operation, TransposedConvolution) or _same_rule(node, partner, x)):
        for each in following:
            del by_cause[each.cause]
        more = tuple(name for each in following for name in each.attributes)
        says = ", and ".join([reason.says, *(each.says.removeprefix("has ") for each in following)])
        by_cause[reason.cause] = replace(reason, says=says, attributes=reason.attributes + more)
    return list(by_cause.values())


_DECIDING = ("kernel", "rate", "stride", "pool kernel", "pool stride", "crop")
"""Causes of which others are a part: pads that one rule gives for both, and the size behind another crop."""

_FOLLOWING = ("padding", "pool padding", "size")


def _same_rule(node: Node, partner: Node, x: Array) -> bool:
    """Return whether one rule gives the pads of both: SAME, or half of what the window reaches on both sides."""
    return any(all(_pads(each, rule, x) == each.operation.pads for each in (node, partner)) for rule in _USUAL)  # type: ignore[union-attr]


_USUAL: tuple[Rule, ...] = ("same", "explicit")
