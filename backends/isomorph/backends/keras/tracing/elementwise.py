"""Operations of TensorFlow on each element alone."""

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from isomorph.backends.graphs.graph import Tensor
from isomorph.backends.graphs.handlers import Handlers
from isomorph.backends.keras.tracing.biases import record_bias
from isomorph.backends.keras.tracing.call import Call, to_array
from isomorph.backends.keras.tracing.following import follow_squared_difference
from isomorph.backends.keras.tracing.registry import Handler, are_constant, on_each, record_unknown, step
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
    from isomorph.backends.keras.tracing.tracer import Tracer

HANDLERS: Handlers[Handler] = Handlers()
"""What records calls of these operations."""

_POINTWISE: dict[str, Pointwise] = {
    "Abs": Pointwise("leaky_relu", (-1.0,)),
    "Elu": Pointwise("elu", (1.0,)),
    "Erf": Pointwise("erf"),
    "Exp": Pointwise("exp"),
    "Inv": Pointwise("power", (-1.0,)),
    "Log": Pointwise("log"),
    "Reciprocal": Pointwise("power", (-1.0,)),
    "Relu": RELU,
    "Relu6": RELU6,
    "Rsqrt": Pointwise("power", (-0.5,)),
    "Sigmoid": Pointwise("sigmoid"),
    "Softplus": Pointwise("softplus"),
    "Sqrt": Pointwise("power", (0.5,)),
    "Square": Pointwise("power", (2.0,)),
    "Tanh": Pointwise("tanh"),
}


@HANDLERS.records(*_POINTWISE)
def _pointwise(tracer: "Tracer", call: Call) -> None:
    on_each(tracer, call, _POINTWISE[call.name], [call.x])


@HANDLERS.records("LeakyRelu")
def _leaky_relu(tracer: "Tracer", call: Call) -> None:
    """Record a leaky ReLU, whose slope is float32 in every dtype (2.21)."""
    on_each(tracer, call, Pointwise("leaky_relu", (tracer.rounded(call["alpha"]),)), [call.x])


@HANDLERS.records("Erfc")
def _erfc(tracer: "Tracer", call: Call) -> None:
    value = tracer.value(call.result)
    erf = step(tracer, Pointwise("erf"), [tracer.read(call.x)], 1 - value)
    tracer.recorder.add_each(tracer.key(call.result), Pointwise("linear", (-1.0, 1.0)), [erf], value)


@HANDLERS.records("Expm1")
def _exponential_less_one(tracer: "Tracer", call: Call) -> None:
    value = tracer.value(call.result)
    exponential = step(tracer, Pointwise("exp"), [tracer.read(call.x)], value + 1)
    tracer.recorder.add_each(tracer.key(call.result), Pointwise("linear", (1.0, -1.0)), [exponential], value)


@HANDLERS.records("Softsign")
def _softsign(tracer: "Tracer", call: Call) -> None:
    """Record x / (1 + |x|)."""
    x, value = tracer.read(call.x), np.abs(tracer.value(call.x))
    size = step(tracer, _POINTWISE["Abs"], [x], value)
    divisor = step(tracer, Pointwise("linear", (1.0, 1.0)), [size], value + 1)
    tracer.recorder.add_each(tracer.key(call.result), Quotient(), [x, divisor], tracer.value(call.result))


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
"""From "Self-Normalizing Neural Networks", as TensorFlow's kernel has them."""


@HANDLERS.records("Selu")
def _selu(tracer: "Tracer", call: Call) -> None:
    value = tracer.value(call.result)
    elu = step(tracer, Pointwise("elu", (SELU_ALPHA,)), [tracer.read(call.x)], value / SELU_SCALE)
    tracer.recorder.add_each(tracer.key(call.result), Pointwise("linear", (SELU_SCALE, 0.0)), [elu], value)


@HANDLERS.records("Neg")
def _negative(tracer: "Tracer", call: Call) -> None:
    on_each(tracer, call, Pointwise("linear", (-1.0, 0.0)), [call.x])


@HANDLERS.records("Pow")
def _power(tracer: "Tracer", call: Call) -> None:
    exponent = call.inputs[1]
    if are_constant(tracer, exponent) and tracer.is_number(exponent):
        on_each(tracer, call, Pointwise("power", (tracer.number(exponent),)), [call.x])
    else:
        record_unknown(tracer, call)


