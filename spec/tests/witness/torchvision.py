"""torchvision 0.29.1, torchvision/models."""

from .family import TORCH, ZEROS, Fact, Facts, Family

NARROW = ("normal", 1e-4, "one")

RESNET: Facts = TORCH | {
    "shortcut": Fact("projection", "resnet.py:240-243, conv1x1 and norm_layer"),
    "shortcut_batch_norm": Fact(True, "resnet.py:242"),
    "activation": Fact("relu", "resnet.py:199, nn.ReLU"),
    "activation_after": Fact("convolutions", "resnet.py:149, 153, 162"),
    "convolution_bias": Fact(False, "resnet.py:42-52, 56, 197, bias=False"),
    "batch_norm": Fact(True, "resnet.py:181, nn.BatchNorm2d"),
    "pool_padding": Fact("explicit", "resnet.py:200, padding=1"),
    "pool_fill": Fact("lowest", "torch/nn/modules/pooling.py, MaxPool2d: implicit negative infinity"),
    "convolution_initializer": Fact(("normal", 2.0, "fan_out"), "resnet.py:210, kaiming_normal_"),
    "last_gamma": Fact(1.0, "resnet.py:171, zero_init_residual=False"),
    "num_classes": Fact(1000, "resnet.py:170"),
    "dropout": Fact(0.0, "resnet.py:205-206, nothing between the pool and fc"),
}

BOTTLENECK = RESNET | {"bottleneck_stride": Fact("conv2", "resnet.py:108-113 and 137, conv3x3(stride)")}

MOBILE = TORCH | {
    "activation": Fact("relu6", "mobilenetv2.py:38, 49, 126, 138, nn.ReLU6"),
    "activation_after": Fact("convolutions", "mobilenetv2.py:38, 49"),
    "convolution_bias": Fact(False, "mobilenetv2.py:52, bias=False; ops/misc.py, bias = norm_layer is None"),
    "batch_norm": Fact(True, "mobilenetv2.py:99, nn.BatchNorm2d"),
    "depthwise_padding": Fact("explicit", "ops/misc.py, ConvNormActivation: (kernel_size - 1) // 2 on both sides"),
    "convolution_initializer": Fact(("normal", 2.0, "fan_out"), "mobilenetv2.py:153, kaiming_normal_"),
    "logits_initializer": Fact(NARROW, "mobilenetv2.py:160, normal_(0, 0.01)"),
    "logits_bias_initializer": Fact(ZEROS, "mobilenetv2.py:161"),
    "last_gamma": Fact(1.0, "mobilenetv2.py:157, ones_"),
    "num_classes": Fact(1000, "mobilenetv2.py:70"),
    "dropout": Fact(0.2, "mobilenetv2.py:76"),
}

VGG = TORCH | {
    "activation": Fact("relu", "vgg.py:83, 85, nn.ReLU"),
    "activation_after": Fact("convolutions", "vgg.py:83, 85"),
    "convolution_bias": Fact(True, "vgg.py:81, Conv2d's default"),
    "batch_norm": Fact(False, "vgg.py:85"),
    "pool_padding": Fact("valid", "vgg.py:78, MaxPool2d(kernel_size=2, stride=2)"),
    "pool_fill": Fact("lowest", "vgg.py:78, no padding"),
    "convolution_initializer": Fact(("normal", 2.0, "fan_out"), "vgg.py:55, kaiming_normal_"),
    "convolution_bias_initializer": Fact(ZEROS, "vgg.py:57"),
    "dense_initializer": Fact(NARROW, "vgg.py:62, normal_(0, 0.01)"),
    "logits_initializer": Fact(NARROW, "vgg.py:62"),
    "logits_bias_initializer": Fact(ZEROS, "vgg.py:63"),
    "num_classes": Fact(1000, "vgg.py:37"),
    "dropout": Fact(0.5, "vgg.py:37"),
}
VGG_BN = VGG | {"batch_norm": Fact(True, "vgg.py:83, nn.BatchNorm2d(v)")}

GOOGLENET = TORCH | {
    "activation": Fact("relu", "googlenet.py:275, F.relu"),
    "activation_after": Fact("convolutions", "googlenet.py:272-275"),
    "inception_kernel": Fact(3, "googlenet.py:208-209, kernel_size=3"),
    "convolution_bias": Fact(False, "googlenet.py:269, bias=False"),
    "batch_norm": Fact(True, "googlenet.py:270"),
    "batch_norm_epsilon": Fact(0.001, "googlenet.py:270, eps"),
    "pool_padding": Fact("ceil", "googlenet.py:64, 67, 71, 78, ceil_mode=True"),
    "pool_fill": Fact("lowest", "torch/nn/modules/pooling.py, MaxPool2d: implicit negative infinity"),
    "convolution_initializer": Fact(NARROW, "googlenet.py:97, trunc_normal_(std=0.01, a=-2, b=2): at 200 deviations"),
    "dense_initializer": Fact(NARROW, "googlenet.py:97, of nn.Linear too"),
    "logits_initializer": Fact(NARROW, "googlenet.py:97"),
    "num_classes": Fact(1000, "googlenet.py:34"),
    "dropout": Fact(0.2, "googlenet.py:39"),
    "input_transform": Fact(None, "googlenet.py:36, transform_input=False"),
    "auxiliary": Fact(
        (
            ("aux1", "block4", 1, None, 4, 128, 1024, True, (0.0, 0.7)),
            ("aux2", "block4", 4, None, 4, 128, 1024, True, (0.0, 0.7)),
        ),
        "googlenet.py:84-85, 119, 130, 241-260: behind 4a and 4d, adaptive_avg_pool2d to 4x4, dropout_aux before fc2",
    ),
}

FAMILIES = (
    Family(("resnet18", "resnet34"), RESNET, ((3, 2),)),
    Family(
        (
            "resnet50",
            "resnet101",
            "resnet152",
            "resnext50_32x4d",
            "resnext101_32x8d",
            "resnext101_64x4d",
            "wide_resnet50_2",
            "wide_resnet101_2",
        ),
        BOTTLENECK,
        ((3, 2),),
    ),
    Family(("mobilenet_v2",), MOBILE),
    Family(("vgg11", "vgg13", "vgg16", "vgg19"), VGG, ((2, 2),) * 5),
    Family(("vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"), VGG_BN, ((2, 2),) * 5),
    Family(("googlenet",), GOOGLENET, ((3, 2), (3, 2), (3, 2), (2, 2))),
)

# googlenet.py:104-106, what transform_input multiplies and adds: red, green, blue.
TRANSFORM = ((0.458, 0.448, 0.45), (-0.03, -0.088, -0.188))
