"""What the operations of TensorFlow are in the words of `isomorph.spec.operations`: all that is known of them."""

from isomorph.backends.keras.tracing import dilation, elementwise, maps, moves, products, reductions

HANDLERS = (
    elementwise.HANDLERS | maps.HANDLERS | dilation.HANDLERS | products.HANDLERS | reductions.HANDLERS | moves.HANDLERS
)
"""Operation -> the function that records a call of it."""

MOVING = frozenset(moves.HANDLERS)
"""Operations that only move elements. They are followed from the model's own tensors on, too."""
