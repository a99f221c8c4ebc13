"""The names of the Keras networks' layers and variables, to read and write their files without Keras."""

from isomorph.spec.naming import KernelAxes, NameRule, Naming
from isomorph.spec.tensors import BIASES, OF_BATCH_NORM, WEIGHTS

NAMING = Naming(
    scopes=(NameRule(r".+", "{flat}", "{flat}_BatchNorm"),),
    leaves={WEIGHTS: "kernel", BIASES: "bias"} | {leaf: leaf for leaf in OF_BATCH_NORM},
    separator="/",
    kernel=KernelAxes("HWIO"),
    logits=KernelAxes("HWIO"),
    depthwise=KernelAxes("HWOI"),
)
