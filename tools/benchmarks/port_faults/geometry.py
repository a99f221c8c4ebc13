"""Mistakes of windows: strides, paddings, rates, groups, kernels, and pools."""

from random import Random
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.port_faults.port import Before, Mistake, Port, like, mistake, seeded
from isomorph.spec.layers import Convolution

Mode = Literal["reflect", "replicate", "circular"]


def _wide(port: Port, random: Random) -> Convolution | None:
    """Return a convolution whose kernel is more than one cell."""
    layers = [layer for layer in port.convolutions if layer.kernel > 1]
    return random.choice(layers) if layers else None


def stride(port: Port, random: Random) -> Mistake | None:
    """Stride by 2 for 1, or by 1 for 2."""
    layer = random.choice(port.convolutions)
    other = 1 if layer.stride > 1 else 2
    port.get(layer.scope).conv.stride = (other, other)
    return mistake(f"stride {other} for {layer.stride} of {layer.scope}", "stride", layer.scope)


def stride_moved(port: Port, random: Random) -> Mistake | None:
    """Strides sit in the first convolution of bottlenecks in one zoo, and in the second in others."""
    units = [unit for unit in port.units if unit.kind.endswith("bottleneck")]
    units = [unit for unit in units if any(each.stride > 1 for each in _main(unit))]
    if not units:
        return None
    unit = random.choice(units)
    first, second, *_ = (port.get(layer.scope).conv for layer in _main(unit))
    first.stride, second.stride = second.stride, first.stride
    places = [layer.scope for layer in _main(unit)[:2]]
    return mistake(f"stride of {unit.scope} in its other convolution", "stride", *places)


def _main(unit: Any) -> list[Convolution]:
    return [layer for layer in unit.layers if isinstance(layer, Convolution) and "shortcut" not in layer.scope]


def stride_dropped(port: Port, random: Random) -> Mistake | None:
    """A block that should halve the map does not."""
    units = [unit for unit in port.units if any(_stride(layer) > 1 for layer in unit.layers)]
    if not units:
        return None
    unit = random.choice(units)
    strided = [layer.scope for layer in unit.layers if isinstance(layer, Convolution) and layer.stride > 1]
    for scope in strided:
        port.get(scope).conv.stride = (1, 1)
    return mistake(f"no stride in {unit.scope}", "stride", *strided)


def _stride(layer: Any) -> int:
    return layer.stride if isinstance(layer, Convolution) else 1


def same_padding(port: Port, random: Random) -> Mistake | None:
    """TensorFlow's SAME, by F.pad: more cells behind than before."""
    layers = [layer for layer in port.convolutions if layer.kernel > 1 and layer.stride > 1]
    if not layers:
        return None
    layer = random.choice(layers)
    conv = port.get(layer.scope).conv
    conv.padding = (0, 0)

    def pad(x: Tensor) -> Tensor:
        height, width = (_same(size, layer.kernel, layer.stride) for size in x.shape[2:])
        return F.pad(x, (*width, *height))

    port.get(layer.scope).conv = Before(pad, conv)
    return mistake(f"SAME padding of {layer.scope}", "padding", layer.scope)


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def padding_behind(port: Port, random: Random) -> Mistake | None:
    """Pad behind the rows and columns alone, as a copied ZeroPadding2D does."""
    layer = _wide(port, random)
    if layer is None:
        return None
    conv = port.get(layer.scope).conv
    total = layer.rate * (layer.kernel - 1)
    conv.padding = (0, 0)
    port.get(layer.scope).conv = nn.Sequential(nn.ZeroPad2d((0, total, 0, total)), conv)
    return mistake(f"padding behind alone of {layer.scope}", "padding", layer.scope)


def other_padding(port: Port, random: Random) -> Mistake | None:
    """Pad by another number of cells."""
    layer = _wide(port, random)
    if layer is None:
        return None
    conv = port.get(layer.scope).conv
    padding = random.choice([each for each in range(layer.kernel + 1) if each != conv.padding[0]])
    conv.padding = (padding, padding)
    return mistake(f"padding {padding} of {layer.scope}", "padding", layer.scope)


def padding_mode(port: Port, random: Random) -> Mistake | None:
    """Pad with copies of the map."""
    layer = _wide(port, random)
    if layer is None or not any(port.get(layer.scope).conv.padding):
        return None
    modes: list[Mode] = ["reflect", "replicate", "circular"]
    mode = random.choice(modes)
    old = port.get(layer.scope).conv
    conv = nn.Conv2d(
        *(layer.depth_in, layer.depth, layer.kernel, layer.stride, old.padding, layer.rate, layer.groups, layer.bias),
        padding_mode=mode,
    )
    conv.weight = old.weight
    conv.bias = old.bias
    port.get(layer.scope).conv = conv.eval()
    return mistake(f"{mode} padding of {layer.scope}", "padding*|padded*", layer.scope)


