"""One call of an operation of PyTorch, as its dispatcher sees it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from isomorph.backends.array_forms import Array


class Call:
    """One call of an operation.

    name: "relu_" of `aten::relu_`.
    arguments: by the names in the operation's schema, with its defaults.
    results: the tensors that it gave.
    """

    def __init__(self, function: Any, arguments: Sequence[Any], options: dict[str, Any], result: Any) -> None:
        self.function = function
        self.name: str = function.overloadpacket.__name__
        schema = function._schema.arguments
        given = dict(zip((each.name for each in schema), arguments, strict=False)) | options
        self.arguments = {each.name: given.get(each.name, each.default_value) for each in schema}
        results = result if isinstance(result, list | tuple) else [result]
        self.results = [each for each in results if isinstance(each, Tensor)]

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def again(self, x: Tensor) -> list[Tensor]:
        """Return what the operation gives for another first argument."""
        _, *others = self.arguments.items()
        named = {each.name for each in self.function._schema.arguments if each.kwarg_only}
        options = {name: value for name, value in others if name in named}
        result = self.function(x, *(value for name, value in others if name not in named), **options)
        return list(result) if isinstance(result, list | tuple) else [result]

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
    """Return a tensor's values; those of half precision in float32, which holds them all."""
    tensor = tensor.detach().cpu()
    return tensor.float().numpy() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor.numpy()
