"""One channel on a bend: tensors under which what an activation follows is where its gradient is a matter of rule.

What is drawn keeps away from bends, as rounding would decide there. A gamma of zero leaves nothing to rounding: the
channel is its beta, exactly, in every backend. With beta on the bend, nothing but the rule says what beta learns.
"""

import numpy as np

from isomorph.conformance.faults.fault import Tensors
from isomorph.conformance.small_networks import Array
from isomorph.conformance.training.clear import BENDS
from isomorph.spec import Architecture, plan
from isomorph.spec.tensors import BETA, GAMMA, tensor_name

CHANNEL = 0


def on_a_bend(network: Architecture, tensors: Tensors) -> dict[str, Array]:
    """The same, with one channel of the last batch norm that an activation follows at once on its last bend, 0 or 6."""
    layers = [layer for layer in plan(network).convolutions if layer.batch_norm and layer.activation]
    gamma, beta = (tensors[tensor_name(layers[-1], leaf)].copy() for leaf in (GAMMA, BETA))
    gamma[CHANNEL], beta[CHANNEL] = 0, BENDS[layers[-1].activation][-1]
    changed = zip((GAMMA, BETA), (gamma, beta), strict=True)
    return {**tensors, **{tensor_name(layers[-1], leaf): np.asarray(value) for leaf, value in changed}}
