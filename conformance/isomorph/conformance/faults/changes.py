"""What catalogues plant with: changes of an architecture's options and blocks, and of tensors."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from isomorph.conformance.faults.fault import Redesign, Retensor, Tensors
from isomorph.conformance.small_networks import Array
from isomorph.spec import Architecture
from isomorph.spec.tensors import split


def redesign(**options: Any) -> Redesign:
    """Other options of the architecture, see `Architecture.with_options`."""
    return Redesign(lambda network: network.with_options(**options))


def rebuild(change: Callable[[tuple[tuple[int, ...], ...]], tuple[tuple[int, ...], ...]], *scopes: str) -> Redesign:
    """Other args of the units of some blocks, or of all."""

    def rebuilt(network: Architecture) -> Architecture:
        made = (
            replace(block, args=change(block.args)) if block.scope in scopes or not scopes else block
            for block in network.blocks
        )
        return replace(network, blocks=tuple(made))

    return Redesign(rebuilt)


def edit(name: str, change: Callable[[Array], Array]) -> Retensor:
    """Another value of one tensor, of the same shape; its dtype is kept."""
    return Retensor(lambda tensors: {**tensors, name: change(tensors[name]).astype(tensors[name].dtype)})


def edit_all(leaf: str, change: Callable[[Array], Array]) -> Retensor:
    """Another value of all tensors of a kind: `weights`, `gamma`, `moving_variance`."""

    def edited(tensors: Tensors) -> Tensors:
        return {
            name: change(value).astype(value.dtype) if split(name)[1] == leaf else value
            for name, value in tensors.items()
        }

    return Retensor(edited)


def exchange(one: str, other: str) -> Retensor:
    """What stands under the scope `one` stands under `other`, and the other way round, with all that is below."""
    turned = {one: other, other: one}

    def source(name: str) -> str:
        scope = next((scope for scope in turned if _is_below(name, scope)), name)
        return turned.get(scope, scope) + name.removeprefix(scope)

    return Retensor(lambda tensors: {name: tensors[source(name)] for name in tensors})


def exchange_all(one: str, other: str) -> Retensor:
    """What two kinds of tensors hold is exchanged in every layer: `gamma` and `beta`."""
    turned = {one: other, other: one}

    def source(name: str) -> str:
        scope, _, leaf = name.rpartition("/")
        return f"{scope}/{turned.get(leaf, leaf)}"

    return Retensor(lambda tensors: {name: tensors[source(name)] for name in tensors})


def copy(source: str, target: str) -> Retensor:
    """What stands under the scope `source` stands under `target`, too, with all that is below."""

    def copied(tensors: Tensors) -> Tensors:
        return {
            name: tensors[source + name.removeprefix(target)] if _is_below(name, target) else value
            for name, value in tensors.items()
        }

    return Retensor(copied)


def _is_below(name: str, scope: str) -> bool:
    return name == scope or name.startswith(f"{scope}/")
