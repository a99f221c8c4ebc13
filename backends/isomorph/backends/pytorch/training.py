"""The loss and the optimiser in PyTorch, as its users write them."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from isomorph.backends.training import SGD


def loss_of(answers: Tensor | tuple[Tensor, ...], labels: Tensor, auxiliary_weight: float) -> Tensor:
    """Return the mean cross-entropy of logits [N, classes] for labels [N], plus that of auxiliary heads, weighted."""
    logits, *auxiliary = answers if isinstance(answers, tuple) else (answers,)
    loss = F.cross_entropy(logits, labels)
    for answer in auxiliary:
        loss = loss + auxiliary_weight * F.cross_entropy(answer, labels)
    return loss


def make_optimizer(parameters: Mapping[str, Tensor], sgd: SGD) -> torch.optim.SGD:
    """Return `sgd` over parameters by canonical name. PyTorch's weight_decay is the L2 term, one for each group."""
    groups: dict[float, list[Tensor]] = {}
    for name, parameter in parameters.items():
        groups.setdefault(sgd.l2_of(name), []).append(parameter)
    return torch.optim.SGD(
        [{"params": group, "weight_decay": l2} for l2, group in groups.items()],
        lr=sgd.learning_rate,
        momentum=sgd.momentum,
    )
