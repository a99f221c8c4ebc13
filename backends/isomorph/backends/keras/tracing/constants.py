"""Follow what a model computes of its own tensors alone."""

from typing import TYPE_CHECKING, Any

from isomorph.backends.keras.tracing.call import Call, to_array
from isomorph.backends.keras.tracing.formulas import Formula

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer


def formula_of(tracer: "Tracer", tensor: Any) -> Formula:
    """Return a constant as a sum of products: what it was computed of, or else just itself."""
    formula = tracer.formulas.get(tracer.key(tensor))
    if formula is None:
        if tracer.is_number(tensor):
            return Formula.number(float(to_array(tensor).reshape(-1)[0]))
        formula = tracer.formulas[tracer.key(tensor)] = Formula.of(tracer.constant(tensor))
    return formula


def follow_constant(tracer: "Tracer", call: Call) -> None:
    """Remember how a constant was computed, if by what a batch norm is made of."""
    if call.name not in _ARITHMETIC or not call.result.dtype.is_floating:
        return
    formula = _computed(tracer, call)
    if formula is not None and formula.is_short:
        tracer.formulas[tracer.key(call.result)] = formula


_ARITHMETIC = frozenset(("AddV2", "Add", "Mul", "Neg", "Pow", "RealDiv", "Reciprocal", "Rsqrt", "Sqrt", "Sub"))


def _computed(tracer: "Tracer", call: Call) -> Formula | None:
    first, *others = (formula_of(tracer, each) for each in call.inputs)
    match call.name:
        case "AddV2" | "Add":
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
        case "Sqrt":
            return first.root()
        case "Rsqrt":
            root = first.root()
            return root and root.inverse()
        case "Pow" if others[0] == Formula.number(0.5):
            return first.root()
        case "Pow" if others[0] == Formula.number(-0.5):
            root = first.root()
            return root and root.inverse()
    return None
