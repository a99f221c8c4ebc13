"""The whole network in PyTorch: stem, blocks, head."""

from collections import OrderedDict

from torch import Tensor, nn

from isomorph.backends.pytorch.units import ConvBatchNorm, make_layer, make_unit
from isomorph.spec import Plan
from isomorph.spec.plan import PlannedBlock


class ResNet(nn.Module):
    """[N, in_channels, H, W] -> logits [N, classes]; a map [N, C, h, w] where the head does not pool."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.stem = nn.Sequential(OrderedDict((layer.scope, make_layer(layer, plan)) for layer in plan.stem))
        self.blocks = nn.Sequential(OrderedDict((block.scope, make_block(block, plan)) for block in plan.blocks))
        self.head = Head(plan)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.blocks(x)
        return self.head(x)


class Head(nn.Module):
    """[N, C, h, w] -> the mean over space and the classifier, as far as the network has them."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.global_pool = nn.AdaptiveAvgPool2d(1) if plan.global_pool else nn.Identity()
        self.dropout = nn.Dropout(plan.dropout)
        self.logits = ConvBatchNorm(plan.logits, plan) if plan.logits else nn.Identity()
        self.flatten = nn.Flatten() if plan.global_pool else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.global_pool(x)
        x = self.dropout(x)
        x = self.logits(x)
        return self.flatten(x)


def make_block(block: PlannedBlock, plan: Plan) -> nn.Sequential:
    """Units in a row, called unit_1, unit_2, ..."""
    units = (make_unit(unit, plan) for unit in block.units)
    return nn.Sequential(OrderedDict((f"unit_{number}", unit) for number, unit in enumerate(units, start=1)))
