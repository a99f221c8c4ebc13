"""The name that a file itself gives its network, held against its tensors.

Training scripts keep the name that they built the network by beside its tensors: PyTorch's ImageNet example and timm
under "arch". Networks may have the same tensors and differ in what has none, as timm's `resnetblur18` and `resnet18`.
"""

import re
from contextlib import suppress

from isomorph.spec import Architecture, BadInput, architecture, architectures
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.weights.identify import find_reading
from isomorph.tools.weights.readings import Reading, Tensors


def follow_name(name: str, tensors: Tensors, source: str, reading: Reading) -> Reading:
    """How a file's tensors are to be read, whose network it calls `name`: as `reading` has it, if that is the network.

    The name may be any zoo's, in any spelling, and may tell the weights, too: "resnet50", "timm/resnet50.a1_in1k",
    "ResNet-50"; one without a number is a family's, "resnet".
    reading: as names and shapes tell. Where the name is that of another network that the tensors fit as well, its
    reading is returned.
    Raises BadInput where the tensors are of no network of that name.
    """
    word = _letters(name.rpartition("/")[2].partition(".")[0])
    if _is_of(word, reading.architecture):
        return reading
    others = [other for other in architectures() if _letters(other.rpartition("/")[2]) == word]
    for other in others:
        with suppress(BadInput):
            return find_reading(tensors, source, architecture(other))
    contrast = "and" if others else "which is none of those here, while"
    raise BadInput(
        f"{source} says that its network is {shown(name)}, {contrast} its tensors are those of {reading.title}; --arch"
        " says what to read it as without its word."
    )


def _is_of(word: str, network: Architecture) -> bool:
    own_name = _letters(network.name.rpartition("/")[2])
    return own_name == word or (word.isalpha() and own_name.startswith(word))


def _letters(name: str) -> str:
    """A name's letters and digits, in small letters: "ResNet-50" and "resnet_50" are one."""
    return re.sub("[^a-z0-9]", "", name.lower())
