"""The U-Net as one writes it in Paddle: layers by a table of widths, and functions between them."""

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import nn

from benchmarks.model_pairs.networks.unet_design import BLOCKS, ported


class DoubleConv(nn.Layer):
    def __init__(self, into: int, out: int, fault: str, stride: int = 1) -> None:
        super().__init__()
        epsilon = 1e-3 if fault == "epsilon-of-keras" else 1e-5
        moving = False if fault == "batch-statistics" else None
        fill = "reflect" if fault == "reflected-pads" else "zeros"
        self.norm1 = nn.BatchNorm2D(out, epsilon=epsilon, use_global_stats=moving)
        self.norm2 = nn.BatchNorm2D(out, epsilon=epsilon, use_global_stats=moving)
        self.conv1 = nn.Conv2D(into, out, 3, stride, padding=1, bias_attr=False, padding_mode=fill)
        self.conv2 = nn.Conv2D(out, out, 3, padding=1, bias_attr=False, padding_mode=fill)
        self.act = F.relu
        self.fault = fault

    def twice(self, x: Any) -> tuple[Any, Any]:
        """What goes on, and what an encoder keeps for the way up."""
        if self.fault == "activation-before-norm":
            x = self.norm1(self.act(self.conv1(x)))
            x = self.norm2(self.act(self.conv2(x)))
            return x, x
        first = self.act(self.norm1(self.conv1(x)))
        normed = (self.norm1 if self.fault == "shared-norm" else self.norm2)(self.conv2(first))
        x = self.act(normed)
        return x, {"skip-before-activation": normed, "skip-of-first-convolution": first}.get(self.fault, x)


class Encoder(DoubleConv):
    def forward(self, x: Any) -> tuple[Any, Any]:
        return self.twice(x)


class Decoder(DoubleConv):
    def forward(self, x: Any, kept: Any) -> Any:
        order = [x, kept] if self.fault == "concatenation-order" else [kept, x]
        return self.twice(paddle.concat(order, axis=1))[0]


class UNet(nn.Layer):
    def __init__(self, fault: str) -> None:
        super().__init__()
        for name, (into, out) in BLOCKS.items():
            kind = Decoder if name.startswith("decoder") else Encoder
            stride = 2 if fault == "stride-for-pool" and name == "encoder3" else 1
            self.add_sublayer(name, kind(into, out, fault, stride))
        if fault == "missing-norm":
            self.encoder3.norm2 = nn.Identity()
        if fault == "leaky-relu-in-encoder":
            self.encoder1.act = self.encoder2.act = self.encoder3.act = F.leaky_relu
        self.dropout = nn.Dropout(0.2, mode="downscale_in_infer" if fault == "dropout-scales" else "upscale_in_train")

        self.output = nn.Conv2D(8, 5, 1)
        if fault == "nearest-resize":
            resize = nn.Upsample(scale_factor=2)
        else:
            resize = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=fault == "aligned-corners")
        steps = [("resize", resize), ("conv", nn.Conv2D(16, 8, 3, padding=1))]
        self.up1 = nn.Sequential(*(reversed(steps) if fault == "resize-after-convolution" else steps))
        padding = 0 if fault == "crop-of-upsampling" else 1
        biased = False if fault == "missing-bias-of-upsampling" else None
        self.up2 = nn.Conv2DTranspose(32, 16, 4, stride=2, padding=padding, bias_attr=biased)
        self.fault = fault

    def pool(self, x: Any) -> Any:
        if self.fault == "mean-pools":
            return F.avg_pool2d(x, 2)
        return F.max_pool2d(x, 3, 2, padding=1) if self.fault == "overlapping-pools" else F.max_pool2d(x, 2)

    def forward(self, x: Any) -> Any:
        x, kept1 = self.encoder1(x)
        x, kept2 = self.encoder2(self.pool(x))
        x, _ = self.encoder3(x if self.fault == "stride-for-pool" else self.pool(x))
        x = self.up2(self.dropout(x))
        if self.fault == "crop-of-upsampling":
            x = x[:, :, : kept2.shape[2], : kept2.shape[3]]
        x = self.up1(self.decoder2(x, kept2))
        x = self.output(self.decoder1(x, x if self.fault == "skip-overwritten" else kept1))
        return F.softmax(x, axis=1) if self.fault == "softmax-in-model" else x


NORM = {"weight": "gamma", "bias": "beta", "_mean": "mean", "_variance": "variance"}


def make(seed: int = 0, fault: str = "", style: str = "") -> Any:
    """The network, or the network with a fault."""
    tensors = ported(seed, fault, style)
    model = UNet(fault)
    for name, held in model.state_dict().items():
        module, _, tensor = name.rpartition(".")
        values = tensors[f"{module}.{NORM[tensor] if 'norm' in module else tensor}"]
        if values.ndim == 4:
            values = values.transpose((2, 3, 0, 1) if module == "up2" else (3, 2, 0, 1))
        held.set_value(paddle.to_tensor(values.copy(), dtype=held.dtype))
    model.eval()
    return model
