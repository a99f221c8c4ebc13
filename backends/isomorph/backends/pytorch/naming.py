"""The names of the PyTorch networks' tensors, to read and write their state_dicts without PyTorch."""

from isomorph.spec.families.residual import PYTORCH_LEAVES, PYTORCH_LEFT_OUT
from isomorph.spec.naming import KernelAxes, NameRule, Naming

NAMING = Naming(
    scopes=(NameRule(r".+", "{module}.conv", "{module}.batch_norm"),),
    leaves=PYTORCH_LEAVES,
    logits=KernelAxes("OIHW"),
    left_out=PYTORCH_LEFT_OUT,
)
