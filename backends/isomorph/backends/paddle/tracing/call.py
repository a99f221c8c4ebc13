"""One call of an operation of Paddle, as its Python code makes it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import paddle
from paddle import Tensor

from isomorph.backends.array_forms import Array

_CONVOLUTION = "strides paddings padding_algorithm dilations groups data_format"
_DEPTHWISE = "strides paddings padding_algorithm groups dilations data_format"
_TRANSPOSED = "x filter strides paddings output_padding output_size padding_algorithm groups dilations data_format"
_INTERPOLATION = "x out_size size_tensor scale_tensor data_format out_d out_h out_w scale mode align_corners align_mode"
_BATCH_NORM = "x mean variance scale bias is_test momentum epsilon data_format use_global_stats trainable_statistics"

SIGNATURES: dict[str, tuple[str, ...]] = {
    name: tuple(arguments.split())
    for name, arguments in {
        "addmm": "input x y beta alpha",
        "add_n": "inputs",
        "baddbmm": "input x y beta alpha",
        "batch_norm": _BATCH_NORM,
        "bilinear_interp": _INTERPOLATION,
        "cast": "x dtype",
        "celu": "x alpha",
        "clip": "x min max",
        "concat": "x axis",
        "conv2d": f"input filter {_CONVOLUTION}",
        "conv2d_transpose": _TRANSPOSED,
        "depthwise_conv2d": f"input filter {_DEPTHWISE}",
        "depthwise_conv2d_transpose": _TRANSPOSED,
        "dropout": "x seed_tensor p is_test mode seed fix_seed",
        "einsum": "x equation",
        "elu": "x alpha",
        "gelu": "x approximate",
        "group_norm": "x scale bias epsilon groups data_format",
        "hardsigmoid": "x slope offset",
        "hardtanh": "x t_min t_max",
        "instance_norm": "x scale bias epsilon",
        "layer_norm": "x scale bias epsilon begin_norm_axis",
        "leaky_relu": "x negative_slope",
        "linear": "x weight bias",
        "linear_v2": "x weight bias transpose_weight",
        "log_softmax": "x axis",
        "matmul": "x y transpose_x transpose_y",
        "max_pool2d_with_index": "x kernel_size strides paddings global_pooling adaptive ceil_mode",
        "mean": "x axis keepdim",
        "nearest_interp": _INTERPOLATION,
        "pad": "x paddings pad_value",
        "pad3d": "x paddings mode pad_value data_format",
        "pool2d": "x kernel_size strides paddings ceil_mode exclusive data_format pooling_type global_pooling adaptive"
        " padding_algorithm",
        "prelu": "x alpha data_format mode",
        "scale": "x scale bias bias_after_scale",
        "slice": "x axes starts ends infer_flags decrease_axis",
        "softmax": "x axis",
        "softplus": "x beta threshold",
        "stack": "x axis",
        "strided_slice": "x axes starts ends strides",
        "sum": "x axis dtype keepdim",
        "sync_batch_norm": _BATCH_NORM,
    }.items()
}
"""Operation -> the names of its arguments in order, of those operations whose arguments beside tensors are read.

From `paddle/phi/api/include/api.h`, which Paddle brings along.
"""

_PLAIN = ("x", "y")

_ALIASES = {"input": "x", "other": "y", "dim": "axis"}
"""What Paddle's functions call some arguments, too, since they take PyTorch's names."""


class Call:
    """One call of an operation.

    name: "relu" of `paddle._C_ops.relu_`, or that of a method of tensors, "__add__".
    arguments: by name, as far as they are given.
    results: the tensors that it gave.
    """

    def __init__(
        self, name: str, function: Callable[..., Any], arguments: Sequence[Any], options: dict[str, Any], result: Any
    ) -> None:
        self.name = base_name(name)
        self.function = function
        self._positional, self._options = arguments, options
        names = SIGNATURES.get(self.name, _PLAIN)
        names = (*names, *(f"argument {place}" for place in range(len(names), len(arguments))))
        keyed = {key if key in names else _ALIASES.get(key, key): value for key, value in options.items()}
        self.arguments = dict(zip(names, arguments, strict=False)) | keyed
        results = result if isinstance(result, list | tuple) else [result]
        self.results = [each for each in results if isinstance(each, Tensor) and each._is_initialized()]

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any) -> Any:
        """Return an argument, or `default` of one that is not given."""
        value = self.arguments.get(name)
        return default if value is None else value

    def again(self, x: Tensor) -> list[Tensor]:
        """Return what the operation gives for another first argument."""
        if self._positional:
            result = self.function(x, *self._positional[1:], **self._options)
        else:
            first, *_ = self._options
            result = self.function(**self._options | {first: x})
        return list(result) if isinstance(result, list | tuple) else [result]

    @property
    def x(self) -> Tensor:
        """What it is an operation on: its first argument."""
        return next(iter(self.arguments.values()))

    @property
    def result(self) -> Tensor:
        """The first tensor that it gave."""
        return self.results[0]

    @property
    def value(self) -> Array:
        """The values of the first tensor that it gave."""
        return to_array(self.result)

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors among the arguments, in order, and those in lists of them."""
        each = (value if isinstance(value, list | tuple) else [value] for value in self.arguments.values())
        return [value for values in each for value in values if isinstance(value, Tensor)]


def base_name(name: str) -> str:
    """Return an operation's name without the _ of one that works in place: "relu" of "relu_", but "__add__"."""
    return name if name.startswith("_") else name.rstrip("_")


def to_array(tensor: Tensor) -> Array:
    """Return a copy of a tensor's values; those of half precision in float32, which holds them all."""
    if tensor.dtype in (paddle.bfloat16, paddle.float16):
        tensor = tensor.astype("float32")
    return np.asarray(tensor.numpy())


def to_numbers(value: Any) -> list[Any]:
    """Return what an operation takes as a list of numbers: a list, a number, or a tensor of them."""
    if isinstance(value, Tensor):
        return np.atleast_1d(value.numpy()).tolist()
    each = value if isinstance(value, list | tuple) else [value]
    return [number.item() if isinstance(number, Tensor) else number for number in each]


def to_number(value: Any) -> float:
    """Return what an operation takes as a number."""
    (number,) = to_numbers(value)
    return float(number)
