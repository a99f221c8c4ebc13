"""TF-slim's resnet_v1 (google-research/tf-slim, nets/resnet_v1.py): the stride sits in the last unit of a block."""

from isomorph.spec.architecture import Architecture, Block, Stem, StemConvolution, StemPool
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.naming import Layout, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS
from isomorph.spec.zoo import Zoo

# resnet_utils.py, `resnet_arg_scope`. The variance scaling initializer's truncated normal has the standard deviation
# sqrt(1.3 * factor / fan_in), factor 2 (initializers.py). Preprocessing: models/research/slim, vgg_preprocessing.py.
CONVENTION = Convention(
    bottleneck_stride="conv2",
    convolution_padding="explicit",  # `conv2d_same`
    pool_padding="same",
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.997,
    running_variance="unbiased",  # of fused batch norm, the default
    convolution_initializer=Initializer("truncated_normal", 2.6),
    logits_initializer=Initializer("truncated_normal", 2.6),
    logits_bias_initializer=ZEROS,
    preprocessing=Preprocessing(mean=(123.68, 116.78, 103.94), std=(1.0, 1.0, 1.0)),
)

STEM = Stem((StemConvolution("conv1", 64, 7, stride=2), StemPool("pool1", 3, stride=2)))


def resnet_v1_block(scope: str, base_depth: int, num_units: int, stride: int) -> Block:
    """Bottleneck units of depth 4 * `base_depth`, the last of which strides."""
    depth = 4 * base_depth
    return Block(scope, "bottleneck", ((depth, base_depth, 1),) * (num_units - 1) + ((depth, base_depth, stride),))


def resnet_v1(name: str, *num_units: int) -> Architecture:
    """A ResNet v1 of four blocks with these numbers of units."""
    blocks = tuple(
        resnet_v1_block(f"block{number}", 64 * 2 ** (number - 1), units, stride)
        for number, (units, stride) in enumerate(zip(num_units, (2, 2, 2, 1), strict=True), start=1)
    )
    return Architecture(f"slim/{name}", STEM, blocks, convention=CONVENTION)


NAMING = Naming(
    scopes=((r"(?P<scope>.+)", "{network}/{scope}", "{network}/{scope}"),),
    leaves={leaf: leaf for leaf in (WEIGHTS, BIASES, GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE)},
    separator="/",
    kernel=Layout("HWIO"),
    logits=Layout("HWIO"),
    left_out=r"global_step|.*/(Momentum|RMSProp|RMSProp_1|ExponentialMovingAverage)",
)

ZOO = Zoo(
    "slim",
    "TF-slim (TensorFlow 1)",
    {
        "resnet_v1_50": resnet_v1("resnet_v1_50", 3, 4, 6, 3),
        "resnet_v1_101": resnet_v1("resnet_v1_101", 3, 4, 23, 3),
        "resnet_v1_152": resnet_v1("resnet_v1_152", 3, 8, 36, 3),
        "resnet_v1_200": resnet_v1("resnet_v1_200", 3, 24, 36, 3),
    },
    NAMING,
)
