"""transformers' `config.json` of a ResNet, and the architecture that it describes.

Sources: models/resnet/configuration_resnet.py and modeling_resnet.py, transformers 5.23.
"""

from collections.abc import Mapping
from typing import Any

from isomorph.spec import Architecture, BadInput, Block, Stem, StemConvolution, function, zoo
from isomorph.spec.validation import LARGEST
from isomorph.tools.checkpoints.wording import shown

MODEL_TYPE = "resnet"

DEFAULTS: Mapping[str, Any] = {
    "num_channels": 3,
    "embedding_size": 64,
    "hidden_sizes": [256, 512, 1024, 2048],
    "depths": [3, 4, 6, 3],
    "layer_type": "bottleneck",
    "hidden_act": "relu",
    "downsample_in_first_stage": False,
    "downsample_in_bottleneck": False,
    "num_labels": 2,
}
"""What `ResNetConfig` takes for a field that the file leaves out."""

REDUCTION = {"basic": 1, "bottleneck": 4}
"""A layer type -> by how much its 3x3 convolutions are narrower than its result; the types are unit kinds here."""

WIDEST = 1 << 16
"""Channels; of the networks that were published none has more than 2048."""

MOST_UNITS = 1 << 10
"""In a stage; of the networks that were published none has more than 36."""


def read_config(config: Mapping[str, Any]) -> Architecture:
    """Return the architecture of a ResNet's `config.json`.

    Raises BadInput, for a `config.json` that is to be named before it, where a field cannot be, or asks for what no
    network here computes.
    """
    fields = {**DEFAULTS, **config}
    if isinstance(config.get("id2label"), dict):
        fields["num_labels"] = len(config["id2label"])
    kind, activation = fields["layer_type"], fields["hidden_act"]
    if kind not in REDUCTION:
        raise _bad("layer_type", kind, " or ".join(REDUCTION))
    if activation != "relu":
        raise _bad("hidden_act", activation, "relu")
    depths, units = _numbers(fields, "hidden_sizes", WIDEST), _numbers(fields, "depths", MOST_UNITS)
    if len(depths) != len(units):
        raise BadInput(f"its hidden_sizes are {len(depths)} and its depths {len(units)}, as many were expected")
    embedding = _number(fields, "embedding_size", WIDEST)
    strides = (2 if _switch(fields, "downsample_in_first_stage") else 1, *(2 for _ in depths[1:]))
    for before, depth, stride in zip((embedding, *depths), depths, strides, strict=False):
        if before == depth and stride == 2:
            raise BadInput(
                f"it halves the map between two stages of {depth} channels, a number that changes was expected, as no"
                " network here has a projection there"
            )
    blocks = tuple(
        _block(number, kind, *stage) for number, stage in enumerate(zip(depths, units, strides, strict=True), start=1)
    )
    networks = zoo("transformers").networks
    base = networks["resnet-50"]
    stem = Stem((StemConvolution("conv1", embedding, 7, stride=2), *base.stem.layers[1:]))
    known = (network.name for network in networks.values() if (network.stem, network.blocks) == (stem, blocks))
    return Architecture(
        next(known, "transformers/resnet"),
        stem,
        blocks,
        convention=base.convention,
        in_channels=_number(fields, "num_channels", WIDEST),
    ).with_options(
        num_classes=_number(fields, "num_labels", LARGEST),
        bottleneck_stride="conv1" if _switch(fields, "downsample_in_bottleneck") else "conv2",
    )


def write_config(architecture: Architecture) -> dict[str, Any]:
    """Return the `config.json` with which transformers builds the function that `architecture` has at inference.

    Raises BadInput where it builds none such.
    """
    config = {
        "architectures": ["ResNetForImageClassification"],
        "model_type": MODEL_TYPE,
        "num_channels": architecture.in_channels,
        "hidden_act": "relu",
        "downsample_in_bottleneck": architecture.convention.bottleneck_stride == "conv1",
        "num_labels": architecture.head.num_classes,
    }
    first = architecture.stem.layers[0] if architecture.stem.layers else None
    kinds = {block.unit for block in architecture.blocks}
    if isinstance(first, StemConvolution) and len(kinds) == 1 and kinds <= REDUCTION.keys():
        config |= {
            "embedding_size": first.depth,
            "hidden_sizes": [block.args[0][0] for block in architecture.blocks],
            "depths": [len(block.args) for block in architecture.blocks],
            "layer_type": next(iter(kinds)),
            "downsample_in_first_stage": architecture.blocks[0].args[0][2] == 2,
        }
        if _builds(config, architecture):
            return config
    raise BadInput(
        f"{architecture.name} is no network that transformers' ResNet can be; expected the function of one of"
        f" {', '.join(network.name for network in zoo('transformers').networks.values())} with classes, or of one that"
        " differs in widths, depths, and where it strides."
    )


def _builds(config: dict[str, Any], architecture: Architecture) -> bool:
    try:
        return function(read_config(config)) == function(architecture)
    except BadInput:
        return False


def _block(number: int, kind: str, depth: int, units: int, stride: int) -> Block:
    inner = depth // REDUCTION[kind]
    return Block(f"block{number}", kind, ((depth, inner, stride),) + ((depth, inner, 1),) * (units - 1))


def _numbers(config: Mapping[str, Any], field: str, most: int) -> list[int]:
    value = config[field]
    if not isinstance(value, list) or not 1 <= len(value) <= 16:
        raise _bad(field, value, "a list of 1 to 16 numbers")
    return [_number({field: item}, field, most) for item in value]


def _number(config: Mapping[str, Any], field: str, most: int) -> int:
    value = config[field]
    if type(value) is not int or not 1 <= value <= most:
        raise _bad(field, value, f"a number from 1 to {most:,}")
    return value


def _switch(config: Mapping[str, Any], field: str) -> bool:
    if not isinstance(config[field], bool):
        raise _bad(field, config[field], "true or false")
    return bool(config[field])


def _bad(field: str, value: object, expected: str) -> BadInput:
    return BadInput(f"its {field} is {shown(value)}, {expected} was expected")
