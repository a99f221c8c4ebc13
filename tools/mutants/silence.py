"""The parts of a source that say nothing to a computer and are left alone: docstrings, annotations, sentences."""

import ast
from collections.abc import Iterator

WORDS = {
    "repr",
    "strict",
    "help",
    "metavar",
    "message",
    "description",
    "match",
    "reason",
    "title",
    "ids",
    "id",
    "doc",
    "caption",
}
"""Keyword arguments that hold text for people, say what is printed, or only assert, as `zip(strict=True)` does."""


def says_nothing(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    """The parts of a node that are left alone."""
    match node:
        case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from (part for part in node.body if _is_text(part))
            yield from getattr(node, "decorator_list", ())
            if isinstance(node, ast.ClassDef):
                yield from node.bases
            elif not isinstance(node, ast.Module) and node.returns:
                yield node.returns
        case ast.arg() | ast.AnnAssign():
            yield from [node.annotation] if node.annotation else []
        case ast.Raise():
            yield from ast.iter_child_nodes(node)
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.MatchClass():
            yield node
        case ast.Assert() if node.msg:
            yield node.msg
        case ast.keyword() if node.arg in WORDS:
            yield node
        case ast.Call() if called(node) in ("TypeVar", "NewType", "cast", "warn", "debug", "add_note", "BadInput"):
            yield node
        case ast.Expr(value=ast.Call() as call) if called(call) == "assert_never":  # no type is left
            yield node
        case ast.Assign() if isinstance(parents.get(node), ast.Module):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if "__all__" in names or _is_a_type(node.value):
                yield node
        case ast.If() if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield node


def _is_text(statement: ast.AST) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_a_type(value: ast.expr) -> bool:
    """Whether an assignment's value is a type: `Array = npt.NDArray[Any]`, `Outcome = Literal[...]`."""
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, ast.BitOr) and _is_a_type(value.left)
    named = value.value if isinstance(value, ast.Subscript) else value
    name = named.attr if isinstance(named, ast.Attribute) else named.id if isinstance(named, ast.Name) else ""
    return isinstance(value, ast.Subscript) and name[:1].isupper() and not name.isupper()


def called(node: ast.Call) -> str:
    """The last name of what a call calls: `f` in `a.f(x)`."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
