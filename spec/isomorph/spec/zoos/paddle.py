"""Paddle's ResNets (paddle/vision/models/resnet.py, 3.3): torchvision's design, Paddle's names and initialisers."""

from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.naming import Layout, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.residual import PYTORCH_LEAVES, PYTORCH_SCOPES, imagenet_resnets
from isomorph.spec.tensors import MOVING_MEAN, MOVING_VARIANCE
from isomorph.spec.zoo import Zoo

CONVENTION = Convention(
    bottleneck_stride="conv2",
    pool_padding="explicit",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="biased",
    convolution_initializer=Initializer("normal", 2.0),  # paddle/nn/layer/conv.py, `_get_default_param_initializer`
    logits_initializer=Initializer("uniform", 1.0, "fan_avg"),  # Xavier, the default of nn.Linear
    logits_bias_initializer=ZEROS,
    preprocessing=Preprocessing().normalised("torch"),  # PaddleClas's ResNet configuration
)

NAMING = Naming(
    scopes=(*PYTORCH_SCOPES, (r"logits", "fc", "")),
    leaves=PYTORCH_LEAVES | {MOVING_MEAN: "_mean", MOVING_VARIANCE: "_variance"},
    logits=Layout("IO"),
    left_out=r"StructuredToParameterName@@",
)

ZOO = Zoo("paddle", "paddle.vision", imagenet_resnets("paddle", CONVENTION), NAMING, design_of="torchvision")
