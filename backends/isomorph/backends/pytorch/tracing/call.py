"""One call of an operation of PyTorch, as its dispatcher sees it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isomorph.backends.array_forms import Array


class Call:
    """One call of an operation.

    name: "relu_" of `aten::relu_`; of operations that are not PyTorch's own with their namespace, "torchvision::nms".
    function, given, options: the operation, and what it is called with.
    arguments: by the names in the operation's schema, with its defaults.
    written: the tensors among them that it changes in place.
    results: the tensors that it gave, once it has run.
    """

    def __init__(self, function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> None:
        self.function, self.given, self.options = function, arguments, options
        name: str = function.overloadpacket.__name__
        self.name = name if function.namespace == "aten" else f"{function.namespace}::{name}"
        schema = function._schema.arguments
        given = dict(zip((each.name for each in schema), arguments, strict=False)) | options
        self.arguments = {each.name: given.get(each.name, each.default_value) for each in schema}
        written = (self.arguments[each.name] for each in schema if each.alias_info and each.alias_info.is_write)
        self.written = [each for each in written if isinstance(each, Tensor)]
        self.results: list[Tensor] = []

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def ran(self, result: Any) -> None:
        """Note what it gave."""
        results = result if isinstance(result, list | tuple) else [result]
        self.results = [each for each in results if isinstance(each, Tensor)]

    def again(self, x: Tensor) -> list[Tensor]:
        """Return what the operation gives for another first argument."""
        _, *others = self.arguments.items()
        named = {each.name for each in self.function._schema.arguments if each.kwarg_only}
        options = {name: value for name, value in others if name in named}
        result = self.function(x, *(value for name, value in others if name not in named), **options)
        return list(result) if isinstance(result, list | tuple) else [result]

    @property
    def is_view(self) -> bool:
        """Whether its results lie in the storage of what it is an operation on, and it changes nothing there."""
        aliases = [each.alias_info for each in self.function._schema.returns]
        return any(alias is not None and not alias.is_write for alias in aliases)

    @property
    def x(self) -> Tensor:
        """What it is an operation on: its first argument."""
        tensor: Tensor = next(iter(self.arguments.values()))
        return tensor

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


def to_array(tensor: Tensor) -> Array:
    """Return a tensor's values; those of half precision in float32, which holds them all, and quantised ones as floats.

    It lies where the tensor does, if that can be.
    """
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    return tensor.float().numpy() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor.numpy()


def to_tensor(x: Array) -> Tensor:
    """Return a tensor of its own memory; NumPy has no bfloat16, and ml_dtypes' is passed on in float32."""
    if x.dtype.name == "bfloat16":
        return torch.from_numpy(np.array(x, np.float32)).to(torch.bfloat16)
    return torch.from_numpy(np.array(x, order="C"))


def same_values(x: Array, y: Array) -> bool:
    """Return whether two arrays hold the same values, of which some may be none at all."""
    return np.array_equal(x, y) or (x.dtype.kind == "f" and np.array_equal(x, y, equal_nan=True))
