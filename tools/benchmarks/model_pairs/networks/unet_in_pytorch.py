"""The U-Net as one writes it in PyTorch: modules, ReLU in place, filled by a state dict."""

from collections import OrderedDict
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.model_pairs.networks.unet_design import ported


def conv(into: int, out: int, fault: str, stride: int = 1) -> nn.Conv2d:
    mode: Literal["reflect", "zeros"] = "reflect" if fault == "reflected-pads" else "zeros"
    return nn.Conv2d(into, out, 3, stride, padding=1, bias=False, padding_mode=mode)


def norm(width: int, fault: str) -> nn.BatchNorm2d:
    eps = 1e-3 if fault == "epsilon-of-keras" else 1e-5
    return nn.BatchNorm2d(width, eps, track_running_stats=fault != "batch-statistics")


def pool(fault: str) -> nn.Module:
    if fault == "mean-pools":
        return nn.AvgPool2d(2)
    return nn.MaxPool2d(3, 2, padding=1) if fault == "overlapping-pools" else nn.MaxPool2d(2)


class DoubleConv(nn.Module):
    def __init__(self, into: int, out: int, fault: str, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.norm1 = conv(into, out, fault, stride), norm(out, fault)
        self.conv2, self.norm2 = conv(out, out, fault), norm(out, fault)
        self.relu: nn.Module = nn.ReLU(inplace=fault != "skip-before-activation")
        self.fault = fault

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What goes on, and what is kept for the way up."""
        if self.fault == "activation-before-norm":
            x = self.norm2(self.relu(self.conv2(self.norm1(self.relu(self.conv1(x))))))
            return x, x
        first = self.relu(self.norm1(self.conv1(x)))
        normed = (self.norm1 if self.fault == "shared-norm" else self.norm2)(self.conv2(first))
        x = self.relu(normed)
        return x, {"skip-before-activation": normed, "skip-of-first-convolution": first}.get(self.fault, x)


class UNet(nn.Module):
    def __init__(self, fault: str) -> None:
        super().__init__()
        strided = fault == "stride-for-pool"
        self.encoder1 = DoubleConv(3, 8, fault)
        self.pool1 = pool(fault)
        self.encoder2 = DoubleConv(8, 16, fault)
        self.pool2 = nn.Identity() if strided else pool(fault)
        self.encoder3 = DoubleConv(16, 32, fault, stride=2 if strided else 1)
        self.dropout = nn.Dropout(0.2)

        biased, padding = fault != "missing-bias-of-upsampling", 0 if fault == "crop-of-upsampling" else 1
        self.up2 = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=padding, bias=biased)
        self.decoder2 = DoubleConv(32, 16, fault)
        if fault == "nearest-resize":
            resize = nn.Upsample(scale_factor=2)
        else:
            resize = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=fault == "aligned-corners")
        steps: list[tuple[str, nn.Module]] = [("resize", resize), ("conv", nn.Conv2d(16, 8, 3, padding=1))]
        self.up1 = nn.Sequential(OrderedDict(reversed(steps) if fault == "resize-after-convolution" else steps))
        self.decoder1 = DoubleConv(16, 8, fault)
        self.output = nn.Conv2d(8, 5, 1)

        if fault == "missing-norm":
            self.encoder3.norm2 = nn.Identity()  # type: ignore[assignment]
        if fault == "leaky-relu-in-encoder":
            self.encoder1.relu = self.encoder2.relu = self.encoder3.relu = nn.LeakyReLU()
        self.fault = fault

    def join(self, skip: Tensor, x: Tensor) -> Tensor:
        return torch.cat([x, skip] if self.fault == "concatenation-order" else [skip, x], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        x, skip1 = self.encoder1(x)
        x, skip2 = self.encoder2(self.pool1(x))
        x, _ = self.encoder3(self.pool2(x))
        x = x * 0.8 if self.fault == "dropout-scales" else self.dropout(x)
        x = self.up2(x)
        if self.fault == "crop-of-upsampling":
            x = x[..., : skip2.shape[-2], : skip2.shape[-1]]
        x, _ = self.decoder2(self.join(skip2, x))
        x = self.up1(x)
        x, _ = self.decoder1(self.join(x if self.fault == "skip-overwritten" else skip1, x))
        x = self.output(x)
        return F.softmax(x, dim=1) if self.fault == "softmax-in-model" else x


NORM = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}


def make(seed: int = 0, fault: str = "", style: str = "") -> nn.Module:
    """The network, or the network with a fault."""
    state = {}
    for name, values in ported(seed, fault, style).items():
        module, _, tensor = name.rpartition(".")
        axes = (2, 3, 0, 1) if module == "up2" else (3, 2, 0, 1)
        held = values.transpose(axes) if values.ndim == 4 else values
        state[f"{module}.{NORM.get(tensor, tensor)}"] = torch.from_numpy(held.copy())
    model = UNet(fault)
    model.load_state_dict(state, strict=not fault)  # faults leave some tensors out
    return model.eval()
