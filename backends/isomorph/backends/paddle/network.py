"""The whole network in Paddle: stem, blocks, head."""

from paddle import Tensor, nn

from isomorph.backends.paddle.layers import ConvBatchNorm, GlobalAvgPool2D, freeze_batch_norm, make_layer
from isomorph.backends.paddle.units import make_unit
from isomorph.spec import Plan
from isomorph.spec.plan import PlannedBlock


class ConvNet(nn.Layer):
    """[N, in_channels, H, W] -> logits [N, classes]; a map [N, C, h, w] where the head does not pool.

    With `data_format` "NHWC" images and maps are [N, H, W, C].
    """

    def __init__(self, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.stem = nn.Sequential(*((layer.scope, make_layer(layer, plan, data_format)) for layer in plan.stem))
        self.blocks = nn.Sequential(*((block.scope, make_block(block, plan, data_format)) for block in plan.blocks))
        self.head = Head(plan, data_format)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        x = self.stem(x)
        x = self.blocks(x)
        return self.head(x)


class ConvNetWithAuxiliaryHeads(ConvNet):
    """A ConvNet that in training returns (logits, aux1, aux2, ...), each [N, classes]."""

    def __init__(self, plan: Plan, data_format: str) -> None:
        super().__init__(plan, data_format)
        heads = {head.scope: make_unit(head, plan, data_format) for _, head in plan.auxiliary}
        self.auxiliary = nn.LayerDict(heads)
        self.read = {plan.modules[read][1:]: head.scope for read, head in plan.auxiliary}
        self.space = (data_format.index("H"), data_format.index("W"))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        if not self.training:
            return super().forward(x)
        x = self.stem(x)
        answers = []
        for block, units in self.blocks.named_children():
            for name, unit in units.named_children():
                x = unit(x)
                if head := self.read.get((block, name)):
                    answers.append(self.auxiliary[head](x).mean(self.space))
        return self.head(x), *answers


class Head(nn.Layer):
    """[N, C, h, w] -> the mean over space and the classifier, as far as the network has them."""

    def __init__(self, plan: Plan, data_format: str) -> None:
        super().__init__()
        self.global_pool = GlobalAvgPool2D(data_format) if plan.global_pool else nn.Identity()
        self.logits = ConvBatchNorm(plan.logits, plan, data_format) if plan.logits else nn.Identity()
        self.flatten = nn.Flatten() if plan.global_pool else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.global_pool(x)
        x = self.logits(x)
        return self.flatten(x)


def make_block(block: PlannedBlock, plan: Plan, data_format: str) -> nn.Sequential:
    """Return the units of a block, one after the other, called unit_1, unit_2, ..."""
    units = (make_unit(unit, plan, data_format) for unit in block.units)
    return nn.Sequential(*((f"unit_{number}", unit) for number, unit in enumerate(units, start=1)))


def make_network(plan: Plan, data_format: str, frozen: bool = False) -> ConvNet:
    """Return the network of a plan, with frozen batch norms for fine-tuning if `frozen`."""
    network = (ConvNetWithAuxiliaryHeads if plan.auxiliary else ConvNet)(plan, data_format)
    if frozen:
        freeze_batch_norm(network)
    return network
