"""Changes that the catalogue plants: of an architecture's options and blocks, and of tensors."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from isomorph.backends.protocol import Array
from isomorph.conformance.faults.fault import Redesign, Retensor, Tensors
from isomorph.spec import Architecture
from isomorph.spec.tensors import split


def redesign(**options: Any) -> Redesign:
    """Return a fault that changes options of the architecture, see `Architecture.with_options`."""
    return Redesign(lambda network: network.with_options(**options))


def rebuild(change: Callable[[tuple[tuple[int, ...], ...]], tuple[tuple[int, ...], ...]], *scopes: str) -> Redesign:
    """Return a fault that changes the args of the units of some blocks, or of all."""

    def rebuilt(network: Architecture) -> Architecture:
        blocks = (
            replace(block, args=change(block.args)) if block.scope in scopes or not scopes else block
            for block in network.blocks
        )
        return replace(network, blocks=tuple(blocks))

    return Redesign(rebuilt)


def edit(name: str, change: Callable[[Array], Array]) -> Retensor:
    """Return a fault that changes the value of one tensor, but not its shape or dtype."""
    return Retensor(lambda tensors: {**tensors, name: change(tensors[name]).astype(tensors[name].dtype)})


def edit_all(leaf: str, change: Callable[[Array], Array]) -> Retensor:
    """Return a fault that changes the values of all tensors of a kind: `weights`, `gamma`, `moving_variance`."""

    def edited(tensors: Tensors) -> Tensors:
        return {
            name: change(value).astype(value.dtype) if split(name)[1] == leaf else value
            for name, value in tensors.items()
        }

    return Retensor(edited)


def exchange(first: str, second: str) -> Retensor:
    """Return a fault that exchanges all tensors below two scopes."""
    exchanged = {first: second, second: first}

    def source(name: str) -> str:
        scope = next((scope for scope in exchanged if _is_below(name, scope)), name)
        return exchanged.get(scope, scope) + name.removeprefix(scope)

    return Retensor(lambda tensors: {name: tensors[source(name)] for name in tensors})


def exchange_all(first: str, second: str) -> Retensor:
    """Return a fault that exchanges two kinds of tensors in every layer: `gamma` and `beta`."""
    exchanged = {first: second, second: first}

    def source(name: str) -> str:
        scope, _, leaf = name.rpartition("/")
        return f"{scope}/{exchanged.get(leaf, leaf)}"

    return Retensor(lambda tensors: {name: tensors[source(name)] for name in tensors})


def copy(source: str, target: str) -> Retensor:
    """Return a fault that copies all tensors below the scope `source` to those below `target`."""

    def copied(tensors: Tensors) -> Tensors:
        return {
            name: tensors[source + name.removeprefix(target)] if _is_below(name, target) else value
            for name, value in tensors.items()
        }

    return Retensor(copied)


def _is_below(name: str, scope: str) -> bool:
    return name == scope or name.startswith(f"{scope}/")
