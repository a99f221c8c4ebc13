"""Weights that zoos have published of networks in isomorph: each file's address and hash.

A zoo is one file here, whose `ROWS` were copied from that zoo's own sources, in their order. Weights without a
published hash are left out, as nothing would tell whether the right file came: Keras's MobileNets, slim's,
transformers', and what timm has only on the Hugging Face hub.
"""

from isomorph.tools.published import cifar, keras, paddle, timm, torchvision, wsl
from isomorph.tools.published.row import Published

__all__ = ["Published", "published"]


def published() -> dict[str, tuple[Published, ...]]:
    """Return an architecture's name -> its published weights, in the order of the zoos' sources.

    >>> from isomorph.tools.published import published
    >>> [weights.tag for weights in published()["torchvision/resnet50"]]
    ['IMAGENET1K_V1', 'IMAGENET1K_V2']
    """
    by_architecture: dict[str, tuple[Published, ...]] = {}
    for zoo in (cifar, keras, paddle, timm, torchvision, wsl):
        for row in zoo.ROWS:
            by_architecture[row.architecture] = (*by_architecture.get(row.architecture, ()), row)
    return by_architecture
