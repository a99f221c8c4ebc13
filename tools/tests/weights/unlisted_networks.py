"""Shapes of networks that no zoo lists, in the order and under the names of PyTorch's modules."""

from collections.abc import Sequence

Shapes = dict[str, tuple[int, ...]]


def convolution(name: str, depth_in: int, depth: int, kernel: int, bias: bool = False) -> Shapes:
    return {f"{name}.weight": (depth, depth_in, kernel, kernel)} | ({f"{name}.bias": (depth,)} if bias else {})


def norm(name: str, depth: int) -> Shapes:
    leaves = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{leaf}": (depth,) for leaf in leaves} | {f"{name}.num_batches_tracked": ()}


def dense(name: str, depth_in: int, depth: int) -> Shapes:
    return {f"{name}.weight": (depth, depth_in), f"{name}.bias": (depth,)}


def resnet(
    units: Sequence[int],
    bottleneck: bool,
    *,
    widths: Sequence[int] = (64, 128, 256, 512),
    stem: int = 7,
    classes: int = 10,
    squeeze: str = "",
    shortcut: str = "downsample",
    always_projects: bool = False,
    groups: int = 1,
    group_width: int = 0,
) -> Shapes:
    """A ResNet. stem: the side of its first window; 0 has ResNet-D's three 3x3.

    squeeze: "dense" or "convolution", the layers of a squeeze-and-excitation behind each unit.
    groups, group_width: of the 3x3 of bottlenecks; in the first block, as ResNeXt counts.
    """
    shapes: Shapes = {}
    depth = widths[0]
    if stem:
        shapes |= convolution("conv1", 3, depth, stem)
    else:
        shapes |= convolution("conv1.0", 3, depth // 2, 3) | norm("conv1.1", depth // 2)
        shapes |= convolution("conv1.3", depth // 2, depth // 2, 3) | norm("conv1.4", depth // 2)
        shapes |= convolution("conv1.6", depth // 2, depth, 3)
    shapes |= norm("bn1", depth)
    for block, (number, width) in enumerate(zip(units, widths, strict=True), start=1):
        inner = width * groups * group_width // widths[0] if group_width else width
        result = 4 * width if bottleneck else width
        for unit in range(number):
            scope = f"layer{block}.{unit}"
            if bottleneck:
                kernels = [(depth, inner, 1), (inner // groups, inner, 3), (inner, result, 1)]
            else:
                kernels = [(depth, width, 3), (width, width, 3)]
            for place, (seen, deep, side) in enumerate(kernels, start=1):
                shapes |= convolution(f"{scope}.conv{place}", seen, deep, side) | norm(f"{scope}.bn{place}", deep)
            if squeeze == "dense":
                shapes |= dense(f"{scope}.se.fc.0", result, result // 16) | dense(
                    f"{scope}.se.fc.2", result // 16, result
                )
            if squeeze == "convolution":
                shapes |= convolution(f"{scope}.se.fc1", result, result // 16, 1, bias=True)
                shapes |= convolution(f"{scope}.se.fc2", result // 16, result, 1, bias=True)
            if unit == 0 and (depth != result or always_projects):
                shapes |= convolution(f"{scope}.{shortcut}.0", depth, result, 1) | norm(f"{scope}.{shortcut}.1", result)
            depth = result
    return shapes | dense("fc", depth, classes)


def preactivated(units: Sequence[int], *, last_norm: bool = True) -> Shapes:
    """Pre-activated bottlenecks without biases, as kuangliu/pytorch-cifar names them; last_norm: one behind all."""
    shapes, depth = convolution("conv1", 3, 64, 3), 64
    for block, number in enumerate(units, start=1):
        width = 32 * 2**block
        for unit in range(number):
            scope = f"layer{block}.{unit}"
            shapes |= norm(f"{scope}.bn1", depth) | convolution(f"{scope}.conv1", depth, width, 1)
            shapes |= norm(f"{scope}.bn2", width) | convolution(f"{scope}.conv2", width, width, 3)
            shapes |= norm(f"{scope}.bn3", width) | convolution(f"{scope}.conv3", width, 4 * width, 1)
            if unit == 0:
                shapes |= convolution(f"{scope}.shortcut.0", depth, 4 * width, 1)
            depth = 4 * width
    return shapes | (norm("bn", depth) if last_norm else {}) | dense("linear", depth, 10)


def wide_resnet(depth: int, width: int) -> Shapes:
    """A wide ResNet, as xternalz/WideResNet-pytorch names it."""
    shapes, deep = convolution("conv1", 3, 16, 3), 16
    for block in (1, 2, 3):
        result = 8 * 2**block * width
        for unit in range((depth - 4) // 6):
            scope = f"block{block}.layer.{unit}"
            shapes |= norm(f"{scope}.bn1", deep) | convolution(f"{scope}.conv1", deep, result, 3)
            shapes |= norm(f"{scope}.bn2", result) | convolution(f"{scope}.conv2", result, result, 3)
            if deep != result:
                shapes |= convolution(f"{scope}.convShortcut", deep, result, 1)
            deep = result
    return shapes | norm("bn1", deep) | dense("fc", deep, 10)


def regnet_x(widths: Sequence[int], units: Sequence[int], group_width: int) -> Shapes:
    """A RegNetX of torchvision's, whose first block projects from 32 channels whatever its own are."""
    shapes, depth = convolution("stem.0", 3, 32, 3) | norm("stem.1", 32), 32
    for block, (width, number) in enumerate(zip(widths, units, strict=True), start=1):
        for unit in range(number):
            scope = f"trunk_output.block{block}.block{block}-{unit}"
            if unit == 0:
                shapes |= convolution(f"{scope}.proj.0", depth, width, 1) | norm(f"{scope}.proj.1", width)
            shapes |= convolution(f"{scope}.f.a.0", depth, width, 1) | norm(f"{scope}.f.a.1", width)
            shapes |= convolution(f"{scope}.f.b.0", group_width, width, 3) | norm(f"{scope}.f.b.1", width)
            shapes |= convolution(f"{scope}.f.c.0", width, width, 1) | norm(f"{scope}.f.c.1", width)
            depth = width
    return shapes | dense("fc", depth, 1000)


def u_net() -> Shapes:
    shapes: Shapes = {}
    depth = 3
    for place, deep in enumerate((64, 128, 256, 512, 1024)):
        shapes |= _two(f"down{place}", depth, deep)
        depth = deep
    for place, deep in enumerate((512, 256, 128, 64)):
        shapes |= {f"up{place}.up.weight": (depth, deep, 2, 2), f"up{place}.up.bias": (deep,)}
        shapes |= _two(f"up{place}", depth, deep)
        depth = deep
    return shapes | convolution("outc", 64, 2, 1, bias=True)


def _two(scope: str, depth_in: int, depth: int) -> Shapes:
    shapes = convolution(f"{scope}.conv1", depth_in, depth, 3) | norm(f"{scope}.bn1", depth)
    return shapes | convolution(f"{scope}.conv2", depth, depth, 3) | norm(f"{scope}.bn2", depth)


def dense_net() -> Shapes:
    shapes = convolution("features.conv0", 3, 64, 7) | norm("features.norm0", 64)
    depth = 64
    for layer in range(1, 7):
        scope = f"features.denseblock1.denselayer{layer}"
        shapes |= norm(f"{scope}.norm1", depth) | convolution(f"{scope}.conv1", depth, 128, 1)
        shapes |= norm(f"{scope}.norm2", 128) | convolution(f"{scope}.conv2", 128, 32, 3)
        depth += 32
    return shapes | dense("classifier", depth, 1000)


def vision_transformer() -> Shapes:
    shapes: Shapes = {"class_token": (1, 1, 768)} | convolution("conv_proj", 3, 768, 16, bias=True)
    for layer in range(12):
        shapes |= {f"encoder.{layer}.ln_1.{leaf}": (768,) for leaf in ("weight", "bias")}
        shapes |= dense(f"encoder.{layer}.mlp.0", 768, 3072) | dense(f"encoder.{layer}.mlp.3", 3072, 768)
    return shapes | dense("heads.head", 768, 1000)
