"""How a network is built: the options of `Backend.build`, and what each may be."""

from dataclasses import dataclass
from typing import Literal

Device = Literal["auto", "cpu", "gpu"]
Layout = Literal["NCHW", "NHWC"]
DEVICES = ("auto", "cpu", "gpu")
DTYPES = ("float32", "float64", "bfloat16", "float16")
LAYOUTS = ("NCHW", "NHWC")


@dataclass(frozen=True)
class Options:
    """How a network is built; its answers are the same whatever is chosen here, the dtype's rounding aside.

    device: "cpu" or "gpu".
    dtype: of its tensors and results, one of DTYPES.
    training: whether the native object is left in training mode.
    layout: how its maps lie in memory, one of LAYOUTS.
    compiled: whether `answer` is computed by the framework's compiler.
    fold_batch_norm: whether batch norms are folded into convolutions, for inference alone.
    freeze_batch_norm: whether training leaves batch norms as they are, for fine-tuning: they normalise by their running
        statistics, which never follow, and learn nothing.
    """

    device: str = "cpu"
    dtype: str = "float32"
    training: bool = False
    layout: str = "NHWC"
    compiled: bool = False
    fold_batch_norm: bool = False
    freeze_batch_norm: bool = False
