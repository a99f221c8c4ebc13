"""The loss and the optimiser in Paddle, as its users write them."""

from collections.abc import Mapping

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from isomorph.backends.training import SGD


def loss_of(answers: Tensor | tuple[Tensor, ...], labels: Tensor, auxiliary_weight: float) -> Tensor:
    """Return the mean cross-entropy of logits [N, classes] for labels [N], plus that of auxiliary heads, weighted."""
    logits, *auxiliary = answers if isinstance(answers, tuple | list) else (answers,)
    loss = F.cross_entropy(logits, labels)
    for answer in auxiliary:
        loss = loss + auxiliary_weight * F.cross_entropy(answer, labels)
    return loss


def make_optimizer(parameters: Mapping[str, Tensor], sgd: SGD) -> paddle.optimizer.Momentum:
    """Return `sgd` over parameters by canonical name. Paddle's weight_decay is the L2 term, one for each group."""
    groups: dict[float, list[Tensor]] = {}
    for name, parameter in parameters.items():
        groups.setdefault(sgd.l2_of(name), []).append(parameter)
    return paddle.optimizer.Momentum(
        learning_rate=sgd.learning_rate,
        momentum=sgd.momentum,
        parameters=[{"params": group, "weight_decay": l2} for l2, group in groups.items()],
    )


def velocity_of(parameter: Tensor) -> str:
    """Return the name of a parameter's velocity in Momentum's state_dict."""
    return f"{parameter.name}_velocity_0"
