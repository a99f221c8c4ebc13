"""Trace somebody's PyTorch model: every operation that it runs, with its inputs, its result and its tensors.

The model runs as it is. PyTorch hands each operation that reaches its dispatcher to a mode, whoever called it: a
module, a function, an operator or a program of TorchScript.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._ops import HigherOrderOperator
from torch.compiler import set_stance
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from isomorph.backends.array_forms import Images
from isomorph.backends.graphs.graph import Graph, Read
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.graphs.handlers import channels_first, channels_last
from isomorph.backends.graphs.outputs import outputs_of
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.pytorch.tracing import moving, operations, pointwise  # noqa: F401 - they fill HANDLERS
from isomorph.backends.pytorch.tracing.call import Call, same_values, to_array, to_tensor
from isomorph.backends.pytorch.tracing.compositions import COMPOSITIONS, Composition
from isomorph.backends.pytorch.tracing.handlers import HANDLERS, InexpressibleError, record_result, record_unknown
from isomorph.backends.pytorch.tracing.moving import RESHAPING
from isomorph.backends.pytorch.tracing.storages import WrittenStorage, address
from isomorph.spec import BadInput

RANDOM = frozenset(
    (
        *("bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal", "normal_", "rand"),
        *("rand_like", "randint", "randint_like", "randn", "randn_like", "random_", "randperm", "uniform_"),
    )
)
"""Operations that draw, whatever they are given to draw it into."""

CONSTANT = frozenset(
    ("empty_like", "full_like", "new_empty", "new_full", "new_ones", "new_zeros", "ones_like", "zeros_like")
)
"""Operations that take no more from a tensor than its shape."""

OVERWRITING = frozenset(("copy_", "fill_", "zero_"))
"""Operations that write into a tensor, whatever it was. It may be constant then."""


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]  # its base class is not typed
    """Records what runs while it is entered.

    recorder: what it records in.
    batch: the number of images.
    """

    supports_higher_order_operators = True

    def __init__(self, own: Mapping[str, Tensor], batch: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recorder = Recorder()
        self.batch = batch
        self._drawn: set[int] = set()
        self._keys = WeakTensorKeyDictionary()
        self._numbers = count()
        self._written: dict[int | None, WrittenStorage] = {}
        self._overwritten: dict[int, GraphTensor] = {}
        self._beside: dict[int, tuple[Call, list[Read]]] = {}
        for name, tensor in own.items():
            if tensor not in self._keys:  # a tensor of two names goes by the first
                self.recorder.own(self.key(tensor), name, to_array(tensor).copy())

    def key(self, tensor: Tensor) -> int:
        """Return a number that no other tensor gets, however long this one lives."""
        if tensor not in self._keys:
            self._keys[tensor] = next(self._numbers)
        key: int = self._keys[tensor]
        return key

    def flows(self, value: Any) -> bool:
        """Return whether a value is a tensor that depends on the images."""
        if not isinstance(value, Tensor):
            return False
        key = self.key(value)
        if key in self.recorder.reads or key in self._beside:
            return True
        written = self._written_at(value)
        return written is not None and written.flows(value)

    def read(self, tensor: Tensor, constant: bool = False) -> Read:
        """Return where in the graph a tensor is that depends on the images.

        constant: whether one may also be constant, and is recorded as a value then.
        """
        if constant and not self.flows(tensor):
            return self.recorder.as_value(self.constant(tensor))
        key = self.key(tensor)
        if key in self._beside:
            call, reads = self._beside.pop(key)
            record_result(self, call, tensor, reads)
        if key not in self.recorder.reads and (written := self._written_at(tensor)):
            self.recorder.reads[key] = written.read(tensor, self.recorder)
        return self.recorder.reads[key]

    def constant(self, value: Tensor | float) -> GraphTensor:
        """Return an operand that may not depend on the images, nor on chance.

        It goes by the name of one of the model's own tensors as long as it has that one's values.
        """
        if not isinstance(value, Tensor):
            return GraphTensor.computed(np.array(float(value)))
        if self.flows(value) or self.is_drawn(value):
            raise InexpressibleError
        return self._constant(value)

    def _constant(self, value: Tensor) -> GraphTensor:
        """Return a constant as it is, or as it was before the operation that is being recorded changed it."""
        if before := self._overwritten.get(self.key(value)):
            return before
        known = self.recorder.constants.get(self.key(value))
        actual = to_array(value)
        if known and same_values(known.value, actual):
            return known
        return GraphTensor.computed(np.array(actual, order="C"))

    def is_drawn(self, value: Any) -> bool:
        """Return whether a value is a tensor that was drawn, and does not depend on the images."""
        return isinstance(value, Tensor) and self.key(value) in self._drawn

    def forget(self, tensor: Tensor) -> None:
        """Record that a tensor is constant from now on."""
        self.recorder.reads.pop(self.key(tensor), None)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation, and record it if it depends on the images or moves one of the model's own tensors."""
        options = kwargs or {}
        if isinstance(func, HigherOrderOperator):
            return self._run_branch(func, *args)
        with self:  # one that PyTorch itself makes of others, and hands on whole where it computes no gradients
            result = func.decompose(*args, **options)
        if result is not NotImplemented:
            return result
        call = Call(func, args, options)
        for each in call.inputs:
            self.key(each)
        flowing = any(map(self.flows, call.inputs))
        if flowing and (composition := COMPOSITIONS.get(call.name.removesuffix("_"))):
            result = self._compose(composition, call)
            if result is not None:
                return result
        found_when_read = call.is_view and self._written_at(call.x) is not None
        if flowing and not found_when_read and not self._copies_within_written(call):
            self._settle(call.inputs[1:] if call.name in OVERWRITING else call.inputs)
        writes = [] if call.name in RESHAPING else self._writes(call, flowing)
        call.ran(result := func(*args, **options))
        if call.name not in CONSTANT and not found_when_read:
            self._record(call, flowing)
        for target, sharing in writes:
            self._pass_on(call, target, sharing)
        return result

    def _run_branch(self, func: Any, *args: Any) -> Any:
        """Run what `torch.cond` chooses. Raises BadInput for other control flow that is written as an operation."""
        if func.name() != "cond":
            raise BadInput(f"It uses torch.ops.higher_order.{func.name()}, which cannot be followed.")
        condition, chosen, other, operands = args
        with self:
            return (chosen if condition else other)(*operands)

    def _compose(self, composition: Composition, call: Call) -> Any:
        """Run other operations in the place of one; return None where that cannot be."""
        if call.arguments.get("out") is not None or any(self.flows(call[name]) for name in composition.constant):
            return None
        with self:
            result = composition.function(**call.arguments)
            if call.written and result is not None:
                return call.x.copy_(result)
        if isinstance(result, tuple) and any(each is None for each in result):  # what the operation gives beside
            call.ran(call.function(*call.given, **call.options))
            self._set_beside(call, [each for each, other in zip(call.results, result, strict=True) if other is None])
            return tuple(each if other is None else other for each, other in zip(call.results, result, strict=True))
        return result

    def _record(self, call: Call, flowing: bool) -> None:
        if self._copies_within_written(call):
            return
        if call.name in RANDOM or (not flowing and any(map(self.is_drawn, call.inputs))):
            for each in call.results:
                self.forget(each)
                self._drawn.add(self.key(each))
        elif flowing:
            special = any(each.is_complex() or each.is_quantized for each in (*call.inputs, *call.results))
            known = call.name in HANDLERS.moving or not special
            try:
                (HANDLERS.get(call.name, record_unknown) if known else record_unknown)(self, call)
            except InexpressibleError:
                record_unknown(self, call)
            if call.name not in OVERWRITING:
                self._set_beside(call, [each for each in call.results if self.key(each) not in self.recorder.reads])
        elif call.name in HANDLERS.moving:
            with suppress(InexpressibleError):
                HANDLERS[call.name](self, call)

    def _set_beside(self, call: Call, results: Sequence[Tensor]) -> None:
        """Have results that few read, as the indices of a max pool, be unknown once they are read."""
        if results:
            reads = [self.read(each) for each in call.inputs if self.flows(each)]
            self._beside.update((self.key(each), (call, reads)) for each in results)

    def _settle(self, tensors: Sequence[Tensor]) -> None:
        """Find what depends on the images in storages that were written to, while it is still as it was."""
        for each in tensors:
            if self.flows(each):
                self.read(each)

    def _writes(self, call: Call, flowing: bool) -> list[tuple[Tensor, list[Tensor]]]:
        """Return the tensors that a call is about to change, each with all others that lie in its storage.

        What is constant there, and stays so, needs no following.
        """
        self._overwritten.clear()
        writes = []
        for target in call.written:
            place = address(target)
            if not flowing and place not in self._written:
                continue
            sharing = [each for each in self._keys if each is not target and place and address(each) == place]
            if sharing and place not in self._written:
                contents = [
                    (each, self.read(each) if self.flows(each) else self._constant(each)) for each in (target, *sharing)
                ]
                self._written[place] = WrittenStorage(contents)
            if not self.flows(target):
                self._overwritten[self.key(target)] = self._constant(target)
            writes.append((target, sharing))
        return writes

    def _pass_on(self, call: Call, target: Tensor, sharing: Sequence[Tensor]) -> None:
        """Have all tensors in a storage be read anew, one of which was changed."""
        if not (written := self._written_at(target)):
            return
        if self._copies_within_written(call):
            written.copy(target, call["src"], self._written[address(call["src"])])
        else:
            self._overwritten.clear()
            written.write(target, self.recorder.reads.get(self.key(target)) or self._constant(target))
        for each in (target, *sharing):
            self.recorder.reads.pop(self.key(each), None)
            self.recorder.constants.pop(self.key(each), None)

    def _copies_within_written(self, call: Call) -> bool:
        """Return whether a call copies between storages that were written to, whatever contents are there."""
        if call.name != "copy_" or not self._written or call.x.dtype != call["src"].dtype:
            return False
        return all(self._written_at(each) for each in (call.x, call["src"]))

    def _written_at(self, tensor: Tensor) -> WrittenStorage | None:
        return self._written.get(address(tensor)) if self._written else None


