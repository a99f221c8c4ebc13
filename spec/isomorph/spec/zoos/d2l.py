"""The ResNet-18 of Dive into Deep Learning, section 8.6 (d2l-ai/d2l-en): biased convolutions, a bare 1x1 shortcut.

It is built for Fashion-MNIST, resized, in grey; its layers are numbered in an nn.Sequential.
"""

from isomorph.spec.architecture import Architecture, Head
from isomorph.spec.convention import Convention, Initializer
from isomorph.spec.families.residual import IMAGENET_STEM, PYTORCH_LEAVES, PYTORCH_LEFT_OUT, imagenet_blocks
from isomorph.spec.naming import NameRule, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.zoo import Zoo

XAVIER = Initializer("uniform", 1.0, "fan_avg")

CONVENTION = Convention(
    bottleneck_stride="conv2",
    pool_padding="explicit",
    convolution_bias=True,
    shortcut_batch_norm=False,
    batch_norm_epsilon=1e-5,
    batch_norm_decay=0.9,
    running_variance="unbiased",
    convolution_initializer=XAVIER,  # `init_cnn`, which leaves biases to nn.Conv2d: limit 1 / sqrt(fan_in)
    convolution_bias_initializer=Initializer("uniform", 1 / 3),
    logits_initializer=XAVIER,
    logits_bias_initializer=Initializer("uniform", 1 / 3),
    preprocessing=Preprocessing(fit="stretch", size=(96, 96), mean=(0.0,), std=(255.0,)),  # the values 0..1
)

RESNET18 = Architecture(
    "d2l/resnet18", IMAGENET_STEM, imagenet_blocks(18), Head(num_classes=10), CONVENTION, in_channels=1
)

NAMING = Naming(
    scopes=(
        NameRule(r"conv1", "0.0", "0.1"),
        NameRule(
            r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/conv(?P<conv>\d)",
            "{block}.{unit-1}.conv{conv}",
            "{block}.{unit-1}.bn{conv}",
        ),
        NameRule(r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/shortcut", "{block}.{unit-1}.conv3"),
        NameRule(r".*logits", "7"),
    ),
    leaves=PYTORCH_LEAVES,
    left_out=PYTORCH_LEFT_OUT,
)

ZOO = Zoo("d2l", "Dive into Deep Learning (PyTorch)", "pytorch", {"resnet18": RESNET18}, NAMING)
