"""The networks of a PyTorch lecture series (WZMIAOMIAO/deep-learning-for-image-processing, pytorch_classification).

Its ResNets (Test5_resnet/model.py) are torchvision's; `include_top=False` leaves out the mean over space with the
classifier. Its GoogLeNet (Test4_googlenet/model.py) is the paper's, without batch norm.
"""

from isomorph.spec.architecture import Architecture, AuxiliaryHead, Head
from isomorph.spec.convention import ZEROS, Convention, Initializer
from isomorph.spec.families.googlenet import AUXILIARY_UNITS, STEM, googlenet_blocks
from isomorph.spec.families.residual import imagenet_resnets, imagenet_variants
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.zoo import Zoo, switch
from isomorph.spec.zoos import torchvision

# With the head or without it.
INCLUDE_TOP = switch("include_top", {}, {"num_classes": None, "global_pool": False})

NARROW = Initializer("normal", 1e-4, "one")  # a deviation of 0.01

GOOGLENET = Convention(
    pool_padding="ceil",
    convolution_bias=True,
    batch_norm=False,
    convolution_initializer=torchvision.CONVENTION.convolution_initializer,
    dense_initializer=NARROW,
    logits_initializer=NARROW,
    logits_bias_initializer=ZEROS,
    preprocessing=Preprocessing(fit="stretch").normalised("tf"),  # train.py and predict.py: Resize((224, 224))
)

GOOGLENET_HEADS = tuple(
    AuxiliaryHead(scope, "block4", unit, dropout=(0.5, 0.5)) for scope, unit in AUXILIARY_UNITS.items()
)

VARIANTS = {"resnext50_32x4d": (50, 32, 4), "resnext101_32x8d": (101, 32, 8)}

ZOO = Zoo(
    "tutorial",
    "deep-learning-for-image-processing (PyTorch)",
    "pytorch",
    imagenet_resnets("tutorial", torchvision.CONVENTION, (34, 101))
    | imagenet_variants("tutorial", torchvision.CONVENTION, VARIANTS)
    | {
        "googlenet": Architecture(
            "tutorial/googlenet", STEM, googlenet_blocks(), Head(dropout=0.4), GOOGLENET, auxiliary=GOOGLENET_HEADS
        )
    },
    torchvision.NAMING,
    options={"include_top": INCLUDE_TOP, "aux_logits": torchvision.AUX_LOGITS},
    design_of="torchvision",
)
