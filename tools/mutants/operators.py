"""Every small change of meaning that a source file offers: one number, comparison, argument or statement at a time.

    >>> for mutant in mutants_of("limit = 8.0 if x <= y else 0.5", "verdict.py"):
    ...     print(mutant.operator, "->", mutant.after)
    number -> limit = 8.16 if x <= y else 0.5
    condition -> limit = 8.0 if not (x <= y) else 0.5
    comparison -> limit = 8.0 if x < y else 0.5
    number -> limit = 8.0 if x <= y else 0.51

A change is a replacement of text, so that all other lines keep their numbers. What says nothing to a computer is left
alone: docstrings, annotations, sentences, and what is raised.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

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

COMMUTATIVE = ("max", "min", "isclose", "gcd")
"""Calls whose arguments may stand in any order."""

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Mutant:
    """One change.

    file: the source file's path from the root. line: the number of the first line that changes.
    scope: the function or class around it, dotted; "" at the top.
    before, after: the lines that it touches, as they are and as they become, stripped and joined by one space.
    occurrence: how many equal changes stand before it in the same scope.
    function: the qualified name of the function that has to be entered for it to be run, as Python has it:
        `outer.<locals>.inner`; None for what is run when the module is imported.
    source, start, end, replacement: the whole file as it is, and what of it is replaced by what.
    """

    file: str
    line: int
    operator: str
    scope: str
    before: str
    after: str
    occurrence: int
    function: str | None
    source: str = field(repr=False)
    start: int
    end: int
    replacement: str

    @property
    def text(self) -> str:
        """The whole file with the change."""
        return self.source[: self.start] + self.replacement + self.source[self.end :]

    @property
    def is_a_program(self) -> bool:
        """Whether Python can read the file with the change."""
        try:
            ast.parse(self.text)
        except SyntaxError:
            return False
        return True

    @property
    def key(self) -> str:
        """What it is called in results: the same wherever else the file is edited."""
        return f"{self.file} {self.scope or '-'} {self.operator} #{self.occurrence}: {self.before} => {self.after}"


@dataclass(frozen=True)
class _Edit:
    node: ast.AST
    start: int
    end: int
    text: str
    operator: str


def mutants_of(source: str, file: str) -> list[Mutant]:
    """All mutants of one file, in the order of their lines."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    silent = {inner for node in ast.walk(tree) for part in _says_nothing(node, parents) for inner in ast.walk(part)}
    text, functions = _Text(source), dict(functions_of(tree))
    seen: Counter[tuple[str, str, str, str]] = Counter()
    mutants = []
    edits = {edit for node in ast.walk(tree) if node not in silent for edit in _edits(node, text, parents)}
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end, edit.operator)):
        before, after = text.lines(edit.start, edit.end, edit.text)
        scope, function = _place(edit.node, parents, functions)
        place = (edit.operator, scope, before, after)
        line = source.count("\n", 0, edit.start) + 1
        mutants.append(Mutant(file, line, *place, seen[place], function, source, edit.start, edit.end, edit.text))
        seen[place] += 1
    return [mutant for mutant in mutants if mutant.before != mutant.after]


class _Text:
    """A source and where its nodes stand in it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.rows = source.splitlines(keepends=True)
        self.starts = [0]
        for row in self.rows:
            self.starts.append(self.starts[-1] + len(row))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """The first character of a node, and the one behind its last."""
        where = vars(node)
        return self._at(where["lineno"], where["col_offset"]), self._at(where["end_lineno"], where["end_col_offset"])

    def of(self, node: ast.AST) -> str:
        """A node's text."""
        start, end = self.span(node)
        return self.source[start:end]

    def lines(self, start: int, end: int, text: str) -> tuple[str, str]:
        """The lines that a replacement touches, before and after it."""
        first = self.source.rfind("\n", 0, start) + 1
        last = self.source.find("\n", end)
        last = len(self.source) if last < 0 else last
        after = self.source[first:start] + text + self.source[end:last]
        return " ".join(self.source[first:last].split()), " ".join(after.split())

    def _at(self, line: int, column: int) -> int:
        row = self.rows[line - 1]
        return self.starts[line - 1] + (column if row.isascii() else len(row.encode()[:column].decode()))


