"""What ONNX's operators on any values are in the words of `isomorph.spec.operations`, each with its attributes.

Dense kernels are [I, O].
"""

from math import inf, prod
from typing import TYPE_CHECKING

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Tensor
from isomorph.backends.graphs.handlers import channels_last
from isomorph.backends.graphs.layout import Move
from isomorph.backends.onnx.call import Call, to_float
from isomorph.backends.onnx.handlers import are_constant, given, on_each, on_result, record_unknown, records
from isomorph.spec.operations import (
    RELU,
    SCALE,
    SHIFT,
    Affine,
    LayerNorm,
    Pointwise,
    Product,
    Quotient,
    Softmax,
    Sum,
)
from isomorph.spec.tensors import BETA, GAMMA

if TYPE_CHECKING:
    from isomorph.backends.onnx.tracer import Tracer


@records("LayerNormalization")
def _layer_norm(tracer: "Tracer", call: Call) -> None:
    """Record a norm over the last axes as one over one axis, in which they lie; its tensors lie so, too."""
    shape = call.shape
    axis = int(call.attribute("axis", -1)) % len(shape)
    lies = (*shape[:axis], prod(shape[axis:]))
    tensors = given(tracer, **{GAMMA: call.inputs[1], BETA: call.input(2)})
    stretched = {leaf: each.moved(lambda x: np.broadcast_to(x, shape[axis:])) for leaf, each in tensors.items()}
    tensors = {leaf: each.moved(lambda x: x.reshape(-1)) for leaf, each in stretched.items()}
    read = tracer.read(call.x).moved(lambda x: x.reshape(lies))
    operation = LayerNorm(float(call.attribute("epsilon", float(np.float32(1e-5)))))
    tracer.recorder.add(call.result, operation, [read], call.value.reshape(lies), tensors, lambda x: x.reshape(shape))


@records("Gemm")
def _gemm(tracer: "Tracer", call: Call) -> None:
    """Record alpha x w + beta b as a product with what alpha and beta make of its tensors."""
    x, weights, bias = call.x, call.inputs[1], call.input(2)
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    left = tracer.operand(x).moved(_turned(call.attribute("transA", 0)))
    right = tracer.operand(weights).moved(_turned(call.attribute("transB", 0)))
    if isinstance(right, Tensor):
        right, alpha = _times(right, alpha), 1.0
    biases = None if bias is None else _times(tracer.constant(bias), beta)
    known = alpha == 1 and are_constant(tracer, bias)
    if not known or not tracer.recorder.multiply(call.result, left, right, call.value, biases):
        record_unknown(tracer, call)


def _times(tensor: Tensor, factor: float) -> Tensor:
    return tensor if factor == 1 else Tensor.computed(tensor.value * tensor.value.dtype.type(factor))


def _turned(turned: int) -> Move:
    return _transposed if turned else _same_axes


