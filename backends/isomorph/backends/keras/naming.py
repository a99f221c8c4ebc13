"""What the Keras networks call their layers and variables, for who reads and writes their files without Keras."""

from isomorph.spec.naming import Layout, Naming, Row
from isomorph.spec.tensors import BIASES, OF_BATCH_NORM, WEIGHTS

NAMING = Naming(
    scopes=(Row(r".+", "{flat}", "{flat}_BatchNorm"),),
    leaves={WEIGHTS: "kernel", BIASES: "bias"} | {leaf: leaf for leaf in OF_BATCH_NORM},
    separator="/",
    kernel=Layout("HWIO"),
    logits=Layout("HWIO"),
    depthwise=Layout("HWOI"),
)
