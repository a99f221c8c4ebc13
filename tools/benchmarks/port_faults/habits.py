"""Mistakes of another design: what people take from a network that they know better."""

from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.port_faults.port import Before, Behind, Mistake, Port, like, mistake, seeded
from isomorph.spec.layers import Convolution


def units_exchanged(port: Port, random: Random) -> Mistake | None:
    """Two units of a block in one another's place."""
    pairs = [
        (first, second)
        for first in port.units
        for second in port.units
        if first.scope < second.scope and _shapes(first.layers) == _shapes(second.layers)
    ]
    if not pairs:
        return None
    first, second = random.choice(pairs)
    one, other = port.get(first.scope), port.get(second.scope)
    port.put(first.scope, other)
    port.put(second.scope, one)
    places = [layer.scope for unit in (first, second) for layer in unit.layers]
    return mistake(f"units {first.scope} and {second.scope} exchanged", "another layer's tensors", *places)


def _shapes(layers: Any) -> list[Any]:
    return [
        (layer.kernel, layer.depth_in, layer.depth, layer.stride, layer.groups)
        for layer in layers
        if isinstance(layer, Convolution)
    ]


def shared_batch_norm(port: Port, random: Random) -> Mistake | None:
    """One batch norm for two layers of a unit."""
    batch_norms = dict(port.batch_norms())
    pairs = [
        (first, second)
        for first in batch_norms
        for second in batch_norms
        if first < second
        and first.rpartition("/")[0] == second.rpartition("/")[0]
        and batch_norms[first].num_features == batch_norms[second].num_features
    ]
    if not pairs:
        return None
    first, second = random.choice(pairs)
    port.get(second).batch_norm = port.get(first).batch_norm
    return mistake(f"{second} has the batch norm of {first}", "another layer's tensors", second)


def bias_added(port: Port, random: Random) -> Mistake | None:
    """A convolution with a bias that it should not have."""
    layers = [layer for layer in port.convolutions if not layer.bias]
    if not layers:
        return None
    layer = random.choice(layers)
    conv = port.get(layer.scope).conv
    conv.bias = like(conv.weight, 0.3 * torch.randn(layer.depth, generator=seeded(random)))
    return mistake(f"bias in {layer.scope}", "biases extra", layer.scope)


def rectangular(port: Port, random: Random) -> Mistake | None:
    """Rows and columns that are not treated alike."""
    layers = [layer for layer in port.convolutions if layer.kernel > 1]
    if not layers:
        return None
    layer = random.choice(layers)
    conv = port.get(layer.scope).conv
    what = random.choice(["padding", "rate", "stride"])
    if what == "padding":
        conv.padding = (conv.padding[0], conv.padding[1] + 1)
    elif what == "rate":
        conv.dilation, conv.padding = (1, 2), (conv.padding[0], 2 * conv.padding[1])
    else:
        conv.stride = (1, 2) if conv.stride[0] == 2 else (2, 1)
    return mistake(f"other {what} in one direction of {layer.scope}", what, layer.scope)


def padding_before(port: Port, random: Random) -> Mistake | None:
    """All padding before the first row and column."""
    layers = [layer for layer in port.convolutions if layer.kernel > 1]
    if not layers:
        return None
    layer = random.choice(layers)
    conv = port.get(layer.scope).conv
    total = layer.rate * (layer.kernel - 1)
    conv.padding = (0, 0)
    port.get(layer.scope).conv = Before(lambda x: F.pad(x, (total, 0, total, 0)), conv)
    return mistake(f"padding before alone of {layer.scope}", "padding", layer.scope)


def padded_then_cropped(port: Port, random: Random) -> Mistake | None:
    """Padding by one too many, and a crop that takes it away in front alone."""
    layers = [layer for layer in port.convolutions if layer.kernel == 3 and layer.stride == 1]
    if not layers:
        return None
    layer = random.choice(layers)
    conv = port.get(layer.scope).conv
    conv.padding = (2, 2)
    port.get(layer.scope).conv = Behind(conv, lambda x: x[:, :, 2:, 2:])
    return mistake(f"padded and cropped {layer.scope}", "padding|crop*", layer.scope)


def images_reshaped(port: Port, random: Random) -> Mistake | None:
    """Images whose axes are named anew where they had to be moved."""
    stem: Any = port.module.get_submodule("stem")
    places = ["input", "input_transform", port.convolutions[0].scope]
    stem[0] = Before(lambda x: x.permute(0, 2, 3, 1).reshape(x.shape), stem[0])
    return mistake("images reshaped", "reads reordered|images", *places)


