"""An architecture as plain JSON-like data and back: how it crosses to another process, and into a file's metadata."""

from dataclasses import asdict
from typing import Any

from isomorph.spec.architecture import Architecture, Block, Head, Stem, StemConvolution, StemPool
from isomorph.spec.convention import Convention, Initializer
from isomorph.spec.preprocessing import Preprocessing


def to_document(architecture: Architecture) -> dict[str, Any]:
    """Dictionaries, lists, numbers and strings that say all of `architecture`."""
    return asdict(architecture)


def from_document(document: dict[str, Any]) -> Architecture:
    """The architecture that `to_document` wrote. A document from elsewhere is the caller's to check."""
    stem = Stem(tuple(_stem_layer(layer) for layer in document["stem"]["layers"]))
    blocks = tuple(
        Block(block["scope"], block["unit"], tuple(tuple(args) for args in block["args"]))
        for block in document["blocks"]
    )
    return Architecture(
        **document
        | {
            "stem": stem,
            "blocks": blocks,
            "head": Head(**document["head"]),
            "convention": _convention(document["convention"]),
        }
    )


def _stem_layer(layer: dict[str, Any]) -> StemConvolution | StemPool:
    return StemConvolution(**layer) if "depth" in layer else StemPool(**layer)


def _convention(fields: dict[str, Any]) -> Convention:
    preprocessing: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in fields["preprocessing"].items()
    }
    initializers = {key: Initializer(**value) for key, value in fields.items() if key.endswith("_initializer")}
    return Convention(**fields | initializers | {"preprocessing": Preprocessing(**preprocessing)})
