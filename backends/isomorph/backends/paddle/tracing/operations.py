"""What the operations of Paddle on any tensors are in the words of `isomorph.spec.operations`, with their attributes.

Dense kernels are [I, O].
"""

from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from paddle import Tensor

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.paddle.tracing.call import Call, to_array, to_number, to_numbers
from isomorph.backends.paddle.tracing.handlers import (
    are_constant,
    given,
    is_number,
    on_each,
    on_result,
    record_unknown,
    records,
)
from isomorph.backends.paddle.tracing.moving import record_same
from isomorph.spec.convention import as_float32
from isomorph.spec.operations import (
    RELU,
    RELU6,
    SCALE,
    SHIFT,
    Affine,
    Dropout,
    LayerNorm,
    Pointwise,
    Product,
    Quotient,
    Softmax,
    Sum,
)
from isomorph.spec.tensors import BETA, GAMMA

if TYPE_CHECKING:
    from isomorph.backends.paddle.tracing.tracer import Tracer


@records("dropout")
def _dropout(tracer: "Tracer", call: Call) -> None:
    share = to_number(call["p"])
    if np.array_equal(to_array(call.x), call.value):
        record_same(tracer, call)
    elif call["is_test"]:  # the mode "downgrade_in_infer"
        on_each(tracer, call, Pointwise("linear", (as_float32(1 - as_float32(share)), 0.0)), [call.x])
    else:
        on_each(tracer, call, Dropout(share), [call.x])


@records("layer_norm")
def _layer_norm(tracer: "Tracer", call: Call) -> None:
    """Record a norm over the last axes as one over one axis, in which they lie; its tensors lie so, too."""
    shape = call.x.shape
    lies = (*shape[: call["begin_norm_axis"]], prod(shape[call["begin_norm_axis"] :]))
    tensors = given(tracer, **{GAMMA: call["scale"], BETA: call["bias"]})
    read = tracer.read(call.x).moved(lambda x: x.reshape(lies))
    value = call.value.reshape(lies)
    key = tracer.key(call.result)
    operation = LayerNorm(as_float32(call["epsilon"]))
    tracer.recorder.add(key, operation, [read], value, tensors, lambda x: x.reshape(shape))


@records("linear", "linear_v2", "matmul", "__matmul__", "__rmatmul__", "bmm", "addmm", "baddbmm")
def _product(tracer: "Tracer", call: Call) -> None:
    """Record a product of two values, or of one and a kernel, with biases or without."""
    first, second = call["x"], call.arguments["weight" if "weight" in call.arguments else "y"]
    if call.name == "__rmatmul__":
        first, second = second, first
    turned = call.get("transpose_x", False), call.get("transpose_y", call.get("transpose_weight", False))
    added = call.arguments.get("bias", call.arguments.get("input") if "add" in call.name else None)
    scaled = to_number(call.get("alpha", 1)) != 1 or to_number(call.get("beta", 1)) != 1
    left, right = (
        tracer.operand(each).moved(_transposed if turn else _same_axes)
        for each, turn in zip((first, second), turned, strict=True)
    )
    known = (
        min(first.ndim, second.ndim) >= 2
        and not scaled
        and are_constant(tracer, added)
        and tracer.recorder.multiply(
            tracer.key(call.result), left, right, call.value, None if added is None else tracer.constant(added)
        )
    )
    if not known:
        record_unknown(tracer, call)


def _transposed(x: Array) -> Array:
    return x.swapaxes(-1, -2) if x.ndim > 1 else x


def _same_axes(x: Array) -> Array:
    return x


@records("softmax", "log_softmax")
def _softmax(tracer: "Tracer", call: Call) -> None:
    axis = int(call.get("axis", -1))
    read = tracer.read(call.x).moved(lambda x: np.moveaxis(x, axis, -1))
    key, value = tracer.key(call.result), np.moveaxis(call.value, axis, -1)
    of_log = call.name == "log_softmax"
    shares = np.exp(value) if of_log else value
    tracer.recorder.add(key, Softmax(), [read], shares, move=lambda x: np.moveaxis(x, -1, axis))
    if of_log:
        on_result(tracer, call, Pointwise("log"))


