"""Mistakes inside of layers: batch norms, activations, and what is left out or done twice."""

from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.port_faults.port import Before, Behind, Mistake, Port, mistake

ACTIVATIONS: dict[str, Any] = {
    "ReLU": nn.ReLU,
    "ReLU6": nn.ReLU6,
    "leaky ReLU": lambda: nn.LeakyReLU(0.1),
    "ELU": nn.ELU,
    "GELU": nn.GELU,
    "GELU by tanh": lambda: nn.GELU("tanh"),
    "SiLU": nn.SiLU,
    "hard swish": nn.Hardswish,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
}


def epsilon(port: Port, random: Random) -> Mistake | None:
    """Another one in a batch norm, or in all of them."""
    batch_norms = list(port.batch_norms())
    if not batch_norms:
        return None
    if random.random() < 0.5:
        batch_norms = [random.choice(batch_norms)]
    first = batch_norms[0][1].eps
    other = random.choice([each for each in (1e-3, 1e-4, 1e-5, 2e-5, 1e-6, 1e-2) if abs(each / first - 1) > 0.01])
    for _, batch_norm in batch_norms:
        batch_norm.eps = other
    return mistake(f"epsilon {other:g} in {len(batch_norms)}", "epsilon", *(scope for scope, _ in batch_norms))


def batch_norm_left_out(port: Port, random: Random) -> Mistake | None:
    """Leave a batch norm out."""
    batch_norms = list(port.batch_norms())
    if not batch_norms:
        return None
    scope, _ = random.choice(batch_norms)
    port.get(scope).batch_norm = nn.Identity()
    return mistake(f"no batch norm in {scope}", "missing batch norm", scope)


class OfTheBatch(nn.BatchNorm2d):
    """A batch norm that was left in training."""

    def train(self, mode: bool = True) -> "OfTheBatch":
        """As nn.Module's, and always training."""
        super().train(True)
        return self


def batch_norm_in_training(port: Port, random: Random) -> Mistake | None:
    """Leave one batch norm in training, or all of them."""
    batch_norms = list(port.batch_norms())
    if not batch_norms:
        return None
    if random.random() < 0.7:
        batch_norms = [random.choice(batch_norms)]
    for scope, old in batch_norms:
        batch_norm = OfTheBatch(old.num_features, old.eps, old.momentum).to(old.weight.dtype)
        batch_norm.load_state_dict(old.state_dict())
        port.get(scope).batch_norm = batch_norm.train()
    scopes = [scope for scope, _ in batch_norms]
    return mistake(f"{len(scopes)} batch norms in training", "training batch norm", *scopes)


def activation_before_batch_norm(port: Port, random: Random) -> Mistake | None:
    """Exchange a batch norm with the activation behind it."""
    scopes = [scope for scope, _ in port.batch_norms() if scope in port.activations()]
    if not scopes:
        return None
    layer = port.get(scope := random.choice(scopes))
    layer.batch_norm, layer.activation = layer.activation, layer.batch_norm
    return mistake(f"activation before batch norm in {scope}", "ReLU before batch norm|ReLU6 before batch norm", scope)


def batch_norm_twice(port: Port, random: Random) -> Mistake | None:
    """Normalise twice."""
    batch_norms = list(port.batch_norms())
    if not batch_norms:
        return None
    scope, batch_norm = random.choice(batch_norms)
    port.get(scope).batch_norm = nn.Sequential(batch_norm, batch_norm)
    return mistake(f"batch norm twice in {scope}", "extra batch norm", scope)


def other_norm(port: Port, random: Random) -> Mistake | None:
    """A group norm or an instance norm for a batch norm, with its gamma and beta."""
    batch_norms = [(scope, each) for scope, each in port.batch_norms() if each.num_features % 8 == 0]
    if not batch_norms:
        return None
    scope, old = random.choice(batch_norms)
    name = random.choice(["group norm", "instance norm"])
    groups = 8 if name == "group norm" else old.num_features
    norm = nn.GroupNorm(groups, old.num_features, old.eps)
    norm.weight, norm.bias = old.weight, old.bias
    port.get(scope).batch_norm = norm
    return mistake(f"{name} in {scope}", "group norm for batch norm|instance norm for batch norm", scope)


def activation_left_out(port: Port, random: Random) -> Mistake | None:
    """Leave an activation out."""
    if not port.activations():
        return None
    scope = random.choice(port.activations())
    port.get(scope).activation = nn.Identity()
    return mistake(f"no activation behind {scope}", "missing ReLU|missing ReLU6", scope)


def activation_exchanged(port: Port, random: Random) -> Mistake | None:
    """Take another activation."""
    if not port.activations():
        return None
    scope = random.choice(port.activations())
    old = type(port.get(scope).activation).__name__
    name = random.choice([each for each in ACTIVATIONS if each != old])
    port.get(scope).activation = ACTIVATIONS[name]()
    return mistake(f"{name} for {old} behind {scope}", f"{name} * for {old}|{name} for {old}|{name}* for {old}", scope)


