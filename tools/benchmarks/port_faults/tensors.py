"""Mistakes of tensors on their way between frameworks."""

from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.port_faults.port import Mistake, Port, like, mistake, seeded

Function = Callable[[Tensor], Tensor]


def _put(module: Any, leaf: str, value: Tensor) -> None:
    """Put values into a parameter or a buffer."""
    old = getattr(module, leaf)
    with torch.no_grad():
        setattr(module, leaf, like(old, value) if isinstance(old, nn.Parameter) else value.to(old.dtype))


def moved_kernel(port: Port, random: Random) -> Mistake | None:
    """A kernel whose elements stand elsewhere."""
    layer = random.choice(port.convolutions)
    conv = port.get(layer.scope).conv
    weight = conv.weight.detach()
    functions: dict[str, tuple[Function, str]] = {
        "transposed": (lambda w: w.transpose(0, 1), "transposed"),
        "transposed in space": (lambda w: w.transpose(2, 3), "transposed in space"),
        "flipped": (lambda w: w.flip(2, 3), "flipped"),
        "flipped in columns": (lambda w: w.flip(3), "flipped in columns"),
        "outputs rolled": (lambda w: w.roll(1, 0), "outputs shifted"),
        "outputs reversed": (lambda w: w.flip(0), "outputs reversed"),
        "inputs reversed": (lambda w: w.flip(1), "BGR|inputs reversed"),
        "reshaped": (lambda w: w.permute(2, 3, 1, 0).reshape(w.shape), "reshaped|another order"),
        "shuffled": (lambda w: w[torch.randperm(len(w), generator=seeded(random))], "another order|outputs *"),
    }
    name = random.choice(list(functions))
    function, causes = functions[name]
    value = function(weight).contiguous()
    if value.shape != weight.shape or torch.equal(value, weight):
        return None
    _put(conv, "weight", value)
    same = _other_names(weight, value, functions)
    return mistake(f"kernel of {layer.scope} {name}", "|".join([causes, *same]), layer.scope)


def _other_names(weight: Tensor, value: Tensor, functions: Any) -> list[str]:
    """Return the causes that a small kernel cannot be told apart from: flipped and transposed are one of 1x1."""
    return [
        causes
        for name, (function, causes) in functions.items()
        if name != "shuffled" and function(weight).shape == value.shape and torch.equal(function(weight), value)
    ]


def other_values(port: Port, random: Random) -> Mistake | None:
    """A kernel or biases with other values."""
    layer = random.choice(port.convolutions)
    conv = port.get(layer.scope).conv
    leaf = random.choice([name for name in ("weight", "bias") if getattr(conv, name) is not None])
    old = getattr(conv, leaf).detach()
    noise = torch.randn(old.shape, generator=seeded(random), dtype=torch.float64)
    at = random.randrange(old.numel())
    one = torch.zeros(old.numel(), dtype=torch.float64)
    one[at] = 0.1
    functions: dict[str, tuple[Function, str]] = {
        "zeros": (lambda w: w * 0, "not loaded"),
        "drawn anew": (lambda _: noise * 0.05, "other values"),
        "noisy": (lambda w: w * (1 + 0.01 * noise), "other values"),
        "one value off": (lambda w: w + one.reshape(w.shape), "few values"),
        "doubled": (lambda w: w * 2, "times a factor"),
        "negated": (lambda w: -w, "times a factor"),
        "in half": (lambda w: w.half().double(), "cast"),
        "in bfloat16": (lambda w: w.bfloat16().double(), "cast"),
    }
    name = random.choice(list(functions))
    function, causes = functions[name]
    _put(conv, leaf, function(old.double()))
    return mistake(f"{leaf} of {layer.scope}: {name}", causes, layer.scope)


def normalisation(port: Port, random: Random) -> Mistake | None:
    """A batch norm's tensors exchanged, reset or scaled."""
    batch_norms = list(port.batch_norms())
    if not batch_norms:
        return None
    scope, batch_norm = random.choice(batch_norms)
    tensors = {name: tensor.detach().clone() for name, tensor in batch_norm.state_dict().items()}
    if "weight" not in tensors:
        return None
    ways: dict[str, tuple[dict[str, Tensor], str]] = {
        "gamma and beta exchanged": (
            {"weight": tensors["bias"], "bias": tensors["weight"]},
            "beta and gamma exchanged",
        ),
        "mean and variance exchanged": (
            {"running_mean": tensors["running_var"], "running_var": tensors["running_mean"].abs()},
            "moving_mean and moving_variance exchanged",
        ),
        "statistics reset": (
            {"running_mean": tensors["running_mean"] * 0, "running_var": tensors["running_var"] * 0 + 1},
            "not loaded",
        ),
        "gamma left out": ({"weight": tensors["weight"] * 0 + 1}, "not loaded"),
        "beta left out": ({"bias": tensors["bias"] * 0}, "not loaded"),
        "deviation for variance": ({"running_var": tensors["running_var"].sqrt()}, "a power|other values"),
        "variance times 1.02": ({"running_var": tensors["running_var"] * 1.02}, "times a factor"),
        "gamma plus 1": ({"weight": tensors["weight"] + 1}, "off by a constant"),
        "beta rolled": ({"bias": tensors["bias"].roll(1)}, "another order|outputs shifted"),
    }
    name = random.choice(list(ways))
    values, causes = ways[name]
    for leaf, value in values.items():
        _put(batch_norm, leaf, value)
    return mistake(f"batch norm of {scope}: {name}", causes, scope)


def of_another(port: Port, random: Random) -> Mistake | None:
    """A layer with the kernel, or the batch norm, of another one."""
    layer = random.choice(port.convolutions)
    alike = [
        other
        for other in port.convolutions
        if other.scope != layer.scope and _shape(port, other.scope) == _shape(port, layer.scope)
    ]
    if not alike:
        return None
    own, other = port.get(layer.scope), port.get(random.choice(alike).scope)
    if random.random() < 0.5 or not isinstance(getattr(own, "batch_norm", None), nn.BatchNorm2d):
        _put(own.conv, "weight", other.conv.weight.detach().clone())
    elif isinstance(getattr(other, "batch_norm", None), nn.BatchNorm2d):
        own.batch_norm.load_state_dict(other.batch_norm.state_dict())
    else:
        return None
    return mistake(f"another layer's tensors in {layer.scope}", "another layer's tensors", layer.scope)


def _shape(port: Port, scope: str) -> tuple[int, ...]:
    return tuple(port.get(scope).conv.weight.shape)


def exchanged(port: Port, random: Random) -> Mistake | None:
    """Two layers with one another's tensors."""
    layer = random.choice(port.convolutions)
    alike = [
        other
        for other in port.convolutions
        if other.scope != layer.scope and _shape(port, other.scope) == _shape(port, layer.scope)
    ]
    if not alike:
        return None
    other = random.choice(alike)
    first, second = port.get(layer.scope).conv, port.get(other.scope).conv
    first.weight, second.weight = second.weight, first.weight
    return mistake(
        f"kernels of {layer.scope} and {other.scope} exchanged", "another layer's tensors", layer.scope, other.scope
    )


KINDS = (moved_kernel, other_values, normalisation, of_another, exchanged)
