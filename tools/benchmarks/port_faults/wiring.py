"""Mistakes of what reads what: shortcuts, sums, concatenations, images and outputs."""

from itertools import pairwise
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.port_faults.port import Before, Behind, Mistake, Port, mistake
from isomorph.spec.layers import INPUT
from isomorph.spec.units import Unit


class Residual(nn.Module):
    """A residual unit that is written anew, with one thing done otherwise.

    how: "alone" leaves the shortcut out, "activated" has its ReLU before the sum, "product" multiplies, "halved" adds
        half of the residual, "difference" subtracts, "late" begins the shortcut behind the first layer.
    """

    def __init__(self, unit: Any, how: str) -> None:
        super().__init__()
        self.unit, self.how = unit, how
        self.layers = [each for name, each in unit.named_children() if name not in ("shortcut", "activation", "preact")]

    def forward(self, x: Tensor) -> Any:
        """Return what the unit gives."""
        shortcut, activation = getattr(self.unit, "shortcut", None), getattr(self.unit, "activation", nn.Identity())
        residual = self.layers[0](x)
        if self.how == "late":
            x = residual
        for layer in self.layers[1:]:
            residual = layer(residual)
        if self.how == "alone":
            return activation(residual)
        if self.how == "activated":
            residual = torch.relu(residual)
        if self.how == "halved":
            residual = residual * 0.5
        other = x if shortcut is None else shortcut(x)
        if self.how == "product":
            return activation(residual * other)
        if self.how == "difference":
            return activation(other - residual)
        result = residual + other
        return result if self.how == "activated" else activation(result)


CAUSES = {
    "alone": "missing sum",
    "activated": "extra ReLU|missing ReLU|ReLU before sum",
    "product": "product for sum",
    "halved": "extra factor|factors",
    "difference": "factors|*affine*",
    "late": "reads another",
}


def residual(port: Port, random: Random) -> Mistake | None:
    """Write a residual unit anew, with one thing done otherwise."""
    units = [unit for unit in port.units if INPUT in unit.wiring.joined and "v2" not in unit.kind]
    if not units:
        return None
    unit = random.choice(units)
    how = random.choice(list(CAUSES))
    if how == "activated" and not hasattr(port.get(unit.scope), "activation"):
        return None
    port.put(unit.scope, Residual(port.get(unit.scope), how))
    last = unit.layers[-1].scope
    places = [unit.scope, last, *([f"{unit.scope}/shortcut"] if unit.shortcut else [])]
    return mistake(f"residual of {unit.scope}: {how}", CAUSES[how], *places)


def wrong_source(port: Port, random: Random) -> Mistake | None:
    """A layer that reads what one before it read."""
    units = [unit for unit in port.units if len(unit.layers) > 2]
    if not units:
        return None
    unit = random.choice(units)
    layers = [layer for layer in unit.layers if hasattr(layer, "depth_in")]
    pairs = [
        (layer, other)
        for place, layer in enumerate(layers)
        for other in layers[:place]
        if layer.depth_in == other.depth_in and layer.source != other.source
    ]
    if not pairs:
        return None
    layer, other = random.choice(pairs)
    seen: list[Tensor] = []
    port.get(other.scope).register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].clone()))
    port.get(layer.scope).register_forward_pre_hook(lambda _module, _inputs: seen.pop())
    skipped = [each.scope for each in unit.layers[unit.layers.index(other) : unit.layers.index(layer)]]
    causes = "reads another|missing layer|missing max pool"
    return mistake(f"{layer.scope} reads what {other.scope} reads", causes, layer.scope, *skipped)


class Remembering(nn.Module):
    """A residual unit whose shortcut is what the unit before it read."""

    def __init__(self, unit: Any, seen: list[Tensor]) -> None:
        super().__init__()
        self.unit, self.seen = unit, seen
        self.layers = [each for name, each in unit.named_children() if name not in ("shortcut", "activation")]

    def forward(self, x: Tensor) -> Any:
        """Return what the unit gives."""
        for layer in self.layers:
            x = layer(x)
        x = x + self.seen.pop()
        return getattr(self.unit, "activation", nn.Identity())(x)


