"""Models that others wrote, as files in the folder in which commands run: somebody's own names, order and habits."""

import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

needs_pytorch = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch, which is not installed")

PORT = """
import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
    def __init__(self, before, depth, stride):
        super().__init__()
        self.second = nn.Conv2d(depth, depth, 3, 1, 1, bias=False)
        self.first = nn.Conv2d(before, depth, 3, stride, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(depth, eps=1e-3) for _ in range(2))
        self.stride, self.more = stride, (depth - before) // 2

    def forward(self, x):
        y = F.relu(self.norms[0](self.first(x)))
        y = self.norms[1](self.second(y))
        x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, self.more))
        return F.relu(x + y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        shapes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.classifier = nn.Linear(64, 10)
        self.units = nn.Sequential(*(Unit(*shape) for shape in shapes))
        self.stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        return self.classifier(self.units(x).mean((2, 3)))


def make_model():
    return Net().eval()
"""
"""A cifar/resnet20 whose units' epsilon is Keras's."""

LENET = """
import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    def __init__(self, last=False, doubled=False, packed=False, tied=False):
        super().__init__()
        self.head, self.two, self.one = nn.Linear(84, 10), nn.Linear(120, 84), nn.Linear(400, 120)
        self.b, self.a = nn.Conv2d(6, 16, 5), nn.Conv2d(1, 6, 3, padding=1)
        self.biases = nn.Parameter(torch.randn(22)) if packed else None
        self.last, self.doubled, self.tied = last, doubled, tied

    def forward(self, x):
        biases = (self.a.bias, self.b.bias) if self.biases is None else self.biases.split((6, 16))
        x = F.max_pool2d(F.relu(F.conv2d(x, self.a.weight, biases[0], padding=1)), 2)
        kernel = self.b.weight * 2 if self.doubled else self.b.weight
        x = F.max_pool2d(F.relu(F.conv2d(x, kernel, biases[1])), 2)
        x = (x.permute(0, 2, 3, 1) if self.last else x).flatten(1)
        x = self.two(self.one(x))
        return F.linear(x, self.head.weight, self.one.bias[:10] if self.tied else self.head.bias)


def make(**how):
    torch.manual_seed(3)
    return LeNet(**how).eval()


def save(path, **how):
    torch.save(make(**how).state_dict(), path)
"""
"""A paddle/LeNet that says nothing of the size of its images, and can flatten maps with their channels last."""

IN_PADDLE = """
import paddle
from paddle import nn
from paddle.nn import functional as F


class LeNet(nn.Layer):
    def __init__(self):
        super().__init__()
        self.head, self.two, self.one = nn.Linear(84, 10), nn.Linear(120, 84), nn.Linear(400, 120)
        self.b, self.a = nn.Conv2D(6, 16, 5), nn.Conv2D(1, 6, 3, padding=1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.a(x)), 2, 2)
        x = F.max_pool2d(F.relu(self.b(x)), 2, 2)
        return self.head(self.two(self.one(paddle.flatten(x, 1))))


def make():
    paddle.seed(3)
    model = LeNet()
    model.eval()
    return model


def save(path):
    paddle.save(make().state_dict(), path)
"""

IN_KERAS = """
import keras
from keras import layers


def make():
    keras.utils.set_random_seed(3)
    x = images = keras.Input((28, 28, 1))
    x = layers.MaxPooling2D()(layers.Conv2D(6, 3, padding="same", activation="relu")(x))
    x = layers.MaxPooling2D()(layers.Conv2D(16, 5, activation="relu")(x))
    x = layers.Dense(84)(layers.Dense(120)(layers.Flatten()(x)))
    return keras.Model(images, layers.Dense(10)(x))


def save(path):
    make().save(path)
"""
"""The same; of layers that Keras names itself, and whose images are of one size."""


def write(files: Mapping[str, str]) -> None:
    """Write files to the folder in which commands run."""
    for name, text in files.items():
        Path(name).write_text(text)


def run_python(code: str) -> str:
    """Return what code prints, which runs in a process of its own and may import a framework."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
