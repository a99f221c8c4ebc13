"""Compare the name that a file gives its network with its tensors.

Training scripts keep the name that they built the network by beside its tensors: PyTorch's ImageNet example and timm
under "arch". Networks may have the same tensors and differ in what has none, as timm's `resnetblur18` and `resnet18`.
"""

import re
from contextlib import suppress

from isomorph.spec import Architecture, BadInput, architecture, architectures
from isomorph.tools.checkpoints import Tensors
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.weights.identify import find_interpretation
from isomorph.tools.weights.interpretations import Interpretation


def follow_name(name: str, tensors: Tensors, source: str, interpretation: Interpretation) -> Interpretation:
    """Return the interpretation of a file's tensors that agrees with the name which the file gives its network.

    The name may be any zoo's, in any spelling, and may tell the weights, too: "resnet50", "timm/resnet50.a1_in1k",
    "ResNet-50"; one without a number is a family's, "resnet".
    interpretation: what names and shapes tell; it is returned where the name agrees. Where the tensors fit another
    network of that name as well, its interpretation is returned.
    Raises BadInput where the tensors fit no network of that name.
    """
    word = _letters(name.rpartition("/")[2].partition(".")[0])
    if _is_of(word, interpretation.architecture):
        return interpretation
    namesakes = [known for known in architectures() if _letters(known.rpartition("/")[2]) == word]
    for namesake in namesakes:
        with suppress(BadInput):
            return find_interpretation(tensors, source, architecture(namesake))
    contrast = "and" if namesakes else "which is none of those here, while"
    raise BadInput(
        f"{source} says that its network is {shown(name)}, {contrast} its tensors are those of {interpretation.title};"
        " --arch says what to read it as without its word."
    )


def _is_of(word: str, network: Architecture) -> bool:
    own_name = _letters(network.name.rpartition("/")[2])
    return own_name == word or (word.isalpha() and own_name.startswith(word))


def _letters(name: str) -> str:
    """Return a name's letters and digits in lower case: "ResNet-50" and "resnet_50" are the same."""
    return re.sub("[^a-z0-9]", "", name.lower())
