"""A network's native object in PyTorch, as somebody's port, into which mistakes are put where people make them."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from isomorph.backends import load_backend
from isomorph.backends.protocol import Array
from isomorph.spec import Architecture, Plan, plan
from isomorph.spec.layers import Convolution, MaxPool
from isomorph.spec.units import Unit


@dataclass(frozen=True)
class Mistake:
    """What a diagnosis has to say of a mistake.

    what: the mistake, for people.
    causes: patterns of `fnmatch`; each cause that fits one of them names it.
    places: the end points at which it may be named.
    """

    what: str
    causes: tuple[str, ...]
    places: frozenset[str]

    def is_named_by(self, cause: str, place: str) -> bool:
        """Return whether a finding names it."""
        return place in self.places and any(_fits(cause, pattern) for pattern in self.causes)


def _fits(cause: str, pattern: str) -> bool:
    """Return whether a cause is that of a pattern, in which "*" stands for any words."""
    head, star, tail = pattern.partition("*")
    return cause.startswith(head) and cause.endswith(tail) if star else cause == pattern


def mistake(what: str, causes: str, *places: str) -> Mistake:
    """Return a mistake: `causes` are separated by "|"."""
    return Mistake(what, tuple(causes.split("|")), frozenset(places))


Kind = Callable[["Port", Random], Mistake | None]
"""Puts a mistake into a port at a random place; returns None where the network has no such place."""


class Port:
    """The native object of a network with its tensors.

    module: the nn.Module, in evaluation.
    """

    def __init__(self, architecture: Architecture, module: nn.Module) -> None:
        self.architecture = architecture
        self.plan: Plan = plan(architecture)
        self.module = module

    @classmethod
    def of(cls, architecture: Architecture, tensors: dict[str, Array], dtype: str) -> "Port":
        """Return the right one."""
        network = load_backend("pytorch").build(architecture, dtype=dtype)
        network.load(tensors)
        return cls(architecture, network.native)

    def copy(self) -> "Port":
        """Return another one that can be changed."""
        return Port(self.architecture, deepcopy(self.module))

    def get(self, scope: str) -> Any:
        """Return the module of an end point."""
        return self.module.get_submodule(".".join(self.plan.modules[scope]))

    def put(self, scope: str, module: nn.Module) -> None:
        """Replace the module of an end point."""
        *parents, name = self.plan.modules[scope]
        setattr(self.module.get_submodule(".".join(parents)), name, module)

    @property
    def convolutions(self) -> list[Convolution]:
        """The convolutions that are computed at inference and were not replaced."""
        heads = tuple(head.scope for _, head in self.plan.auxiliary)
        return [
            layer
            for layer in self.plan.convolutions
            if not layer.scope.startswith(heads or ("\0",)) and isinstance(self._conv(layer.scope), nn.Conv2d)
        ]

    def _conv(self, scope: str) -> Any:
        return getattr(self.get(scope), "conv", None)

    @property
    def pools(self) -> list[MaxPool]:
        """The max pools."""
        layers = [*self.plan.stem, *(layer for unit in self.plan.units for layer in unit.layers)]
        return [layer for layer in layers if isinstance(layer, MaxPool) and self._is_pool(layer.scope)]

    def _is_pool(self, scope: str) -> bool:
        return isinstance(self.get(scope), nn.MaxPool2d)

    @property
    def units(self) -> list[Unit]:
        """The units that have several layers and were not replaced."""
        return [
            unit
            for unit in self.plan.units
            if len(unit.layers) > 1 and type(self.get(unit.scope)).__module__.endswith("pytorch.units")
        ]

    def batch_norms(self) -> Iterator[tuple[str, nn.BatchNorm2d]]:
        """Yield the batch norms with the scopes of their layers."""
        for layer in self.convolutions:
            module = getattr(self.get(layer.scope), "batch_norm", None)
            if isinstance(module, nn.BatchNorm2d):
                yield layer.scope, module

    def activations(self) -> list[str]:
        """Return the end points behind which there is an activation."""
        scopes = [*(layer.scope for layer in self.convolutions), *(unit.scope for unit in self.units)]
        return [
            scope for scope in scopes if isinstance(getattr(self.get(scope), "activation", None), nn.ReLU | nn.ReLU6)
        ]


class Before(nn.Module):
    """A function, and then a module."""

    def __init__(self, function: Callable[[Tensor], Tensor], module: nn.Module) -> None:
        super().__init__()
        self.function, self.module = function, module

    def forward(self, x: Tensor) -> Any:
        """Return what the module makes of what the function makes of `x`."""
        return self.module(self.function(x))


class Behind(nn.Module):
    """A module, and then a function of what it returns."""

    def __init__(self, module: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function, self.module = function, module

    def forward(self, x: Tensor) -> Any:
        """Return what the function makes of what the module makes of `x`."""
        return self.function(self.module(x))


def like(tensor: Tensor, value: Tensor) -> nn.Parameter:
    """Return a parameter of some values in another one's dtype."""
    return nn.Parameter(value.to(tensor.dtype), requires_grad=False)


def seeded(random: Random) -> torch.Generator:
    """Return a generator for tensors."""
    return torch.Generator().manual_seed(random.randrange(2**31))