_POINTWISE: dict[str, Pointwise] = {
    "erf": Pointwise("erf"),
    "exp": Pointwise("exp"),
    "hardswish": Pointwise("hard_swish", (1 / 6, 0.5)),
    "log": Pointwise("log"),
    "mish": Pointwise("mish"),
    "reciprocal": Pointwise("power", (-1.0,)),
    "relu": RELU,
    "relu6": RELU6,
    "rsqrt": Pointwise("power", (-0.5,)),
    "sigmoid": Pointwise("sigmoid"),
    "silu": Pointwise("silu"),
    "sqrt": Pointwise("power", (0.5,)),
    "square": Pointwise("power", (2.0,)),
    "swish": Pointwise("silu"),
    "tanh": Pointwise("tanh"),
}


PLAIN = frozenset(_POINTWISE)
"""Operations that take one tensor and nothing else."""


@records(
    *_POINTWISE,
    *("__pow__", "celu", "clip", "elementwise_pow", "elu", "gelu", "hardsigmoid", "hardtanh", "leaky_relu", "pow"),
    *("scale", "softplus"),
)
def _pointwise(tracer: "Tracer", call: Call) -> None:
    operation = _POINTWISE.get(call.name) or _function(call)
    if operation is None or not tracer.flows(call.x):
        record_unknown(tracer, call)
    else:
        on_each(tracer, call, operation, [call.x])


def _function(call: Call) -> Pointwise | None:
    """Return the function that a call computes of each element; None of one that is none of FUNCTIONS.

    Paddle holds some constants in float32, whatever it computes in.
    """
    match call.name:
        case "clip":
            return Pointwise("clip", (to_number(call.get("min", -inf)), to_number(call.get("max", inf))))
        case "hardtanh":
            return Pointwise("clip", (as_float32(call.get("t_min", 0.0)), as_float32(call.get("t_max", 24.0))))
        case "leaky_relu":
            return Pointwise("leaky_relu", (float(call.get("negative_slope", 0.02)),))
        case "elu":
            return Pointwise("elu", (as_float32(call.get("alpha", 1.0)),))
        case "celu" if call.get("alpha", 1.0) == 1:
            return Pointwise("elu", (1.0,))
        case "gelu":
            return Pointwise("gelu_tanh" if call.get("approximate", False) else "gelu")
        case "hardsigmoid":
            return Pointwise("hard_sigmoid", (as_float32(call.get("slope", 0.2)), as_float32(call.get("offset", 0.5))))
        case "softplus" if call.get("beta", 1.0) == 1:
            return Pointwise("softplus")
        case "pow" | "__pow__" | "elementwise_pow" if is_number(call["y"]):
            return Pointwise("power", (to_number(call["y"]),))
        case "scale":
            factor, summand = to_number(call.get("scale", 1.0)), to_number(call.get("bias", 0.0))
            after = call.get("bias_after_scale", True)
            return Pointwise("linear", (factor, summand if after else factor * summand))
    return None


@records("prelu")
def _prelu(tracer: "Tracer", call: Call) -> None:
    """Record a leaky ReLU with one slope, or with one for each channel or each element."""
    slopes = tracer.constant(call["alpha"])
    if is_number(call["alpha"]):
        on_each(tracer, call, Pointwise("leaky_relu", (to_number(call["alpha"]),)), [call.x])
        return
    if call["mode"] == "channel" and str(call["data_format"]).startswith("NC"):
        slopes = slopes.moved(lambda x: x.reshape(-1, *(1 for _ in call.x.shape[2:])))
    tracer.recorder.prelu(tracer.key(call.result), tracer.read(call.x), slopes, call.value, tracer.last)


