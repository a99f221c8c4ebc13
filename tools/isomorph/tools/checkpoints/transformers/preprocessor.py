"""transformers' `preprocessor_config.json`, and the preprocessing that it describes.

Sources: models/convnext/image_processing_pil_convnext.py, which ResNets have by default (models/auto), models/bit/
image_processing_pil_bit.py, image_transforms.py and utils/constants.py, transformers 5.23.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from isomorph.spec import BadInput, Preprocessing
from isomorph.spec.preprocessing import centre_crop
from isomorph.spec.validation import check_fields
from isomorph.tools.checkpoints.wording import shown

PREPROCESSOR = "preprocessor_config.json"

CONVNEXT, BIT = "ConvNextImageProcessor", "BitImageProcessor"

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    CONVNEXT: {
        "size": {"shortest_edge": 384},
        "crop_pct": 224 / 256,
        "do_center_crop": False,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    },
    BIT: {
        "size": {"shortest_edge": 224},
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    },
}
"""An image processor -> what it takes for a field that the file leaves out, beside those that all share."""

SHARED: Mapping[str, Any] = {
    "do_resize": True,
    "do_rescale": True,
    "do_normalize": True,
    "resample": 3,
    "rescale_factor": 1 / 255,
}

WARPED = 384
"""From this shortest edge on ConvNext's processor stretches and crops nothing."""

LARGEST = 1 << 14
"""Pixels of a side."""

_RESAMPLING = {"nearest": 0, "bilinear": 2, "bicubic": 3}  # Pillow's numbers


def read_preprocessor(document: Mapping[str, Any], channels: int = 3) -> Preprocessing:
    """Return the preprocessing of a `preprocessor_config.json`, for networks of so many channels.

    Raises BadInput, for a file that is to be named before it, where a field cannot be, or asks for what is not done
    here.
    """
    kind = _kind(document)
    fields = {**SHARED, **DEFAULTS[kind], **{name: value for name, value in document.items() if value is not None}}
    for name, value in fields.items():
        if name.startswith("do_") and not isinstance(value, bool):
            raise _bad(name, value, "true or false")
        if name.startswith("do_") and value and name not in {*SHARED, "do_center_crop", "do_convert_rgb"}:
            raise _bad(name, value, "false, as nothing here does it,")
    if not fields["do_resize"]:
        raise _bad("do_resize", False, "true, as photographs are of any size,")
    numbers = {number: name for name, number in _RESAMPLING.items()}
    if type(fields["resample"]) is not int or fields["resample"] not in numbers:
        raise _bad("resample", fields["resample"], "0, 2 or 3 (Pillow's nearest, bilinear or bicubic)")
    levels = 1 / _number(fields, "rescale_factor") if fields["do_rescale"] else 1.0  # of what was 0..1
    mean, std = ((0.0,) * channels, (1.0,) * channels)
    if fields["do_normalize"]:
        mean, std = (_numbers(fields, name, channels) for name in ("image_mean", "image_std"))
    rule = Preprocessing(
        interpolation=numbers[fields["resample"]],  # type: ignore[arg-type]  # one of the three
        mean=tuple(levels * value for value in mean),
        std=tuple(levels * value for value in std),
        crop_offset="floor",
    )
    rule = _convnext(rule, fields) if kind == CONVNEXT else _bit(rule, fields)
    check_fields(rule, "its preprocessing")
    return rule


def write_preprocessor(preprocessing: Preprocessing) -> dict[str, Any] | None:
    """Return the `preprocessor_config.json` with which transformers does to a photograph what `preprocessing` does.

    None where no image processor of its own can: BitImageProcessor scales the shorter side by Pillow, cuts the longer
    one to a whole number, and cuts out the middle, in RGB. Where the crop cannot stand in the very middle it may stand
    one pixel beside that of a `crop_offset` that is rounded.
    """
    if preprocessing != replace(
        preprocessing, fit="crop", channels="RGB", central_fraction=1.0, resampler="pillow", longer_side="floor"
    ):
        return None
    height, width = preprocessing.size
    return {
        "image_processor_type": BIT,
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": preprocessing.resize or min(height, width)},
        "resample": _RESAMPLING[preprocessing.interpolation],
        "do_center_crop": True,
        "crop_size": {"height": height, "width": width},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [mean / 255 for mean in preprocessing.mean],
        "image_std": [std / 255 for std in preprocessing.std],
    }


