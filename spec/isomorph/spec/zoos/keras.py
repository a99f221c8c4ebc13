"""Keras's ResNets (keras/src/applications/resnet.py, 3.15): stride in the first 1x1, every convolution biased.

It is the design of He et al. (2015) as its authors released it, strides included, in Caffe.
"""

from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.naming import Layout, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.residual import imagenet_resnets
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS
from isomorph.spec.zoo import Zoo

CONVENTION = Convention(
    bottleneck_stride="conv1",
    convolution_padding="explicit",  # ZeroPadding2D(3) before the 7x7; "SAME" at stride 1 is the same
    pool_padding="explicit",
    pool_fill="zero",  # ZeroPadding2D(1)
    convolution_bias=True,
    batch_norm_epsilon=1.001e-5,
    batch_norm_decay=0.99,
    running_variance="biased",
    convolution_initializer=Initializer("uniform", 1.0, "fan_avg"),  # Glorot's, Keras's default
    logits_initializer=Initializer("uniform", 1.0, "fan_avg"),
    logits_bias_initializer=ZEROS,
    # imagenet_utils.py, `preprocess_input(mode="caffe")`; keras/src/utils/image_utils.py, `load_img(target_size=...)`.
    preprocessing=Preprocessing(fit="stretch", interpolation="nearest").normalised("caffe"),
)

NAMING = Naming(
    scopes=(
        (r"conv1", "conv1_conv", "conv1_bn"),
        (
            r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/conv(?P<conv>\d)",
            "conv{block+1}_block{unit}_{conv}_conv",
            "conv{block+1}_block{unit}_{conv}_bn",
        ),
        (
            r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/shortcut",
            "conv{block+1}_block{unit}_0_conv",
            "conv{block+1}_block{unit}_0_bn",
        ),
        (r"logits", "predictions", ""),
    ),
    leaves={
        WEIGHTS: "kernel",
        BIASES: "bias",
        GAMMA: "gamma",
        BETA: "beta",
        MOVING_MEAN: "moving_mean",
        MOVING_VARIANCE: "moving_variance",
    },
    separator="/",
    kernel=Layout("HWIO"),
    logits=Layout("IO"),
)

ZOO = Zoo("keras", "keras.applications", imagenet_resnets("keras", CONVENTION, (50, 101, 152), "ResNet{depth}"), NAMING)