@records("add", "subtract", *(f"__{side}{name}__" for side in ("", "r") for name in ("add", "sub")))
def _sum(tracer: "Tracer", call: Call) -> None:
    first, second = call["x"], call["y"]
    if call.name.startswith("__r"):
        first, second = second, first
    factors = (1.0, -1.0) if "sub" in call.name else (1.0, 1.0)
    if tracer.flows(first) and tracer.flows(second):
        on_each(tracer, call, Sum(factors), [first, second])
        return
    if not tracer.flows(first):
        first, second, factors = second, first, factors[::-1]
    of_x, of_constant = factors
    shift = tracer.constant(second)
    if shift.name is None and is_number(second):
        on_each(tracer, call, Pointwise("linear", (of_x, of_constant * to_number(second))), [first])
        return
    if of_constant != 1:
        shift = GraphTensor.computed(of_constant * shift.value)
    tensors = {SHIFT: shift}
    if of_x != 1:
        tensors[SCALE] = GraphTensor.computed(np.array(of_x))
    on_each(tracer, call, Affine(), [first], tensors)


@records("add_n")
def _sum_of_many(tracer: "Tracer", call: Call) -> None:
    terms = call["inputs"]
    if all(map(tracer.flows, terms)):
        on_each(tracer, call, Sum((1.0,) * len(terms)), terms)
    else:
        record_unknown(tracer, call)


@records("multiply", "divide", *(f"__{side}{name}__" for side in ("", "r") for name in ("mul", "truediv")))
def _multiple(tracer: "Tracer", call: Call) -> None:
    first, second = call["x"], call["y"]
    if call.name.startswith("__r"):
        first, second = second, first
    divides = "div" in call.name
    if any(isinstance(each, Tensor) and each.name in tracer.random for each in (first, second)):
        dropped = second if tracer.flows(first) else first
        share = float((to_array(dropped) == 0).mean())
        on_each(tracer, call, Dropout(round(share, 2)), [first if tracer.flows(first) else second])
    elif tracer.flows(first) and tracer.flows(second):
        on_each(tracer, call, Quotient() if divides else Product(), [first, second])
    elif divides and not tracer.flows(first):
        _quotient_of_constant(tracer, call, first, second)
    else:
        x, constant = (first, second) if tracer.flows(first) else (second, first)
        scale = tracer.constant(constant)
        if scale.name is None and is_number(constant):
            factor = to_number(constant)
            on_each(tracer, call, Pointwise("linear", (1 / factor if divides else factor, 0.0)), [x])
            return
        on_each(tracer, call, Affine(), [x], {SCALE: GraphTensor.computed(1 / scale.value) if divides else scale})


def _quotient_of_constant(tracer: "Tracer", call: Call, constant: Any, x: Tensor) -> None:
    """Record a constant that is divided by a value as the value's reciprocal, times the constant."""
    if not is_number(constant):
        record_unknown(tracer, call)
        return
    key, factor = tracer.key(call.result), to_number(constant)
    reads = [tracer.read(x)]
    tracer.recorder.add_each(key, Pointwise("power", (-1.0,)), reads, 1 / to_array(x), move=tracer.last)
    on_result(tracer, call, Pointwise("linear", (factor, 0.0)))


@records("concat", "stack")
def _concatenate(tracer: "Tracer", call: Call) -> None:
    tensors, axis = [each for each in call["x"] if each.size], int(to_number(call.get("axis", 0)))
    operands = list(map(tracer.operand, tensors))
    if call.name == "stack":
        operands = [operand.moved(lambda x: np.expand_dims(x, axis)) for operand in operands]
    tracer.recorder.concatenate(tracer.key(call.result), operands, call.value, axis)


@records("einsum")
def _einsum(tracer: "Tracer", call: Call) -> None:
    operands = list(map(tracer.operand, call["x"]))
    if not tracer.recorder.contract(tracer.key(call.result), call["equation"], operands, call.value):
        record_unknown(tracer, call)


@records("mean", "mean_all", "sum")
def _mean(tracer: "Tracer", call: Call) -> None:
    """Record a mean, and a sum as a multiple of one."""
    shape = call.x.shape
    axes = [int(axis) for axis in to_numbers(call.get("axis", []))] or range(len(shape))
    count = prod(shape[axis] for axis in axes) if call.name == "sum" else 1
    tracer.recorder.mean(tracer.key(call.result), tracer.read(call.x), call.value / count, axes)
    if count > 1:
        on_result(tracer, call, Pointwise("linear", (float(count), 0.0)))
