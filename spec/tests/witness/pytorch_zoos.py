"""The smaller zoos in PyTorch: timm, transformers, WSL-Images, a lecture series, CIFAR, Dive into Deep Learning."""

from .family import TORCH, ZEROS, Fact, Facts, Family
from .torchvision import BOTTLENECK, RESNET

NARROW = ("normal", 1e-4, "one")

TIMM_FACTS = {
    "last_gamma": Fact(0.0, "timm 1.0.31, timm/models/resnet.py:507, zero_init_last=True"),
    "convolution_initializer": Fact(("normal", 2.0, "fan_out"), "timm/models/resnet.py:635, kaiming_normal_"),
    "pool_padding": Fact("explicit", "timm/models/resnet.py, MaxPool2d(kernel_size=3, stride=2, padding=1)"),
    "dropout": Fact(0.0, "timm/models/resnet.py, drop_rate=0."),
}
TIMM = (
    Family(("resnet18", "resnet34"), RESNET | TIMM_FACTS, ((3, 2),)),
    Family(("resnet26", "resnet50", "resnet101", "resnet152", "resnext50_32x4d"), BOTTLENECK | TIMM_FACTS, ((3, 2),)),
)

TRANSFORMERS_FACTS = {
    "convolution_initializer": Fact(
        ("normal", 2.0, "fan_out"), "transformers 5.23, models/resnet/modeling_resnet.py:272, kaiming_normal_"
    ),
    "logits_initializer": Fact(("uniform", 1 / 3, "fan_in"), "modeling_resnet.py:275, kaiming_uniform_(a=sqrt(5))"),
    "pool_padding": Fact("explicit", "modeling_resnet.py, MaxPool2d(kernel_size=3, stride=2, padding=1)"),
}
TRANSFORMERS = (
    Family(("resnet-18", "resnet-34"), RESNET | TRANSFORMERS_FACTS, ((3, 2),)),
    Family(
        ("resnet-26", "resnet-50", "resnet-101", "resnet-152"),
        BOTTLENECK
        | TRANSFORMERS_FACTS
        | {"bottleneck_stride": Fact("conv2", "configuration_resnet.py:62, downsample_in_bottleneck=False")},
        ((3, 2),),
    ),
)

# hubconf.py calls torchvision's own ResNet.
WSL = (Family(tuple(f"resnext101_32x{width}d" for width in (8, 16, 32, 48)), BOTTLENECK, ((3, 2),)),)

TUTORIAL_RESNET = {
    "convolution_initializer": Fact(("normal", 2.0, "fan_out"), "Test5_resnet/model.py, kaiming_normal_"),
    "pool_padding": Fact("explicit", "Test5_resnet/model.py, MaxPool2d(kernel_size=3, stride=2, padding=1)"),
    "num_classes": Fact(1000, "Test5_resnet/model.py, num_classes=1000"),
}
TUTORIAL_GOOGLENET: Facts = {
    **{field: TORCH[field] for field in ("dropout_mode", "convolution_padding")},
    "activation": Fact("relu", "Test4_googlenet/model.py, BasicConv2d: ReLU"),
    "activation_after": Fact("convolutions", "Test4_googlenet/model.py, BasicConv2d"),
    "inception_kernel": Fact(5, "Test4_googlenet/model.py, branch3: kernel_size=5, padding=2"),
    "convolution_bias": Fact(True, "Test4_googlenet/model.py, BasicConv2d: Conv2d's default"),
    "batch_norm": Fact(False, "Test4_googlenet/model.py, BasicConv2d"),
    "pool_padding": Fact("ceil", "Test4_googlenet/model.py, MaxPool2d(3, stride=2, ceil_mode=True)"),
    "pool_fill": Fact("lowest", "torch/nn/modules/pooling.py, MaxPool2d: implicit negative infinity"),
    "convolution_initializer": Fact(("normal", 2.0, "fan_out"), "Test4_googlenet/model.py, kaiming_normal_"),
    "convolution_bias_initializer": Fact(ZEROS, "Test4_googlenet/model.py, constant_(m.bias, 0)"),
    "dense_initializer": Fact(NARROW, "Test4_googlenet/model.py, normal_(0, 0.01)"),
    "logits_initializer": Fact(NARROW, "Test4_googlenet/model.py, normal_(0, 0.01)"),
    "logits_bias_initializer": Fact(ZEROS, "Test4_googlenet/model.py, constant_(m.bias, 0)"),
    "num_classes": Fact(1000, "Test4_googlenet/model.py, num_classes=1000"),
    "dropout": Fact(0.4, "Test4_googlenet/model.py, Dropout(0.4)"),
    "auxiliary": Fact(
        (
            ("aux1", "block4", 1, (5, 3), 4, 128, 1024, True, (0.5, 0.5)),
            ("aux2", "block4", 4, (5, 3), 4, 128, 1024, True, (0.5, 0.5)),
        ),
        "Test4_googlenet/model.py, InceptionAux, behind 4a and 4d: AvgPool2d(5, stride=3), two dropouts of 0.5",
    ),
}
TUTORIAL = (
    Family(("resnet34",), RESNET | TUTORIAL_RESNET, ((3, 2),)),
    Family(("resnet101", "resnext50_32x4d", "resnext101_32x8d"), BOTTLENECK | TUTORIAL_RESNET, ((3, 2),)),
    Family(("googlenet",), TUTORIAL_GOOGLENET, ((3, 2),) * 4),
)

