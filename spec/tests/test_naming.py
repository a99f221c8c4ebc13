"""Zoos' names and axes, both ways."""

from typing import Any

import numpy as np
import pytest

from isomorph.spec import BadInput, architecture, architectures, tensor_shapes, zoo, zoos
from isomorph.spec.naming import KernelAxes

UNIT = "block2/unit_1/bottleneck_v1"

# zoo, canonical name, the zoo's name, the zoo's shape: as the zoos' own checkpoints have them
NAMES = [
    ("slim/resnet_v1_50", "conv1/weights", "resnet_v1_50/conv1/weights", (7, 7, 3, 64)),
    (
        "slim/resnet_v1_101",
        f"{UNIT}/conv2/BatchNorm/moving_variance",
        f"resnet_v1_101/{UNIT}/conv2/BatchNorm/moving_variance",
        (128,),
    ),
    ("slim/resnet_v1_50", "logits/weights", "resnet_v1_50/logits/weights", (1, 1, 2048, 1000)),
    ("torchvision/resnet50", "conv1/weights", "conv1.weight", (64, 3, 7, 7)),
    ("torchvision/resnet50", "conv1/BatchNorm/gamma", "bn1.weight", (64,)),
    ("torchvision/resnet50", f"{UNIT}/shortcut/weights", "layer2.0.downsample.0.weight", (512, 256, 1, 1)),
    ("torchvision/resnet50", f"{UNIT}/shortcut/BatchNorm/beta", "layer2.0.downsample.1.bias", (512,)),
    ("torchvision/resnet50", f"{UNIT}/conv3/BatchNorm/moving_mean", "layer2.0.bn3.running_mean", (512,)),
    (
        "torchvision/resnet101",
        "block3/unit_23/bottleneck_v1/conv2/BatchNorm/moving_variance",
        "layer3.22.bn2.running_var",
        (256,),
    ),
    ("torchvision/resnet50", "logits/weights", "fc.weight", (1000, 2048)),
    ("torchvision/resnet50", "logits/biases", "fc.bias", (1000,)),
    ("paddle/resnet18", "block2/unit_1/basic_v1/conv1/weights", "layer2.0.conv1.weight", (128, 64, 3, 3)),
    ("paddle/resnet18", "block2/unit_1/basic_v1/conv1/BatchNorm/moving_mean", "layer2.0.bn1._mean", (128,)),
    (
        "paddle/resnet18",
        "block2/unit_1/basic_v1/shortcut/BatchNorm/moving_variance",
        "layer2.0.downsample.1._variance",
        (128,),
    ),
    ("paddle/resnet50", "logits/weights", "fc.weight", (2048, 1000)),
    ("keras/ResNet50", "conv1/weights", "conv1_conv/kernel", (7, 7, 3, 64)),
    ("keras/ResNet50", "conv1/biases", "conv1_conv/bias", (64,)),
    ("keras/ResNet50", "conv1/BatchNorm/moving_variance", "conv1_bn/moving_variance", (64,)),
    (
        "keras/ResNet50",
        "block1/unit_1/bottleneck_v1/shortcut/weights",
        "conv2_block1_0_conv/kernel",
        (1, 1, 64, 256),
    ),
    ("keras/ResNet50", f"{UNIT}/shortcut/BatchNorm/gamma", "conv3_block1_0_bn/gamma", (512,)),
    ("keras/ResNet50", f"{UNIT}/conv2/biases", "conv3_block1_2_conv/bias", (128,)),
    (
        "keras/ResNet101",
        "block3/unit_23/bottleneck_v1/conv3/BatchNorm/moving_mean",
        "conv4_block23_3_bn/moving_mean",
        (1024,),
    ),
    ("keras/ResNet152", "block4/unit_3/bottleneck_v1/conv2/weights", "conv5_block3_2_conv/kernel", (3, 3, 512, 512)),
    ("keras/ResNet50", "logits/weights", "predictions/kernel", (2048, 1000)),
    ("keras2/ResNet50", "conv1/BatchNorm/moving_variance", "bn_conv1/moving_variance", (64,)),
    ("keras2/ResNet50", f"{UNIT}/shortcut/BatchNorm/gamma", "bn3a_branch1/gamma", (512,)),
    ("keras2/ResNet50", "block3/unit_6/bottleneck_v1/conv3/biases", "res4f_branch2c/bias", (1024,)),
    ("keras2/ResNet50", "logits/weights", "fc1000/kernel", (2048, 1000)),
    ("keras/ResNet50", "logits/biases", "predictions/bias", (1000,)),
    ("timm/resnet26", f"{UNIT}/shortcut/weights", "layer2.0.downsample.0.weight", (512, 256, 1, 1)),
    ("timm/resnet26", "block4/unit_2/bottleneck_v1/conv3/BatchNorm/gamma", "layer4.1.bn3.weight", (2048,)),
    ("timm/resnet18", "logits/weights", "fc.weight", (1000, 512)),
    ("transformers/resnet-50", "conv1/weights", "resnet.embedder.embedder.convolution.weight", (64, 3, 7, 7)),
    (
        "transformers/resnet-50",
        "conv1/BatchNorm/moving_mean",
        "resnet.embedder.embedder.normalization.running_mean",
        (64,),
    ),
    (
        "transformers/resnet-50",
        "block1/unit_1/bottleneck_v1/shortcut/weights",
        "resnet.encoder.stages.0.layers.0.shortcut.convolution.weight",
        (256, 64, 1, 1),
    ),
    (
        "transformers/resnet-50",
        f"{UNIT}/shortcut/BatchNorm/beta",
        "resnet.encoder.stages.1.layers.0.shortcut.normalization.bias",
        (512,),
    ),
    (
        "transformers/resnet-50",
        f"{UNIT}/conv3/weights",
        "resnet.encoder.stages.1.layers.0.layer.2.convolution.weight",
        (512, 128, 1, 1),
    ),
    (
        "transformers/resnet-18",
        "block4/unit_2/basic_v1/conv2/BatchNorm/moving_variance",
        "resnet.encoder.stages.3.layers.1.layer.1.normalization.running_var",
        (512,),
    ),
    ("transformers/resnet-50", "logits/weights", "classifier.1.weight", (1000, 2048)),
    ("transformers/resnet-50", "logits/biases", "classifier.1.bias", (1000,)),
    ("torchvision/vgg11", "block1/weights", "features.0.weight", (64, 3, 3, 3)),
    ("torchvision/vgg11", "block5/block5_2/biases", "features.18.bias", (512,)),
    ("torchvision/vgg16_bn", "block5/block5_3/weights", "features.40.weight", (512, 512, 3, 3)),
    ("torchvision/vgg16_bn", "block5/block5_3/BatchNorm/beta", "features.41.bias", (512,)),
    ("torchvision/vgg19", "fc6/weights", "classifier.0.weight", (4096, 25088)),
    ("torchvision/vgg19", "fc7/biases", "classifier.3.bias", (4096,)),
    ("torchvision/vgg19", "logits/weights", "classifier.6.weight", (1000, 4096)),
    ("paddle/vgg16", "block5/block5_3/weights", "features.28.weight", (512, 512, 3, 3)),
    ("paddle/vgg16", "fc6/weights", "classifier.0.weight", (25088, 4096)),
    ("keras/VGG16", "block3/block3_2/weights", "block3_conv2/kernel", (3, 3, 256, 256)),
    ("keras/VGG16", "fc6/weights", "fc1/kernel", (25088, 4096)),
    ("keras/VGG16", "logits/weights", "predictions/kernel", (4096, 1000)),
    ("paddle/LeNet", "block2/weights", "features.3.weight", (16, 6, 5, 5)),
    ("paddle/LeNet", "fc3/weights", "fc.0.weight", (400, 120)),
    ("paddle/LeNet", "logits/weights", "fc.2.weight", (84, 10)),
    (
        "slim/inception_v1",
        "block5/unit_2/inception/branch3/weights",
        "InceptionV1/Mixed_5c/Branch_2/Conv2d_0b_3x3/weights",
        (3, 3, 48, 128),
    ),
    (
        "slim/inception_v1",
        "block5/unit_1/inception/branch3/BatchNorm/beta",
        "InceptionV1/Mixed_5b/Branch_2/Conv2d_0a_3x3/BatchNorm/beta",
        (128,),
    ),
    ("slim/inception_v1", "logits/weights", "InceptionV1/Logits/Conv2d_0c_1x1/weights", (1, 1, 1024, 1001)),
    ("paddle/googlenet", "block4/unit_5/inception/branch4/weights", "_ince4e._convprj._conv.weight", (128, 528, 1, 1)),
    ("paddle/googlenet", "aux2/fc1/weights", "_fc_o2.weight", (1152, 1024)),
    ("paddle/googlenet", "logits/weights", "_fc_out.weight", (1024, 1000)),
    ("torchvision/googlenet", "aux1/fc1/weights", "aux1.fc1.weight", (1024, 2048)),
    ("torchvision/googlenet", "Conv2d_2c_3x3/BatchNorm/gamma", "conv3.bn.weight", (192,)),
    ("cifar/resnet20", "block3/unit_3/basic_v1/conv2/weights", "layer3.2.conv2.weight", (64, 64, 3, 3)),
    ("cifar/resnet20", "conv1/BatchNorm/moving_variance", "bn1.running_var", (16,)),
    ("cifar/resnet20", "logits/weights", "linear.weight", (10, 64)),
]