def trace(model: nn.Module, images: Images) -> Graph:
    """Run a model once, as it is, on images [N, H, W, C], and return all that it computed of them.

    The images are given as [N, C, H, W], in the dtype in which they come, on the device of the model's tensors.
    Attention is computed by its single operations, and not by one that is fused, and so are the COMPOSITIONS; what is
    compiled runs as it was written. All these are the same functions.
    """
    own = {name: each for name, each in model.state_dict(keep_vars=True).items() if isinstance(each, Tensor)}
    tracer = Tracer(own, len(images))
    x = to_tensor(channels_first(images)).to(next((each.device for each in own.values()), torch.device("cpu")))
    tracer.recorder.images(tracer.key(x), channels_last(to_array(x)), channels_first)
    with torch.no_grad(), _attention_by_parts(), set_stance("force_eager"), _naming(model, tracer.recorder), tracer:
        result = model(x)
    for name, tensor in outputs_of(result, Tensor):
        if tracer.flows(tensor):
            tracer.read(tensor)
        tracer.recorder.output(name, tracer.key(tensor))
    return tracer.recorder.graph


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
    running = [""]

    def enter(name: str) -> None:
        running.append(name)
        recorder.module = name

    def leave(_module: nn.Module, _inputs: Any, _result: Any) -> None:
        running.pop()
        recorder.module = running[-1]

    handles = []
    # a program of TorchScript calls no hooks, and takes none
    modules = ((name, each) for name, each in model.named_modules() if not isinstance(each, torch.jit.ScriptModule))
    for name, module in modules:
        handles.append(module.register_forward_pre_hook(lambda *_, name=name: enter(name), prepend=True))
        handles.append(module.register_forward_hook(leave, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
