"""PyTorch's yardstick: a plain ResNet-50 in NCHW, run eagerly, built as torchvision builds it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Call = Callable[[], object]

NETWORK = "torchvision/resnet50"


def conv(depth_in: int, depth: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """An unbiased convolution, padded on both sides alike."""
    return nn.Conv2d(depth_in, depth, kernel, stride, padding=kernel // 2, bias=False)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 beside the shortcut; the 3x3 strides."""

    def __init__(self, depth_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(depth_in, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if depth_in != 4 * width:
            self.downsample = nn.Sequential(conv(depth_in, 4 * width, 1, stride), nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        """[N, depth_in, H, W] -> [N, 4 * width, H / stride, W / stride]."""
        residual = self.relu(self.bn1(self.conv1(x)))
        residual = self.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        residual += x if self.downsample is None else self.downsample(x)
        return self.relu(residual)


class ResNet50(nn.Module):
    """[N, 3, H, W] -> logits [N, 1000]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, 64, 7, 2), nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self.make_layer(64, 64, 3, 1)
        self.layer2 = self.make_layer(256, 128, 4, 2)
        self.layer3 = self.make_layer(512, 256, 6, 2)
        self.layer4 = self.make_layer(1024, 512, 3, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, 1000)

    def make_layer(self, depth_in: int, width: int, units: int, stride: int) -> nn.Sequential:
        """Units in a row, the first of which strides."""
        rest = (Bottleneck(4 * width, width, 1) for _ in range(units - 1))
        return nn.Sequential(Bottleneck(depth_in, width, stride), *rest)

    def forward(self, x: Tensor) -> Tensor:
        """In the order of the attributes."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def make() -> nn.Module:
    """The zoo's ResNet-50, freshly drawn."""
    return ResNet50()


def forward(module: nn.Module, images: Images) -> Call:
    """One pass at inference, as its users write it."""
    module.eval()
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())

    def call() -> object:
        with torch.inference_mode():
            return module(x)

    return call


def train_step(module: nn.Module, images: Images, labels: Labels) -> Call:
    """One step of SGD with momentum."""
    module.train()
    x, y = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)

    def call() -> object:
        optimizer.zero_grad()
        loss: Tensor = F.cross_entropy(module(x), y)
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch left it untyped
        return optimizer.step()

    return call