def activation_added(port: Port, random: Random) -> Mistake | None:
    """Add an activation where there is none."""
    scopes = [layer.scope for layer in port.convolutions if layer.scope not in port.activations()]
    if not scopes:
        return None
    scope = random.choice(scopes)
    name = random.choice(["ReLU", "leaky ReLU", "SiLU", "ReLU6"])
    layer = port.get(scope)
    port.put(scope, nn.Sequential(layer, ACTIVATIONS[name]()))
    return mistake(f"{name} added behind {scope}", f"extra {name}*", scope, scope.rpartition("/")[0])


def layer_left_out(port: Port, random: Random) -> Mistake | None:
    """One whose result has the shape of what it reads."""
    layers = [layer for layer in port.convolutions if layer.depth == layer.depth_in and layer.stride == 1]
    if not layers:
        return None
    scope = random.choice(layers).scope
    port.put(scope, nn.Identity())
    return mistake(f"layer {scope} left out", "missing layer|missing convolution", scope)


def layer_twice(port: Port, random: Random) -> Mistake | None:
    """Compute a layer of its own result, too."""
    layers = [layer for layer in port.convolutions if layer.depth == layer.depth_in and layer.stride == 1]
    if not layers:
        return None
    scope = random.choice(layers).scope
    layer = port.get(scope)
    port.put(scope, nn.Sequential(layer, layer))
    places = _behind(port, scope)
    return mistake(f"layer {scope} twice", "extra *", scope, *places)


def _behind(port: Port, scope: str) -> list[str]:
    """Return the end points right behind a layer: what is done twice may be told before or behind."""
    scopes = list(port.plan.modules)
    at = scopes.index(scope)
    return [scopes[at - 1], *scopes[at + 1 : at + 2], scope.rpartition("/")[0]]


def unit_left_out(port: Port, random: Random) -> Mistake | None:
    """Leave a unit out."""
    units = [unit for unit in port.units if unit.shortcut is None]
    if not units:
        return None
    unit = random.choice(units)
    port.put(unit.scope, nn.Identity())
    return mistake(f"unit {unit.scope} left out", "missing unit", *_parents(unit.scope))


def unit_twice(port: Port, random: Random) -> Mistake | None:
    """Compute a unit of its own result, too."""
    units = [unit for unit in port.units if unit.shortcut is None]
    if not units:
        return None
    scope = random.choice(units).scope
    unit = port.get(scope)
    port.put(scope, nn.Sequential(unit, unit))
    places = [each for each in port.plan.modules if each.startswith(scope.rpartition("/")[0])]
    following = list(port.plan.modules)[list(port.plan.modules).index(scope) + 1 :][:4]
    return mistake(f"unit {scope} twice", "extra *", *places, *following)


def _parents(scope: str) -> list[str]:
    """Return a unit's scope with its kind and without."""
    return [scope, scope.rpartition("/")[0]]


def scaled(port: Port, random: Random) -> Mistake | None:
    """A factor behind a layer: of a mean of two, or of a dropout that scales."""
    layer = random.choice(port.convolutions)
    factor = random.choice([0.5, 2.0, 0.1, 0.2])
    port.put(layer.scope, Behind(port.get(layer.scope), lambda x: x * factor))
    return mistake(
        f"times {factor} behind {layer.scope}", "extra factor|factors", *_behind(port, layer.scope), layer.scope
    )


def dropout(port: Port, random: Random) -> Mistake | None:
    """A functional dropout whose `training` was left at its default."""
    layer = random.choice(port.convolutions)
    port.put(layer.scope, Before(lambda x: nn.functional.dropout(x, 0.3), port.get(layer.scope)))
    return mistake(f"dropout before {layer.scope}", "extra dropout", layer.scope)


def rounded_layer(port: Port, random: Random) -> Mistake | None:
    """A layer that multiplies in another precision, as under autocast."""
    layer = random.choice(port.convolutions)
    dtype = random.choice([torch.bfloat16, torch.float32])

    class Rounding(nn.Module):
        def __init__(self, conv: nn.Conv2d) -> None:
            super().__init__()
            self.conv = conv

        def forward(self, x: Tensor) -> Any:
            kept = self.conv
            bias = None if kept.bias is None else kept.bias.to(dtype)
            return kept._conv_forward(x.to(dtype), kept.weight.to(dtype), bias).to(x.dtype)

    port.get(layer.scope).conv = Rounding(port.get(layer.scope).conv)
    return mistake(f"{dtype} in {layer.scope}", "precision|extra cast", layer.scope)


KINDS = (
    epsilon,
    batch_norm_left_out,
    batch_norm_in_training,
    activation_before_batch_norm,
    batch_norm_twice,
    other_norm,
    activation_left_out,
    activation_exchanged,
    activation_added,
    layer_left_out,
    layer_twice,
    unit_left_out,
    unit_twice,
    scaled,
    dropout,
    rounded_layer,
)
