"""Where the nodes of a source stand: their text, the lines around it, and the function that has to be entered."""

import ast
from collections.abc import Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Text:
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


def place_of(node: ast.AST, parents: dict[ast.AST, ast.AST], functions: dict[ast.AST, str]) -> tuple[str, str | None]:
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
