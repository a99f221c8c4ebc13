"""The initialisers of a convention in Paddle."""

from paddle import ParamAttr
from paddle.nn import initializer as init

from isomorph.spec import Initializer
from isomorph.spec.layers import Convolution


def attribute(initializer: Initializer, layer: Convolution) -> ParamAttr:
    """Return the attribute by which Paddle draws a parameter of `layer`."""
    stddev = layer.stddev(initializer)
    match initializer.distribution:
        case "normal":
            return ParamAttr(initializer=init.Normal(std=stddev))
        case "truncated_normal":
            return ParamAttr(initializer=init.TruncatedNormal(std=stddev, a=-2 * stddev, b=2 * stddev))
        case "uniform":
            limit = 3**0.5 * stddev
            return ParamAttr(initializer=init.Uniform(-limit, limit))
        case "zeros":
            return ParamAttr(initializer=init.Constant(0.0))
