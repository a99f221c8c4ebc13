"""paddlepaddle 3.3.1, paddle/vision/models."""

from .family import ZEROS, Fact, Facts, Family

HE = ("normal", 2.0, "all_in")
XAVIER = ("uniform", 1.0, "fan_avg")

DEFAULTS: Facts = {
    "batch_norm_epsilon": Fact(1e-5, "paddle/nn/layer/norm.py, BatchNorm2D: epsilon"),
    "batch_norm_decay": Fact(0.9, "norm.py, BatchNorm2D: momentum"),
    "running_variance": Fact("biased", "phi/kernels/cpu/batch_norm_kernel.cc: the batch's variance over n"),
    "batch_norm_gamma": Fact(True, "norm.py, BatchNorm2D: weight_attr=None"),
    "convolution_padding": Fact("explicit", "nn/layer/conv.py, Conv2D: padding on both sides"),
    "convolution_initializer": Fact(
        HE, "conv.py, _get_default_param_initializer: over the kernel times all input channels, whatever the groups"
    ),
    "logits_initializer": Fact(XAVIER, "nn/layer/common.py, Linear; base/layer_helper_base.py: XavierInitializer"),
    "logits_bias_initializer": Fact(ZEROS, "base/layer_helper_base.py: ConstantInitializer(0.0)"),
    "activation": Fact("relu", "resnet.py:138, 201, 316, nn.ReLU"),
    "activation_after": Fact("convolutions", "resnet.py:150-156"),
    "convolution_bias": Fact(False, "resnet.py:135, bias_attr=False"),
    "batch_norm": Fact(True, "resnet.py:302, nn.BatchNorm2D"),
    "num_classes": Fact(1000, "resnet.py, num_classes=1000"),
    "dropout": Fact(0.0, "resnet.py, none"),
}

RESNET = DEFAULTS | {
    "shortcut": Fact("projection", "resnet.py:344, Conv2D and norm_layer"),
    "shortcut_batch_norm": Fact(True, "resnet.py:352"),
    "pool_padding": Fact("explicit", "resnet.py:317, padding=1"),
    "pool_fill": Fact("lowest", "phi/kernels/funcs/pooling.h, MaxPool: -FLT_MAX"),
    "last_gamma": Fact(1.0, "norm.py, BatchNorm2D: Constant(1.0)"),
}
BOTTLENECK = RESNET | {"bottleneck_stride": Fact("conv2", "resnet.py:185-190, stride of the 3x3")}

MOBILENET = DEFAULTS | {
    "depthwise_padding": Fact("explicit", "mobilenetv1.py:67, padding=1"),
    "activation": Fact("relu", "paddle/vision/ops.py, ConvNormActivation: ReLU"),
}
MOBILENET_V2 = DEFAULTS | {
    "depthwise_padding": Fact("explicit", "paddle/vision/ops.py, ConvNormActivation: (kernel_size - 1) // 2"),
    "activation": Fact("relu6", "mobilenetv2.py:74, 85, 166, 191, nn.ReLU6"),
    "last_gamma": Fact(1.0, "norm.py, BatchNorm2D: Constant(1.0)"),
    "dropout": Fact(0.2, "mobilenetv2.py:202, Dropout(0.2)"),
    "dropout_mode": Fact("upscale_in_train", "nn/layer/common.py, Dropout: mode"),
}

BATCH_NORMS = ("batch_norm_epsilon", "batch_norm_decay", "running_variance", "batch_norm_gamma")
FLAT = {field: fact for field, fact in DEFAULTS.items() if field not in BATCH_NORMS} | {
    "batch_norm": Fact(False, "vgg.py:150; lenet.py:62-67"),
    "pool_padding": Fact("valid", "vgg.py:144; lenet.py:64, 67, no padding"),
    "pool_fill": Fact("lowest", "no padding"),
}
VGG = FLAT | {
    "convolution_bias": Fact(True, "vgg.py:146, Conv2D's default"),
    "convolution_bias_initializer": Fact(ZEROS, "base/layer_helper_base.py: ConstantInitializer(0.0)"),
    "dense_initializer": Fact(XAVIER, "vgg.py:115, Linear's default"),
    "dropout": Fact(0.5, "vgg.py:117, nn.Dropout()"),
    "dropout_mode": Fact("upscale_in_train", "nn/layer/common.py, Dropout: mode"),
}
LENET = VGG | {
    "convolution_bias": Fact(True, "lenet.py:62, 65, Conv2D's default"),
    "dense_initializer": Fact(XAVIER, "lenet.py:72-74, Linear's default"),
    "num_classes": Fact(10, "lenet.py, num_classes=10"),
    "dropout": Fact(0.0, "lenet.py:71-75, none"),
    "in_channels": Fact(1, "lenet.py:62, Conv2D(1, 6, 3)"),
}
del LENET["dropout_mode"]

GOOGLENET = FLAT | {
    "activation_after": Fact("joins", "googlenet.py:126, F.relu(cat) alone"),
    "inception_kernel": Fact(5, "googlenet.py:106, ConvLayer(filter5R, filter5, 5)"),
    "dropout_mode": Fact("downscale_in_infer", "googlenet.py:193, 201, 207"),
    "dense_initializer": Fact(("uniform", 1 / 2048, "one"), "googlenet.py:200, 206, xavier(2048, 1)"),
    "logits_initializer": Fact(("uniform", 1.0, "fan_in"), "googlenet.py:58-60, 195, 202: sqrt(3 / channels)"),
    "dropout": Fact(0.4, "googlenet.py:193"),
    "auxiliary": Fact(
        (
            ("aux1", "block4", 1, (5, 3), 3, 128, 1024, True, (0.0, 0.7)),
            ("aux2", "block4", 4, (5, 3), 3, 128, 1024, False, (0.0, 0.7)),
        ),
        "googlenet.py:187-208, 242-258: of 4a and 4d, 1152 = 3 * 3 * 128 into a Linear, no relu behind the second",
    ),
}

PADDLE = (
    Family(("resnet18", "resnet34"), RESNET, ((3, 2),)),
    Family(
        (
            "resnet50",
            "resnet101",
            "resnet152",
            "resnext50_32x4d",
            "resnext50_64x4d",
            "resnext101_32x4d",
            "resnext101_64x4d",
            "resnext152_32x4d",
            "resnext152_64x4d",
            "wide_resnet50_2",
            "wide_resnet101_2",
        ),
        BOTTLENECK,
        ((3, 2),),
    ),
    Family(("mobilenet_v1",), MOBILENET),
    Family(("mobilenet_v2",), MOBILENET_V2),
    Family(("vgg16",), VGG, ((2, 2),) * 5),
    Family(("LeNet",), LENET, ((2, 2),) * 2),
    Family(("googlenet",), GOOGLENET, ((3, 2),) * 4),
)