@pytest.mark.parametrize(("name", "canonical", "theirs", "shape"), NAMES, ids=[f"{row[0]}: {row[2]}" for row in NAMES])
def test_a_tensor_has_the_zoos_name_and_shape(name: str, canonical: str, theirs: str, shape: tuple[int, ...]) -> None:
    tensor = zoo(name.partition("/")[0]).naming.tensors(architecture(name))[canonical]
    assert (tensor.name, tensor.shape) == (theirs, shape)


@pytest.mark.parametrize("name", architectures())
def test_every_tensor_has_one_name_that_no_other_has(name: str) -> None:
    renamed = zoo(name.partition("/")[0]).naming.tensors(architecture(name))
    assert list(renamed) == list(tensor_shapes(architecture(name)))
    assert len({tensor.name for tensor in renamed.values()}) == len(renamed)


# What flattened a map by channels or by cells, and what a dense kernel behind it then is: NumPy's own reshape.
@pytest.mark.parametrize(
    ("axes", "flattened"),
    [("O(IHW)", lambda image: image.transpose(2, 0, 1)), ("(HWI)O", lambda image: image), ("(IHW)O", None)],
    ids=["O(IHW), PyTorch", "(HWI)O, Keras", "(IHW)O, Paddle"],
)
def test_a_dense_kernel_behind_a_flattened_map_is_the_convolution_over_it(axes: str, flattened: Any) -> None:
    flattened = flattened or (lambda image: image.transpose(2, 0, 1))
    rng = np.random.default_rng(0)
    image, kernel = rng.integers(9, size=(2, 3, 4)), rng.integers(9, size=(2, 3, 4, 5))
    dense = KernelAxes(axes).from_canonical(kernel)
    assert dense.shape == KernelAxes(axes).shape(kernel.shape) == ((5, 24) if axes.startswith("O") else (24, 5))
    answer = flattened(image).reshape(-1) @ (dense.T if axes.startswith("O") else dense)
    np.testing.assert_array_equal(answer, np.einsum("hwi,hwio->o", image, kernel))
    np.testing.assert_array_equal(KernelAxes(axes).to_canonical(dense, kernel.shape), kernel)


