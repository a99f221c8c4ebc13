"""Trace somebody's Keras model: every operation of TensorFlow that it runs, with its inputs, its result, its tensors.

The model runs as it is, eagerly. TensorFlow tells its own debuggers of every operation, whoever called it: a layer,
`keras.ops`, `tf.nn` or an operator.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.failures import Unavailable
from isomorph.backends.graphs.graph import Graph, Read, Tensor
from isomorph.backends.graphs.outputs import outputs_of
from isomorph.backends.graphs.recorder import Recorder
from isomorph.backends.keras.tracing.call import Call, address, to_array
from isomorph.backends.keras.tracing.dilation import Apart
from isomorph.backends.keras.tracing.elementwise import draw
from isomorph.backends.keras.tracing.following import follow
from isomorph.backends.keras.tracing.formulas import Formula, Line, Statistic
from isomorph.backends.keras.tracing.handlers import HANDLERS, MOVING
from isomorph.backends.keras.tracing.registry import ALIASES, ASSIGNMENTS, CONSTANT, RANDOM, between, record_unknown
from isomorph.backends.keras.tracing.variables import to_numpy


class Tracer:
    """Records what it is told of.

    recorder: what it records in.
    dtype: of the images; all values are kept in it.
    random: the keys of tensors that were drawn.
    shares: key of a mask that was drawn -> the share of zeros that it was drawn by.
    formulas: key -> a value as a sum of products: a constant, or a function of statistics alone.
    lines: key -> a value as multiples of others, plus such a sum.
    squares: key -> the square of what a mean was subtracted from, as the variance that its mean is.
    replaced: the numbers of nodes that go if nothing reads them: others stand in their place, or they are of training.
    apart: key -> a map whose cells were taken apart to be convolved.
    """

    def __init__(self, dtype: np.dtype[Any], own: Mapping[str, Any]) -> None:
        self.recorder = Recorder()
        self.dtype = dtype
        self.random: set[int] = set()
        self.shares: dict[int, float] = {}
        self.formulas: dict[int, Formula] = {}
        self.lines: dict[int, list[Line]] = {}
        self.squares: dict[int, Statistic] = {}
        self.replaced: set[int] = set()
        self.apart: dict[int, Apart] = {}
        self._held: dict[int, tuple[Any, int]] = {}
        for name, variable in own.items():
            self.recorder.own(self.key(variable.handle), name, to_numpy(variable))
            value = variable.read_value()  # kept, so that nothing else comes to lie where it does
            if place := address(value):
                self._held[place] = value, self.key(variable.handle)

    def key(self, tensor: Any) -> int:
        """Return a number that no other tensor gets, however long this one lives."""
        key: int = tensor._id
        return key

    def flows(self, tensor: Any) -> bool:
        """Return whether a tensor depends on the images."""
        return self.key(tensor) in self.recorder.reads

    def read(self, tensor: Any, constant: bool = False) -> Read:
        """Return where in the graph a tensor is that depends on the images.

        constant: whether one may also be constant, and is recorded as a value then.
        """
        if constant and not self.flows(tensor):
            return self.recorder.as_value(self.constant(tensor))
        return self.recorder.reads[self.key(tensor)]

    def value(self, tensor: Any) -> Array:
        """Return a tensor's values, those of floats in the images' dtype."""
        array = to_array(tensor)
        return array.astype(self.dtype, copy=False) if array.dtype.kind == "f" else array

    def constant(self, tensor: Any) -> Tensor:
        """Return an operand that does not depend on the images."""
        return self.recorder.tensor(self.key(tensor), to_array(tensor))

    def is_number(self, tensor: Any) -> bool:
        """Return whether a constant is a single number, and none of the model's own tensors."""
        return tensor.shape.num_elements() == 1 and self.key(tensor) not in self.recorder.constants

    def number(self, tensor: Any) -> float:
        """Return a single number that does not depend on the images."""
        return self.shortest(to_array(tensor).reshape(-1)[0])

    def shortest(self, value: float | np.floating[Any]) -> float:
        """Return a number that the model uses: the shortest one that is the same in the images' dtype."""
        return shortest(value, self.dtype)

    def rounded(self, value: float) -> float:
        """Return a number that TensorFlow keeps in float32, whatever the dtype of what it computes."""
        return self.shortest(np.float32(value))

    def told(
        self, op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: str | None = None, graph: Any = None
    ) -> None:
        """Record an operation, as TensorFlow calls it back."""
        if graph is not None:
            return
        call = Call(op_type, inputs, attrs, outputs)
        if call.results:
            self._record(call)
        elif call.name in ASSIGNMENTS and self.flows(call.inputs[1]):
            kept = self.read(call.inputs[1]).source
            self.replaced.update(between(self.recorder.graph, self.recorder.graph.input.number, kept))

    def _recognize(self, tensor: Any) -> None:
        """Know one of the model's own tensors by where it lies.

        TensorFlow tells of a variable's reading, but not where its operations in C++ take the variable itself.
        """
        key = self.key(tensor)
        if key in self.recorder.reads or key in self.recorder.constants or tensor.dtype == tf.resource:
            return
        held = self._held.get(address(tensor) or 0)
        if held and (held[0].dtype, held[0].shape) == (tensor.dtype, tensor.shape):
            self.recorder.constants[key] = self.recorder.constants[held[1]]

    def _record(self, call: Call) -> None:
        for each in call.inputs:
            self._recognize(each)
        flows = any(map(self.flows, call.inputs))
        drawn = any(self.key(each) in self.random for each in call.inputs)
        if call.name in CONSTANT:
            return
        if call.name in ALIASES:
            for old, new in zip(call.inputs, call.results, strict=False):
                self.alias(old, new)
        elif flows:
            HANDLERS.get(call.name, record_unknown)(self, call)
            follow(self, call)
        elif drawn or any(word in call.name for word in RANDOM):
            draw(self, call)
        elif call.name in MOVING:
            HANDLERS[call.name](self, call)
        else:
            follow(self, call)

    def alias(self, old: Any, new: Any) -> None:
        """Record that a tensor is another one, as it is."""
        source, result = self.key(old), self.key(new)
        self.recorder.move(source, [result], lambda x: [x])
        if source in self.formulas:
            self.formulas[result] = self.formulas[source]
        if source in self.lines:
            self.lines[result] = self.lines[source]
        if source in self.random:
            self.random.add(result)

    def remove_replaced(self) -> None:
        """Remove the nodes that were replaced, but for those that something else reads."""
        graph = self.recorder.graph
        readers = Counter(read.source for read in graph.each_read())
        for number in sorted(self.replaced, reverse=True):
            if not readers[number]:
                node = graph.nodes.pop(number)
                readers.subtract(read.source for read in node.reads)


