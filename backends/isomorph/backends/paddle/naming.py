"""What the Paddle networks call their tensors, for who reads and writes their state_dicts without Paddle."""

from isomorph.spec.naming import Layout, Naming, Row
from isomorph.spec.tensors import BETA, BIASES, GAMMA, MOVING_MEAN, MOVING_VARIANCE, WEIGHTS

NAMING = Naming(
    scopes=(Row(r".+", "{module}.conv", "{module}.batch_norm"),),
    leaves={
        WEIGHTS: "weight",
        BIASES: "bias",
        GAMMA: "weight",
        BETA: "bias",
        MOVING_MEAN: "_mean",
        MOVING_VARIANCE: "_variance",
    },
    logits=Layout("OIHW"),
)