def old_shortcut(port: Port, random: Random) -> Mistake | None:
    """A shortcut that begins a unit too early."""
    units = port.units
    pairs = [
        (before, unit)
        for before, unit in pairwise(units)
        if _has_identity(before) and _has_identity(unit) and before.scope.split("/")[0] == unit.scope.split("/")[0]
    ]
    if not pairs:
        return None
    before, unit = random.choice(pairs)
    seen: list[Tensor] = []
    port.get(before.scope).register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].clone()))
    port.put(unit.scope, Remembering(port.get(unit.scope), seen))
    return mistake(f"shortcut of {unit.scope} begins before {before.scope}", "reads another", unit.scope)


def _has_identity(unit: Unit) -> bool:
    return INPUT in unit.wiring.joined and unit.shortcut is None and "v2" not in unit.kind


class Reordered(nn.Module):
    """An Inception unit whose branches are concatenated in another order."""

    def __init__(self, unit: Any, order: list[int]) -> None:
        super().__init__()
        self.unit, self.order = unit, order

    def forward(self, x: Tensor) -> Any:
        """Return what the unit gives."""
        unit = self.unit
        branches = [
            unit.branch1(x),
            unit.branch2(unit.branch2_reduce(x)),
            unit.branch3(unit.branch3_reduce(x)),
            unit.branch4(unit.branch4_pool(x)),
        ]
        return unit.activation(torch.cat([branches[place] for place in self.order], dim=1))


def concatenation(port: Port, random: Random) -> Mistake | None:
    """Concatenate branches in another order."""
    units = [unit for unit in port.units if unit.wiring.concatenated]
    if not units:
        return None
    scope = random.choice(units).scope
    order = [0, 1, 2, 3]
    while order == [0, 1, 2, 3]:
        random.shuffle(order)
    port.put(scope, Reordered(port.get(scope), order))
    return mistake(f"branches of {scope} in the order {order}", "operands exchanged", scope)


def _first(port: Port) -> list[str]:
    return ["input", "input_transform", port.convolutions[0].scope]


def images(port: Port, random: Random) -> Mistake | None:
    """BGR, another range, another normalisation."""
    mean, deviation = (torch.tensor(each).reshape(3, 1, 1) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    functions = {
        "BGR": lambda x: x.flip(1),
        "channels 1, 2, 0": lambda x: x[:, [1, 2, 0]],
        "times 255": lambda x: x * 255,
        "divided by 255": lambda x: x / 255,
        "shifted": lambda x: x - 0.5,
        "to -1..1": lambda x: x * 2 - 1,
        "normalised": lambda x: (x - mean.to(x.dtype)) / deviation.to(x.dtype),
    }
    name, places = random.choice(list(functions)), _first(port)
    stem: Any = port.module.get_submodule("stem")
    stem[0] = Before(functions[name], stem[0])
    return mistake(f"images {name}", "images", *places)


def images_turned(port: Port, random: Random) -> Mistake | None:
    """Turn the images."""
    functions = {
        "flipped": lambda x: x.flip(3),
        "upside down": lambda x: x.flip(2),
        "transposed": lambda x: x.transpose(2, 3),
    }
    name, places = random.choice(list(functions)), _first(port)
    stem: Any = port.module.get_submodule("stem")
    stem[0] = Before(functions[name], stem[0])
    return mistake(f"images {name}", "images|reads reordered|images reordered", *places)


def answers(port: Port, random: Random) -> Mistake | None:
    """What is done to the logits: a softmax, a sigmoid, another order."""
    functions = {
        "softmax": (lambda x: x.softmax(1), "extra softmax"),
        "log softmax": (lambda x: x.log_softmax(1), "extra *"),
        "sigmoid": (lambda x: x.sigmoid(), "extra sigmoid"),
        "reversed": (lambda x: x.flip(1), "outputs reordered|outputs reversed"),
        "divided": (lambda x: x / 2, "extra factor"),
    }
    name = random.choice(list(functions))
    function, causes = functions[name]
    head: Any = port.module.get_submodule("head")
    head.flatten = Behind(head.flatten, function)
    return mistake(f"logits: {name}", causes, "logits", "predictions", "global_pool")


KINDS = (residual, wrong_source, old_shortcut, concatenation, images, images_turned, answers)
