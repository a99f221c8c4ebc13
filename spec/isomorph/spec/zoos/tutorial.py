"""The ResNets of a PyTorch lecture series (WZMIAOMIAO/deep-learning-for-image-processing, Test5_resnet/model.py).

torchvision's design and names; `include_top=False` leaves out the mean over space with the classifier.
"""

from typing import Any

from isomorph.spec.residual import imagenet_resnets, imagenet_variants
from isomorph.spec.zoo import Zoo
from isomorph.spec.zoos import torchvision


def include_top(wanted: bool) -> dict[str, Any]:
    """With the head or without it."""
    return {} if wanted else {"num_classes": None, "global_pool": False}


VARIANTS = {"resnext50_32x4d": (50, 32, 4), "resnext101_32x8d": (101, 32, 8)}

ZOO = Zoo(
    "tutorial",
    "deep-learning-for-image-processing (PyTorch)",
    imagenet_resnets("tutorial", torchvision.CONVENTION, (34, 101))
    | imagenet_variants("tutorial", torchvision.CONVENTION, VARIANTS),
    torchvision.NAMING,
    options={"include_top": include_top},
    design_of="torchvision",
)
