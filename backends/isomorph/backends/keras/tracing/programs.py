"""Programs of TensorFlow without Python, a SavedModel's: they are run operation by operation."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from isomorph.backends.array_forms import Array, Images
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.keras.tracing.tracer import Tracer, record
from isomorph.backends.keras.tracing.variables import to_numpy, unique
from isomorph.backends.models import Model, Size, last_line
from isomorph.spec import BadInput

SIGNATURE = "serving_default"


class TensorFlowProgram(Model):
    """The signature of a SavedModel that takes images."""

    def __init__(self, loaded: Any, name: str) -> None:
        self.name = name
        self._loaded = loaded  # keeps its variables alive
        self._function = _signature(loaded, name)
        self._images = _images(self._function, name)
        variables = {variable.handle._id: variable for variable in self._function.graph.variables}
        self._named = unique((each.name.removesuffix(":0"), each) for each in variables.values())
        captures = self._function.graph.captures
        self._captured = {inner.op.name: variables.get(outer._id, outer) for outer, inner in captures}

    @property
    def native(self) -> Any:
        """The concrete function of its signature."""
        return self._function

    @property
    def input_shape(self) -> tuple[Size, Size, Size]:
        """Height, width and channels, as its signature says."""
        _, height, width, channels = self._images.shape.as_list()
        return height, width, channels

    @property
    def batch(self) -> Size:
        """The number of images, if its signature says one."""
        batch: Size = self._images.shape.as_list()[0]
        return batch

    @property
    def dtype(self) -> str:
        """The dtype in its signature."""
        return str(self._images.dtype.name)

    def cast(self, dtype: str) -> bool:
        """Return whether it computes in `dtype` already: a program says it of every operation."""
        return dtype == self.dtype

    def in_training(self) -> list[str]:
        """Return nothing: what it computes is fixed."""
        return []

    def tensors(self) -> dict[str, Array]:
        """Return its variables by name."""
        return {name: to_numpy(variable) for name, variable in self._named.items()}

    def load(self, tensors: Mapping[str, Array]) -> None:
        """Put values into some of its variables."""
        for name, value in tensors.items():
            self._named[name].assign(value)

    def trace(self, images: Images) -> Graph:
        """Run its operations one by one, with those of all functions that it calls."""
        program = _inlined(self._function)
        names = sorted(self._function.structured_outputs)

        def run(tracer: Tracer, x: Any) -> Any:
            results = _run(program, x, self._captured, tracer, self.name)
            return dict(zip(names, results, strict=True)) if len(names) > 1 else results[0]

        return record(images, self._named, run)


def open_program(path: str) -> TensorFlowProgram:
    """Open the folder of a SavedModel. Raises BadInput for one that is none, or takes no images."""
    try:
        loaded = tf.saved_model.load(path)
    except Exception as error:
        raise BadInput(f"{path} cannot be opened as a SavedModel: {last_line(error)}") from error
    return TensorFlowProgram(loaded, path)


def _signature(loaded: Any, name: str) -> Any:
    if SIGNATURE not in loaded.signatures:
        raise BadInput(f"{name} has no signature {SIGNATURE!r}, by which it would say what it takes.")
    return loaded.signatures[SIGNATURE]


def _images(function: Any, name: str) -> Any:
    """Return what a function takes, if that is images alone."""
    _, named = function.structured_input_signature
    (first, *others) = named.values() or (None,)
    if first is None or others or first.shape.rank != 4 or not first.dtype.is_floating:
        takes = ", ".join(f"{each.name} {each.dtype.name}{each.shape}" for each in named.values())
        raise BadInput(f"{name} takes {takes or 'nothing'}, expected one tensor of images [N, H, W, C].")
    return first


def _inlined(function: Any) -> Any:
    """Return a function without calls of others; its variables are constants named as what they are captured by."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(function, lower_control_flow=False)


def _run(program: Any, images: Any, captured: Mapping[str, Any], tracer: Tracer, name: str) -> list[Any]:
    """Run a program's operations one by one on images, each variable as it is now, and return its results.

    captured: variables, and other tensors that the program takes from without, by the operations that give them.
    """
    values: dict[str, list[Any]] = {}

    def value(tensor: Any) -> Any:
        return values[tensor.op.name][tensor.value_index]

    for operation in program.graph.get_operations():
        tracer.recorder.module = _scope(operation.name)
        if operation.name in captured:
            outer = captured[operation.name]
            values[operation.name] = [outer.read_value() if isinstance(outer, tf.Variable) else outer]
        elif operation.type == "Placeholder":
            values[operation.name] = [images]
        elif operation.type == "Const":
            values[operation.name] = [tf.constant(tf.make_ndarray(operation.get_attr("value")))]
        elif operation.type != "NoOp":
            try:
                values[operation.name] = _call(operation, value)
            except Exception as error:
                raise BadInput(
                    f"{name} cannot be run operation by operation: {operation.name} ({operation.type}):"
                    f" {last_line(error)}"
                ) from error
    return [value(each) for each in program.outputs]


def _call(operation: Any, value: Callable[[Any], Any]) -> list[Any]:
    """Run an operation of a graph eagerly."""
    function = getattr(tf.raw_ops, operation.type)
    names = list(inspect.signature(function).parameters)
    inputs = iter(operation.inputs)
    given: list[Any] = []
    for argument in operation.op_def.input_arg:
        if argument.number_attr:
            given.append([value(next(inputs)) for _ in range(operation.get_attr(argument.number_attr))])
        elif argument.type_list_attr:
            given.append([value(next(inputs)) for _ in operation.get_attr(argument.type_list_attr)])
        else:
            given.append(value(next(inputs)))
    attributes = {each.name: operation.get_attr(each.name) for each in operation.op_def.attr if each.name in names}
    result = function(**dict(zip(names, given, strict=False)), **attributes)
    return list(result) if isinstance(result, list | tuple) else [result]


def _scope(name: str) -> str:
    """Return the scope of an operation, without those of the functions that call it.

    "resnet/conv1" of "StatefulPartitionedCall/resnet/conv1/Conv2D".
    """
    *scope, _ = name.split("/")
    return "/".join(each for each in scope if "PartitionedCall" not in each)
