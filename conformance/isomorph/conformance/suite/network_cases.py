"""The networks that the suite runs, for which others, at which sizes, and with which options."""

from collections.abc import Collection, Hashable, Iterable
from typing import Any

import pytest

from isomorph.conformance.drawn_case import Case
from isomorph.conformance.small_networks import KIN, RIGID, narrowed
from isomorph.spec import architecture, architectures, function, zoo

DENSE = {"num_classes": None, "global_pool": False}

# Backend, dtype and device that cannot go together; a backend that loses another one fails.
LACKING = {("paddle", "bfloat16", "cpu"), ("paddle", "float16", "cpu")}


def run_as() -> dict[str, str]:
    """Return every architecture -> the one of the same function that is run for it, of the zoo that designed it."""
    functions = {name: function(architecture(name)) for name in architectures()}
    run: dict[Hashable, str] = {}
    for name in sorted(functions, key=lambda name: zoo(name.partition("/")[0]).design_of is not None):
        run.setdefault(functions[name], name)
    return {name: run[computed] for name, computed in functions.items()}


# Several zoos took over torchvision's design: its ResNet-50 is also timm's.
RUN_AS = run_as()

# Only built.
STRUCTURE_ONLY = {"cifar/resnet1202"}

NARROW = "torchvision/vgg11, its dense layers narrow"
NARROW_BN = "torchvision/vgg11_bn, its dense layers narrow"

# Too wide or too deep to run every time: made of nothing but what one that is run is made of.
ALIKE = {
    "torchvision/resnext101_32x8d": "torchvision/resnext50_32x4d",
    "torchvision/resnext101_64x4d": "torchvision/resnext50_32x4d",
    "torchvision/wide_resnet101_2": "torchvision/wide_resnet50_2",
    "paddle/resnext50_64x4d": "torchvision/resnext50_32x4d",
    "paddle/resnext101_32x4d": "torchvision/resnext50_32x4d",
    "paddle/resnext152_32x4d": "torchvision/resnext50_32x4d",
    "paddle/resnext152_64x4d": "torchvision/resnext50_32x4d",
    "wsl/resnext101_32x16d": "torchvision/resnext50_32x4d",
    "wsl/resnext101_32x32d": "torchvision/resnext50_32x4d",
    "wsl/resnext101_32x48d": "torchvision/resnext50_32x4d",
    "slim/resnet_v2_101": "slim/resnet_v2_50",
    "slim/resnet_v2_152": "slim/resnet_v2_50",
    "slim/resnet_v2_200": "slim/resnet_v2_50",
    "keras/ResNet101V2": "keras/ResNet50V2",
    "keras/ResNet152V2": "keras/ResNet50V2",
    "cifar/plain56": "cifar/plain20",
    "cifar/resnet152": "cifar/resnet101",
    "cifar/wide_resnet16_8": "cifar/wide_resnet40_2",
    "cifar/wide_resnet16_10": "cifar/wide_resnet40_2",
    "cifar/wide_resnet22_8": "cifar/wide_resnet40_2",
    "cifar/wide_resnet22_10": "cifar/wide_resnet40_2",
    "cifar/wide_resnet28_10": "cifar/wide_resnet40_2",
    "cifar/wide_resnet28_12": "cifar/wide_resnet40_2",
    "cifar/wide_resnet40_4": "cifar/wide_resnet40_2",
    "cifar/wide_resnet40_8": "cifar/wide_resnet40_2",
    "torchvision/vgg11": NARROW,
    "torchvision/vgg13": NARROW,
    "torchvision/vgg16": NARROW,
    "torchvision/vgg19": NARROW,
    "torchvision/vgg11_bn": NARROW_BN,
    "torchvision/vgg13_bn": NARROW_BN,
    "torchvision/vgg16_bn": NARROW_BN,
    "torchvision/vgg19_bn": NARROW_BN,
    "keras/VGG16": NARROW,
}
NOT_RUN = STRUCTURE_ONLY | ALIKE.keys()

