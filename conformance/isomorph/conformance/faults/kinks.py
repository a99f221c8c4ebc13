"""One channel on a kink: tensors that put an activation's input where its gradient is a matter of convention.

Drawn cases keep away from kinks, as rounding would decide there. A gamma of zero leaves nothing to rounding: the
channel is its beta, exactly, in every backend. With beta on the kink, only the convention decides what beta learns.
"""

from isomorph.backends.protocol import Array
from isomorph.conformance.faults.fault import Tensors
from isomorph.conformance.training.kinks import KINKS
from isomorph.spec import Architecture, plan
from isomorph.spec.tensors import BETA, GAMMA, tensor_name

CHANNEL = 0


def on_a_kink(network: Architecture, tensors: Tensors) -> dict[str, Array]:
    """Return the tensors with one channel of the last activated batch norm on the activation's last kink, 0 or 6.

    A network without such a batch norm stays as it is.
    """
    changed = dict(tensors)
    activated = [layer for layer in plan(network).convolutions if layer.batch_norm and layer.activation]
    for layer in activated[-1:]:
        for leaf, value in ((GAMMA, 0.0), (BETA, KINKS[layer.activation][-1])):
            name = tensor_name(layer, leaf)
            changed[name] = changed[name].copy()
            changed[name][CHANNEL] = value
    return changed
