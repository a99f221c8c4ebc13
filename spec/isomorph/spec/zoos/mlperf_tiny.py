"""The image classifier of MLPerf Tiny (mlcommons/tiny, benchmark/training/image_classification/keras_model.py).

A Keras functional model: its layers are named in the order in which they were made.
"""

from isomorph.spec.architecture import Architecture, Head, Stem, StemConvolution
from isomorph.spec.convention import Convention, Initializer
from isomorph.spec.families.residual import residual_block
from isomorph.spec.naming import NameRule, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.zoo import Zoo
from isomorph.spec.zoos import keras

HE_NORMAL = Initializer("truncated_normal", 2.0 / 0.87962566103423978**2)  # Keras rescales what it cuts off

CONVENTION = Convention(
    convolution_padding="same",
    convolution_bias=True,
    shortcut_batch_norm=False,
    batch_norm_epsilon=1e-3,
    batch_norm_decay=0.99,
    running_variance="biased",
    convolution_initializer=HE_NORMAL,
    logits_initializer=HE_NORMAL,
    preprocessing=Preprocessing(resize=None, size=(32, 32)).normalised("none"),
)

RESNET8 = Architecture(
    "mlperf_tiny/resnet8",
    Stem((StemConvolution("conv1", 16, 3),)),
    tuple(residual_block(number, "basic", 8 * 2**number, 1, min(number, 2)) for number in (1, 2, 3)),
    Head(num_classes=10),
    CONVENTION,
)

NAMING = Naming(
    scopes=(
        NameRule(r"conv1", "conv2d", "batch_normalization"),
        NameRule(r"block1/.+/conv1", "conv2d_1", "batch_normalization_1"),
        NameRule(r"block1/.+/conv2", "conv2d_2", "batch_normalization_2"),
        NameRule(r"block2/.+/conv1", "conv2d_3", "batch_normalization_3"),
        NameRule(r"block2/.+/conv2", "conv2d_4", "batch_normalization_4"),
        NameRule(r"block2/.+/shortcut", "conv2d_5"),
        NameRule(r"block3/.+/conv1", "conv2d_6", "batch_normalization_5"),
        NameRule(r"block3/.+/conv2", "conv2d_7", "batch_normalization_6"),
        NameRule(r"block3/.+/shortcut", "conv2d_8"),
        NameRule(r".*logits", "dense"),
    ),
    leaves=keras.NAMING.leaves,
    separator=keras.NAMING.separator,
    kernel=keras.NAMING.kernel,
    logits=keras.NAMING.logits,
)

ZOO = Zoo("mlperf_tiny", "MLPerf Tiny (Keras), for CIFAR-10", "keras", {"resnet8": RESNET8}, NAMING)