def _kind(document: Mapping[str, Any]) -> str:
    """Return the image processor; older files call it a feature extractor, newer ones add how it runs."""
    name = document.get("image_processor_type") or document.get("feature_extractor_type") or CONVNEXT
    plain = str(name).removesuffix("Fast").removesuffix("Pil").replace("FeatureExtractor", "ImageProcessor")
    if not isinstance(name, str) or plain not in DEFAULTS:
        raise BadInput(f"its image processor is {shown(name)}, {' or '.join(DEFAULTS)} was expected")
    return plain


def _convnext(rule: Preprocessing, fields: Mapping[str, Any]) -> Preprocessing:
    if fields["do_center_crop"]:
        raise _bad("do_center_crop", True, f"false, as {CONVNEXT} crops by its crop_pct,")
    edge = _shortest_edge(fields["size"])
    if edge is None:
        raise BadInput(f"its size has no shortest_edge, by which {CONVNEXT} scales")
    if edge >= WARPED:
        return replace(rule, fit="stretch", size=(edge, edge))
    share = _number(fields, "crop_pct")
    if not 0 < share <= 1:
        raise _bad("crop_pct", share, "a number above 0 and up to 1")
    return centre_crop(rule, edge, share)


def _bit(rule: Preprocessing, fields: Mapping[str, Any]) -> Preprocessing:
    edge, sides = _shortest_edge(fields["size"]), _sides("size", fields["size"])
    crop = _sides("crop_size", fields["crop_size"]) if fields["do_center_crop"] else None
    if edge is not None and crop is not None:
        return replace(rule, resize=edge, size=crop)
    if sides is not None and crop in (None, sides):
        return replace(rule, fit="stretch", size=sides)
    raise BadInput(
        "its size is not a shortest_edge with a crop_size, nor a height and a width, one of which was expected"
    )


def _shortest_edge(size: Any) -> int | None:
    """Return the shortest edge that a size gives, which is a number in older files."""
    if isinstance(size, dict) and size.keys() == {"shortest_edge"}:
        return _side("size", size["shortest_edge"])
    return None if isinstance(size, dict) else _side("size", size)


def _sides(name: str, size: Any) -> tuple[int, int] | None:
    """Return the height and width in a size, one number for both in older files; None if it has something else."""
    if isinstance(size, dict):
        return (_side(name, size["height"]), _side(name, size["width"])) if size.keys() == {"height", "width"} else None
    side = _side(name, size)
    return side, side


def _side(name: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= LARGEST:
        raise _bad(name, value, f"1 to {LARGEST:,} pixels")
    return value


def _number(fields: Mapping[str, Any], name: str) -> float:
    value = fields[name]
    if type(value) not in (int, float) or not 0 < value < float("inf"):
        raise _bad(name, value, "a number above 0")
    return float(value)


def _numbers(fields: Mapping[str, Any], name: str, channels: int) -> tuple[float, ...]:
    """Return the number of each channel; a single one is that of all."""
    value = fields[name]
    values = value if isinstance(value, list) else [value] * channels
    if any(type(each) not in (int, float) for each in values):
        raise _bad(name, value, f"{channels} numbers")
    if len(values) != channels:
        raise BadInput(f"its {name} has {len(values)} numbers, {channels} were expected")
    return tuple(map(float, values))


def _bad(name: str, value: object, expected: str) -> BadInput:
    return BadInput(f"its {name} is {shown(value)}, {expected} was expected")
