"""All namings that a checkpoint may use: the zoos', the canonical one, those of isomorph's own networks."""

from isomorph.backends.keras import naming as keras
from isomorph.backends.paddle import naming as paddle
from isomorph.backends.pytorch import naming as pytorch
from isomorph.spec import zoos
from isomorph.spec.naming import CANONICAL, KernelAxes, NameRule, Naming
from isomorph.spec.tensors import BIASES, OF_BATCH_NORM, WEIGHTS

CANONICAL_NAMING = Naming(
    scopes=(NameRule(r".+/preact|postnorm", "", "{own}"), NameRule(r".+", "{own}", "{own}/BatchNorm")),
    leaves={leaf: leaf for leaf in (WEIGHTS, BIASES, *OF_BATCH_NORM)},
    separator="/",
    kernel=KernelAxes(CANONICAL),
    logits=KernelAxes(CANONICAL),
)

NATIVE_NAMINGS = {"pytorch": pytorch.NAMING, "keras": keras.NAMING, "paddle": paddle.NAMING}
"""Backend -> the naming of its networks."""

OWN_NAMINGS = {"canonical": CANONICAL_NAMING} | {
    f"isomorph's {backend}": naming for backend, naming in NATIVE_NAMINGS.items()
}
"""Form, as users see it -> a naming that every architecture has, whatever its zoo."""


def all_namings() -> dict[str, Naming]:
    """Return form -> naming: the zoos', then those that every architecture has."""
    return {name: zoo.naming for name, zoo in zoos().items()} | OWN_NAMINGS