@pytest.mark.parametrize("axes", ["HWIO", "OIHW", "OHWI", "OI", "IO"])
def test_a_kernel_survives_the_way_there_and_back(axes: str) -> None:
    kernel_axes = KernelAxes(axes)
    shape = (2, 3, 4, 5) if len(axes) == 4 else (1, 1, 4, 5)
    canonical = np.arange(np.prod(shape)).reshape(shape)
    theirs = kernel_axes.from_canonical(canonical)
    assert theirs.shape == kernel_axes.shape(shape)
    assert sorted(theirs.ravel()) == sorted(canonical.ravel())
    np.testing.assert_array_equal(kernel_axes.to_canonical(theirs, shape), canonical)
    # and each letter's axis is where the letters say: moved by one along it, the value moves by its canonical stride
    strides = dict(zip("HWIO", np.cumprod((1, *shape[:0:-1]))[::-1], strict=True))
    origin = (0,) * theirs.ndim
    for position, axis in enumerate(axes):
        step = tuple(int(here == position) for here in range(theirs.ndim))
        if theirs.shape[position] > 1:
            assert theirs[step] - theirs[origin] == strides[axis], axis


@pytest.mark.parametrize(
    ("axes", "shape"), [("OIHW", (6, 5, 3, 3)), ("OI", (6, 5)), ("IO", (5, 6))], ids=["OIHW", "dense OI", "dense IO"]
)
def test_a_zoos_kernel_survives_the_way_there_and_back(axes: str, shape: tuple[int, ...]) -> None:
    theirs = np.arange(np.prod(shape)).reshape(shape)
    canonical = (3, 3, 5, 6) if len(axes) == 4 else (1, 1, 5, 6)
    there = KernelAxes(axes).to_canonical(theirs, canonical)
    assert there.shape == canonical
    np.testing.assert_array_equal(KernelAxes(axes).from_canonical(there), theirs)


