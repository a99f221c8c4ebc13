"""timm's ResNets (timm/models/resnet.py, 1.0): torchvision's design and names, other fresh weights and photographs."""

from dataclasses import replace

from isomorph.spec.families.residual import imagenet_resnets, imagenet_variants
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.zoo import Zoo
from isomorph.spec.zoos import torchvision

CONVENTION = replace(
    torchvision.CONVENTION,
    last_gamma=0.0,  # `zero_init_last`
    # `_tcfg`: a crop of 0.875 of the shorter side. Some of its weights were trained for another share or size.
    preprocessing=Preprocessing(interpolation="bicubic").normalised("torch"),
)

ZOO = Zoo(
    "timm",
    "timm (PyTorch)",
    "pytorch",
    imagenet_resnets("timm", CONVENTION, (18, 26, 34, 50, 101, 152))
    | imagenet_variants("timm", CONVENTION, {"resnext50_32x4d": (50, 32, 4)}),
    torchvision.NAMING,
    design_of="torchvision",
    constructor="timm.create_model('{name}', num_classes={classes})",
)