# Run at one size; of each zoo's, the deepest alone in float32, too.
DEEP = {name for name in RUN_AS.values() if name.endswith(("101", "152", "200", "110"))} - NOT_RUN
DEEPEST = {"slim/resnet_v1_200", "torchvision/resnet152", "keras/ResNet152", "cifar/resnet110"}

# Left to `isomorph conformance run`: what is made of nothing but what a shallower one of the same zoo is made of, but
# for one, and a zoo's own options beside another's.
EXHAUSTIVE = (
    (DEEP - {"cifar/resnet110"})
    | STRUCTURE_ONLY
    | {
        "cifar/resnet32",
        "cifar/resnet44",
        "cifar/resnet56",
        "cifar/resnet34",
        "keras/ResNet50 on odd images",
        "keras/ResNet50 without a head",
        "keras/ResNet50 at output stride 8",
        "keras/ResNet50 at output stride 16",
        "keras/ResNet50V2 on odd images",
        "torchvision/googlenet without a head",
        "torchvision/resnet50 at output stride 8",
        "torchvision/resnet50 without a head",
        "torchvision/vgg11, its dense layers narrow, on odd images",
    }
)

# Run without a head, too: every kind of unit, shortcut and stem.
BODIES = (
    "slim/resnet_v1_50",
    "torchvision/resnet18",
    "torchvision/resnet50",
    "keras/ResNet50",
    "cifar/resnet20",
    "slim/resnet_v2_50",
    "keras/MobileNet",
    "torchvision/mobilenet_v2",
    "torchvision/googlenet",
)

# Run at an odd and not square size, too.
ODD = (
    "slim/resnet_v2_50",
    "keras/ResNet50V2",
    "mlperf_tiny/resnet8",
    "d2l/resnet18",
    "cifar/plain20",
    "keras/MobileNet",
    "keras/MobileNetV2",
    "paddle/mobilenet_v1",
    "slim/mobilenet_v1",
    "torchvision/mobilenet_v2",
    "torchvision/googlenet",
    "slim/inception_v1",
)

# The dense layers of some see so many cells as images about this size leave: even and square, odd and not square.
SIZES = {
    "paddle/LeNet": ((28, 28), (29, 31)),
    "paddle/googlenet": ((192, 192), (191, 207)),
    "tutorial/googlenet": ((224, 224), (223, 225)),
}


def size_of(name: str, odd: bool) -> tuple[int, int]:
    """Return a small size that leaves the last block more than one cell: even and square, or odd and not square."""
    if name.startswith(("cifar/", "mlperf_tiny/")):
        return (27, 35) if odd else (32, 32)
    if name in SIZES:
        return SIZES[name][odd]
    if name in DEEP:
        return (33, 49)
    return (49, 65) if odd else (64, 64)


def named(name: str, odd: bool, **options: Any) -> Case:
    """Return the case of an architecture with options, at its size."""
    return Case(architecture(name, **options), *size_of(name, odd))


