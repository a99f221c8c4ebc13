"""Whether what isomorph read from a file is what the format's own reader gives."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mutations.described import INSIDE

Answer = Mapping[str, Any]
_KERAS = ("h5", "weights.h5", "keras")
_OTHER_NAMES = "other layer names: "


@dataclass(frozen=True)
class Known:
    """A difference that is right as it is: in which formats, how it shows, and why.

    Of Keras's formats all but one are of files whose values h5py gives as isomorph does.
    """

    formats: tuple[str, ...]
    pattern: str
    reason: str


KNOWN = (
    Known(
        _KERAS,
        r"refused: ValueError: (A total of \d+ objects could not be loaded|Layer count mismatch|Layer '.*' expected"
        r"|Shape mismatch in layer)",
        "Keras finds other layers than those of the model that it loads into; here an architecture is compared later",
    ),
    Known(
        ("h5",),
        r"refused: (KeyError: |ValueError: Invalid H5 file, expected Dataset)",
        "Keras looks for the layers and variables that the file's attributes list; here those that are there are taken",
    ),
    Known(
        ("h5", "weights.h5"),
        r"refused: (OSError: Can't synchronously read data|UnicodeEncodeError: |UnicodeDecodeError: "
        r"|ValueError: (Invalid path in H5 file|Insufficient precision in available types)"
        r"|RuntimeError: Can't retrieve dataspace extent dims"
        r"|TypeError: (A name should be string|Unknown string encoding|No NumPy equivalent for)"
        r"|AttributeError: '.*' object has no attribute '(decode|split)'|RuntimeError: Unspecified error in H5T"
        r"|(RuntimeError|KeyError|ValueError): .*(determine if attribute exists|open attribute))",
        "an attribute is damaged, which Keras reads and isomorph does not need",
    ),
    Known(
        ("keras",),
        r"refused: ValueError: load_model alone: ",
        "Keras makes the model that the configuration describes; here it is read for the layers' names alone",
    ),
    Known(
        _KERAS,
        _OTHER_NAMES,
        "Keras calls layers as the model does that it loads into, whatever the file calls them",
    ),
    Known(
        _KERAS,
        r"refused: h5py: (RuntimeError|OSError|KeyError|OverflowError): ",
        "libhdf5 refuses damage in a part of the structure that isomorph does not read, and has nothing to compare",
    ),
    Known(_KERAS, r"another dtype: ", "Keras turns values into the dtype of the model that it loads into"),
)


def difference(ours: Answer, own: Answer) -> str:
    """What the own reader gives differently, in words; nothing where it gives the same."""
    if "datasets" in own:
        here = Counter(map(repr, ours["tensors"].values()))
        if here - Counter(map(repr, own["datasets"].values())):
            return "h5py gives other values"
    if "error" in own:
        return f"refused: {own['error']}"
    if "datasets" in own:
        return _of_layers(ours["tensors"], own["tensors"])
    inside = ours["inside"]
    level = {name: value for name, value in own["tensors"].items() if name.rpartition(INSIDE)[0] == inside}
    named = {f"{inside}{INSIDE}{name}" if inside else name: value for name, value in ours["tensors"].items()}
    return _compared(named, level)


def as_noted(ours: Answer, noted: Sequence[Any]) -> str:
    """The difference in words where layers alone are called otherwise, and as the file notes it; nothing elsewhere.

    noted: each tensor's description, behind the layer's name that the file notes.
    """
    here = Counter(repr([name.rpartition("/")[0], value]) for name, value in ours["tensors"].items())
    return f"{_OTHER_NAMES}as the file notes them" if here == Counter(map(repr, noted)) else ""


def known(form: str, found: str) -> str:
    """The reason for a difference that is listed, or nothing."""
    return next((one.reason for one in KNOWN if form in one.formats and re.match(one.pattern, found, re.DOTALL)), "")


def _compared(ours: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    for name, value in own.items():
        if name not in ours:
            return f"another name: {name!r} beside {sorted(set(ours) - set(own))[:3]}"
        for what, one, other in zip(("dtype", "shape", "values"), ours[name], value, strict=True):
            if one != other:
                return f"another {what}: {name!r} is {one} here and {other} there"
    extra = sorted(set(ours) - set(own))
    return f"more tensors: {extra[:3]}" if extra else ""


def _of_layers(ours: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """As `_compared`, but that there may be further layers here, and that a layer's name is told from all else."""
    here = {name: ours[name] for name in own if name in ours}
    if len(here) == len(own):
        return _compared(here, own)
    if not Counter(_layers(own)) - Counter(_layers(ours)):
        return f"{_OTHER_NAMES}{sorted(set(own) - set(here))[:3]} beside {sorted(set(ours) - set(here))[:3]}"
    return _compared(ours, own)


def _layers(tensors: Mapping[str, Any]) -> list[str]:
    """What each layer holds, less its name."""
    held: dict[str, list[str]] = {}
    for name, value in tensors.items():
        scope, _, leaf = name.rpartition("/")
        held.setdefault(scope, []).append(f"{leaf} {value}")
    return [repr(sorted(variables)) for variables in held.values()]