def shortest(value: Any, dtype: np.dtype[Any]) -> float:
    """Return a number as Python's; of float32, the shortest that rounds to it: 0.1, and not 0.10000000149011612."""
    return float(str(dtype.type(value)))


def trace(model: Any, images: Images, own: Mapping[str, Any]) -> Graph:
    """Run a model once, as it is, on images [N, H, W, C], and return all that it computed of them.

    own: name -> each of its variables, of TensorFlow.
    """

    def run(tracer: Tracer, x: Any) -> Any:
        with _naming(model, tracer):
            return model(x)

    return record(images, own, run)


def record(images: Images, own: Mapping[str, Any], run: Callable[[Tracer, Any], Any]) -> Graph:
    """Return all that `run`, which gets the tracer and images, computed of these."""
    tracer = Tracer(images.dtype, own)
    x = tf.constant(images)
    tracer.recorder.images(tracer.key(x), images)
    with _eagerly(), _telling(tracer):
        result = run(tracer, x)
    for name, tensor in outputs_of(result, tf.Tensor):
        tracer.recorder.output(name, tracer.key(tensor))
    tracer.remove_replaced()
    return tracer.recorder.graph


@contextmanager
def _telling(tracer: Tracer) -> Iterator[None]:
    """Have TensorFlow tell the tracer, while it lasts, of every operation that runs.

    Raises Unavailable where TensorFlow no longer does: the callbacks are its own debuggers', and no public function.
    """
    try:
        from tensorflow.python.framework.op_callbacks import add_op_callback, remove_op_callback
    except ImportError:
        raise Unavailable(
            f"TensorFlow {tf.__version__} does not tell of its operations: it has no"
            " tensorflow.python.framework.op_callbacks, by which models of others are traced."
        ) from None
    callback = tracer.told
    add_op_callback(callback)
    try:
        yield
    finally:
        remove_op_callback(callback)


@contextmanager
def _eagerly() -> Iterator[None]:
    """Run what the model has as `tf.function`, while it lasts, operation by operation."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextmanager
def _naming(model: Any, tracer: Tracer) -> Iterator[None]:
    """Tell the recorder, while it lasts, which of the model's layers is running."""
    own = keras.Operation.__call__, keras.layers.Layer.__call__

    def enter(operation: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        above = tracer.recorder.module
        if operation is not model:
            tracer.recorder.module = f"{above}/{operation.name}" if above else operation.name
        try:
            return call(operation, *args, **kwargs)
        finally:
            tracer.recorder.module = above

    def call_operation(self: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self, keras.layers.Layer):  # which calls this from its own
            return own[0](self, *args, **kwargs)
        return enter(self, own[0], args, kwargs)

    def call_layer(self: Any, *args: Any, **kwargs: Any) -> Any:
        return enter(self, own[1], args, kwargs)

    keras.Operation.__call__, keras.layers.Layer.__call__ = call_operation, call_layer
    try:
        yield
    finally:
        keras.Operation.__call__, keras.layers.Layer.__call__ = own
