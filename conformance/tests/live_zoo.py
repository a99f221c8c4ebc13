"""A process that builds a zoo's own networks and prints, as JSON, what its layers and fresh tensors say of themselves.

    python -m live_zoo keras ResNet50 MobileNet

Network -> `tensors`, by their own names: shape, and of their values the deviation from zero, and the largest;
`epsilons`, `decays` (of running statistics; PyTorch's momentum is the complement) and `dropouts`, of all layers that
have one.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

ENOUGH = 100_000
"""Values that tell how a tensor was drawn; VGG's first dense layer has a hundred million."""


def described(tensors: Mapping[str, Any], layers: Iterable[Any], keeps: Callable[[Any], float]) -> dict[str, Any]:
    """What a network says of itself. keeps: a batch norm -> the share of a running statistic that it keeps."""
    norms = [layer for layer in layers if "BatchNorm" in type(layer).__name__]
    dropouts = [layer for layer in layers if type(layer).__name__ == "Dropout"]
    return {
        "tensors": {name: statistics(value) for name, value in tensors.items()},
        "epsilons": sorted({attribute(norm, "epsilon", "_epsilon", "eps") for norm in norms}),
        "decays": sorted({keeps(norm) for norm in norms}),
        "dropouts": sorted({attribute(dropout, "rate", "p") for dropout in dropouts}),
    }


def statistics(value: Any) -> tuple[tuple[int, ...], float, float]:
    """Shape and, of its first values, the deviation from zero and the largest."""
    some = value.reshape(-1)[:ENOUGH].astype("float64")
    return value.shape, float(np.sqrt(np.mean(some**2))), float(np.abs(some).max())


def attribute(layer: Any, *names: str) -> float:
    """The first of its attributes of these names."""
    return float(next(getattr(layer, name) for name in names if hasattr(layer, name)))


def keras(name: str) -> dict[str, Any]:
    """A keras.Model."""
    module: Any = importlib.import_module("keras")
    module.utils.set_random_seed(0)
    model = getattr(module.applications, name)(weights=None)
    tensors = {variable.path: np.array(variable) for variable in model.weights}
    return described(tensors, model.layers, lambda norm: attribute(norm, "momentum"))


def paddle(name: str) -> dict[str, Any]:
    """A paddle.nn.Layer."""
    module: Any = importlib.import_module("paddle")
    module.seed(0)
    network = getattr(module.vision.models, name)()
    tensors = {key: value.numpy() for key, value in network.state_dict().items()}
    return described(tensors, network.sublayers(), lambda norm: attribute(norm, "_momentum"))


def transformers(name: str) -> dict[str, Any]:
    """A ResNetForImageClassification: "18" or "50"."""
    torch: Any = importlib.import_module("torch")
    module: Any = importlib.import_module("transformers")
    torch.manual_seed(0)
    arguments = {
        "resnet-18": {"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]},
        "resnet-50": {},
    }
    network = module.ResNetForImageClassification(module.ResNetConfig(num_labels=1000, **arguments[name]))
    tensors = {key: value.numpy() for key, value in network.state_dict().items()}
    return described(tensors, network.modules(), lambda norm: 1 - attribute(norm, "momentum"))


if __name__ == "__main__":
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    describe = {"keras": keras, "paddle": paddle, "transformers": transformers}[sys.argv[1]]
    print(json.dumps({name: describe(name) for name in sys.argv[2:]}))
