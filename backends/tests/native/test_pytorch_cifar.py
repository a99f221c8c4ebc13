"""CIFAR's larger ResNets beside modules of PyTorch's, written by hand after what their authors call and compute.

kuangliu/pytorch-cifar (models/resnet.py) has ImageNet's units behind a 3x3 convolution; xternalz/WideResNet-pytorch
(wideresnet.py) has pre-activated units. The modules have their names, so that they load the zoo's tensors strictly.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isomorph.backends import load_backend
from isomorph.spec import Architecture, architecture, zoo
from isomorph.spec.convention import as_float32

Array = npt.NDArray[Any]

EPSILON = as_float32(1e-5)
"""PyTorch's own, rounded as all networks here have it."""


def norm(depth: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(depth, eps=EPSILON)


class Basic(nn.Module):
    def __init__(self, depth_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(depth_in, width, 3, stride, padding=1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = norm(width)
        self.shortcut = projection(depth_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(residual + self.shortcut(x))


class Bottleneck(nn.Module):
    def __init__(self, depth_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(depth_in, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = norm(4 * width)
        self.shortcut = projection(depth_in, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        residual = F.relu(self.bn1(self.conv1(x)))
        residual = F.relu(self.bn2(self.conv2(residual)))
        return F.relu(self.bn3(self.conv3(residual)) + self.shortcut(x))


def projection(depth_in: int, depth: int, stride: int) -> nn.Sequential:
    if stride == 1 and depth_in == depth:
        return nn.Sequential()
    return nn.Sequential(nn.Conv2d(depth_in, depth, 1, stride, bias=False), norm(depth))


class ResNet(nn.Module):
    def __init__(self, unit: type[Basic] | type[Bottleneck], units: Sequence[int]) -> None:
        super().__init__()
        expansion = 4 if unit is Bottleneck else 1
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = norm(64)
        self.blocks, depth = [], 64
        for number, count in enumerate(units, start=1):
            width, layers = 32 * 2**number, []
            for index in range(count):
                layers.append(unit(depth, width, 2 if number > 1 and index == 0 else 1))
                depth = expansion * width
            setattr(self, f"layer{number}", nn.Sequential(*layers))
            self.blocks.append(f"layer{number}")
        self.linear = nn.Linear(depth, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for block in self.blocks:
            x = getattr(self, block)(x)
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


class Wide(nn.Module):
    def __init__(self, depth_in: int, depth: int, stride: int) -> None:
        super().__init__()
        self.bn1 = norm(depth_in)
        self.conv1 = nn.Conv2d(depth_in, depth, 3, stride, padding=1, bias=False)
        self.bn2 = norm(depth)
        self.conv2 = nn.Conv2d(depth, depth, 3, padding=1, bias=False)
        self.convShortcut = nn.Conv2d(depth_in, depth, 1, stride, bias=False) if depth_in != depth else None

    def forward(self, x: Tensor) -> Tensor:
        preact = F.relu(self.bn1(x))
        shortcut: Tensor = x if self.convShortcut is None else self.convShortcut(preact)
        residual: Tensor = self.conv2(F.relu(self.bn2(self.conv1(preact))))
        return shortcut + residual


class Group(nn.Module):
    def __init__(self, depth_in: int, depth: int, units: int, stride: int) -> None:
        super().__init__()
        first = Wide(depth_in, depth, stride)
        self.layer = nn.Sequential(first, *(Wide(depth, depth, 1) for _ in range(units - 1)))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer(x)
        return result


class WideResNet(nn.Module):
    def __init__(self, width: int, units: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.block1 = Group(16, 16 * width, units[0], 1)
        self.block2 = Group(16 * width, 32 * width, units[1], 2)
        self.block3 = Group(32 * width, 64 * width, units[2], 2)
        self.bn1 = norm(64 * width)
        self.fc = nn.Linear(64 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        logits: Tensor = self.fc(F.relu(self.bn1(x)).mean((2, 3)))
        return logits


@pytest.mark.parametrize(
    ("name", "build", "units"),
    [
        ("cifar/resnet18", partial(ResNet, Basic), (2, 2)),
        ("cifar/resnet50", partial(ResNet, Bottleneck), (2, 2)),
        ("cifar/wide_resnet40_1", partial(WideResNet, 1), (2, 2, 2)),
        ("cifar/wide_resnet40_2", partial(WideResNet, 2), (2, 2, 2)),
    ],
)
def test_logits_are_those_of_modules_written_by_hand(
    name: str,
    build: Callable[[Sequence[int]], nn.Module],
    units: Sequence[int],
    weights: Callable[[Architecture], dict[str, Array]],
    assert_close: Callable[[Any, Any, float], None],
) -> None:
    """Of as many units of the first blocks; later ones repeat them, wider."""
    whole = architecture(name)
    blocks = [replace(block, args=block.args[:count]) for block, count in zip(whole.blocks, units, strict=False)]
    network = replace(whole, blocks=(*blocks, *(block for block in whole.blocks if block.unit == "batch_norm")))
    tensors = weights(network)
    names = zoo("cifar").naming.tensors(network)
    state = {each.name: torch.from_numpy(each.from_canonical(tensors[key]).copy()) for key, each in names.items()}
    by_hand = build(units).double().eval()
    result = by_hand.load_state_dict(state, strict=False)
    assert result.unexpected_keys == []
    assert all(key.endswith("num_batches_tracked") for key in result.missing_keys)
    images = np.random.default_rng(2).normal(size=(2, 12, 9, 3))
    ours = load_backend("oracle").build(network, dtype="float64")
    ours.load(tensors)
    with torch.no_grad():
        logits = by_hand(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    assert_close(logits, ours.end_points(images)["logits"][:, 0, 0], 1e-13)