# akamaster/pytorch_resnet_cifar10, commit d5489e8.
CIFAR_FACTS: Facts = TORCH | {
    "shortcut": Fact("zero_channels", "resnet.py:64-70, option A"),
    "activation": Fact("relu", "resnet.py:79, F.relu"),
    "activation_after": Fact("convolutions", "resnet.py:79"),
    "convolution_bias": Fact(False, "resnet.py:59, bias=False"),
    "batch_norm": Fact(True, "resnet.py:60, BatchNorm2d"),
    "convolution_initializer": Fact(("normal", 2.0, "fan_in"), "resnet.py:43, kaiming_normal_"),
    "logits_initializer": Fact(("normal", 2.0, "fan_in"), "resnet.py:42-43, of nn.Linear too"),
    "last_gamma": Fact(1.0, "torch/nn/modules/batchnorm.py, reset_parameters: ones_"),
    "num_classes": Fact(10, "resnet.py:87"),
    "dropout": Fact(0.0, "resnet.py, forward: none"),
}
# kuangliu/pytorch-cifar, commit 49b7aa9.
PYTORCHS_OWN = ("uniform", 1 / 3, "fan_in")
KUANGLIU: Facts = TORCH | {
    "shortcut": Fact("projection", "models/resnet.py, BasicBlock: Conv2d, kernel_size=1, and BatchNorm2d"),
    "shortcut_batch_norm": Fact(True, "models/resnet.py, BasicBlock: BatchNorm2d(self.expansion*planes)"),
    "activation": Fact("relu", "models/resnet.py, F.relu"),
    "activation_after": Fact("convolutions", "models/resnet.py, F.relu(self.bn1(self.conv1(x)))"),
    "convolution_bias": Fact(False, "models/resnet.py, bias=False"),
    "batch_norm": Fact(True, "models/resnet.py, nn.BatchNorm2d"),
    "convolution_initializer": Fact(PYTORCHS_OWN, "torch/nn/modules/conv.py, kaiming_uniform_(a=sqrt(5))"),
    "last_gamma": Fact(1.0, "torch/nn/modules/batchnorm.py, reset_parameters: ones_"),
    "num_classes": Fact(10, "models/resnet.py, num_classes=10"),
    "dropout": Fact(0.0, "models/resnet.py, forward: none"),
}
KUANGLIU_BOTTLENECK = KUANGLIU | {
    "bottleneck_stride": Fact("conv2", "models/resnet.py, Bottleneck: conv2, stride=stride")
}

