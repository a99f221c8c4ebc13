"""The ResNeXts that Mahajan et al. (2018) trained on Instagram (WSL-Images): torchvision's, and wider."""

from isomorph.spec.families.residual import imagenet_variants
from isomorph.spec.zoo import Zoo
from isomorph.spec.zoos import torchvision

VARIANTS = {f"resnext101_32x{width}d": (101, 32, width) for width in (8, 16, 32, 48)}

ZOO = Zoo(
    "wsl",
    "WSL-Images (PyTorch)",
    "pytorch",
    imagenet_variants("wsl", torchvision.CONVENTION, VARIANTS),
    torchvision.NAMING,
    design_of="torchvision",
)
