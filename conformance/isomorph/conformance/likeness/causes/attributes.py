"""What is written otherwise at one node: its operation, its attributes and its tensors, each a variation of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node, Tensor
from isomorph.conformance.likeness.causes.tensors import story
from isomorph.conformance.likeness.causes.words import number, word
from isomorph.spec.operations import (
    Convolution,
    MaxPool,
    Operation,
    Pads,
    Pointwise,
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
    operation: the node's, with the counterpart's attribute; None where a tensor differs.
    leaf, tensor: the tensor that differs, and the counterpart's, None of one that it does not have.
    is_stated: whether it counts though it may change no value here: a bias of zeros, for one.
    """

    cause: str
    says: str
    field: str | None = None
    value: Any = None
    attribute: str | None = None
    leaf: str | None = None
    is_stated: bool = False


def variations(node: Node, partner: Node, x: Array, others: Mapping[str, Array]) -> Iterator[Variation]:
    """Yield all in which a node is written otherwise than its counterpart.

    x: what it reads. others: name -> tensors of the first model.
    """
    if node.kind is not partner.kind:
        if not _are_one(node, partner):
            yield Variation(f"{word(partner.operation)} for {word(node.operation)}", _stands(node, partner))
    elif isinstance(node.operation, Pointwise):
        if node.operation != partner.operation:
            cause = f"{word(partner.operation)} for {word(node.operation)}"
            yield Variation(cause, _stands(node, partner), "activation", word(partner.operation))
    else:
        yield from _attributes(node, partner, x)
    if getattr(partner.operation, "batch_statistics", False) == getattr(node.operation, "batch_statistics", False):
        yield from _tensors(node, partner, others)


def applied(node: Node, partner: Node, found: list[Variation]) -> tuple[Operation, dict[str, Tensor]]:
    """Return the operation and the tensors of a node with some variations of it."""
    operation, tensors = node.operation, dict(node.tensors)
    for each in found:
        if each.leaf is not None:
            tensors.pop(each.leaf, None)
            if each.leaf in partner.tensors:
                tensors[each.leaf] = fitted(node, partner, each.leaf)
        elif each.attribute is None:
            operation = partner.operation
            if node.kind is not partner.kind:
                tensors = dict(partner.tensors)
        else:
            changed = {each.attribute: attributes(partner.operation)[each.attribute]}
            operation = replace(operation, **changed)
    return operation, tensors


def fitted(node: Node, partner: Node, leaf: str) -> Tensor:
    """Return a counterpart's tensor with the axes of the node's, where it has as many elements."""
    theirs = partner.tensors[leaf]
    if leaf not in node.tensors:
        return theirs
    shape = node.tensors[leaf].value.shape
    is_kernel = leaf == WEIGHTS and theirs.value.shape != shape and theirs.value.size == np.prod(shape)
    return theirs.moved(lambda w: w.reshape(shape)) if is_kernel and theirs.value.shape[-1] == shape[-1] else theirs


def _are_one(node: Node, partner: Node) -> bool:
    """Return whether two kinds are one: a dense layer is a convolution of one cell."""
    return WEIGHTS in node.tensors and WEIGHTS in partner.tensors


def _stands(node: Node, partner: Node) -> str:
    return f"has {_a(word(partner.operation))} where {_a(word(node.operation))} is expected"


def _a(words: str) -> str:
    return words if words.startswith("a ") else f"{'an' if words[0] in 'aeiouAEIOUL' else 'a'} {words}"


def _attributes(node: Node, partner: Node, x: Array) -> Iterator[Variation]:
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
        yield Variation(cause, says, _FIELDS.get(name), found, attribute=name)


def _said(name: str, value: Any, node: Node, x: Array) -> str:
    """Return an attribute's value, of pads with the rule that gives them."""
    rule = _rule(value, node, x) if name == "pads" else None
    return f"{number(value)} ({rule})" if rule else number(value)


_RULES: dict[Rule, str] = {"same": "TensorFlow's SAME", "after": "behind alone", "ceil": "ceil_mode"}


def _rule(value: Pads, node: Node, x: Array) -> str | None:
    """Return the words for the rule by which a window is padded; None where numbers say it all."""
    operation = node.operation
    if isinstance(operation, MaxPool):
        kernel = operation.kernel
    elif isinstance(operation, Convolution):
        rows, columns, *_ = node.arrays[WEIGHTS].shape
        kernel = (rows, columns)
    else:
        return None
    if all(before == behind for before, behind in value):
        return None
    for rule, words in _RULES.items():
        expected = tuple(
            pads(rule, size, kernel[axis], operation.stride[axis], operation.rate[axis])
            for axis, size in enumerate(x.shape[1:3])
        )
        if expected == value:
            return words
    return None


def _tensors(node: Node, partner: Node, others: Mapping[str, Array]) -> Iterator[Variation]:
    if node.kind is not partner.kind and not _are_one(node, partner):
        return
    for leaf in dict.fromkeys((*node.tensors, *partner.tensors)):
        if leaf not in node.tensors:
            yield Variation(f"{leaf} extra", f"has {leaf} that are not expected", leaf=leaf, is_stated=True)
            continue
        expected = node.tensors[leaf]
        if leaf not in partner.tensors:
            yield Variation(f"{leaf} missing", f"has no {leaf}", leaf=leaf, is_stated=True)
            continue
        found = fitted(node, partner, leaf).value
        if leaf == WEIGHTS and found.shape != expected.value.shape:
            yield _shape(found, expected.value)
            continue
        if found.shape == expected.value.shape:
            told = story(leaf, found, expected.value, others)
            if told is not None:
                cause, says = told
                yield Variation(cause, f"/{leaf} {says}", leaf=leaf)


def _shape(found: Array, expected: Array) -> Variation:
    """Return the variation of a kernel of another shape."""
    if found.ndim == expected.ndim == 4 and found.shape[:2] != expected.shape[:2]:
        sizes = [f"{rows}x{columns}" for rows, columns in (found.shape[:2], expected.shape[:2])]
        return Variation("kernel", f"has a kernel of {sizes[0]}, expected {sizes[1]}", leaf=WEIGHTS)
    if found.shape[-1] != expected.shape[-1]:
        says = f"has {found.shape[-1]} outputs, expected {expected.shape[-1]}"
        return Variation("depth", says, value=found.shape[-1], leaf=WEIGHTS)
    return Variation(
        "inputs", f"sees {np.prod(found.shape[:-1])} numbers, expected {np.prod(expected.shape[:-1])}", leaf=WEIGHTS
    )