def rate(port: Port, random: Random) -> Mistake | None:
    """Spread a kernel, with the padding that fits it or without."""
    layer = _wide(port, random)
    if layer is None:
        return None
    conv = port.get(layer.scope).conv
    conv.dilation = (2, 2)
    if random.random() < 0.75:
        conv.padding = (layer.kernel - 1,) * 2
    return mistake(f"rate 2 of {layer.scope}, padding {conv.padding}", "rate", layer.scope)


def groups(port: Port, random: Random) -> Mistake | None:
    """A depthwise convolution as an ordinary one, or an ordinary one in groups: with weights of their own."""
    layer = random.choice(port.convolutions)
    others = [number for number in (1, 2, 4, 32) if layer.depth_in % number == layer.depth % number == 0]
    others = [number for number in others if number != layer.groups]
    if not others or layer.dense:
        return None
    number = random.choice(others)
    conv = port.get(layer.scope).conv
    shape = (layer.depth, layer.depth_in // number, layer.kernel, layer.kernel)
    conv.groups = number
    conv.weight = like(conv.weight, torch.randn(shape, generator=seeded(random)) / 8)
    return mistake(f"{number} groups for {layer.groups} of {layer.scope}", "groups|inputs", layer.scope)


def kernel(port: Port, random: Random) -> Mistake | None:
    """Draw a kernel of another size."""
    layer = random.choice(port.convolutions)
    size = random.choice([each for each in (1, 3, 5, 7) if each != layer.kernel])
    conv = port.get(layer.scope).conv
    shape = (layer.depth, layer.depth_in // layer.groups, size, size)
    conv.weight = like(conv.weight, torch.randn(shape, generator=seeded(random)) / size / 8)
    conv.kernel_size, conv.padding = (size, size), (size // 2,) * 2
    return mistake(f"kernel {size} for {layer.kernel} of {layer.scope}", "kernel", layer.scope)


def pool_rounding(port: Port, random: Random) -> Mistake | None:
    """Round a pooled map's size up for down, or down for up."""
    if not port.pools:
        return None
    scope = random.choice(port.pools).scope
    port.get(scope).ceil_mode = not port.get(scope).ceil_mode
    return mistake(f"ceil_mode {port.get(scope).ceil_mode} of {scope}", "pool padding", scope)


def pool_window(port: Port, random: Random) -> Mistake | None:
    """Another kernel, stride or padding of a pool."""
    if not port.pools:
        return None
    scope = random.choice(port.pools).scope
    old = port.get(scope)
    what = random.choice(["kernel", "stride", "padding"])
    size, step, pads = old.kernel_size, old.stride, old.padding
    if what == "kernel":
        size = 2 if size == 3 else 3
        pads = min(pads, size // 2)
    elif what == "stride":
        step = 1 if step == 2 else 2
    else:
        pads = 0 if pads else 1
    port.put(scope, nn.MaxPool2d(size, step, pads, ceil_mode=old.ceil_mode))
    return mistake(f"pool {size}, {step}, {pads} at {scope}", f"pool {what}", scope)


def pool_kind(port: Port, random: Random) -> Mistake | None:
    """Take averages for maxima."""
    if not port.pools:
        return None
    scope = random.choice(port.pools).scope
    old = port.get(scope)
    counts = random.random() < 0.5
    pool = nn.AvgPool2d(old.kernel_size, old.stride, old.padding, old.ceil_mode, count_include_pad=counts)
    port.put(scope, pool)
    return mistake(f"average pool at {scope}", "average pool for max pool", scope)


def pool_left_out(port: Port, random: Random) -> Mistake | None:
    """Leave a pool out."""
    if not port.pools:
        return None
    scope = random.choice(port.pools).scope
    port.put(scope, nn.Identity())
    return mistake(f"no pool at {scope}", "missing max pool", scope)


def pool_fill(port: Port, random: Random) -> Mistake | None:
    """A pool that is padded with zeros by hand."""
    if not port.pools:
        return None
    scope = random.choice(port.pools).scope
    old = port.get(scope)
    pads, old.padding = old.padding, 0
    port.put(scope, Before(lambda x: F.pad(x, (pads,) * 4), old))
    return mistake(f"pool padded with zeros at {scope}", "pool padded with", scope)


def global_pool(port: Port, random: Random) -> Mistake | None:
    """The maximum of the last map, or its middle, for its mean."""
    head: Any = port.module.get_submodule("head")
    if not isinstance(head.global_pool, nn.AdaptiveAvgPool2d):
        return None
    if random.random() < 0.5:
        head.global_pool = nn.AdaptiveMaxPool2d(1)
        return mistake("the maximum for the mean", "* for mean|missing mean", "global_pool")
    head.global_pool = nn.AvgPool2d(2, ceil_mode=True)
    head.flatten = Before(lambda x: x.mean((2, 3)), nn.Flatten())
    return mistake(
        "an average pool before the mean", "extra average pool|average pool for mean", "global_pool", "logits"
    )


KINDS = (
    stride,
    stride_moved,
    stride_dropped,
    same_padding,
    padding_behind,
    other_padding,
    padding_mode,
    rate,
    groups,
    kernel,
    pool_rounding,
    pool_window,
    pool_kind,
    pool_left_out,
    pool_fill,
    global_pool,
)
