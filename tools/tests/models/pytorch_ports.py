"""Networks as people write them by hand in PyTorch, each in the habits of one of them, for tests to open."""

from collections import namedtuple
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Answer = namedtuple("Answer", ["scores", "embedding"])


class Crossing(nn.Module):
    """A basic unit, with its layers declared from the last to the first, and functions for all that has no tensors."""

    def __init__(self, going_in: int, going_out: int, step: int) -> None:
        super().__init__()
        self.step = step
        self.widens = going_out - going_in
        self.omega = nn.BatchNorm2d(going_out)
        self.beta = nn.Conv2d(going_out, going_out, 3, padding=1, bias=False)
        self.psi = nn.BatchNorm2d(going_out)
        self.alpha = nn.Conv2d(going_in, going_out, 3, step, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        way = F.relu(self.psi(self.alpha(x)))
        way = self.omega(self.beta(way))
        if self.widens:
            x = F.pad(x[:, :, :: self.step, :: self.step], (0, 0, 0, 0, self.widens // 2, self.widens // 2))
        return F.relu(torch.add(x, way))


class Scrambled(nn.Module):
    """cifar/resnet20: classifier declared first, a stem that is wrapped three deep, its own normalisation of images."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(64, 10)
        widths = [(16, 16), (16, 16), (16, 16), (16, 32), (32, 32), (32, 32), (32, 64), (64, 64), (64, 64)]
        units = [Crossing(first, second, 1 if first == second else 2) for first, second in reversed(widths)]
        self.zoo = nn.ModuleList(units)
        stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.shell = nn.Sequential(nn.Sequential(stem))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.shell((x - 0.3) / 0.25)
        for unit in reversed(self.zoo):
            x = unit(x)
        features = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return {"logits": self.last(features), "features": features}


def scrambled() -> nn.Module:
    return Scrambled().eval()


def in_training() -> nn.Module:
    return Scrambled()


class Folded(nn.Module):
    """cifar/resnet20 whose batch norms were folded into its convolutions before it was saved."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Scrambled()
        for module in self.body.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.3, 0.3)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
        self.body.eval()
        stem: Any = self.body.shell[0][0]  # type: ignore[index]
        stem[0], stem[1] = _folded(stem[0], stem[1]), nn.Identity()
        for unit in self.body.zoo:
            for conv, norm in (("alpha", "psi"), ("beta", "omega")):
                setattr(unit, conv, _folded(getattr(unit, conv), getattr(unit, norm)))
                setattr(unit, norm, nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.body(x * 0.25 + 0.3)["logits"]
        return answer


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    return torch.nn.utils.fusion.fuse_conv_bn_eval(conv, norm)


def folded() -> nn.Module:
    torch.manual_seed(0)
    return Folded().eval()


class Split(nn.Module):
    """A bottleneck whose grouped convolution is written as one for each group of channels, and a tuple's answer."""

    def __init__(self, depth_in: int, width: int, depth: int, stride: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.enter = nn.Sequential(nn.Conv2d(depth_in, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        lanes = (nn.Conv2d(width // groups, width // groups, 3, stride, 1, bias=False) for _ in range(groups))
        self.lanes = nn.ModuleList(lanes)
        self.norm = nn.BatchNorm2d(width)
        self.leave = nn.Sequential(nn.Conv2d(width, depth, 1, bias=False), nn.BatchNorm2d(depth))
        self.bridge: nn.Module = nn.Identity()
        if stride > 1 or depth_in != depth:
            self.bridge = nn.Sequential(nn.Conv2d(depth_in, depth, 1, stride, bias=False), nn.BatchNorm2d(depth))

    def forward(self, x: Tensor) -> Tensor:
        parts = torch.chunk(self.enter(x), self.groups, dim=1)
        middle = torch.cat([lane(part) for lane, part in zip(self.lanes, parts, strict=True)], dim=1)
        return F.relu(self.leave(F.relu(self.norm(middle))) + self.bridge(x))


class Grouped(nn.Module):
    """Two blocks of two units of `Split`."""

    def __init__(self) -> None:
        super().__init__()
        self.begin = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        units = (Split(8, 8, 16, 1, 4), Split(16, 8, 16, 1, 4), Split(16, 16, 32, 2, 4), Split(32, 16, 32, 1, 4))
        self.middle = nn.Sequential(*units)
        self.end = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Answer:
        embedding = self.middle(self.begin(x)).mean([2, 3])
        return Answer(self.end(embedding), embedding)


def grouped() -> nn.Module:
    return Grouped().eval()


class Flattening(nn.Module):
    """Convolutions and dense layers, with a map that is flattened with its channels last, as in TensorFlow."""

    def __init__(self, channels_last: bool = True) -> None:
        super().__init__()
        self.channels_last = channels_last
        self.dense = nn.Sequential(nn.Linear(8 * 7 * 7, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 12))
        self.classes = nn.Linear(12, 10)
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.third = nn.Conv2d(6, 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.second(F.relu(self.first(x)))), 2)
        x = F.adaptive_avg_pool2d(F.relu(self.third(x)), 7)
        x = x.permute(0, 2, 3, 1) if self.channels_last else x
        answer: Tensor = self.classes(self.dense(x.reshape(len(x), -1)))
        return answer


def flattening() -> nn.Module:
    return Flattening().eval()


class Reusing(Scrambled):
    """cifar/resnet20 whose last unit is computed where the one before it should be, too."""

    def __init__(self) -> None:
        super().__init__()
        self.zoo[1] = self.zoo[0]

    def forward(self, x: Tensor) -> Any:
        return super().forward(x * 0.25 + 0.3)["logits"]


def reusing() -> nn.Module:
    return Reusing().eval()
