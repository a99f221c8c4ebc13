"""Networks as people write them by hand in Paddle, each in the habits of one of them."""

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import nn

SHAPES = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2


class Unit(nn.Layer):
    """A basic unit, with its layers declared from the last to the first, and names in German."""

    def __init__(self, before: int, depth: int, stride: int) -> None:
        super().__init__()
        self.zweite = nn.Conv2D(depth, depth, 3, padding=1, bias_attr=False)
        self.norm2 = nn.BatchNorm2D(depth)
        self.erste = nn.Conv2D(before, depth, 3, stride, 1, bias_attr=False)
        self.norm1 = nn.BatchNorm2D(depth)
        self.stride, self.more = stride, (depth - before) // 2

    def widened(self, x: Any) -> Any:
        pads = [0, 0, self.more, self.more, 0, 0, 0, 0]
        return F.pad(x[:, :, :: self.stride, :: self.stride], pads, pad_from_left_axis=True)

    def forward(self, x: Any) -> Any:
        y = self.norm2(self.zweite(F.relu(self.norm1(self.erste(x)))))
        return F.relu(self.widened(x) + y)


class Cifar(nn.Layer):
    """cifar/resnet20 of such units, with a tuple's answer."""

    def __init__(self) -> None:
        super().__init__()
        self.koepfe = nn.Linear(64, 10)
        self.koerper = nn.LayerList([Unit(*shape) for shape in SHAPES])
        self.stamm = nn.Sequential(nn.Conv2D(3, 16, 3, padding=1, bias_attr=False), nn.BatchNorm2D(16), nn.ReLU())

    def forward(self, x: Any) -> Any:
        x = self.stamm(x)
        for unit in self.koerper:
            x = unit(x)
        return self.koepfe(x.mean([2, 3])), x


def cifar() -> Any:
    model = Cifar()
    model.eval()
    return model


def lenet() -> Any:
    """A sequence of sequences; its map is flattened with the channels first."""
    model = nn.Sequential(
        nn.Sequential(nn.Conv2D(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2D(2, 2)),
        nn.Sequential(nn.Conv2D(6, 16, 5), nn.ReLU(), nn.MaxPool2D(2, 2)),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Linear(120, 84),
        nn.Linear(84, 10),
    )
    model.eval()
    return model


class Split(nn.Layer):
    """A grouped 3x3 by one convolution for each group."""

    def __init__(self, depth: int, stride: int, groups: int) -> None:
        super().__init__()
        width = depth // groups
        self.parts = nn.LayerList([nn.Conv2D(width, width, 3, stride, 1, bias_attr=False) for _ in range(groups)])

    def forward(self, x: Any) -> Any:
        pieces = paddle.split(x, len(self.parts), axis=1)
        return paddle.concat([part(piece) for part, piece in zip(self.parts, pieces, strict=True)], axis=1)


class Bottleneck(nn.Layer):
    """A bottleneck of it; its shortcut is the last of its layers."""

    def __init__(self, before: int, width: int, depth: int, stride: int, groups: int) -> None:
        super().__init__()
        self.a = nn.Conv2D(before, width, 1, bias_attr=False)
        self.b = Split(width, stride, groups)
        self.c = nn.Conv2D(width, depth, 1, bias_attr=False)
        self.norms = nn.LayerList([nn.BatchNorm2D(width), nn.BatchNorm2D(width), nn.BatchNorm2D(depth)])
        needs = before != depth or stride > 1
        layers = (nn.Conv2D(before, depth, 1, stride, bias_attr=False), nn.BatchNorm2D(depth))
        self.short = nn.Sequential(*layers) if needs else None

    def forward(self, x: Any) -> Any:
        y = F.relu(self.norms[0](self.a(x)))
        y = F.relu(self.norms[1](self.b(y)))
        y = self.norms[2](self.c(y))
        return F.relu(y + (x if self.short is None else self.short(x)))


class ResNeXt(nn.Layer):
    """torchvision/resnext50_32x4d of these."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2D(3, 64, 7, 2, 3, bias_attr=False)
        self.norm = nn.BatchNorm2D(64)
        units, before = [], 64
        for width, depth, count, stride in ((128, 256, 3, 1), (256, 512, 4, 2), (512, 1024, 6, 2), (1024, 2048, 3, 2)):
            for number in range(count):
                units.append(Bottleneck(before, width, depth, stride if number == 0 else 1, 32))
                before = depth
        self.units = nn.Sequential(*units)
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 3, 2, 1)
        return self.fc(F.adaptive_avg_pool2d(self.units(x), 1).flatten(1))


def split_resnext() -> Any:
    model = ResNeXt()
    model.eval()
    return model


class Late(Unit):
    """The last ReLU stands before the sum."""

    def forward(self, x: Any) -> Any:
        y = F.relu(self.norm2(self.zweite(F.relu(self.norm1(self.erste(x))))))
        return self.widened(x) + y


class LateCifar(Cifar):
    """cifar/resnet20 of such units."""

    def __init__(self) -> None:
        super().__init__()
        self.koerper = nn.LayerList([Late(*shape) for shape in SHAPES])


def relu_before_the_sum() -> Any:
    model = LateCifar()
    model.eval()
    return model


def zoo_resnet18() -> nn.Layer:
    model = paddle.vision.models.resnet18()
    model.eval()
    return model


def zoo_googlenet() -> nn.Layer:
    model = paddle.vision.models.googlenet()
    model.eval()
    return model
