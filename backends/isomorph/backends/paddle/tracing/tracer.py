"""Trace somebody's Paddle model: every operation that it runs, with its inputs, its result and its tensors.

The model runs as it is. Paddle has no hook for operations, but its Python code reaches all of them through functions
of `paddle._C_ops`, which modules of Paddle also import by name, and through methods of its tensors. While a model runs
those are replaced by functions that record what they call.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.jit.dy2static.program_translator import ProgramTranslator

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.failures import Unavailable
from isomorph.backends.graphs.graph import Graph, Read
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.graphs.outputs import outputs_of
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.paddle.tracing import maps  # noqa: F401 - it enters its handlers
from isomorph.backends.paddle.tracing.call import Call, to_array
from isomorph.backends.paddle.tracing.handlers import CONSTANT, HANDLERS, RANDOM, record_unknown
from isomorph.backends.paddle.tracing.operations import PLAIN

METHODS = (
    *(f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv", "matmul", "pow", "mod") for side in ("", "r")),
    *("__eq__", "__ge__", "__gt__", "__le__", "__lt__", "__ne__"),
    *("_copy_to", "_getitem_dygraph", "_setitem_dygraph", "clone", "contiguous", "detach"),
)
"""The methods of tensors that are operations themselves, and reach none of `paddle._C_ops`."""

_NEEDED, _NEEDED_OF_OLDER = ("conv2d", "batch_norm", "matmul", "relu"), ("relu",)


class Tracer:
    """Records what runs while it is entered.

    recorder: what it records in.
    random: the names of tensors that were drawn.
    channels_last: whether maps are [N, h, w, C] in this model where an operation does not say.
    """

    def __init__(self, own: Mapping[str, Tensor], channels_last: bool) -> None:
        self.recorder = Recorder()
        self.random: set[str] = set()
        self.channels_last = channels_last
        self._busy = False
        self._alive: list[Tensor] = []  # a name is given again when its tensor is gone
        for name, tensor in own.items():
            self.recorder.own(self.key(tensor), name, to_array(tensor))

    def key(self, tensor: Tensor) -> str:
        """Return its name, which is its own: one tensor is several objects of Python, each with an id."""
        self._alive.append(tensor)
        return tensor.name

    def flows(self, value: Any) -> bool:
        """Return whether a value is a tensor that depends on the images."""
        return isinstance(value, Tensor) and value.name in self.recorder.reads

    def read(self, tensor: Tensor) -> Read:
        """Return where in the graph a tensor is that depends on the images."""
        return self.recorder.reads[tensor.name]

    def constant(self, value: Tensor | float) -> GraphTensor:
        """Return an operand that does not depend on the images."""
        if isinstance(value, Tensor):
            return self.recorder.tensor(value.name, to_array(value))
        return GraphTensor.computed(np.array(float(value)))

    def operand(self, tensor: Tensor) -> Read | GraphTensor:
        """Return what an operation reads, whether or not it depends on the images."""
        return self.read(tensor) if self.flows(tensor) else self.constant(tensor)

    def last(self, x: Array) -> Array:
        """Put the features of a map last."""
        return x if self.channels_last or x.ndim != 4 else x.transpose(0, 2, 3, 1)

    def first(self, x: Array) -> Array:
        """Undo `last`."""
        return x if self.channels_last or x.ndim != 4 else x.transpose(0, 3, 1, 2)

    def watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls another one, and records it; not what runs inside it."""

        def call(*arguments: Any, **options: Any) -> Any:
            if self._busy:
                return function(*arguments, **options)
            self._busy = True
            try:
                result = function(*arguments, **options)
                changed = arguments[0] if name == "_setitem_dygraph" else result
                self._record(Call(name, function, arguments, options, changed))
            finally:
                self._busy = False
            return result

        return call

    def _record(self, call: Call) -> None:
        """Record an operation if it depends on the images or moves one of the model's own tensors."""
        if not call.results or call.name in CONSTANT:
            return
        self._alive += call.results
        if any(map(self.flows, call.inputs)):
            HANDLERS.get(call.name, record_unknown)(self, call)
        elif call.name in RANDOM or any(each.name in self.random for each in call.inputs):
            self.random.update(map(self.key, call.results))
        elif call.name in HANDLERS.moving:
            HANDLERS[call.name](self, call)


