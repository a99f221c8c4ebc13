"""The initialisers of a convention in Keras."""

from typing import Any

from keras import initializers as init

from isomorph.spec import Initializer
from isomorph.spec.layers import Convolution


def initializer_of(initializer: Initializer, layer: Convolution) -> Any:
    """Return the object with which Keras draws a weight of `layer`."""
    stddev = layer.stddev(initializer)
    match initializer.distribution:
        case "normal":
            return init.RandomNormal(stddev=stddev)
        case "truncated_normal":
            return init.TruncatedNormal(stddev=stddev)
        case "uniform":
            limit = 3**0.5 * stddev
            return init.RandomUniform(-limit, limit)
        case "zeros":
            return init.Zeros()
