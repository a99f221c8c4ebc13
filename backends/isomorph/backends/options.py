"""The options of `Backend.build`, and the values that each can have."""

from dataclasses import dataclass
from typing import Literal

from isomorph.spec import BadInput

Device = Literal["auto", "cpu", "gpu"]
Layout = Literal["NCHW", "NHWC"]
Compiler = Literal["graph", "xla", "engine"]
Autocast = Literal["bfloat16", "float16"]
DEVICES = ("auto", "cpu", "gpu")
DTYPES = ("float32", "float64", "bfloat16", "float16")
LAYOUTS = ("NCHW", "NHWC")
COMPILERS = ("graph", "xla", "engine")
AUTOCASTS = ("bfloat16", "float16")


@dataclass(frozen=True)
class Options:
    """How a network is built. No option changes its answers, but for the rounding of precisions.

    device: "cpu" or "gpu".
    dtype: of its tensors and results, one of DTYPES.
    training: whether the native object is left in training mode.
    layout: how its maps lie in memory, one of LAYOUTS.
    compiled: what computes `answer`, one of COMPILERS: "graph", the framework's own (torch.compile, tf.function,
        paddle.jit.to_static), "xla", or "engine", a program for inference alone (Paddle's); None runs it eagerly.
    fold_batch_norm: whether batch norms are folded into convolutions, for inference alone.
    freeze_batch_norm: whether training leaves batch norms as they are, for fine-tuning: they normalise by their running
        statistics, which never change, and learn nothing.
    autocast: the precision, one of AUTOCASTS, in which a float32 network computes its products, as the framework's
        users have it: torch.autocast, Keras's mixed_bfloat16, paddle.amp.auto_cast. Its tensors stay float32.

    >>> Options(autocast="bfloat16").precision
    'bfloat16'
    """

    device: str = "cpu"
    dtype: str = "float32"
    training: bool = False
    layout: str = "NHWC"
    compiled: Compiler | None = None
    fold_batch_norm: bool = False
    freeze_batch_norm: bool = False
    autocast: Autocast | None = None

    @property
    def precision(self) -> str:
        """The precision in which it computes, one of DTYPES."""
        return self.autocast or self.dtype


def check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise BadInput unless an option's value is one of its choices.

    >>> check_choice("layout", "NWHC", LAYOUTS)
    Traceback (most recent call last):
        ...
    isomorph.spec.errors.BadInput: There is no layout 'NWHC'; there are NCHW, NHWC.
    """
    if value not in choices:
        raise BadInput(f"There is no {option} {value!r}; there are {', '.join(choices)}.")
