"""The ResNet50 of keras.applications from 2016 to 2018 (keras_applications/resnet50.py, 1.0).

It is another function than today's, of tensors of the same shapes: its batch norms have Keras's own epsilon, 1e-3,
where today's have 1.001e-5, and nothing is padded before its max pool. Its layers are called `res2a_branch2a`. Releases
from late in 2018 on pad with zeros there, as today's do: `pool_padding="explicit", pool_fill="zero"`.
"""

from dataclasses import replace

from isomorph.spec.convention import Initializer
from isomorph.spec.families.residual import imagenet_resnets
from isomorph.spec.naming import NameRule
from isomorph.spec.zoo import Zoo
from isomorph.spec.zoos import keras

# he_normal: a normal of variance 2 / fan_in, cut at two of its deviations and not rescaled (keras/initializers.py 2.1).
HE_NORMAL = Initializer("truncated_normal", 2.0, "fan_in")

CONVENTION = replace(
    keras.CONVENTION,
    pool_padding="valid",
    pool_fill="lowest",
    batch_norm_epsilon=1e-3,
    running_variance="unbiased",  # times n / (n - 1.001), keras/layers/normalization.py 2.1
    convolution_initializer=HE_NORMAL,
)

LETTERS = "abcdef"
"""Of the units of a block, as Caffe's models have them."""

UNITS = tuple(
    NameRule(
        rf"block(?P<block>\d)/unit_{number}/\w+/{layer}",
        f"res{{block+1}}{letter}_branch{branch}",
        f"bn{{block+1}}{letter}_branch{branch}",
    )
    for number, letter in enumerate(LETTERS, start=1)
    for layer, branch in (("conv1", "2a"), ("conv2", "2b"), ("conv3", "2c"), ("shortcut", "1"))
)

NAMING = replace(
    keras.NAMING, scopes=(NameRule(r".*logits", "fc1000"), NameRule(r"conv1", "conv1", "bn_conv1"), *UNITS)
)

ZOO = Zoo(
    "keras2",
    "keras.applications of 2016 to 2018",
    "keras",
    imagenet_resnets("keras2", CONVENTION, (50,), "ResNet{depth}"),
    NAMING,
)
