"""keras 3.15.1, keras/src/applications, and MLPerf Tiny's classifier, which Keras's defaults decide as well."""

from .family import ZEROS, Fact, Facts, Family

GLOROT = ("uniform", 1.0, "fan_avg")

DEFAULTS: Facts = {
    "batch_norm_decay": Fact(0.99, "keras/src/layers/normalization/batch_normalization.py:163, momentum"),
    "batch_norm_epsilon": Fact(1e-3, "batch_normalization.py:164, epsilon"),
    "running_variance": Fact("biased", "batch_normalization.py, call: ops.moments' variance"),
    "batch_norm_gamma": Fact(True, "batch_normalization.py, scale=True"),
    "convolution_initializer": Fact(GLOROT, "keras/src/layers/convolutional/conv2d.py:109, glorot_uniform"),
    "convolution_bias_initializer": Fact(ZEROS, "conv2d.py:110, zeros"),
    "logits_initializer": Fact(GLOROT, "keras/src/layers/core/dense.py:89, glorot_uniform"),
    "logits_bias_initializer": Fact(ZEROS, "dense.py:90, zeros"),
    "activation_after": Fact("convolutions", "every Activation or ReLU stands behind a convolution's batch norm"),
    "last_gamma": Fact(1.0, "batch_normalization.py, gamma_initializer: ones"),
    "num_classes": Fact(1000, "classes=1000 of every function"),
    "dropout": Fact(0.0, "no Dropout layer"),
}

RESNET = DEFAULTS | {
    "bottleneck_stride": Fact("conv1", "resnet.py:252, Conv2D(filters, 1, strides=stride)"),
    "shortcut": Fact("projection", "resnet.py:243, Conv2D(4 * filters, 1, strides=stride)"),
    "shortcut_batch_norm": Fact(True, "resnet.py:246, 0_bn"),
    "activation": Fact("relu", "resnet.py:158, 256, 264, 272"),
    "convolution_padding": Fact("explicit", "resnet.py:149, ZeroPadding2D(((3, 3), (3, 3)))"),
    "pool_padding": Fact("explicit", "resnet.py:160, ZeroPadding2D(((1, 1), (1, 1)))"),
    "pool_fill": Fact("zero", "resnet.py:160, ZeroPadding2D"),
    "convolution_bias": Fact(True, "resnet.py:412, use_bias=True, and Conv2D's default"),
    "batch_norm": Fact(True, "resnet.py:155, 246, 253, 261, 267"),
    "batch_norm_epsilon": Fact(1.001e-5, "resnet.py:156, epsilon"),
}

# The strided 3x3 is decided by the unit's kind; a shortcut between equal depths is subsampled.
RESNET_V2 = {
    field: fact for field, fact in RESNET.items() if field not in ("bottleneck_stride", "shortcut_batch_norm")
} | {
    "convolution_bias": Fact(False, "resnet.py:336, 348, use_bias=False of the 1x1 and the 3x3 of a unit"),
    "linear_bias": Fact(True, "resnet.py, ResNetV2: use_bias=True of the stem; Conv2D's default of 0_conv and 3_conv"),
    "shortcut": Fact("projection", "resnet.py:326-333: a Conv2D, or MaxPooling2D(1, strides=stride)"),
}
del RESNET_V2["last_gamma"]  # no batch norm ends a unit

MOBILENET = {
    field: fact for field, fact in DEFAULTS.items() if field not in ("convolution_bias_initializer", "last_gamma")
} | {
    "activation": Fact("relu6", "mobilenet.py:329, 402, 415, ReLU(6.0)"),
    "convolution_padding": Fact("same", "mobilenet.py:323, padding='same' of the strided Conv2D"),
    "depthwise_padding": Fact("after", "mobilenet.py:388, ZeroPadding2D(((0, 1), (0, 1))) where it strides"),
    "convolution_bias": Fact(False, "mobilenet.py:324, 396, 408, use_bias=False"),
    "batch_norm": Fact(True, "mobilenet.py, BatchNormalization behind every convolution"),
    "dropout": Fact(1e-3, "mobilenet.py:26"),
    "dropout_mode": Fact("upscale_in_train", "keras/src/backend/tensorflow/random.py, dropout: tf.nn's, scaled up"),
}

MOBILENET_V2 = MOBILENET | {
    "activation": Fact("relu6", "mobilenet_v2.py:267, 341, 423, 447, ReLU(6.0)"),
    "convolution_padding": Fact("same", "mobilenet_v2.py:260"),
    "depthwise_padding": Fact("same", "mobilenet_v2.py:430, correct_pad: by the size's parity"),
    "convolution_bias": Fact(False, "mobilenet_v2.py:261, 336, 413, 436, 454"),
    "batch_norm_epsilon": Fact(1e-3, "mobilenet_v2.py:265, 419, 442, 460"),
    "batch_norm_decay": Fact(0.999, "mobilenet_v2.py:265, 420, 443, 461, momentum"),
    "last_gamma": DEFAULTS["last_gamma"],
    "dropout": Fact(0.0, "mobilenet_v2.py, no Dropout layer"),
}
del MOBILENET_V2["dropout_mode"]