@HANDLERS.records("Minimum", "Maximum", "ClipByValue")
def _clip(tracer: "Tracer", call: Call) -> None:
    """Record bounds; one that no number exceeds is none."""
    flowing = [each for each in call.inputs if tracer.flows(each)]
    bounds = [each for each in call.inputs if not tracer.flows(each)]
    if len(flowing) != 1 or not all(map(tracer.is_number, bounds)):
        record_unknown(tracer, call)
        return
    highest = np.finfo(to_array(call.result).dtype).max if call.result.dtype.is_floating else inf
    numbers = [float(np.sign(each) * inf) if abs(each) >= highest else each for each in map(tracer.number, bounds)]
    low, high = {"Minimum": (-inf, numbers[0]), "Maximum": (numbers[0], inf)}.get(call.name, (numbers[0], numbers[-1]))
    if (low, high) == (-inf, inf):
        tracer.alias(flowing[0], call.result)
    else:
        on_each(tracer, call, Pointwise("clip", (low, high)), flowing)


@HANDLERS.records("AddN")
def _sum_of_many(tracer: "Tracer", call: Call) -> None:
    if all(map(tracer.flows, call.inputs)):
        on_each(tracer, call, Sum((1.0,) * len(call.inputs)), call.inputs)
    else:
        record_unknown(tracer, call)


@HANDLERS.records("AddV2", "Add", "BiasAdd", "Sub")
def _sum(tracer: "Tracer", call: Call) -> None:
    first, second = call.inputs
    factors = (1.0, -1.0) if call.name == "Sub" else (1.0, 1.0)
    if _is_random(tracer, call):
        record_unknown(tracer, call)
        return
    if tracer.flows(first) and tracer.flows(second):
        on_each(tracer, call, Sum(factors), [first, second])
        return
    x, constant, (of_x, of_constant) = first, second, factors
    if not tracer.flows(first):
        x, constant, (of_x, of_constant) = second, first, factors[::-1]
    if tracer.is_number(constant):
        summand = of_constant * tracer.number(constant)
        if (of_x, summand) == (1, 0):
            tracer.alias(x, call.result)
            return
        on_each(tracer, call, Pointwise("linear", (of_x, summand)), [x])
    else:
        shift = tracer.constant(constant)
        if call.channels_first and call.name == "BiasAdd":
            shift = shift.moved(lambda b: b.reshape(-1, 1, 1))
        if of_constant != 1:
            shift = Tensor.computed(of_constant * shift.value)
        if not (factors == (1, 1) and record_bias(tracer, call, x, shift)):
            scale = {SCALE: Tensor.computed(np.array(of_x))} if of_x != 1 else {}
            on_each(tracer, call, Affine(), [x], {SHIFT: shift} | scale)


@HANDLERS.records("Mul")
def _product(tracer: "Tracer", call: Call) -> None:
    first, second = call.inputs
    if _is_random(tracer, call):
        x, mask = (first, second) if tracer.flows(first) else (second, first)
        kept = to_array(mask) != 0
        if len(np.unique(to_array(mask)[kept])) > 1:
            record_unknown(tracer, call)
        else:
            _record_dropout(tracer, call, x, kept)
    elif tracer.flows(first) and tracer.flows(second):
        on_each(tracer, call, Product(), [first, second])
    else:
        x, constant = (first, second) if tracer.flows(first) else (second, first)
        _record_multiple(tracer, call, x, constant)


def _record_multiple(tracer: "Tracer", call: Call, x: Any, constant: Any) -> None:
    if tracer.is_number(constant):
        factor = tracer.number(constant)
        if factor == 1:
            tracer.alias(x, call.result)
            return
        on_each(tracer, call, Pointwise("linear", (factor, 0.0)), [x])
    else:
        on_each(tracer, call, Affine(), [x], {SCALE: tracer.constant(constant)})


