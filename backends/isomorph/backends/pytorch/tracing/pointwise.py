"""PyTorch's operations on each element alone, with their attributes."""

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from isomorph.backends.graphs.graph import Tensor as GraphTensor
from isomorph.backends.pytorch.tracing.call import Call, to_array
from isomorph.backends.pytorch.tracing.handlers import InexpressibleError, on_each, records
from isomorph.spec.operations import (
    RELU,
    RELU6,
    SCALE,
    SHIFT,
    Affine,
    Dropout,
    Pointwise,
    Product,
    Quotient,
    Sum,
)

if TYPE_CHECKING:
    from isomorph.backends.pytorch.tracing.tracer import Tracer

_POINTWISE: dict[str, Pointwise] = {
    "abs": Pointwise("leaky_relu", (-1.0,)),
    "erf": Pointwise("erf"),
    "exp": Pointwise("exp"),
    "hardsigmoid": Pointwise("hard_sigmoid", (1 / 6, 0.5)),
    "hardswish": Pointwise("hard_swish", (1 / 6, 0.5)),
    "log": Pointwise("log"),
    "mish": Pointwise("mish"),
    "neg": Pointwise("linear", (-1.0, 0.0)),
    "reciprocal": Pointwise("power", (-1.0,)),
    "relu": RELU,
    "relu6": RELU6,
    "rsqrt": Pointwise("power", (-0.5,)),
    "sigmoid": Pointwise("sigmoid"),
    "silu": Pointwise("silu"),
    "sqrt": Pointwise("power", (0.5,)),
    "square": Pointwise("power", (2.0,)),
    "tanh": Pointwise("tanh"),
}


@records(*_POINTWISE, *(f"{name}_" for name in _POINTWISE))
def _pointwise(tracer: "Tracer", call: Call) -> None:
    on_each(tracer, call, _POINTWISE[call.name.removesuffix("_")], [call.x])


_WITH_CONSTANTS = (
    *("clamp", "clamp_max", "clamp_min", "elu", "gelu", "hardtanh", "leaky_relu", "pow", "softplus", "threshold"),
)


@records(*_WITH_CONSTANTS, *(f"{name}_" for name in _WITH_CONSTANTS))
def _with_constants(tracer: "Tracer", call: Call) -> None:
    """Record a function of each element that has arguments."""
    on_each(tracer, call, _function(call), [call.x])


def _function(call: Call) -> Pointwise:
    """Return the function that a call computes of each element."""
    given = call.arguments
    match call.name.removesuffix("_"):
        case "clamp" | "clamp_min" | "clamp_max":
            low, high = given.get("min"), given.get("max")
            if not isinstance(low, Tensor) and not isinstance(high, Tensor):
                return Pointwise("clip", (-inf if low is None else float(low), inf if high is None else float(high)))
        case "hardtanh":
            return Pointwise("clip", (float(given["min_val"]), float(given["max_val"])))
        case "threshold" if given["threshold"] == given["value"] == 0:
            return RELU
        case "leaky_relu":
            return Pointwise("leaky_relu", (float(given["negative_slope"]),))
        case "elu" if given["scale"] == 1 and given["input_scale"] == 1:
            return Pointwise("elu", (float(given["alpha"]),))
        case "gelu":
            return Pointwise("gelu_tanh" if given["approximate"] == "tanh" else "gelu")
        case "softplus" if given["beta"] == 1:
            return Pointwise("softplus")
        case "pow" if isinstance(given["exponent"], int | float) and isinstance(given["self"], Tensor):
            return Pointwise("power", (float(given["exponent"]),))
    raise InexpressibleError


@records("prelu", "_prelu_kernel")
def _prelu(tracer: "Tracer", call: Call) -> None:
    """Record a function with one slope; of one with several see the compositions."""
    tracer.constant(call["weight"])
    on_each(tracer, call, Pointwise("leaky_relu", (float(to_array(call["weight"]).reshape(-1)[0]),)), [call.x])


@records("add", "add_", "sub", "sub_", "rsub")
def _sum(tracer: "Tracer", call: Call) -> None:
    first, second, times = call["self"], call["other"], float(call["alpha"])
    factors = {"add": (1.0, times), "sub": (1.0, -times), "rsub": (-times, 1.0)}[call.name.removesuffix("_")]
    if tracer.flows(first) and tracer.flows(second):
        on_each(tracer, call, Sum(factors), [first, second])
        return
    if not tracer.flows(first):
        first, second, factors = second, first, factors[::-1]
    of_x, of_constant = factors
    shift = tracer.constant(second)
    if shift.name is None and _is_number(second):
        on_each(tracer, call, Pointwise("linear", (of_x, of_constant * float(second))), [first])
        return
    if of_constant != 1:
        shift = GraphTensor.computed(of_constant * shift.value)
    tensors = {SHIFT: shift}
    if of_x != 1:
        tensors[SCALE] = GraphTensor.computed(np.array(of_x))
    on_each(tracer, call, Affine(), [first], tensors)


@records("mul", "mul_", "div", "div_")
def _multiple(tracer: "Tracer", call: Call) -> None:
    first, second = call["self"], call["other"]
    divides = call.name.startswith("div")
    if call.arguments.get("rounding_mode"):
        raise InexpressibleError
    if tracer.is_drawn(first) or tracer.is_drawn(second):
        x, mask = (second, first) if tracer.is_drawn(first) else (first, second)
        on_each(tracer, call, Dropout(round(float((to_array(mask) == 0).mean()), 2)), [x])
    elif tracer.flows(first) and tracer.flows(second):
        on_each(tracer, call, Quotient() if divides else Product(), [first, second])
    else:
        x, constant = (first, second) if tracer.flows(first) else (second, first)
        scale = tracer.constant(constant)
        if divides and x is second:
            raise InexpressibleError
        if scale.name is None and _is_number(constant):
            factor = float(constant)
            on_each(tracer, call, Pointwise("linear", (1 / factor if divides else factor, 0.0)), [x])
            return
        on_each(tracer, call, Affine(), [x], {SCALE: GraphTensor.computed(1 / scale.value) if divides else scale})


def _is_number(value: Any) -> bool:
    return not isinstance(value, Tensor) or value.numel() == 1
