"""The initialisers of a convention in PyTorch."""

from torch import Tensor
from torch.nn import init

from isomorph.spec import Initializer
from isomorph.spec.layers import Convolution


def draw(parameter: Tensor, initializer: Initializer, layer: Convolution) -> None:
    """Fill a parameter of `layer` in place."""
    stddev = layer.stddev(initializer)
    match initializer.distribution:
        case "normal":
            init.normal_(parameter, std=stddev)
        case "truncated_normal":
            init.trunc_normal_(parameter, std=stddev, a=-2 * stddev, b=2 * stddev)
        case "uniform":
            limit = 3**0.5 * stddev
            init.uniform_(parameter, -limit, limit)
        case "zeros":
            init.zeros_(parameter)
