"""Which of the functions that the same tensors fit their values speak for."""

from collections.abc import Iterator, Mapping

from isomorph.spec import Architecture, BadInput, function, tensor_shapes
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.designs.titles import home, title
from isomorph.tools.weights.values.agreement import Agreement, find_agreement


def spoken_for(agreements: Mapping[str, Agreement]) -> str | None:
    """Return the title of the one network of several with which values agree; None where they decide nothing.

    agreements: title of a network -> how the same tensors agree as its own.

    >>> yes, no = Agreement("agree", {"conv1": 0.99}), Agreement("do not agree", {"conv1": 0.2})
    >>> spoken_for({"cifar/resnet20": no, "cifar/plain20": yes}), spoken_for({"cifar/resnet20": no})
    ('cifar/plain20', None)
    """
    agreeing = [name for name, agreement in agreements.items() if agreement.status == "agree"]
    others = [agreement for name, agreement in agreements.items() if name not in agreeing]
    decided = len(agreeing) == 1 and others and all(agreement.status == "do not agree" for agreement in others)
    return agreeing[0] if decided else None


def agreements_of_zoo(network: Architecture, tensors: Tensors) -> dict[str, Agreement]:
    """Return title -> agreement, of the other functions of a network's zoo that have the same tensors."""
    return {title(other): find_agreement(other, tensors) for other in _other_functions(network)}


def _other_functions(network: Architecture) -> Iterator[Architecture]:
    zoo, _ = home(network)
    shapes = tensor_shapes(network)
    for known in zoo.networks.values() if zoo else ():
        try:
            other = known.with_options(num_classes=network.head.num_classes, in_channels=network.in_channels)
            same_tensors = tensor_shapes(other) == shapes
        except BadInput:
            continue
        if same_tensors and function(other) != function(network):
            yield other
