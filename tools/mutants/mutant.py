"""One small change of a source file."""

import ast
from dataclasses import dataclass, field


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