def trace(model: nn.Layer, own: Mapping[str, Tensor], images: Images, channels_last: bool) -> Graph:
    """Run a model once, as it is, on images [N, H, W, C], and return all that it computed of them.

    own: its tensors by name.
    channels_last: whether it takes images so; else they are given as [N, C, H, W], in the dtype in which they come.
    """
    tracer = Tracer(own, channels_last)
    x = paddle.to_tensor(np.ascontiguousarray(tracer.first(images)))
    tracer.recorder.images(tracer.key(x), images, tracer.first)
    with paddle.no_grad(), _eagerly(), _naming(model, tracer.recorder), _watching(tracer):
        result = model(x)
    for name, tensor in outputs_of(result, Tensor):
        tracer.recorder.output(name, tensor.name)
    return tracer.recorder.graph


@contextmanager
def _eagerly() -> Iterator[None]:
    """Have what is decorated with `to_static` run its operations one by one while it lasts."""
    before = ProgramTranslator.get_instance().enable_to_static
    paddle.jit.enable_to_static(False)
    try:
        yield
    finally:
        paddle.jit.enable_to_static(before)


@contextmanager
def _watching(tracer: Tracer) -> Iterator[None]:
    """Have the tracer watch every operation of Paddle while it lasts."""
    operations, older = _functions(paddle._C_ops), _functions(paddle._legacy_C_ops)
    if missing := missing_hooks():
        raise Unavailable(f"Models of Paddle {paddle.__version__} cannot be traced: it has no {', '.join(missing)}.")
    # the older functions take their attributes in another form
    older = {name if name in PLAIN else f"legacy {name}": each for name, each in older.items()}
    watched = {id(each): tracer.watched(name, each) for name, each in (*older.items(), *operations.items())}
    places = [each for name, each in sys.modules.items() if each is not None and name.partition(".")[0] == "paddle"]
    replaced = [
        *((place, name, each) for place in places for name, each in list(vars(place).items()) if id(each) in watched),
        *((Tensor, name, getattr(Tensor, name)) for name in dir(Tensor) if id(getattr(Tensor, name, None)) in watched),
    ]
    methods = [(Tensor, name, getattr(Tensor, name)) for name in METHODS]
    try:
        for place, name, each in replaced:
            setattr(place, name, watched[id(each)])
        for place, name, each in methods:
            setattr(place, name, tracer.watched(name, each))
        yield
    finally:
        for place, name, each in (*replaced, *methods):
            setattr(place, name, each)


def missing_hooks() -> list[str]:
    """Return the names of what a trace replaces, all private to Paddle, and this Paddle does not have."""
    return [
        *(f"paddle._C_ops.{name}" for name in _NEEDED if not hasattr(paddle._C_ops, name)),
        *(f"paddle._legacy_C_ops.{name}" for name in _NEEDED_OF_OLDER if not hasattr(paddle._legacy_C_ops, name)),
        *(f"paddle.Tensor.{name}" for name in METHODS if not hasattr(Tensor, name)),
    ]


def _functions(module: Any) -> dict[str, Callable[..., Any]]:
    return {name: each for name, each in vars(module).items() if name[:1] != "_" and callable(each)}


@contextmanager
def _naming(model: nn.Layer, recorder: Recorder) -> Iterator[None]:
    """Tell the recorder, while it lasts, which of the model's layers is running."""
    running = [""]

    def enter(name: str) -> None:
        running.append(name)
        recorder.module = name

    def leave() -> None:
        running.pop()
        recorder.module = running[-1]

    handles = []
    for name, layer in model.named_sublayers(include_self=True):
        handles.append(layer.register_forward_pre_hook(lambda _layer, _inputs, name=name: enter(name)))
        handles.append(layer.register_forward_post_hook(lambda _layer, _inputs, _result: leave()))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
