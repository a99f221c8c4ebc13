"""Trace somebody's PyTorch model: every operation that it runs, with its inputs, its result and its tensors.

The model runs as it is. PyTorch hands each operation that reaches its dispatcher to a mode, whoever called it: a
module, a function, an operator or a program of TorchScript.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph, Read
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.graphs.outputs import outputs_of
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.pytorch.tracing.call import Call, to_array
from isomorph.backends.pytorch.tracing.operations import CONSTANT, HANDLERS, MOVING, RANDOM, record_unknown


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]  # its base class is not typed
    """Records what runs while it is entered.

    recorder: what it records in.
    random: the keys of tensors that were drawn.
    """

    def __init__(self, own: Mapping[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recorder = Recorder()
        self.random: set[int] = set()
        self._keys = WeakTensorKeyDictionary()
        self._numbers = count()
        for name, tensor in own.items():
            self.recorder.own(self.key(tensor), name, to_array(tensor).copy())

    def key(self, tensor: Tensor) -> int:
        """Return a number that no other tensor gets, however long this one lives."""
        if tensor not in self._keys:
            self._keys[tensor] = next(self._numbers)
        key: int = self._keys[tensor]
        return key

    def flows(self, value: Any) -> bool:
        """Return whether a value is a tensor that depends on the images."""
        return isinstance(value, Tensor) and self.key(value) in self.recorder.reads

    def read(self, tensor: Tensor) -> Read:
        """Return where in the graph a tensor is that depends on the images."""
        return self.recorder.reads[self.key(tensor)]

    def constant(self, value: Tensor | float) -> GraphTensor:
        """Return an operand that does not depend on the images."""
        if isinstance(value, Tensor):
            return self.recorder.tensor(self.key(value), to_array(value))
        return GraphTensor.computed(np.array(float(value)))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation, and record it if it depends on the images or moves one of the model's own tensors."""
        result = func(*args, **kwargs or {})
        call = Call(func, args, kwargs or {}, result)
        if call.results and call.name not in CONSTANT:
            self._record(call)
        return result

    def _record(self, call: Call) -> None:
        drawn = any(self.key(each) in self.random for each in call.inputs)
        if any(map(self.flows, call.inputs)):
            HANDLERS.get(call.name, record_unknown)(self, call)
        elif call.name in RANDOM or drawn:
            self.random.update(map(self.key, call.results))
        elif call.name in MOVING:
            HANDLERS[call.name](self, call)


def trace(model: nn.Module, images: Images) -> Graph:
    """Run a model once, as it is, on images [N, H, W, C], and return all that it computed of them.

    The images are given as [N, C, H, W], in the dtype in which they come, on the device of the model's tensors.
    Attention is computed by its single operations, and not by one that is fused; both are the same function.
    """
    own = {name: each for name, each in model.state_dict(keep_vars=True).items() if isinstance(each, Tensor)}
    tracer = Tracer(own)
    device = next((each.device for each in own.values()), torch.device("cpu"))
    x = torch.from_numpy(np.ascontiguousarray(_channels_first(images))).to(device)
    tracer.recorder.images(tracer.key(x), images, _channels_first)
    with torch.no_grad(), _attention_by_parts(), _naming(model, tracer.recorder), tracer:
        result = model(x)
    for name, tensor in outputs_of(result, Tensor):
        tracer.recorder.output(name, tracer.key(tensor))
    return tracer.recorder.graph


def _channels_first(x: Array) -> Array:
    return x.transpose(0, 3, 1, 2)


@contextmanager
def _attention_by_parts() -> Iterator[None]:
    """Turn off, while it lasts, the operations that compute a whole attention at once."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _naming(model: nn.Module, recorder: Recorder) -> Iterator[None]:
    """Tell the recorder, while it lasts, which of the model's modules is running."""
    names = {module: name for name, module in model.named_modules()}
    running = [""]

    def enter(module: nn.Module, _inputs: Any) -> None:
        running.append(names.get(module, running[-1]))
        recorder.module = running[-1]

    def leave(_module: nn.Module, _inputs: Any, _result: Any) -> None:
        running.pop()
        recorder.module = running[-1]

    handles = register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