def _transposed(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def _same_axes(x: Array) -> Array:
    return x


@records("MatMul")
def _product(tracer: "Tracer", call: Call) -> None:
    """Record a product of two values, or of one and a kernel."""
    if min(tracer.values[name].ndim for name in call.inputs) < 2:
        record_unknown(tracer, call)
    else:
        first, second = map(tracer.operand, call.inputs)
        tracer.recorder.multiply(call.result, first, second, call.value)


@records("Einsum")
def _einsum(tracer: "Tracer", call: Call) -> None:
    operands = list(map(tracer.operand, call.inputs))
    if not tracer.recorder.contract(call.result, call.attribute("equation", ""), operands, call.value):
        record_unknown(tracer, call)


@records("Softmax", "LogSoftmax")
def _softmax(tracer: "Tracer", call: Call) -> None:
    """Record a softmax; before version 13 it is over all axes from one on."""
    shape = call.shape
    of_all_behind = call.version < 13
    axis = int(call.attribute("axis", 1 if of_all_behind else -1)) % len(shape)

    def last(x: Array) -> Array:
        return x.reshape(*shape[:axis], -1) if of_all_behind else np.moveaxis(x, axis, -1)

    def back(x: Array) -> Array:
        return x.reshape(shape) if of_all_behind else np.moveaxis(x, -1, axis)

    of_log = call.name == "LogSoftmax"
    value = last(call.value)
    read = tracer.read(call.x).moved(last)
    tracer.recorder.add(call.result, Softmax(), [read], np.exp(value) if of_log else value, move=back)
    if of_log:
        on_result(tracer, call, Pointwise("log"))


_POINTWISE: dict[str, Pointwise] = {
    "Erf": Pointwise("erf"),
    "Exp": Pointwise("exp"),
    "HardSwish": Pointwise("hard_swish", (1 / 6, 0.5)),
    "Log": Pointwise("log"),
    "Mish": Pointwise("mish"),
    "Neg": Pointwise("linear", (-1.0, 0.0)),
    "Reciprocal": Pointwise("power", (-1.0,)),
    "Relu": RELU,
    "Sigmoid": Pointwise("sigmoid"),
    "Softplus": Pointwise("softplus"),
    "Sqrt": Pointwise("power", (0.5,)),
    "Tanh": Pointwise("tanh"),
}


@records(*_POINTWISE, "Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "LeakyRelu", "Pow", "Swish")
def _pointwise(tracer: "Tracer", call: Call) -> None:
    operation = _POINTWISE.get(call.name)
    if are_constant(tracer, *call.inputs[1:]):
        operation = operation or _function(call)
    if operation is None:
        record_unknown(tracer, call)
    else:
        on_each(tracer, call, operation, [call.x])


def _function(call: Call) -> Pointwise | None:
    """Return the function that an operator computes of each element; None of one that is none of FUNCTIONS."""
    match call.name:
        case "Clip":
            return Pointwise("clip", (call.number(1, "min", -inf), call.number(2, "max", inf)))
        case "LeakyRelu":
            return Pointwise("leaky_relu", (float(call.attribute("alpha", float(np.float32(0.01)))),))
        case "Elu":
            return Pointwise("elu", (float(call.attribute("alpha", 1.0)),))
        case "Celu" if call.attribute("alpha", 1.0) == 1:
            return Pointwise("elu", (1.0,))
        case "Gelu":
            return Pointwise("gelu_tanh" if call.attribute("approximate", "none") == "tanh" else "gelu")
        case "HardSigmoid":
            slope, summand = call.attribute("alpha", float(np.float32(0.2))), call.attribute("beta", 0.5)
            return Pointwise("hard_sigmoid", (float(slope), float(summand)))
        case "Swish" if call.attribute("alpha", 1.0) == 1:
            return Pointwise("silu")
        case "Pow" if (value := call.argument(1)) is not None and value.size == 1:
            return Pointwise("power", (float(value.reshape(-1)[0]),))
    return None


@records("PRelu")
def _prelu(tracer: "Tracer", call: Call) -> None:
    """Record a leaky ReLU with one slope, or with several that stretch to the axes of what it reads."""
    slopes = call.inputs[1]
    if not tracer.flows(call.x) or tracer.flows(slopes):
        record_unknown(tracer, call)
    elif (slope := _number(tracer, slopes)) is not None:
        on_each(tracer, call, Pointwise("leaky_relu", (slope,)), [call.x])
    else:
        recorder = tracer.recorder
        recorder.prelu(call.result, tracer.read(call.x), tracer.constant(slopes), call.value, channels_last)


@records("Add", "Sub", "Sum")
def _sum(tracer: "Tracer", call: Call) -> None:
    if all(map(tracer.flows, call.inputs)):
        factors = (1.0, -1.0) if call.name == "Sub" else (1.0,) * len(call.inputs)
        on_each(tracer, call, Sum(factors), call.inputs)
        return
    if len(call.inputs) != 2:
        record_unknown(tracer, call)
        return
    x, constant = call.inputs if tracer.flows(call.x) else call.inputs[::-1]
    of_constant = -1.0 if call.name == "Sub" and x == call.x else 1.0
    of_x = -1.0 if call.name == "Sub" and x != call.x else 1.0
    if not tracer.values[constant].ndim:
        number = float(tracer.values[constant])
        on_each(tracer, call, Pointwise("linear", (of_x, of_constant * number)), [x])
        return
    tensors = {SHIFT: _times(tracer.constant(constant), of_constant)}
    if of_x != 1:
        tensors[SCALE] = Tensor.computed(np.array(of_x))
    on_each(tracer, call, Affine(), [x], tensors)


@records("Mul", "Div")
def _multiple(tracer: "Tracer", call: Call) -> None:
    first, second = call.inputs
    divides = call.name == "Div"
    if tracer.flows(first) and tracer.flows(second):
        on_each(tracer, call, Quotient() if divides else Product(), [first, second])
        return
    x, constant = (first, second) if tracer.flows(first) else (second, first)
    if divides and x == second:
        _quotient_of_constant(tracer, call, _number(tracer, constant))
    elif not tracer.values[constant].ndim:
        number = float(tracer.values[constant])
        on_each(tracer, call, Pointwise("linear", (1 / number if divides else number, 0.0)), [x])
    else:
        scale = tracer.constant(constant)
        on_each(tracer, call, Affine(), [x], {SCALE: Tensor.computed(1 / scale.value) if divides else scale})


def _quotient_of_constant(tracer: "Tracer", call: Call, number: float | None) -> None:
    """Record a number that is divided by a value as the value's reciprocal, times the number."""
    if number is None:
        record_unknown(tracer, call)
        return
    reads = [tracer.read(call.inputs[1])]
    reciprocal = 1 / to_float(tracer.values[call.inputs[1]])
    tracer.recorder.add_each(call.result, Pointwise("power", (-1.0,)), reads, reciprocal)
    on_result(tracer, call, Pointwise("linear", (number, 0.0)))


def _number(tracer: "Tracer", name: str) -> float | None:
    """Return a constant that is one number; None of any other."""
    value = tracer.values[name]
    return float(value.reshape(-1)[0]) if value.size == 1 else None


@records("Concat")
def _concatenate(tracer: "Tracer", call: Call) -> None:
    names = [name for name in call.inputs if tracer.values[name].size]
    operands = list(map(tracer.operand, names))
    tracer.recorder.concatenate(call.result, operands, call.value, int(call.attribute("axis", 1)))


@records("ReduceMean", "ReduceSum")
def _mean(tracer: "Tracer", call: Call) -> None:
    """Record a mean, and a sum as a multiple of one."""
    axes = call.numbers(1, "axes")
    if not axes:
        axes = [] if call.attribute("noop_with_empty_axes", 0) else list(range(len(call.shape)))
    count = prod(call.shape[axis] for axis in axes) if call.name == "ReduceSum" else 1
    tracer.recorder.mean(call.result, tracer.read(call.x), call.value / call.value.dtype.type(count), axes)
    if count > 1:
        on_result(tracer, call, Pointwise("linear", (float(count), 0.0)))
