"""tf-slim 1.1.0, tf_slim/nets, and tensorflow/models, research/slim/nets/mobilenet_v1.py."""

from .family import ZEROS, Fact, Facts, Family

# variance_scaling_initializer: sqrt(1.3 * factor / n) with factor=2.0 and FAN_IN (layers/initializers.py:63, 149).
SCALED = ("truncated_normal", 2.6, "fan_in")

LAYERS: Facts = {
    "logits_bias_initializer": Fact(ZEROS, "layers/layers.py, convolution: biases_initializer=zeros_initializer()"),
    "running_variance": Fact("unbiased", "layers/layers.py, batch_norm: fused by default, whose variance is n - 1's"),
    "activation_after": Fact("convolutions", "layers/layers.py, convolution: activation_fn"),
    "batch_norm": Fact(True, "normalizer_fn=batch_norm of every arg_scope"),
    "convolution_bias": Fact(False, "layers/layers.py, convolution: no biases beside a normalizer_fn"),
}

RESNET = LAYERS | {
    "shortcut": Fact("projection", "nets/resnet_v1.py:113-119, conv2d [1, 1], stride"),
    "activation": Fact("relu", "nets/resnet_utils.py:263, nn_ops.relu"),
    "convolution_padding": Fact("explicit", "nets/resnet_utils.py:91-150, conv2d_same"),
    "pool_padding": Fact("same", "nets/resnet_utils.py:273"),
    "pool_fill": Fact("lowest", "tf.nn.max_pool: SAME never takes padding for a maximum"),
    "batch_norm_gamma": Fact(True, "nets/resnet_utils.py:232, batch_norm_scale=True"),
    "batch_norm_epsilon": Fact(1e-5, "nets/resnet_utils.py:231"),
    "batch_norm_decay": Fact(0.997, "nets/resnet_utils.py:230"),
    "convolution_initializer": Fact(SCALED, "nets/resnet_utils.py:262"),
    "logits_initializer": Fact(SCALED, "nets/resnet_utils.py:262"),
    "dropout": Fact(0.0, "nets/resnet_v1.py:213-222, none"),
}
RESNET_V1 = RESNET | {
    "bottleneck_stride": Fact("conv2", "nets/resnet_v1.py:123-125, conv2d_same(3, stride)"),
    "shortcut_batch_norm": Fact(True, "nets/resnet_v1.py:113-119, the arg_scope's normalizer_fn"),
    "last_gamma": Fact(1.0, "layers/layers.py, batch_norm: ones_initializer"),
    "num_classes": Fact(1000, "README of research/slim: ResNet V1's files have 1000 classes"),
}
RESNET_V2 = RESNET | {
    "linear_bias": Fact(True, "nets/resnet_v2.py:120, 126, 221, normalizer_fn=None: layers.py adds biases then"),
    "convolution_bias_initializer": Fact(ZEROS, "layers/layers.py, convolution: zeros_initializer(); resnet_v2.py:126"),
    "num_classes": Fact(1001, "README of research/slim: ResNet V2's files have a class for the background"),
}

MOBILENET = LAYERS | {
    "activation": Fact("relu6", "mobilenet_v1.py, mobilenet_v1_arg_scope: tf.nn.relu6"),
    "convolution_padding": Fact("same", "mobilenet_v1.py, mobilenet_v1_base: padding='SAME'"),
    "depthwise_padding": Fact("same", "mobilenet_v1.py, mobilenet_v1_base: padding='SAME'"),
    "batch_norm_gamma": Fact(True, "mobilenet_v1.py, mobilenet_v1_arg_scope: 'scale': True"),
    "batch_norm_epsilon": Fact(0.001, "mobilenet_v1.py, mobilenet_v1_arg_scope: 'epsilon'"),
    "batch_norm_decay": Fact(0.9997, "mobilenet_v1.py, mobilenet_v1_arg_scope: 'decay'"),
    "convolution_initializer": Fact(("truncated_normal", 0.0081, "one"), "mobilenet_v1_arg_scope: stddev=0.09"),
    "logits_initializer": Fact(("truncated_normal", 0.0081, "one"), "mobilenet_v1_arg_scope: stddev=0.09"),
    "num_classes": Fact(1001, "research/slim/nets/mobilenet_v1.md: with the background"),
    "dropout": Fact(0.001, "mobilenet_v1.py, dropout_keep_prob=0.999"),
    "dropout_mode": Fact("upscale_in_train", "tf.nn.dropout: scaled by 1 / keep_prob in training"),
}

INCEPTION = LAYERS | {
    "activation": Fact("relu", "nets/inception_v1.py:417, nn_ops.relu"),
    "inception_kernel": Fact(3, "nets/inception_v1.py, Branch_2: Conv2d_0b_3x3"),
    "convolution_padding": Fact("same", "nets/inception_v1.py:70"),
    "pool_padding": Fact("same", "nets/inception_v1.py:70"),
    "pool_fill": Fact("lowest", "tf.nn.max_pool: SAME never takes padding for a maximum"),
    "batch_norm_gamma": Fact(False, "nets/inception_v1.py:389-404, no 'scale'; layers.py, batch_norm: scale=False"),
    "batch_norm_epsilon": Fact(0.001, "nets/inception_v1.py:393"),
    "batch_norm_decay": Fact(0.9997, "nets/inception_v1.py:391"),
    "convolution_initializer": Fact(("truncated_normal", 0.0001, "one"), "nets/inception_v1.py:68, trunc_normal(0.01)"),
    "logits_initializer": Fact(SCALED, "nets/inception_v1.py:416, beyond inception_v1_base's scope"),
    "num_classes": Fact(1001, "README of research/slim: Inception V1's file has a class for the background"),
    "dropout": Fact(0.2, "nets/inception_v1.py:312, dropout_keep_prob=0.8"),
    "dropout_mode": Fact("upscale_in_train", "tf.nn.dropout: scaled by 1 / keep_prob in training"),
}

SLIM = (
    Family(tuple(f"resnet_v1_{depth}" for depth in (50, 101, 152, 200)), RESNET_V1, ((3, 2),)),
    Family(tuple(f"resnet_v2_{depth}" for depth in (50, 101, 152, 200)), RESNET_V2, ((3, 2),)),
    Family(("mobilenet_v1",), MOBILENET),
    Family(("inception_v1",), INCEPTION, ((3, 2), (3, 2), (3, 2), (2, 2))),
)