CASES = (
    {name: named(name, odd=name in DEEP) for name, run in RUN_AS.items() if name == run and name not in NOT_RUN}
    | {f"{name} on odd images": named(name, odd=True) for name in ODD}
    | {f"{name} without a head": named(name, odd=True, **DENSE) for name in BODIES}
    | {
        "slim/resnet_v1_50 at output stride 8": named("slim/resnet_v1_50", True, output_stride=8, global_pool=False),
        "slim/resnet_v1_50 at output stride 16": named("slim/resnet_v1_50", False, output_stride=16, **DENSE),
        "torchvision/resnet50 at output stride 8": named("torchvision/resnet50", True, output_stride=8),
        "torchvision/resnet18 at output stride 16": named("torchvision/resnet18", True, output_stride=16, **DENSE),
        "keras/ResNet50 on odd images": named("keras/ResNet50", True),
        "keras/ResNet50 with dense logits": Case(architecture("keras/ResNet50", global_pool=False), 64, 97),
        "keras/ResNet50 at output stride 8": named("keras/ResNet50", True, output_stride=8),
        "keras/ResNet50 at output stride 16": named("keras/ResNet50", False, output_stride=16, **DENSE),
        "paddle/resnet18 with dense logits": named("paddle/resnet18", True, global_pool=False, num_classes=7),
        "paddle/resnet34 without classes": named("paddle/resnet34", True, num_classes=None),
        "slim/resnet_v2_50 at output stride 8": named("slim/resnet_v2_50", True, output_stride=8, global_pool=False),
        "torchvision/mobilenet_v2 at output stride 16": named("torchvision/mobilenet_v2", True, output_stride=16),
        "keras/MobileNet at output stride 8": named("keras/MobileNet", True, output_stride=8),
        "keras/MobileNet of a quarter of the width": named("keras/MobileNet", True, alpha=0.25),
        "keras/MobileNetV2 of 1.4 times the width": named("keras/MobileNetV2", False, alpha=1.4),
        "cifar/resnet20 at output stride 1": named("cifar/resnet20", True, output_stride=1),
        "torchvision/resnet18 on grey images": named("torchvision/resnet18", True, in_channels=1, num_classes=99),
        "slim/resnet_v1_50 without its root block": Case(
            architecture("slim/resnet_v1_50", include_root_block=False, num_classes=99), 16, 21
        ),
        "slim's small network, TensorFlow's SAME throughout": Case(
            KIN["slim's bottlenecks"].with_options(convolution_padding="same"), 64, 97
        ),
        "slim's small network, biased": Case(KIN["slim's bottlenecks"].with_options(convolution_bias=True), 49, 65),
    }
    | {f"small: {name}": Case(network, 49, 64) for name, network in (KIN | RIGID).items()}
    | {
        NARROW: Case(narrowed(architecture("torchvision/vgg11")), 64, 64),
        f"{NARROW}, on odd images": Case(narrowed(architecture("torchvision/vgg11")), 49, 65),
        NARROW_BN: Case(narrowed(architecture("torchvision/vgg11_bn")), 49, 65),
        "paddle/LeNet on odd images": named("paddle/LeNet", True),
        "torchvision/googlenet with its transform": named("torchvision/googlenet", True, transform_input=True),
    }
)


# Those that `make test` runs: every small network, and of the others the cheapest that have a kind of layer, in a kind
# of unit, which no other one here has. A test holds the list to that rule.
REPRESENTATIVES = {name for name in CASES if name.startswith("small: ")} | {
    "paddle/LeNet",
    "mlperf_tiny/resnet8 on odd images",
    "slim's small network, biased",
    "slim's small network, TensorFlow's SAME throughout",
    "keras/MobileNetV2",
    "paddle/mobilenet_v1",
    "slim/mobilenet_v1",
    "torchvision/mobilenet_v2 at output stride 16",
    "torchvision/googlenet with its transform",
    "slim/inception_v1",
    "d2l/resnet18",
    "keras/MobileNet at output stride 8",
    "timm/resnet26",
    "cifar/resnet20 at output stride 1",
    "cifar/wide_resnet40_1",
    "keras/ResNet50",
    "torchvision/resnext50_32x4d",
    NARROW_BN,
    "paddle/googlenet",
    "tutorial/googlenet",
    "slim/resnet_v1_50 at output stride 8",
    "slim/resnet_v2_50 at output stride 8",
}

# A zoo's network with options, whose place in a map float64 shows as well: not run in float32 every time.
WITH_OPTIONS = {name for name in CASES if name not in RUN_AS and not name.startswith("small: ")}


def some(names: Iterable[str], exhaustive: Collection[str] = EXHAUSTIVE) -> list[Any]:
    """Return the names as parameters of a test, marked by who runs them."""

    def marks(name: str) -> tuple[pytest.MarkDecorator, ...]:
        if name in exhaustive:
            return (pytest.mark.exhaustive,)
        return () if name in REPRESENTATIVES else (pytest.mark.thorough,)

    return [pytest.param(name, marks=marks(name)) for name in names]
