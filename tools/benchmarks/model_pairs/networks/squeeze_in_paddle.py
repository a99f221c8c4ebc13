"""The network with squeeze-and-excitation as one writes it in Paddle: blocks by rows of a table, and functions."""

from collections.abc import Callable
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import nn

from benchmarks.model_pairs.networks.squeeze_design import ported

Function = Callable[[Any], Any]


def conv(into: int, out: int, kernel: int, stride: int, fault: str, groups: int = 1, rate: int = 1) -> Any:
    same = stride == 2 and fault == "same-pads-in-strided-convolutions"
    pads = "SAME" if same else kernel // 2 * rate
    return nn.Conv2D(into, out, kernel, stride, pads, rate, groups, bias_attr=False)


def norm(width: int, fault: str) -> Any:
    return nn.BatchNorm2D(width, epsilon=1e-5 if fault == "default-epsilon" else 1e-3)


def hard_swish(fault: str) -> Any:
    return F.silu if fault == "swish-for-hard-swish" else F.hardswish


class Squeeze(nn.Layer):
    def __init__(self, width: int, reduced: int, fault: str) -> None:
        super().__init__()
        self.excite = nn.Conv2D(reduced, width, 1)
        self.reduce = nn.Conv2D(width, reduced, 1, bias_attr=False if fault == "dropped-bias-of-reduction" else None)
        self.fault = fault

    def forward(self, x: Any) -> Any:
        pool = F.adaptive_max_pool2d if self.fault == "squeeze-by-max" else F.adaptive_avg_pool2d
        y = self.reduce(pool(x, [1, None] if self.fault == "squeeze-over-rows" else 1))
        y = self.excite(F.hardswish(y) if self.fault == "hard-swish-in-squeeze" else F.relu(y))
        if self.fault == "sigmoid-in-gates":
            return paddle.multiply(x, F.sigmoid(y))
        if self.fault == "hard-sigmoid-of-old-keras":
            return paddle.multiply(x, F.hardsigmoid(y, slope=0.2))
        return paddle.multiply(x, F.hardsigmoid(y))


class Bottleneck(nn.Layer):
    def __init__(self, name: str, row: tuple[int, int, int, int, int, int], act: Function, fault: str) -> None:
        super().__init__()
        into, width, out, kernel, stride, reduced = row
        last = name == "block4"
        first = stride if fault == "stride-on-expansion" and name == "block2" else 1
        rate = 2 if fault == "dilated-last-block" and last else 1
        self.norm1, self.norm2, self.norm3 = norm(width, fault), norm(width, fault), norm(out, fault)
        self.expand = conv(into, width, 1, first, fault)
        self.depthwise = conv(width, width, kernel, stride // first, fault, groups=width, rate=rate)
        self.project = conv(width, out, 1, 1, fault)
        if reduced and not (fault == "missing-squeeze" and name == "block3"):
            self.squeeze = Squeeze(width, reduced, fault)
        else:
            self.squeeze = nn.Identity()
        self.act, self.fault = act, fault
        self.residual = stride == 1 and into == out and not (fault == "missing-residual" and last)
        self.survival = 0.8 if fault == "survival-factor" and last else None

    def forward(self, x: Any) -> Any:
        y = self.act(self.norm1(self.expand(x)))
        y = self.norm2(self.depthwise(y))
        y = self.act(self.squeeze(y)) if self.fault == "squeeze-before-activation" else self.squeeze(self.act(y))
        y = self.project(y)
        if self.fault == "residual-before-norm" and self.residual:
            return self.norm3(paddle.add(x, y))
        y = self.norm3(y)
        if self.fault == "activation-after-projection":
            y = self.act(y)
        if self.survival:
            y = paddle.scale(y, self.survival)
        return paddle.add(x, y) if self.residual else y


class Stem(nn.Layer):
    def __init__(self, act: Function, fault: str) -> None:
        super().__init__()
        self.norm = norm(12, fault)
        self.conv = conv(3, 12, 3, 2, fault)
        self.act, self.fault = act, fault

    def forward(self, x: Any) -> Any:
        if self.fault == "activation-before-norm":
            return self.norm(self.act(self.conv(x)))
        return self.act(self.norm(self.conv(x)))


ROWS = (12, 20, 12, 3, 1, 8), (12, 32, 16, 3, 2, 0), (16, 48, 20, 5, 2, 12), (20, 48, 20, 5, 1, 12)


class MobileNet(nn.Layer):
    def __init__(self, fault: str) -> None:
        super().__init__()
        self.classifier, self.hidden = nn.Linear(40, 9), nn.Linear(20, 40)
        self.act, self.fault = hard_swish(fault), fault
        self.blocks = []
        for index, row in enumerate(ROWS, start=1):
            name = f"block{index}"
            act = self.act if index > 2 else F.relu
            self.blocks.append(self.add_sublayer(name, Bottleneck(name, row, act, fault)))
        if fault == "shared-squeeze":
            self.blocks[3].squeeze = self.blocks[2].squeeze
        self.stem = Stem(self.act, fault)

    def forward(self, x: Any) -> Any:
        x = self.stem(x / 127.5 - 1 if self.fault == "rescaling-in-model" else x)
        for block in self.blocks:
            x = block(x)
        if self.fault == "mean-after-hidden":
            x = paddle.mean(self.act(self.hidden(x.transpose([0, 2, 3, 1]))), [1, 2])
        else:
            x = self.act(self.hidden(paddle.mean(x, [2, 3])))
        return self.classifier(x)


NAMES = {"weight": "gamma", "bias": "beta", "_mean": "mean", "_variance": "variance"}


def make(seed: int = 0, fault: str = "", style: str = "") -> Any:
    """The network, or the network with a fault."""
    tensors = ported(seed, fault, style)
    model = MobileNet(fault)
    for name, held in model.state_dict().items():
        module, _, tensor = name.rpartition(".")
        if fault == "shared-squeeze":
            module = module.replace("block4.squeeze", "block3.squeeze")
        values = tensors[f"{module}.{NAMES[tensor] if 'norm' in module else tensor}"]
        if values.ndim == 4:
            values = values.transpose((2, 3, 0, 1) if "depthwise" in name else (3, 2, 0, 1))
        elif values.ndim == 2 and "squeeze" in name:
            values = values.T[..., None, None]
        held.set_value(paddle.to_tensor(values.copy(), dtype=held.dtype))
    model.eval()
    return model
