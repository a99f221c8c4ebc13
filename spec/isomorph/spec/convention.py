"""The design choices on which zoos silently disagree: every field is a disagreement that has broken a port.

A convention is data. Backends and the oracle read its fields; none of them ever asks which zoo it came from.
"""

import struct
from dataclasses import dataclass, field
from typing import Literal

from isomorph.spec.preprocessing import Preprocessing


@dataclass(frozen=True)
class Initializer:
    """How fresh weights are drawn: zero mean, standard deviation sqrt(scale / fan).

    distribution: "normal"; "truncated_normal", which is that normal redrawn beyond two of its standard deviations and
        not rescaled afterwards; "uniform", whose limits sqrt(3 * scale / fan) give the same deviation; "zeros".
    fan: kernel area times input channels per group ("fan_in"), times output channels ("fan_out"), or the mean of both
        ("fan_avg"); times the input channels of all groups ("all_in"), as Paddle has it; "one" makes the deviation
        sqrt(scale).

    >>> kaiming_fan_out = Initializer("normal", 2.0, "fan_out")  # of torchvision's ResNets
    >>> kaiming_fan_out.stddev(kernel=3, depth_in=64, depth=128)
    0.041666666666666664
    """

    distribution: Literal["normal", "truncated_normal", "uniform", "zeros"]
    scale: float = 1.0
    fan: Literal["fan_in", "fan_out", "fan_avg", "all_in", "one"] = "fan_in"

    def stddev(self, kernel: int, depth_in: int, depth: int, groups: int = 1) -> float:
        """Return the standard deviation for a convolution's tensors.

        depth_in: input channels of each group. depth: output channels of all groups.

        >>> Initializer("uniform", 1.0, "fan_avg").stddev(kernel=1, depth_in=64, depth=10)  # Glorot and Bengio (2010)
        0.1643989873053573
        """
        if self.fan == "one":
            return float(self.scale**0.5)
        channels = {
            "fan_in": depth_in,
            "fan_out": depth,
            "fan_avg": (depth_in + depth) / 2,
            "all_in": groups * depth_in,
        }[self.fan]
        return float((self.scale / (kernel * kernel * channels)) ** 0.5)


ZEROS = Initializer("zeros")


@dataclass(frozen=True)
class Convention:
    """One zoo's answers to the questions that architectures leave open.

    bottleneck_stride: the convolution of a bottleneck that carries its stride: "conv1", the first 1x1, as He et al.
        (2015) published it, or "conv2", the 3x3 ("version 1.5"). Basic units always stride in "conv1".
    shortcut: where depths differ, a "projection" (1x1 convolution, batch norm) or option A of He et al. (2015), section
        3.3: a strided slice between "zero_channels". Where depths agree, the identity, subsampled if the unit strides.
        "none" leaves shortcuts out altogether: the plain networks of section 4.1.
    shortcut_batch_norm: whether a batch norm follows a projection.
    activation: "relu", or "relu6", which stops at 6.
    activation_after: "convolutions", and the sums of residual units; or "joins" alone: sums and concatenations.
    inception_kernel: of the wider branch of an inception unit: 5 as Szegedy et al. (2015) published it, or 3.
    convolution_padding, depthwise_padding, pool_padding: a rule of `isomorph.spec.padding`, which says what each is;
        of convolutions, of those with one channel in each group, and of max pools.
    pool_fill: the value of a max pool's padding: "lowest", -inf, which is never the maximum, or "zero", which is the
        maximum where all else is negative. Behind a ReLU they give the same.
    convolution_bias: whether convolutions have a bias, beside that of a batch norm.
    linear_bias: whether a bias follows the convolutions of pre-activation networks that have neither batch norm nor
        activation behind them.
    batch_norm: whether a batch norm follows every convolution but the dense ones.
    batch_norm_gamma: whether a batch norm has a gamma; slim calls it `scale`.
    batch_norm_epsilon: added to the variance. Rounded to float32 when a network is built, see `as_float32`.
    batch_norm_decay: share of a running statistic that is kept at each step; PyTorch writes its complement, "momentum".
    running_variance: the batch variance that enters the running one: "unbiased" (n - 1) or "biased" (n).
    dropout_mode: what dropout leaves is scaled up in training ("upscale_in_train"), or everything is scaled down at
        inference ("downscale_in_infer"); both are Paddle's words.
    convolution_initializer, convolution_bias_initializer: how fresh convolutions are drawn.
    dense_initializer, logits_initializer, logits_bias_initializer: how fresh dense layers are drawn: those before the
        classifier, it, and the biases of both.
    last_gamma: gamma of a unit's last batch norm in a fresh network; at 0 every unit starts as its shortcut (Goyal et
        al., 2017, section 5.1). All other gammas start at 1.
    preprocessing: how the zoo's own pipeline prepares a photograph.

    >>> from isomorph.spec import zoo
    >>> slim, keras = (next(iter(zoo(name).networks.values())).convention for name in ("slim", "keras"))
    >>> slim.bottleneck_stride, keras.bottleneck_stride
    ('conv2', 'conv1')
    >>> slim.pool_padding, keras.pool_padding
    ('same', 'explicit')
    >>> slim.batch_norm_epsilon, keras.batch_norm_epsilon
    (1e-05, 1.001e-05)
    """

    bottleneck_stride: Literal["conv1", "conv2"] = "conv2"
    shortcut: Literal["projection", "zero_channels", "none"] = "projection"
    shortcut_batch_norm: bool = True
    activation: Literal["relu", "relu6"] = "relu"
    activation_after: Literal["convolutions", "joins"] = "convolutions"
    inception_kernel: Literal[3, 5] = 5
    convolution_padding: Literal["explicit", "same"] = "explicit"
    depthwise_padding: Literal["explicit", "same", "after"] = "explicit"
    pool_padding: Literal["explicit", "same", "ceil", "valid"] = "explicit"
    pool_fill: Literal["lowest", "zero"] = "lowest"
    convolution_bias: bool = False
    linear_bias: bool = True
    batch_norm: bool = True
    batch_norm_gamma: bool = True
    batch_norm_epsilon: float = 1e-5
    batch_norm_decay: float = 0.9
    running_variance: Literal["unbiased", "biased"] = "unbiased"
    dropout_mode: Literal["upscale_in_train", "downscale_in_infer"] = "upscale_in_train"
    convolution_initializer: Initializer = Initializer("normal", 2.0)
    convolution_bias_initializer: Initializer = ZEROS
    dense_initializer: Initializer = Initializer("uniform", 1 / 3)
    logits_initializer: Initializer = Initializer("uniform", 1 / 3)
    logits_bias_initializer: Initializer = ZEROS
    last_gamma: float = 1.0
    preprocessing: Preprocessing = field(default_factory=Preprocessing)


def as_float32(value: float) -> float:
    """Return `value` rounded to float32, as a Python float.

    >>> as_float32(1e-5)
    9.999999747378752e-06

    Every backend and the oracle build batch norm with its epsilon and decay rounded so, in every dtype: Paddle keeps
    both in float32 whatever the dtype, and float64 runs agree to rounding only if all do. A peer that keeps float64's
    1e-5 differs by some 1e-11 of a ResNet-50's logits; with 1e-3, as Keras's MobileNets have it, by up to some 1e-6.
    """
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