VGG: Facts = {
    "activation": Fact("relu", "vgg16.py:130-186, activation='relu'"),
    "activation_after": Fact("convolutions", "vgg16.py:130-186"),
    "convolution_padding": Fact("explicit", "vgg16.py:130, padding='same' at stride 1"),
    "convolution_bias": Fact(True, "vgg16.py:130, Conv2D's default"),
    "batch_norm": Fact(False, "vgg16.py: none"),
    "pool_padding": Fact("valid", "keras/src/layers/pooling/max_pooling2d.py, padding='valid'"),
    "pool_fill": Fact("lowest", "no padding"),
    "convolution_initializer": DEFAULTS["convolution_initializer"],
    "convolution_bias_initializer": DEFAULTS["convolution_bias_initializer"],
    "dense_initializer": Fact(GLOROT, "dense.py:89, glorot_uniform"),
    "logits_initializer": DEFAULTS["logits_initializer"],
    "logits_bias_initializer": DEFAULTS["logits_bias_initializer"],
    "num_classes": DEFAULTS["num_classes"],
    "dropout": Fact(0.0, "vgg16.py:183-190, no Dropout layer"),
}

KERAS = (
    Family(("ResNet50", "ResNet101", "ResNet152"), RESNET, ((3, 2),)),
    Family(("ResNet50V2", "ResNet101V2", "ResNet152V2"), RESNET_V2, ((3, 2),)),
    Family(("MobileNet",), MOBILENET),
    Family(("MobileNetV2",), MOBILENET_V2),
    Family(("VGG16",), VGG, ((2, 2),) * 5),
)

# keras_applications/resnet50.py of keras-applications 1.0, and Keras 2.1's layers. he_normal is there
# VarianceScaling(2, fan_in) of a truncated normal of just that deviation.
KERAS2 = (
    Family(
        ("ResNet50",),
        RESNET
        | {
            "bottleneck_stride": Fact("conv1", "resnet50.py, conv_block: Conv2D(filters1, (1, 1), strides=strides)"),
            "convolution_padding": Fact(
                "explicit", "resnet50.py, conv1_pad: ZeroPadding2D(padding=(3, 3)), padding='valid'"
            ),
            "pool_padding": Fact("valid", "resnet50.py, MaxPooling2D((3, 3), strides=(2, 2)): 'valid'"),
            "pool_fill": Fact("lowest", "no padding"),
            "convolution_bias": Fact(True, "resnet50.py, Conv2D's default"),
            "batch_norm_epsilon": Fact(1e-3, "keras/layers/normalization.py, BatchNormalization: epsilon=1e-3"),
            "batch_norm_decay": Fact(0.99, "keras/layers/normalization.py, BatchNormalization: momentum=0.99"),
            "running_variance": Fact("unbiased", "normalization.py, call: variance *= n / (n - (1.0 + epsilon))"),
            "convolution_initializer": Fact(
                ("truncated_normal", 2.0, "fan_in"), "resnet50.py, kernel_initializer='he_normal'"
            ),
        },
        ((3, 2),),
    ),
)

# mlcommons/tiny, benchmark/training/image_classification/keras_model.py. he_normal is VarianceScaling(2, fan_in) of a
# truncated normal, whose deviation is divided by .87962566103423978, what is left of 1 (random_initializers.py).
HE_NORMAL = ("truncated_normal", 2.5848432684464493, "fan_in")
MLPERF_TINY = (
    Family(
        ("resnet8",),
        DEFAULTS
        | {
            "shortcut": Fact("projection", "keras_model.py, second and third stack: Conv2D(kernel_size=1, strides=2)"),
            "shortcut_batch_norm": Fact(False, "keras_model.py: no BatchNormalization behind it"),
            "activation": Fact("relu", "keras_model.py, Activation('relu')"),
            "convolution_padding": Fact("same", "keras_model.py, padding='same' of every Conv2D"),
            "convolution_bias": Fact(True, "keras_model.py, Conv2D's default"),
            "batch_norm": Fact(True, "keras_model.py, BatchNormalization()"),
            "convolution_initializer": Fact(HE_NORMAL, "keras_model.py, kernel_initializer='he_normal'"),
            "logits_initializer": Fact(HE_NORMAL, "keras_model.py, Dense: kernel_initializer='he_normal'"),
            "num_classes": Fact(10, "keras_model.py, num_classes = 10"),
        },
    ),
)