class Squeezing(nn.Module):
    """A squeeze and excitation behind a layer (Hu et al., 2018)."""

    def __init__(self, depth: int, random: Random, like_this: Tensor) -> None:
        super().__init__()
        self.inner, self.outer = nn.Conv2d(depth, max(depth // 4, 1), 1), nn.Conv2d(max(depth // 4, 1), depth, 1)
        for conv in (self.inner, self.outer):
            conv.weight = like(like_this, torch.randn(conv.weight.shape, generator=seeded(random)) / 4)
            conv.bias = like(like_this, torch.randn(len(conv.weight), generator=seeded(random)) / 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` with each channel times a factor of its own."""
        return x * torch.sigmoid(self.outer(F.relu(self.inner(F.adaptive_avg_pool2d(x, 1)))))


def squeeze(port: Port, random: Random) -> Mistake | None:
    """Add a squeeze and excitation."""
    layer = random.choice(port.convolutions[:-1])
    added = Squeezing(layer.depth, random, port.get(layer.scope).conv.weight)
    port.put(layer.scope, nn.Sequential(port.get(layer.scope), added))
    following = list(port.plan.modules)[list(port.plan.modules).index(layer.scope) + 1 :][:2]
    places = (layer.scope, layer.scope.rpartition("/")[0], *following)
    return mistake(f"squeeze and excitation behind {layer.scope}", "extra *", *places)


def pooled_shortcut(port: Port, random: Random) -> Mistake | None:
    """The shortcut of ResNet-D: an average pool in front of a convolution that does not stride."""
    layers = [layer for layer in port.convolutions if layer.scope.endswith("shortcut") and layer.stride == 2]
    if not layers:
        return None
    layer = random.choice(layers)
    conv = port.get(layer.scope).conv
    conv.stride = (1, 1)
    port.get(layer.scope).conv = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), conv)
    return mistake(f"average pool in {layer.scope}", "extra average pool|stride", layer.scope)


def pool_added(port: Port, random: Random) -> Mistake | None:
    """A pool that keeps the size, in front of a layer."""
    layer = random.choice(port.convolutions[:-1])
    pool = random.choice([nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1)])
    port.put(layer.scope, nn.Sequential(pool, port.get(layer.scope)))
    scopes = list(port.plan.modules)
    before = scopes[max(scopes.index(layer.scope) - 1, 0)]
    unit = layer.scope.rpartition("/")[0]
    units = [each.scope for each in port.plan.units]
    earlier = units[max(units.index(unit) - 1, 0)] if unit in units else before
    places = (layer.scope, before, unit, earlier, "input")
    return mistake(f"pool before {layer.scope}", "extra max pool|extra average pool", *places)


def separable(port: Port, random: Random) -> Mistake | None:
    """A convolution as one of each channel, and one of all channels of each cell."""
    layers = [layer for layer in port.convolutions if layer.kernel == 3 and layer.groups == 1]
    if not layers:
        return None
    layer = random.choice(layers)
    old = port.get(layer.scope).conv
    depth, padding = layer.depth_in, old.padding
    deep = nn.Conv2d(depth, depth, 3, layer.stride, padding, layer.rate, depth, bias=False)
    deep.weight = like(old.weight, torch.randn(deep.weight.shape, generator=seeded(random)) / 3)
    wide = nn.Conv2d(depth, layer.depth, 1, bias=layer.bias)
    wide.weight = like(old.weight, torch.randn(wide.weight.shape, generator=seeded(random)) / 8)
    wide.bias = old.bias
    port.get(layer.scope).conv = nn.Sequential(deep, wide)
    causes = "*for 3x3 convolution|extra convolution|groups"
    return mistake(f"separable {layer.scope}", causes, layer.scope)


def narrowed(port: Port, random: Random) -> Mistake | None:
    """A layer with half the outputs, and the one behind it with half the inputs."""
    units = [unit for unit in port.units if len(unit.layers) >= 2 and "bottleneck" in unit.kind]
    if not units:
        return None
    first, second = [layer for layer in random.choice(units).layers if isinstance(layer, Convolution)][-2:]
    if second.source.rpartition("/")[2] != first.scope.rpartition("/")[2] or first.groups > 1 or second.groups > 1:
        return None
    one, other = port.get(first.scope), port.get(second.scope)
    half = first.depth // 2
    one.conv.weight = like(one.conv.weight, one.conv.weight.detach()[:half])
    if one.conv.bias is not None:
        one.conv.bias = like(one.conv.bias, one.conv.bias.detach()[:half])
    if not isinstance(getattr(one, "batch_norm", None), nn.BatchNorm2d):
        return None
    old = one.batch_norm
    one.batch_norm = nn.BatchNorm2d(half, old.eps).to(one.conv.weight.dtype).eval()
    one.batch_norm.load_state_dict({name: x[:half] if x.ndim else x for name, x in old.state_dict().items()})
    other.conv.weight = like(other.conv.weight, other.conv.weight.detach()[:, :half])
    return mistake(f"half the outputs of {first.scope}", "depth", first.scope)


KINDS = (
    units_exchanged,
    shared_batch_norm,
    bias_added,
    rectangular,
    padding_before,
    padded_then_cropped,
    images_reshaped,
    squeeze,
    pooled_shortcut,
    pool_added,
    separable,
    narrowed,
)
