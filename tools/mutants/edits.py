"""What can be changed at one node of a source: a number, a comparison, an argument, a statement."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mutants.places import FUNCTIONS, Text
from mutants.silence import WORDS, called

COMPARISONS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}
ARITHMETIC = {
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "//": "*",
    "%": "//",
    "**": "*",
    "|": "&",
    "&": "|",
    "^": "&",
    "<<": ">>",
    ">>": "<<",
}
NAMES = {
    "min": "max",
    "any": "all",
    "floor": "ceil",
    "height": "width",
    "before": "after",
    "mean": "variance",
    "gamma": "beta",
    "argmin": "argmax",
    "minimum": "maximum",
}
"""Names that are taken one for the other, in both directions."""

OTHER_NAMES = NAMES | {other: name for name, other in NAMES.items()}
TOKENS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitOr: "|",
    ast.BitAnd: "&",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}

COMMUTATIVE = ("max", "min", "isclose", "gcd")
"""Calls whose arguments may stand in any order."""


@dataclass(frozen=True)
class Edit:
    """Another text for the characters from `start` to `end`, which belong to `node`."""

    node: ast.AST
    start: int
    end: int
    text: str
    operator: str


def edits_at(node: ast.AST, text: Text, parents: dict[ast.AST, ast.AST]) -> Iterator[Edit]:
    """What can be changed at a node itself."""

    def edit(operator: str, new: str, at: ast.AST | None = None) -> Edit:
        return Edit(node, *text.span(at or node), new, operator)

    match node:
        case ast.Constant(value=bool()):
            yield edit("boolean", str(not node.value))
        case ast.Constant(value=int() | float() as value) if not _is_reckoned(node, parents):
            yield edit("number", _other_number(value, text.of(node)))
        case ast.Constant(value=str() as value) if re.fullmatch(r"\S{1,60}", value):  # a name or a key, and no sentence
            yield edit("string", _other_string(text.of(node)))
        case ast.BinOp() | ast.AugAssign():
            yield from _binary(node, text)
        case ast.Compare():
            operands = [node.left, *node.comparators]
            for (left, right), operator in zip(pairwise(operands), node.ops, strict=True):
                token = TOKENS[type(operator)]
                yield from _between(node, left, right, text, token, COMPARISONS[token], "comparison")
        case ast.BoolOp():
            token, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in pairwise(node.values):
                yield from _between(node, left, right, text, token, other, "and, or")
        case ast.UnaryOp(op=ast.Not()):
            yield edit("negation", f"bool({text.of(node.operand)})")
        case ast.UnaryOp(op=ast.USub()):
            start, _ = text.span(node)
            yield Edit(node, start, start + 1, "", "sign")
        case ast.If() | ast.While() | ast.IfExp():
            yield edit("condition", f"not ({text.of(node.test)})", node.test)
        case ast.comprehension():
            for condition in node.ifs:
                yield edit("condition", f"not ({text.of(condition)})", condition)
        case ast.Call():
            yield from _arguments(node, text)
        case ast.Tuple(elts=elements, ctx=ast.Load()) if not _is_only_compared(node, parents):
            yield from _swaps(node, elements, text)
        case ast.Name(ctx=ast.Load()) if node.id in OTHER_NAMES and not _is_bound(node.id, parents, node):
            yield edit("name", OTHER_NAMES[node.id])
        case ast.Attribute(ctx=ast.Load()) if node.attr in OTHER_NAMES:
            yield edit("name", f"{text.of(node.value)}.{OTHER_NAMES[node.attr]}")
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Assert() | ast.Continue() | ast.Break():
            yield edit("statement", "pass")
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield edit("statement", "pass")


def _is_bound(name: str, parents: dict[ast.AST, ast.AST], node: ast.AST) -> bool:
    """Whether the other name is none here: height without a width would only be a NameError."""
    scope: ast.AST | None = node
    while scope is not None and not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
        scope = parents.get(scope)
    if name in ("min", "max", "any", "all"):
        return False
    names = {inner.id for inner in ast.walk(scope or node) if isinstance(inner, ast.Name)}
    names |= {inner.arg for inner in ast.walk(scope or node) if isinstance(inner, ast.arg)}
    return OTHER_NAMES[name] not in names


def _is_reckoned(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a number is that of `reshape(-1)`: NumPy takes any negative one for the size that it has to reckon."""
    sign = parents.get(node)
    around = parents.get(sign) if isinstance(sign, ast.UnaryOp) and isinstance(sign.op, ast.USub) else None
    return isinstance(around, ast.Call) and called(around) == "reshape"


