"""The names of the Paddle networks' tensors, to read and write their state_dicts without Paddle."""

from isomorph.spec.naming import KernelAxes, NameRule, Naming
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

NAMING = Naming(
    scopes=(NameRule(r".+", "{module}.conv", "{module}.batch_norm"),),
    leaves={
        WEIGHTS: "weight",
        BIASES: "bias",
        GAMMA: "weight",
        BETA: "bias",
        MOVING_MEAN: "_mean",
        MOVING_VARIANCE: "_variance",
    },
    logits=KernelAxes("OIHW"),
)