@HANDLERS.records("RealDiv", "Div")
def _quotient(tracer: "Tracer", call: Call) -> None:
    first, second = call.inputs
    if _is_random(tracer, call):
        record_unknown(tracer, call)
    elif tracer.flows(first) and tracer.flows(second):
        on_each(tracer, call, Quotient(), [first, second])
    elif tracer.flows(first):
        if tracer.is_number(second):
            on_each(tracer, call, Pointwise("linear", (1 / tracer.number(second), 0.0)), [first])
        else:
            on_each(tracer, call, Affine(), [first], {SCALE: Tensor.computed(1 / tracer.constant(second).value)})
    else:
        _record_inverse(tracer, call, first, second)


def _record_inverse(tracer: "Tracer", call: Call, constant: Any, x: Any) -> None:
    """Record a constant divided by a value."""
    inverse = Pointwise("power", (-1.0,))
    if tracer.is_number(constant) and tracer.number(constant) == 1:
        on_each(tracer, call, inverse, [x])
        return
    reads = [tracer.read(constant, constant=True), tracer.read(x)]
    tracer.recorder.add_each(tracer.key(call.result), Quotient(), reads, tracer.value(call.result))


@HANDLERS.records("SquaredDifference")
def _squared_difference(tracer: "Tracer", call: Call) -> None:
    first, second = call.inputs
    if not (tracer.flows(first) and tracer.flows(second)):
        record_unknown(tracer, call)
        return
    difference = tracer.value(first) - tracer.value(second)
    read = step(tracer, Sum((1.0, -1.0)), [tracer.read(first), tracer.read(second)], difference)
    square = Pointwise("power", (2.0,))
    tracer.recorder.add_each(tracer.key(call.result), square, [read], tracer.value(call.result))
    follow_squared_difference(tracer, call)


@HANDLERS.records("SelectV2", "Select")
def _select(tracer: "Tracer", call: Call) -> None:
    """Record a choice that was drawn, of a value or zero."""
    mask, x, other = call.inputs
    if tracer.key(mask) in tracer.random and tracer.flows(x) and not tracer.flows(other):
        _record_dropout(tracer, call, x, mask)
    else:
        record_unknown(tracer, call)


def _record_dropout(tracer: "Tracer", call: Call, x: Any, mask: Any) -> None:
    """Record a dropout, with the factor before it that makes up for what is dropped."""
    read = tracer.read(x)
    node = tracer.recorder.graph.nodes[read.source]
    share = _share(tracer, mask)
    operation = node.operation
    if isinstance(operation, Pointwise) and operation.function == "linear" and operation.constants[0] > 1:
        exact = round(1 - 1 / operation.constants[0], 6 if tracer.dtype == np.float32 else 12)
        if abs(exact - share) < NEARLY:
            share = exact
            tracer.replaced.add(node.number)
            read = node.reads[0].then(read.layout)
    tracer.recorder.add_each(tracer.key(call.result), Dropout(share), [read], tracer.value(call.result))


NEARLY = 1e-6
"""How far a factor's share may be from the one that is drawn: both were rounded to float32."""

SURELY = 6.0
"""How many of its deviations the share of what was drawn is from the one that it was drawn by, at most."""


def _share(tracer: "Tracer", mask: Any) -> float:
    """Return the share of zeros: what uniform numbers were compared with, or else how many there are."""
    kept = to_array(mask)
    found = 1 - float(np.mean(kept))
    share = tracer.shares.get(tracer.key(mask))
    if share is not None and abs(share - found) <= SURELY * (share * (1 - share) / kept.size) ** 0.5:
        return share
    return round(found, 2)


def draw(tracer: "Tracer", call: Call) -> None:
    """Note that results are drawn, and by which share where numbers of 0 to 1 are compared with a constant."""
    is_drawn = [tracer.key(each) in tracer.random for each in call.inputs]
    tracer.random.update(map(tracer.key, call.results))
    if not call.name.startswith(("Greater", "Less")) or sum(is_drawn) != 1:
        return
    limit = to_array(call.inputs[is_drawn.index(False)])
    if limit.size == 1 and 0 <= limit.item() <= 1:
        is_below = call.name.startswith("Less") == is_drawn[0]
        share = 1 - limit.item() if is_below else limit.item()
        tracer.shares[tracer.key(call.result)] = round(share, 6)  # it was rounded to float32


def _is_random(tracer: "Tracer", call: Call) -> bool:
    return any(tracer.key(each) in tracer.random for each in call.inputs)
