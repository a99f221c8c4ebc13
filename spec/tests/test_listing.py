"""What `isomorph list` shows: every zoo by its name, and its networks from the plainest and shallowest on."""

import pytest

from isomorph.spec import architectures, zoos

NETWORKS = {
    "cifar": """
        resnet20 resnet32 resnet44 resnet56 resnet110 resnet1202 plain20 plain56
        resnet18 resnet34 resnet50 resnet101 resnet152
        wide_resnet16_8 wide_resnet16_10 wide_resnet22_8 wide_resnet22_10 wide_resnet28_10 wide_resnet28_12
        wide_resnet40_1 wide_resnet40_2 wide_resnet40_4 wide_resnet40_8
    """,
    "d2l": "resnet18",
    "keras": "ResNet50 ResNet101 ResNet152 ResNet50V2 ResNet101V2 ResNet152V2 MobileNet MobileNetV2 VGG16",
    "keras2": "ResNet50",
    "mlperf_tiny": "resnet8",
    "paddle": """
        resnet18 resnet34 resnet50 resnet101 resnet152
        resnext50_32x4d resnext50_64x4d resnext101_32x4d resnext101_64x4d resnext152_32x4d resnext152_64x4d
        wide_resnet50_2 wide_resnet101_2 mobilenet_v1 mobilenet_v2 vgg16 LeNet googlenet
    """,
    "slim": """
        resnet_v1_50 resnet_v1_101 resnet_v1_152 resnet_v1_200 resnet_v2_50 resnet_v2_101 resnet_v2_152 resnet_v2_200
        inception_v1 mobilenet_v1
    """,
    "timm": "resnet18 resnet26 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d",
    "torchvision": """
        resnet18 resnet34 resnet50 resnet101 resnet152 resnext50_32x4d resnext101_32x8d resnext101_64x4d
        wide_resnet50_2 wide_resnet101_2 mobilenet_v2
        vgg11 vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn googlenet
    """,
    "transformers": "resnet-18 resnet-26 resnet-34 resnet-50 resnet-101 resnet-152",
    "tutorial": "resnet34 resnet101 resnext50_32x4d resnext101_32x8d googlenet",
    "wsl": "resnext101_32x8d resnext101_32x16d resnext101_32x32d resnext101_32x48d",
}


def test_zoos_stand_in_the_order_of_the_alphabet() -> None:
    assert list(zoos()) == list(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_zoos_networks_stand_in_its_own_order(name: str) -> None:
    assert [network for network in architectures() if network.startswith(f"{name}/")] == [
        f"{name}/{network}" for network in NETWORKS[name].split()
    ]
