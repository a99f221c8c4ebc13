"""The ResNets of transformers (models/resnet/modeling_resnet.py, 5.23): torchvision's design under names of its own."""

from dataclasses import replace

from isomorph.spec.families.residual import PYTORCH_LEAVES, PYTORCH_LEFT_OUT, imagenet_resnets
from isomorph.spec.naming import NameRule, Naming
from isomorph.spec.preprocessing import Preprocessing
from isomorph.spec.zoo import Zoo
from isomorph.spec.zoos import torchvision

# image_processing_convnext.py, which its checkpoints name: below 384 pixels the shorter side is 224 / 0.875.
# image_transforms.py, `center_crop`: halved by integer division.
CONVENTION = replace(
    torchvision.CONVENTION,
    preprocessing=Preprocessing(interpolation="bicubic", crop_offset="floor").normalised("torch"),
)

STEM = "resnet.embedder.embedder"
LAYER = "resnet.encoder.stages.{block-1}.layers.{unit-1}"

NAMING = Naming(
    scopes=(
        NameRule(r"conv1", f"{STEM}.convolution", f"{STEM}.normalization"),
        NameRule(
            r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/conv(?P<conv>\d)",
            f"{LAYER}.layer.{{conv-1}}.convolution",
            f"{LAYER}.layer.{{conv-1}}.normalization",
        ),
        NameRule(
            r"block(?P<block>\d+)/unit_(?P<unit>\d+)/\w+/shortcut",
            f"{LAYER}.shortcut.convolution",
            f"{LAYER}.shortcut.normalization",
        ),
        NameRule(r".*logits", "classifier.1"),
    ),
    leaves=PYTORCH_LEAVES,
    left_out=PYTORCH_LEFT_OUT,
)

ZOO = Zoo(
    "transformers",
    "Hugging Face transformers (PyTorch)",
    "pytorch",
    imagenet_resnets("transformers", CONVENTION, (18, 26, 34, 50, 101, 152), "resnet-{depth}"),
    NAMING,
    design_of="torchvision",
)