# One network of each zoo.
ONE_OF_EACH = [
    "slim/resnet_v1_50",
    "torchvision/resnet18",
    "paddle/resnet18",
    "keras/ResNet50",
    "keras2/ResNet50",
    "timm/resnet18",
    "transformers/resnet-18",
    "cifar/resnet20",
    "wsl/resnext101_32x8d",
    "d2l/resnet18",
    "mlperf_tiny/resnet8",
    "tutorial/resnet34",
]


def test_every_zoo_has_a_network_here() -> None:
    assert {name.partition("/")[0] for name in ONE_OF_EACH} == zoos().keys()


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_all_tensors_of_a_zoo_survive_the_way_there_and_back(name: str) -> None:
    network = architecture(name, num_classes=3)
    shapes = tensor_shapes(network)
    rng = np.random.default_rng(0)
    for canonical, tensor in zoo(name.partition("/")[0]).naming.tensors(network).items():
        value = rng.integers(100, size=shapes[canonical])
        theirs = tensor.from_canonical(value)
        assert theirs.shape == tensor.shape, canonical
        np.testing.assert_array_equal(tensor.to_canonical(theirs), value, err_msg=canonical)


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("torchvision", "layer4.1.bn2.num_batches_tracked"),
        ("timm", "bn1.num_batches_tracked"),
        ("transformers", "resnet.embedder.embedder.normalization.num_batches_tracked"),
        ("cifar", "bn1.num_batches_tracked"),
        ("slim", "global_step"),
        ("slim", "resnet_v1_50/conv1/weights/Momentum"),
        ("paddle", "StructuredToParameterName@@"),
    ],
)
def test_bookkeeping_is_left_out(name: str, left_out: str) -> None:
    assert not zoo(name).naming.carries(left_out)


# Names that zoos' tensors have, and such as none has: leaves of the other kind of layer, a beginning, an end, both.
@pytest.mark.parametrize(
    ("name", "tensor", "known"),
    [
        ("torchvision", "layer4.1.conv2.weight", True),
        ("torchvision", "bn1.running_var", True),
        ("torchvision", "conv1.running_var", False),
        ("torchvision", "layer4.1.bn2.kernel", False),
        ("torchvision", "conv1.conv1.weight", False),
        ("keras", "conv1_conv/kernel", True),
        ("keras", "conv1_conv/gamma", False),
        ("keras", "conv1_bn/gamma", True),
        ("keras", "conv1_bn/kernel", False),
        ("keras", "unit_conv/kernel", False),
        ("slim", "MobilenetV1/Conv2d_1_depthwise/depthwise_weights", True),
        ("slim", "MobilenetV1/Conv2d_1_depthwise/depthwise_kernel", False),
    ],
)
def test_names_are_told_without_a_plan(name: str, tensor: str, known: bool) -> None:
    assert zoo(name).naming.knows(tensor) == known


@pytest.mark.parametrize("name", architectures())
def test_nothing_that_a_network_computes_with_is_left_out(name: str) -> None:
    naming = zoo(name.partition("/")[0]).naming
    assert [
        tensor.name for tensor in naming.tensors(architecture(name)).values() if not naming.carries(tensor.name)
    ] == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param(
            "mlperf_tiny", "^There is no name for block1/unit_1/bottleneck_v1/shortcut among these; ", id="none"
        ),
        pytest.param("d2l", "^These names are of another kind of network: two tensors of ", id="one for two"),
    ],
)
def test_a_zoo_is_refused_that_has_for_some_tensors(name: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        zoo(name).naming.tensors(architecture("torchvision/resnet50"))
