"""What is true of a zoo as a whole, typed from its sources a second time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .torchvision import TRANSFORM

TORCH_LEAVES = {
    "weights": "weight",
    "biases": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
KERAS_LEAVES = {leaf: leaf for leaf in ("gamma", "beta", "moving_mean", "moving_variance")} | {
    "weights": "kernel",
    "biases": "bias",
}
PADDLE_LEAVES = TORCH_LEAVES | {"moving_mean": "_mean", "moving_variance": "_variance"}
SLIM_LEAVES = {leaf: leaf for leaf in TORCH_LEAVES}


@dataclass(frozen=True)
class ZooFacts:
    """A zoo.

    framework: whose files its weights come in. constructor: the call that makes a network.
    leaves: canonical leaf -> its own.
    options: (network, its own option, value) -> our fields that this changes, and to what.
    widths: network -> the width multipliers that it has weights of.
    bookkeeping: names of tensors in its files that no network computes with.
    """

    framework: str
    leaves: Mapping[str, str]
    constructor: str = ""
    options: Mapping[tuple[str, str, Any], Mapping[str, Any]] = field(default_factory=dict)
    widths: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    design_of: str | None = None
    unpublished: frozenset[str] = frozenset()
    bookkeeping: tuple[str, ...] = ("conv1.num_batches_tracked",)


def strides(network: str) -> dict[tuple[str, str, Any], dict[str, Any]]:
    """torchvision/models/resnet.py:177-204: each switch, from the last one on, leaves out one halving."""
    return {
        (network, "replace_stride_with_dilation", (False, False, False)): {"output_stride": 32},
        (network, "replace_stride_with_dilation", (False, False, True)): {"output_stride": 16},
        (network, "replace_stride_with_dilation", (False, True, True)): {"output_stride": 8},
        (network, "replace_stride_with_dilation", (True, True, True)): {"output_stride": 4},
    }


# googlenet.py: aux_logits=False builds no auxiliary heads.
AUXILIARY = {("googlenet", "aux_logits", False): {"auxiliary": ()}, ("googlenet", "aux_logits", True): {}}

ZOOS = {
    "torchvision": ZooFacts(
        "pytorch",
        TORCH_LEAVES,
        "torchvision.models.{name}(num_classes={classes})",
        strides("resnet50")
        | AUXILIARY
        | {
            ("googlenet", "transform_input", True): {"input_transform": TRANSFORM},
            ("googlenet", "transform_input", False): {},
        },
        {"mobilenet_v2": (1.0,)},  # mobilenetv2.py, MobileNet_V2_Weights: of no other width
    ),
    "timm": ZooFacts(
        "pytorch",
        TORCH_LEAVES,
        "timm.create_model('{name}', num_classes={classes})",
        design_of="torchvision",
    ),
    "transformers": ZooFacts("pytorch", TORCH_LEAVES, design_of="torchvision"),
    "wsl": ZooFacts("pytorch", TORCH_LEAVES, design_of="torchvision"),
    "tutorial": ZooFacts(
        "pytorch",
        TORCH_LEAVES,
        options=AUXILIARY
        | {
            # Test5_resnet/model.py, include_top: avgpool and fc.
            ("resnet34", "include_top", False): {"num_classes": None, "global_pool": False},
            ("resnet34", "include_top", True): {},
        },
        design_of="torchvision",
    ),
    "cifar": ZooFacts("pytorch", TORCH_LEAVES, unpublished=frozenset({"plain20", "plain56"})),
    "d2l": ZooFacts("pytorch", TORCH_LEAVES),
    "keras": ZooFacts(
        "keras",
        KERAS_LEAVES,
        "keras.applications.{name}(weights=None, classes={classes})",
        widths={
            "MobileNet": (0.25, 0.5, 0.75, 1.0),  # mobilenet.py:166
            "MobileNetV2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),  # mobilenet_v2.py:227
        },
        bookkeeping=(),
    ),
    "keras2": ZooFacts("keras", KERAS_LEAVES, bookkeeping=()),
    "mlperf_tiny": ZooFacts("keras", KERAS_LEAVES, bookkeeping=()),
    "paddle": ZooFacts(
        "paddle",
        PADDLE_LEAVES,
        "paddle.vision.models.{name}(num_classes={classes})",
        AUXILIARY,
        {
            # mobilenetv1.py and mobilenetv2.py, `model_urls`, list 1.0 alone; PaddleClas's README the other widths.
            "mobilenet_v1": (0.25, 0.5, 0.75, 1.0),
            "mobilenet_v2": (0.25, 0.5, 0.75, 1.0),
        },
        design_of="torchvision",
        bookkeeping=("StructuredToParameterName@@",),
    ),
    "slim": ZooFacts(
        "tensorflow",
        SLIM_LEAVES,
        widths={"mobilenet_v1": (0.25, 0.5, 0.75, 1.0)},  # research/slim/nets/mobilenet_v1.md
        bookkeeping=(
            "global_step",  # tf.train.get_or_create_global_step
            "resnet_v1_50/conv1/weights/Momentum",  # tf.train.MomentumOptimizer, its one slot
            "MobilenetV1/Conv2d_0/weights/RMSProp",  # tf.train.RMSPropOptimizer: the mean square
            "MobilenetV1/Conv2d_0/weights/RMSProp_1",  # and the momentum
            "InceptionV1/Conv2d_1a_7x7/weights/ExponentialMovingAverage",  # tf.train.ExponentialMovingAverage
        ),
    ),
}

# How a dense kernel behind a flattened map is laid out: torch.flatten and paddle.flatten go through NCHW, channel by
# channel; keras.layers.Flatten through NHWC, cell by cell. PyTorch's Linear is [out, in], the others' [in, out].
FLATTENED = {
    ("torchvision", "vgg16", "fc6/weights"): "O(IHW)",
    ("torchvision", "googlenet", "aux1/fc1/weights"): "O(IHW)",
    ("torchvision", "googlenet", "aux2/fc1/weights"): "O(IHW)",
    ("tutorial", "googlenet", "aux1/fc1/weights"): "O(IHW)",
    ("tutorial", "googlenet", "aux2/fc1/weights"): "O(IHW)",
    ("paddle", "vgg16", "fc6/weights"): "(IHW)O",
    ("paddle", "LeNet", "fc3/weights"): "(IHW)O",
    ("paddle", "googlenet", "aux1/fc1/weights"): "(IHW)O",
    ("paddle", "googlenet", "aux2/fc1/weights"): "(IHW)O",
    ("keras", "VGG16", "fc6/weights"): "(HWI)O",
}

# The axes of kernels: torch.nn.Conv2d and paddle.nn.Conv2D, [out, in / groups, height, width]; Keras and TensorFlow,
# [height, width, in, out], and of a depthwise one [height, width, channels, 1].
AXES = {
    "pytorch": {"kernel": "OIHW", "depthwise": "OIHW", "logits": "OI"},
    "paddle": {"kernel": "OIHW", "depthwise": "OIHW", "logits": "IO"},
    "keras": {"kernel": "HWIO", "depthwise": "HWOI", "logits": "IO"},
    "tensorflow": {"kernel": "HWIO", "depthwise": "HWOI", "logits": "HWIO"},
}
