"""The network with squeeze-and-excitation as one writes it in PyTorch: modules of modules, filled by a state dict."""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.model_pairs.networks.squeeze_design import ported


def hard_sigmoid(fault: str) -> Callable[[Tensor], Tensor]:
    if fault == "hard-sigmoid-of-old-keras":
        return lambda x: torch.clamp(0.2 * x + 0.5, 0, 1)
    return torch.sigmoid if fault == "sigmoid-in-gates" else F.hardsigmoid


def hard_swish(fault: str) -> Callable[[Tensor], Tensor]:
    return F.silu if fault == "swish-for-hard-swish" else F.hardswish


class Squeeze(nn.Module):
    def __init__(self, width: int, reduced: int, fault: str) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(width, reduced, 1, bias=fault != "dropped-bias-of-reduction")
        self.excite = nn.Conv2d(reduced, width, 1)
        self.act = F.hardswish if fault == "hard-swish-in-squeeze" else F.relu
        self.gate = hard_sigmoid(fault)
        self.fault = fault

    def forward(self, x: Tensor) -> Tensor:
        if self.fault == "squeeze-by-max":
            y = x.amax((2, 3), keepdim=True)
        else:
            y = x.mean(2 if self.fault == "squeeze-over-rows" else (2, 3), keepdim=True)
        return x * self.gate(self.excite(self.act(self.reduce(y))))


class Bottleneck(nn.Module):
    def __init__(
        self, into: int, width: int, out: int, kernel: int, stride: int, reduced: int, hard: bool, fault: str
    ) -> None:
        super().__init__()
        eps = 1e-5 if fault == "default-epsilon" else 1e-3
        self.same_pads = stride == 2 and fault == "same-pads-in-strided-convolutions"
        first = stride if fault == "stride-on-expansion" and reduced == 0 else 1
        rate = 2 if fault == "dilated-last-block" and into == 20 else 1
        self.expand = nn.Conv2d(into, width, 1, first, bias=False)
        self.norm1 = nn.BatchNorm2d(width, eps)
        pads = 0 if self.same_pads else kernel // 2 * rate
        self.depthwise = nn.Conv2d(width, width, kernel, stride // first, pads, rate, groups=width, bias=False)
        self.norm2 = nn.BatchNorm2d(width, eps)
        gated = reduced and not (fault == "missing-squeeze" and into == 16)
        self.squeeze = Squeeze(width, reduced, fault) if gated else nn.Identity()
        self.project = nn.Conv2d(width, out, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(out, eps)
        self.act = hard_swish(fault) if hard else F.relu
        self.residual = stride == 1 and into == out and not (fault == "missing-residual" and into == 20)
        self.survival = 0.8 if fault == "survival-factor" and into == 20 else None
        self.kernel, self.fault = kernel, fault

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.norm1(self.expand(x)))
        if self.same_pads:
            y = F.pad(y, ((self.kernel - 2) // 2, (self.kernel - 1) // 2) * 2)
        y = self.norm2(self.depthwise(y))
        y = self.act(self.squeeze(y)) if self.fault == "squeeze-before-activation" else self.squeeze(self.act(y))
        y = self.project(y)
        if self.fault == "residual-before-norm" and self.residual:
            return self.norm3(x + y)
        y = self.norm3(y)
        if self.fault == "activation-after-projection":
            y = self.act(y)
        if self.survival:
            y = y * self.survival
        return x + y if self.residual else y


class MobileNet(nn.Module):
    def __init__(self, fault: str) -> None:
        super().__init__()
        self.same_pads = fault == "same-pads-in-strided-convolutions"
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(3, 12, 3, 2, 0 if self.same_pads else 1, bias=False),
                norm=nn.BatchNorm2d(12, eps=1e-5 if fault == "default-epsilon" else 1e-3),
            )
        )
        self.block1 = Bottleneck(12, 20, 12, kernel=3, stride=1, reduced=8, hard=False, fault=fault)
        self.block2 = Bottleneck(12, 32, 16, kernel=3, stride=2, reduced=0, hard=False, fault=fault)
        self.block3 = Bottleneck(16, 48, 20, kernel=5, stride=2, reduced=12, hard=True, fault=fault)
        self.block4 = Bottleneck(20, 48, 20, kernel=5, stride=1, reduced=12, hard=True, fault=fault)
        if fault == "shared-squeeze":
            self.block4.squeeze = self.block3.squeeze
        self.hidden = nn.Linear(20, 40)
        self.classifier = nn.Linear(40, 9)
        self.act = hard_swish(fault)
        self.fault = fault

    def forward(self, x: Tensor) -> Tensor:
        if self.fault == "rescaling-in-model":
            x = x / 127.5 - 1
        if self.same_pads:
            x = F.pad(x, (0, 1, 0, 1))
        if self.fault == "activation-before-norm":
            conv, norm = self.stem
            x = norm(self.act(conv(x)))
        else:
            x = self.act(self.stem(x))
        x = self.block4(self.block3(self.block2(self.block1(x))))
        if self.fault == "mean-after-hidden":
            x = self.act(self.hidden(x.permute(0, 2, 3, 1))).mean((1, 2))
        else:
            x = self.act(self.hidden(x.mean((2, 3))))
        return self.classifier(x)


NAMES = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}


def turned(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if values.ndim == 4:
        return values.transpose((2, 3, 0, 1) if "depthwise" in name else (3, 2, 0, 1))
    return values.T[..., None, None] if values.ndim == 2 and "squeeze" in name else values.T


def make(seed: int = 0, fault: str = "", style: str = "") -> nn.Module:
    """The network, or the network with a fault."""
    state = {}
    for name, values in ported(seed, fault, style).items():
        module, _, tensor = name.rpartition(".")
        state[f"{module}.{NAMES.get(tensor, tensor)}"] = torch.from_numpy(turned(name, values).copy())
    if fault == "shared-squeeze":
        state |= {key.replace("3", "4", 1): state[key] for key in state if key.startswith("block3.squeeze")}
    model = MobileNet(fault)
    model.load_state_dict(state, strict=False)
    return model.eval()
