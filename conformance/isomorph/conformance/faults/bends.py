"""One channel on a bend: tensors under which what an activation follows is where its gradient is a matter of rule.

What is drawn keeps away from bends, as rounding would decide there. A gamma of zero leaves nothing to rounding: the
channel is its beta, exactly, in every backend. With beta on the bend, nothing but the rule says what beta learns.
"""

from isomorph.conformance.faults.fault import Tensors
from isomorph.conformance.small_networks import Array
from isomorph.conformance.training.clear import BENDS
from isomorph.spec import Architecture, plan
from isomorph.spec.tensors import BETA, GAMMA, tensor_name

CHANNEL = 0


def on_a_bend(network: Architecture, tensors: Tensors) -> dict[str, Array]:
    """The same, with one channel of the last batch norm that an activation follows at once on its last bend, 0 or 6.

    A network without such a batch norm has no channel there.
    """
    changed = dict(tensors)
    bent = [layer for layer in plan(network).convolutions if layer.batch_norm and layer.activation]
    for layer in bent[-1:]:
        for leaf, value in ((GAMMA, 0.0), (BETA, BENDS[layer.activation][-1])):
            name = tensor_name(layer, leaf)
            changed[name] = changed[name].copy()
            changed[name][CHANNEL] = value
    return changed