def functions_of(node: ast.AST, prefix: str = "") -> Iterator[tuple[ast.AST, str]]:
    """All functions in a node, with their qualified names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            name = prefix + getattr(child, "name", "<lambda>")
            yield child, name
            yield from functions_of(child, f"{name}.<locals>.")
        else:
            yield from functions_of(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)


def _place(node: ast.AST, parents: dict[ast.AST, ast.AST], functions: dict[ast.AST, str]) -> tuple[str, str | None]:
    """A node's scope, and the qualified name of the function in whose body it stands."""
    names: list[str] = []
    function: str | None = None
    inner, outer = node, parents.get(node)
    while outer is not None:
        if isinstance(outer, FUNCTIONS):
            body = outer.body if isinstance(outer.body, list) else [outer.body]
            if inner in body and function is None:
                function = functions[outer]
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.insert(0, outer.name)
        inner, outer = outer, parents.get(outer)
    return ".".join(names), function


def _says_nothing(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
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
        case ast.Call() if _called(node) in ("TypeVar", "NewType", "cast", "warn", "debug", "add_note", "BadInput"):
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


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _edits(node: ast.AST, text: _Text, parents: dict[ast.AST, ast.AST]) -> Iterator[_Edit]:
    """What can be changed at a node itself."""

    def edit(operator: str, new: str, at: ast.AST | None = None) -> _Edit:
        return _Edit(node, *text.span(at or node), new, operator)

    match node:
        case ast.Constant(value=bool()):
            yield edit("boolean", str(not node.value))
        case ast.Constant(value=int() | float() as value):
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
            yield _Edit(node, start, start + 1, "", "sign")
        case ast.If() | ast.While() | ast.IfExp():
            yield edit("condition", f"not ({text.of(node.test)})", node.test)
        case ast.comprehension():
            for condition in node.ifs:
                yield edit("condition", f"not ({text.of(condition)})", condition)
        case ast.Call():
            yield from _arguments(node, text)
        case ast.Tuple(elts=elements, ctx=ast.Load()):
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


def _binary(node: ast.BinOp | ast.AugAssign, text: _Text) -> Iterator[_Edit]:
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
    node: ast.AST, left: ast.AST, right: ast.AST, text: _Text, token: str, other: str, operator: str
) -> Iterator[_Edit]:
    """Another operator between two operands; parentheses and comments between them stay."""
    start, end = text.span(left)[1], text.span(right)[0]
    pattern = re.escape(token) if not token[0].isalpha() else r"\b" + r"\s+".join(token.split()) + r"\b"
    found = re.search(pattern, text.source[start:end])
    if found:
        yield _Edit(node, start + found.start(), start + found.end(), other, operator)


def _arguments(node: ast.Call, text: _Text) -> Iterator[_Edit]:
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
            yield _Edit(node, first, last, "", "keyword")
    if _called(node) not in COMMUTATIVE:
        yield from _swaps(node, node.args, text)


def _swaps(node: ast.AST, elements: Sequence[ast.expr], text: _Text) -> Iterator[_Edit]:
    for left, right in pairwise(elements):
        if isinstance(left, ast.Starred) or isinstance(right, ast.Starred) or text.of(left) == text.of(right):
            continue
        if any(isinstance(side, ast.JoinedStr | ast.GeneratorExp) for side in (left, right)):
            continue
        (start, middle), (other, end) = text.span(left), text.span(right)
        swapped = text.of(right) + text.source[middle:other] + text.of(left)
        yield _Edit(node, start, end, swapped, "swap")
