"""Auxiliary heads, resolved: each is a unit whose layers follow one another, and reads another unit."""

from isomorph.spec.architecture import Architecture, AuxiliaryHead
from isomorph.spec.atrous import Sampling
from isomorph.spec.convention import Convention
from isomorph.spec.errors import BadInput
from isomorph.spec.layers import AdaptivePool, AveragePool
from isomorph.spec.site import convolution, dense
from isomorph.spec.units import Unit, Wiring

KIND = "auxiliary"
"""The kind of an auxiliary head's unit; no Block can have it."""


def auxiliary_heads(architecture: Architecture, units: dict[tuple[str, int], Unit]) -> tuple[tuple[str, Unit], ...]:
    """Return, for every auxiliary head, the scope of the unit that it reads, and the head as a unit.

    units: the units of the blocks, by the block's scope and their number in it.
    Raises BadInput for a head on a unit that does not exist or has another head.
    """
    if architecture.head.num_classes is None:
        return ()
    heads: dict[str, Unit] = {}
    for head in architecture.auxiliary:
        if (head.block, head.unit) not in units:
            raise BadInput(
                f"{head.scope} reads unit {head.unit} of {head.block}, which {architecture.name} does not have."
            )
        read = units[head.block, head.unit]
        if read.scope in heads:
            raise BadInput(f"{head.scope} and {heads[read.scope].scope} both read {read.scope}; a unit has one head.")
        heads[read.scope] = _unit(head, read.depth, architecture.head.num_classes, architecture.convention)
    return tuple(heads.items())


def _unit(head: AuxiliaryHead, depth: int, classes: int, convention: Convention) -> Unit:
    pool = (
        AveragePool(f"{head.scope}/pool", depth, *head.pool)
        if head.pool
        else AdaptivePool(f"{head.scope}/pool", depth, head.cells)
    )
    before_hidden, before_logits = head.dropout
    hidden = dense(
        convention,
        f"{head.scope}/fc1",
        head.depth,
        head.hidden,
        head.cells,
        activation=convention.activation if head.rectified else None,
        dropout=before_hidden,
        source="conv",
        initializer=convention.dense_initializer,
    )
    logits = dense(convention, f"{head.scope}/logits", head.hidden, classes, dropout=before_logits, source="fc1")
    conv = convolution(convention, f"{head.scope}/conv", depth, head.depth, source="pool")
    return Unit(head.scope, KIND, depth, 1, Sampling(1, 1, 1), Wiring((pool, conv, hidden, logits), ("logits",)))