def _is_only_compared(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a tuple is of a value that is said to be hashable, and no more: its parts may stand in any order."""
    scope: ast.AST | None = node
    while scope is not None and not isinstance(scope, FUNCTIONS):
        scope = parents.get(scope)
    returned = getattr(scope, "returns", None)
    return isinstance(returned, ast.Name) and returned.id == "Hashable"


def _other_number(value: float, source: str) -> str:
    """The next integer; 2 % more of anything else, so that a bound's test has to come close to it."""
    if isinstance(value, int):
        return str(value + 1) if not source.startswith(("0x", "0b")) else hex(value + 1)
    return repr(float(f"{value * 1.02:.12g}")) if value else "1.0"


def _other_string(source: str) -> str:
    """The same literal with one letter or digit changed, near its end, where names differ."""
    letters = [match.start() for match in re.finditer(r"(?<![\\{a-zA-Z0-9])[a-zA-Z0-9]|(?<=[a-z0-9])[a-z0-9]", source)]
    inside = [place for place in letters if source.find(source[-1]) < place < len(source) - 1]
    if not inside:
        return source[:-1] + "_" + source[-1]
    place = inside[-1]
    letter = source[place]
    other = {"z": "y", "Z": "Y", "9": "8"}.get(letter) or chr(ord(letter) + 1)
    return source[:place] + other + source[place + 1 :]


def _binary(node: ast.BinOp | ast.AugAssign, text: Text) -> Iterator[Edit]:
    token = TOKENS.get(type(node.op))
    if token is None or (isinstance(node, ast.BinOp) and _joins_text(node)):
        return
    if isinstance(node, ast.AugAssign):
        yield from _between(node, node.target, node.value, text, f"{token}=", f"{ARITHMETIC[token]}=", "arithmetic")
    else:
        yield from _between(node, node.left, node.right, text, token, ARITHMETIC[token], "arithmetic")


def _joins_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str) for side in sides)


def _between(
    node: ast.AST, left: ast.AST, right: ast.AST, text: Text, token: str, other: str, operator: str
) -> Iterator[Edit]:
    """Another operator between two operands; parentheses and comments between them stay."""
    start, end = text.span(left)[1], text.span(right)[0]
    pattern = re.escape(token) if not token[0].isalpha() else r"\b" + r"\s+".join(token.split()) + r"\b"
    found = re.search(pattern, text.source[start:end])
    if found:
        yield Edit(node, start + found.start(), start + found.end(), other, operator)


def _arguments(node: ast.Call, text: Text) -> Iterator[Edit]:
    """Calls without one of their keyword arguments, or with two neighbouring arguments swapped; calls left out."""
    start, end = text.span(node)
    for keyword in node.keywords:
        if keyword.arg and keyword.arg not in WORDS:
            first, last = text.span(keyword)
            behind = re.match(r"\s*,\s*", text.source[last:end])
            before = re.search(r",\s*$", text.source[start:first])
            if behind:
                last += behind.end()
            elif before:
                first = start + before.start()
            yield Edit(node, first, last, "", "keyword")
    if called(node) not in COMMUTATIVE:
        yield from _swaps(node, node.args, text)


def _swaps(node: ast.AST, elements: Sequence[ast.expr], text: Text) -> Iterator[Edit]:
    for left, right in pairwise(elements):
        if isinstance(left, ast.Starred) or isinstance(right, ast.Starred) or text.of(left) == text.of(right):
            continue
        if any(isinstance(side, ast.JoinedStr | ast.GeneratorExp) for side in (left, right)):
            continue
        (start, middle), (other, end) = text.span(left), text.span(right)
        swapped = text.of(right) + text.source[middle:other] + text.of(left)
        yield Edit(node, start, end, swapped, "swap")
