"""Follow what a model computes as sums of products, through all single operations that a normalisation is made of."""

from typing import TYPE_CHECKING, Any

from isomorph.backends.keras.tracing.call import Call, to_array
from isomorph.backends.keras.tracing.formulas import Formula, Line, Statistic
from isomorph.backends.keras.tracing.normalizations import record_normalization

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer

SUMS = ("Add", "AddV2", "BiasAdd")

FOLLOWED = frozenset((*SUMS, "Mul", "Neg", "Pow", "RealDiv", "Reciprocal", "Rsqrt", "Sqrt", "Square", "Sub"))
"""Operations that are followed where they are computed, beside means and squared differences."""


def formula_of(tracer: "Tracer", tensor: Any) -> Formula | None:
    """Return a value as a sum of products, a constant at least of itself; None where a value is no such sum."""
    key = tracer.key(tensor)
    if key in tracer.formulas or tracer.flows(tensor) or key in tracer.random:
        return tracer.formulas.get(key)
    if tracer.is_number(tensor):
        return Formula.number(float(to_array(tensor).reshape(-1)[0]))
    formula = tracer.formulas[key] = Formula.of(tracer.constant(tensor))
    return formula


def follow(tracer: "Tracer", call: Call) -> None:
    """Follow an operation on floats that has run. Where it ends a normalisation, record that in its place."""
    if call.name not in FOLLOWED or not call.result.dtype.is_floating:
        return
    formulas = [formula_of(tracer, each) for each in call.inputs]
    known = [each for each in formulas if each is not None]
    formula = _computed(call.name, known) if len(known) == len(formulas) else None
    if formula is not None and formula.is_short:
        tracer.formulas[tracer.key(call.result)] = formula
    if tracer.flows(call.result):
        _follow_lines(tracer, call, formulas)
        _follow_square(tracer, call)


def _computed(name: str, operands: list[Formula]) -> Formula | None:
    """Return what an operation makes of sums of products; None of what is no such sum."""
    first, *others = operands
    match name:
        case "Add" | "AddV2" | "BiasAdd":
            return first + others[0]
        case "Sub":
            return first + -others[0]
        case "Mul":
            return first * others[0]
        case "Neg":
            return -first
        case "RealDiv":
            inverse = others[0].inverse()
            return inverse and first * inverse
        case "Reciprocal":
            return first.inverse()
    exponent = {"Sqrt": 0.5, "Rsqrt": -0.5}.get(name, others[0].terms.get(frozenset()) if others else None)
    root = first.root() if exponent in (0.5, -0.5) else None
    return root.inverse() if root and exponent == -0.5 else root


def _follow_lines(tracer: "Tracer", call: Call, formulas: list[Formula | None]) -> None:
    source = tracer.read(call.result).source
    lines: list[Line] = []
    for place, x in enumerate(call.inputs):
        if not tracer.flows(x) or tracer.read(x).source == source:  # it is the same: times 1, plus 0
            continue
        step = _step(call.name, place, formulas[1 - place] if len(formulas) > 1 else None)
        if step:
            known = [*tracer.lines.get(tracer.key(x), ()), Line(tracer.read(x))]
            lines += [line.then(*step) for line in known if line.is_short]
    for line in lines:
        if record_normalization(tracer, call, line):
            break
    if lines:
        tracer.lines[tracer.key(call.result)] = lines


def _step(name: str, place: int, other: Formula | None) -> tuple[Formula, Formula] | None:
    """Return by what an operation multiplies its operand at a place, and what it adds; None of other operations."""
    one, zero = Formula.number(1.0), Formula.number(0.0)
    if name == "Neg":
        return -one, zero
    if other is None:
        return None
    match name:
        case "Add" | "AddV2" | "BiasAdd":
            return one, other
        case "Sub":
            return (one, -other) if place == 0 else (-one, other)
        case "Mul":
            return other, zero
        case "RealDiv" if place == 0:
            inverse = other.inverse()
            return (inverse, zero) if inverse else None
    return None


def _follow_square(tracer: "Tracer", call: Call) -> None:
    """Know the square of what a mean was subtracted from, of which the mean is the variance."""
    x, *others = call.inputs
    is_square = (
        call.name == "Square"
        or (call.name == "Mul" and tracer.key(x) == tracer.key(others[0]))
        or (call.name == "Pow" and formula_of(tracer, others[0]) == Formula.number(2.0))
    )
    for line in tracer.lines.get(tracer.key(x), ()) if is_square else ():
        if (axes := line.centred_over) is not None:
            tracer.squares[tracer.key(call.result)] = Statistic(line.start, axes, is_variance=True)


def follow_squared_difference(tracer: "Tracer", call: Call) -> None:
    """Know the squared difference of a value and its mean."""
    for x, other in (call.inputs, call.inputs[::-1]):
        mean = formula_of(tracer, other)
        line = Line(tracer.read(x)).then(Formula.number(1.0), -mean) if mean and tracer.flows(x) else None
        if line and (axes := line.centred_over) is not None:
            tracer.squares[tracer.key(call.result)] = Statistic(line.start, axes, is_variance=True)


def follow_mean(tracer: "Tracer", call: Call, axes: list[int]) -> None:
    """Follow a mean that has been recorded, if it stretches to what it is of."""
    rank, kept = call.x.shape.rank, bool(call.attributes.get("keep_dims"))
    if not kept and axes != list(range(rank - 1)):
        return
    square = tracer.squares.get(tracer.key(call.x))
    if square is None:
        statistic = Statistic(tracer.read(call.x), tuple(axes))
    elif square.axes == tuple(axes):
        statistic = square
    else:
        return
    tracer.formulas[tracer.key(call.result)] = Formula.of(statistic)


def follow_reshape(tracer: "Tracer", call: Call) -> None:
    """Follow a value that stretches as before: axes of length 1 came or went in front."""
    formula = tracer.formulas.get(tracer.key(call.x))
    if formula and _stretching(call.x) == _stretching(call.result):
        tracer.formulas[tracer.key(call.result)] = formula


def _stretching(tensor: Any) -> list[int]:
    shape = list(tensor.shape)
    while shape and shape[0] == 1:
        del shape[0]
    return shape
