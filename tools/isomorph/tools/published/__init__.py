"""Weights that zoos have published, of networks that isomorph has: where each file is and what its hash must be.

A zoo is one file here, whose `ROWS` were copied from that zoo's own sources; among a network's rows they keep the order
of the source. Weights of which no source gives a hash are left out, as nobody could tell whether the right file came:
Keras's MobileNets, slim's, transformers' and what timm has on the Hugging Face hub alone.
"""

from isomorph.tools.published import cifar, keras, paddle, timm, torchvision, wsl
from isomorph.tools.published.row import Published

__all__ = ["Published", "published"]


def published() -> dict[str, tuple[Published, ...]]:
    """An architecture's name -> its weights, of every architecture that has some; by zoo, in each zoo's order."""
    found: dict[str, tuple[Published, ...]] = {}
    for zoo in (cifar, keras, paddle, timm, torchvision, wsl):
        for row in zoo.ROWS:
            found[row.architecture] = (*found.get(row.architecture, ()), row)
    return found
