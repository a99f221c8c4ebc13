"""Operations of PyTorch that are several of `isomorph.spec.operations`: what they are of others that it has.

Each of these runs in the operation's place while a model is traced, and gives the same function of its arguments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Composition:
    """What an operation is of others.

    function: takes the operation's arguments by name; returns what it gives, or None where it cannot say so. What it
        gives beside, and nothing here can evaluate, is None.
    constant: the arguments that may not depend on the images.
    """

    function: Callable[..., Any]
    constant: tuple[str, ...] = ()


COMPOSITIONS: dict[str, Composition] = {}
"""Operation -> what it is of others. What is computed in place goes by the name without "_"."""


def _is(name: str, *constant: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function in COMPOSITIONS."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        COMPOSITIONS[name] = Composition(function, constant)
        return function

    return enter


def _axes(x: Tensor, dim: Any) -> list[int]:
    """Return the axes over which something is taken: all of them where none is named."""
    if dim is None or dim == []:
        return list(range(x.ndim))
    return [axis % x.ndim for axis in (dim if isinstance(dim, list | tuple) else [dim])]


def _count(x: Tensor, axes: Sequence[int]) -> int:
    return prod(x.shape[axis] for axis in axes)


@_is("sum")
def _sum(self: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor | None:
    if not self.is_floating_point() or dtype not in (None, self.dtype):
        return None
    axes = _axes(self, dim)
    return self.mean(axes, keepdim) * _count(self, axes)


def _variance(x: Tensor, dim: Any, correction: float | None, keepdim: bool) -> tuple[Tensor, Tensor]:
    """Return the variance and the mean."""
    axes = _axes(x, dim)
    count = _count(x, axes)
    mean = x.mean(axes, keepdim=True)
    variance = (x - mean).square().mean(axes, keepdim)
    correction = 1 if correction is None else correction
    return variance * (count / (count - correction)) if correction else variance, mean


@_is("var")
def _var(self: Tensor, dim: Any = None, correction: float | None = None, keepdim: bool = False) -> Tensor:
    return _variance(self, dim, correction, keepdim)[0]


@_is("std")
def _std(self: Tensor, dim: Any = None, correction: float | None = None, keepdim: bool = False) -> Tensor:
    return _variance(self, dim, correction, keepdim)[0].sqrt()


@_is("var_mean")
def _var_mean(
    self: Tensor, dim: Any = None, correction: float | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    variance, mean = _variance(self, dim, correction, keepdim)
    return variance, mean if keepdim else mean.reshape(variance.shape)


@_is("std_mean")
def _std_mean(
    self: Tensor, dim: Any = None, correction: float | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    variance, mean = _var_mean(self, dim, correction, keepdim)
    return variance.sqrt(), mean


@_is("linalg_vector_norm")
def _norm(
    self: Tensor,
    ord: float = 2,
    dim: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
) -> Tensor | None:
    if dtype is not None or ord not in (1, 2):
        return None
    return self.abs().sum(dim, keepdim) if ord == 1 else self.square().sum(dim, keepdim).sqrt()


def _maximum(x: Tensor, axes: list[int], keepdim: bool) -> Tensor:
    """Return the maximum over some axes, as a max pool of one window."""
    others = [axis for axis in range(x.ndim) if axis not in axes]
    if x.ndim == 4 and axes == [2, 3]:
        pooled = torch.nn.functional.max_pool2d(x, x.shape[2:])
    else:
        column = x.permute(*others, *axes).reshape(1, -1, _count(x, axes), 1)
        pooled = torch.nn.functional.max_pool2d(column, (column.shape[2], 1))
    return pooled.reshape([1 if axis in axes else x.shape[axis] for axis in range(x.ndim) if keepdim or axis in others])


@_is("amax")
def _amax(self: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return _maximum(self, sorted(_axes(self, dim)), keepdim)


@_is("amin")
def _amin(self: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return -_maximum(-self, sorted(_axes(self, dim)), keepdim)


@_is("max")
def _max(self: Tensor, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    if other is not None:
        return None
    if dim is None:
        return _maximum(self, list(range(self.ndim)), False)
    return _maximum(self, _axes(self, dim), keepdim), None


@_is("adaptive_max_pool2d")
def _adaptive_max_pool(self: Tensor, output_size: Sequence[int]) -> Any:
    """Return a max pool, where all windows are alike."""
    sizes = self.shape[-2:]
    if any(size % cells for size, cells in zip(sizes, output_size, strict=True)):
        return None
    kernel = [size // cells for size, cells in zip(sizes, output_size, strict=True)]
    return torch.nn.functional.max_pool2d(self, kernel, return_indices=True)


@_is("stack")
def _stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    return torch.cat([each.unsqueeze(dim) for each in tensors], dim)


@_is("glu")
def _glu(self: Tensor, dim: int = -1) -> Tensor:
    value, gate = self.chunk(2, dim)
    return value * gate.sigmoid()


@_is("_log_softmax")
def _log_softmax(self: Tensor, dim: int, half_to_float: bool) -> Tensor | None:
    return None if half_to_float else self.softmax(dim).log()


@_is("log_sigmoid_forward")
def _log_sigmoid(self: Tensor) -> tuple[Tensor, None]:
    return -torch.nn.functional.softplus(-self), None


@_is("elu")
def _elu(self: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Tensor | None:
    """Return an ELU of another scale, as in SELU and CELU."""
    if scale == 1 and input_scale == 1:
        return None
    return torch.nn.functional.elu(self * input_scale, alpha * input_scale) * (scale / input_scale)


@_is("celu")
def _celu(self: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.nn.functional.elu(self / alpha, 1.0) * alpha


@_is("softplus")
def _softplus(self: Tensor, beta: float = 1, threshold: float = 20) -> Tensor | None:
    return None if beta == 1 else torch.nn.functional.softplus(self * beta, 1, threshold) / beta


@_is("_prelu_kernel")
def _prelu(self: Tensor, weight: Tensor) -> Tensor | None:
    return None if weight.numel() == 1 else self.relu() + self.clamp_max(0) * weight


@_is("addcmul")
def _addcmul(self: Tensor, tensor1: Tensor, tensor2: Tensor, value: float = 1) -> Tensor:
    return self + tensor1 * tensor2 * value


@_is("addcdiv")
def _addcdiv(self: Tensor, tensor1: Tensor, tensor2: Tensor, value: float = 1) -> Tensor:
    return self + tensor1 / tensor2 * value


@_is("lerp")
def _lerp(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    return self + (end - self) * weight


@_is("addmm")
def _addmm(self: Tensor, mat1: Tensor, mat2: Tensor, beta: float = 1, alpha: float = 1) -> Tensor | None:
    return None if beta == alpha == 1 else self * beta + mat1.mm(mat2) * alpha


@_is("baddbmm")
def _baddbmm(self: Tensor, batch1: Tensor, batch2: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    product = batch1.bmm(batch2) if alpha == 1 else batch1.bmm(batch2) * alpha
    return product if beta == 0 else product + (self if beta == 1 else self * beta)


@_is("div", "self")
def _div(self: Tensor, other: Tensor, rounding_mode: str | None = None) -> Tensor | None:
    """Return a constant divided by a value."""
    return None if rounding_mode else other.reciprocal() * self


@_is("masked_fill", "mask", "value")
def _masked_fill(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    return self * (~mask).to(self.dtype) + torch.zeros_like(mask, dtype=self.dtype).masked_fill(mask, value)


@_is("where", "condition", "other")
def _where(condition: Tensor, self: Tensor, other: Tensor) -> Tensor:
    return self * condition.to(self.dtype) + torch.where(condition, torch.zeros_like(other), other)
