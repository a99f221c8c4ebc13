"""timm's `config.json`, beside weights on the Hugging Face hub, and the network that it describes.

Sources: models/_hub.py (`save_config_for_hf`, `_parse_model_cfg`), data/config.py (`resolve_data_config`), data/
transforms_factory.py (`transforms_imagenet_eval`) and models/resnet.py, timm 1.0.31.
"""

from collections.abc import Mapping
from typing import Any

from isomorph.spec import Architecture, BadInput, Preprocessing, architecture, architectures
from isomorph.spec.preprocessing import centre_crop
from isomorph.spec.validation import check_fields
from isomorph.tools.checkpoints.wording import shown

# ResNets of timm's that are here as the zoo's whose weights they came with; timm calls their tensors as that one does.
OF_OTHER_ZOOS = {
    "resnext101_32x8d": "torchvision/resnext101_32x8d",
    "resnext101_64x4d": "torchvision/resnext101_64x4d",
    "wide_resnet50_2": "torchvision/wide_resnet50_2",
    "wide_resnet101_2": "torchvision/wide_resnet101_2",
    "resnext101_32x16d": "wsl/resnext101_32x16d",
    "resnext101_32x32d": "wsl/resnext101_32x32d",
}

DEFAULTS: Mapping[str, Any] = {
    "input_size": [3, 224, 224],
    "interpolation": "bicubic",
    "crop_pct": 0.875,
    "crop_mode": "center",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
"""What `resolve_data_config` takes for a field that the file leaves out."""

LARGEST = 1 << 14
"""Pixels of a side, channels, and a hundredth of the classes."""

POOLS = (None, "avg")


def recognise(config: Mapping[str, Any]) -> bool:
    """Tell whether a `config.json` is timm's: it has an `architecture`, where transformers' have `architectures`."""
    return "architecture" in config and config.get("model_type", "timm_wrapper") == "timm_wrapper"


def read_config(config: Mapping[str, Any]) -> Architecture:
    """Return the network of timm's `config.json`, with its own classes, channels and preprocessing.

    The preprocessing is that of `create_transform` by default; `test_input_size` is another that it may be asked for.
    Raises BadInput, for a `config.json` that is to be named before it, for a network or a preprocessing that is not
    here, and for a field that cannot be.
    """
    network = _network(config["architecture"])
    pretrained = config.get("pretrained_cfg", config)  # the oldest have it in place of a file around it
    if not isinstance(pretrained, dict):
        raise _bad("pretrained_cfg", pretrained, "an object")
    arguments = config.get("model_args") or {}
    if not isinstance(arguments, dict):
        raise _bad("model_args", arguments, "an object")
    for name, value in arguments.items():
        if name not in ("num_classes", "in_chans"):
            raise _bad(f"model_args.{name}", value, "only num_classes and in_chans, as no network here has it,")
    if config.get("global_pool") not in POOLS:
        raise _bad("global_pool", config["global_pool"], "avg")
    fields = {**DEFAULTS, **{name: value for name, value in pretrained.items() if value is not None}}
    channels, height, width = _input_size(fields["input_size"])
    classes = arguments.get("num_classes", config.get("num_classes", fields.get("num_classes", 1000)))
    if type(classes) is not int or not 0 <= classes <= 100 * LARGEST:
        raise _bad("num_classes", classes, "a number of classes")
    channels = arguments.get("in_chans", channels)
    if type(channels) is not int or not 1 <= channels <= LARGEST:
        raise _bad("in_chans", channels, "a number of channels")
    return network.with_options(
        num_classes=classes or None,
        in_channels=channels,
        preprocessing=_preprocessing(fields, channels, height, width),
    )


def _network(name: Any) -> Architecture:
    if not isinstance(name, str):
        raise _bad("architecture", name, "the name of one of timm's")
    own_name = name.partition(".")[0]  # behind the dot stands which weights
    known = OF_OTHER_ZOOS.get(own_name, f"timm/{own_name}")
    if known not in architectures():
        here = (*(each for each in architectures() if each.startswith("timm/")), *OF_OTHER_ZOOS)
        names = ", ".join(each.removeprefix("timm/") for each in here)
        raise BadInput(f"its architecture is timm's {shown(name)}, which is not among those here ({names})")
    return architecture(known)


def _preprocessing(fields: Mapping[str, Any], channels: int, height: int, width: int) -> Preprocessing:
    if fields["interpolation"] not in ("nearest", "bilinear", "bicubic"):
        raise _bad("interpolation", fields["interpolation"], "nearest, bilinear or bicubic")
    if fields["crop_mode"] != "center":
        raise _bad("crop_mode", fields["crop_mode"], "center")
    if height != width:
        raise BadInput(f"its input_size is {height}x{width} pixels, a square was expected")
    share = fields["crop_pct"]
    if type(share) not in (int, float) or not 0 < share <= 1:
        raise _bad("crop_pct", share, "a number above 0 and up to 1")
    mean, std = (_numbers(fields, name, channels) for name in ("mean", "std"))
    rule = centre_crop(Preprocessing(interpolation=fields["interpolation"], mean=mean, std=std), height, share)
    check_fields(rule, "its preprocessing")
    return rule


def _numbers(fields: Mapping[str, Any], name: str, channels: int) -> tuple[float, ...]:
    """Return the number of each channel, on the scale 0..255; a single one is that of all."""
    value = fields[name]
    values = value if isinstance(value, list) else [value]
    if not values or any(type(each) not in (int, float) for each in values):
        raise _bad(name, value, f"{channels} numbers")
    return tuple(255 * each for each in (values * channels if len(values) == 1 else values))


def _input_size(value: Any) -> tuple[int, int, int]:
    if not isinstance(value, list) or len(value) != 3 or any(type(x) is not int or not 0 < x <= LARGEST for x in value):
        raise _bad("input_size", value, "a list of channels, height and width, each a positive integer,")
    channels, height, width = value
    return channels, height, width


def _bad(name: str, value: object, expected: str) -> BadInput:
    return BadInput(f"its {name} is {shown(value)}, {expected} was expected")