# xternalz/WideResNet-pytorch, wideresnet.py, commit 24a5cb1.
WIDE: Facts = TORCH | {
    "shortcut": Fact("projection", "wideresnet.py, convShortcut; the identity where equalInOut"),
    "activation": Fact("relu", "wideresnet.py, nn.ReLU"),
    "activation_after": Fact("convolutions", "wideresnet.py, BasicBlock.forward"),
    "convolution_bias": Fact(False, "wideresnet.py, conv1: bias=False"),
    "linear_bias": Fact(False, "wideresnet.py, conv2, convShortcut and the stem: bias=False"),
    "batch_norm": Fact(True, "wideresnet.py, nn.BatchNorm2d"),
    "convolution_initializer": Fact(
        ("normal", 2.0, "fan_out"), "wideresnet.py, normal_(0, sqrt(2 / n)), n = k * k * out_channels"
    ),
    "logits_bias_initializer": Fact(ZEROS, "wideresnet.py, m.bias.data.zero_()"),
    "num_classes": Fact(10, "train.py, args.dataset == 'cifar10' and 10"),
    "dropout": Fact(0.0, "wideresnet.py, dropRate=0.0"),
}
CIFAR = (
    Family(("resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet1202"), CIFAR_FACTS),
    Family(("plain20", "plain56"), CIFAR_FACTS | {"shortcut": Fact("none", "He et al. (2015), section 4.2: plain")}),
    Family(("resnet18", "resnet34"), KUANGLIU),
    Family(("resnet50", "resnet101", "resnet152"), KUANGLIU_BOTTLENECK),
    Family(
        (
            "wide_resnet16_8",
            "wide_resnet16_10",
            "wide_resnet22_8",
            "wide_resnet22_10",
            "wide_resnet28_10",
            "wide_resnet28_12",
            "wide_resnet40_1",
            "wide_resnet40_2",
            "wide_resnet40_4",
            "wide_resnet40_8",
        ),
        WIDE,
    ),
)

# d2l-ai/d2l-en, chapter_convolutional-modern/resnet.md and chapter_convolutional-neural-networks/lenet.md (`init_cnn`).
XAVIER = ("uniform", 1.0, "fan_avg")
D2L_FACTS: Facts = TORCH | {
    "shortcut": Fact("projection", "resnet.md, Residual: conv3, kernel_size=1"),
    "shortcut_batch_norm": Fact(False, "resnet.md, Residual: X = self.conv3(X)"),
    "activation": Fact("relu", "resnet.md, F.relu"),
    "activation_after": Fact("convolutions", "resnet.md, F.relu(self.bn1(self.conv1(X)))"),
    "convolution_bias": Fact(True, "resnet.md, LazyConv2d's default"),
    "batch_norm": Fact(True, "resnet.md, LazyBatchNorm2d"),
    "pool_padding": Fact("explicit", "resnet.md, MaxPool2d(kernel_size=3, stride=2, padding=1)"),
    "pool_fill": Fact("lowest", "torch/nn/modules/pooling.py, MaxPool2d: implicit negative infinity"),
    "convolution_initializer": Fact(XAVIER, "lenet.md, init_cnn: xavier_uniform_ of nn.Conv2d"),
    "convolution_bias_initializer": Fact(
        ("uniform", 1 / 3, "fan_in"), "torch/nn/modules/conv.py:201, uniform_(-bound, bound); init_cnn leaves it alone"
    ),
    "logits_initializer": Fact(XAVIER, "lenet.md, init_cnn: xavier_uniform_ of nn.Linear"),
    "last_gamma": Fact(1.0, "torch/nn/modules/batchnorm.py, reset_parameters: ones_"),
    "num_classes": Fact(10, "resnet.md, ResNet18(num_classes=10)"),
    "dropout": Fact(0.0, "resnet.md: none"),
    "in_channels": Fact(1, "resnet.md, d2l.FashionMNIST"),
}
D2L = (Family(("resnet18",), D2L_FACTS, ((3, 2),)),)
