"""Find the line of a value in a TOML text, which the standard library's `tomllib` does not tell.

For texts that `tomllib` has read already: nothing is refused here, and no value understood. Names in quotes are taken
as they stand, without their escapes.
"""

import re

Place = tuple[str | int, ...]
"""The path to a value from the outermost table: `("blocks", 0, "units", 2)`."""

_TOKEN = re.compile(
    r"""
    (?P<skipped> [ \t\r]+ | \#[^\n]* )
    | (?P<token>
        \n | [][{},=.]
        | \"{3} (?:\\.|[^\\])*? \"{3,5} | '{3} .*? '{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*'
        | [^][{},=.\s\#"']+
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_END = ("\n", 0)


def line_of(text: str, place: Place) -> int | None:
    """Return the line, from 1, of the value at `place`, or of the innermost table around it; None for the whole text.

    >>> line_of("[head]\\nnum_classes = 10\\n", ("head", "num_classes"))
    2
    """
    lines = _Walk(text).lines
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place)


class _Walk:
    """One walk over a text.

    lines: place -> line, of tables, keys and the elements of lists.
    """

    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._last: dict[Place, int] = {}  # an array of tables -> the index of its last one
        self._tokens = _tokens(text)
        self._tokens.reverse()
        table: Place = ()
        while self._tokens:
            if self._next == "\n":
                self._take()
            elif self._next == "[":
                table = self._header()
            else:
                self._pair(table)

    @property
    def _next(self) -> str:
        return self._peek[0]

    @property
    def _peek(self) -> tuple[str, int]:
        return self._tokens[-1] if self._tokens else _END

    def _take(self) -> str:
        return self._tokens.pop()[0]

    def _skip(self, *tokens: str) -> None:
        while self._tokens and self._next in tokens:
            self._take()

    def _names(self, end: str) -> list[str]:
        """Take the parts of a dotted key, and the token `end` behind it."""
        names = []
        while (token := self._take()) != end:
            if token != ".":
                names.append(token.strip("\"'"))
        return names

    def _header(self) -> Place:
        """Take `[a.b]` or `[[a.b]]` and return the place of the table that the following lines are of."""
        line = self._peek[1]
        self._take()
        is_array = self._next == "["
        self._skip("[")
        names = self._names("]")
        self._skip("]")
        place: Place = ()
        for number, name in enumerate(names, start=1):
            place = (*place, name)
            self.lines.setdefault(place, line)
            if is_array and number == len(names):
                self._last[place] = self._last.get(place, -1) + 1
            if place in self._last:
                place = (*place, self._last[place])
        self.lines.setdefault(place, line)
        return place

    def _pair(self, table: Place) -> None:
        """Take `a.b = value`."""
        line, place = self._peek[1], table
        for name in self._names("="):
            place = (*place, name)
            self.lines.setdefault(place, line)
        self._value(place)

    def _value(self, place: Place) -> None:
        """Take a list, an inline table or a single value."""
        if self._next == "[":
            self._take()
            self._skip("\n")
            index = 0
            while self._next != "]":
                self.lines[*place, index] = self._peek[1]
                self._value((*place, index))
                self._skip("\n", ",")
                index += 1
            self._take()
        elif self._next == "{":
            self._take()
            self._skip("\n")
            while self._next != "}":
                self._pair(place)
                self._skip("\n", ",")
            self._take()
        else:
            while self._tokens and self._next not in ("\n", ",", "]", "}"):
                self._take()


def _tokens(text: str) -> list[tuple[str, int]]:
    """Return the tokens that have a meaning, and their lines; the end of a line is one."""
    tokens, line = [], 1
    for match in _TOKEN.finditer(text):
        if token := match["token"]:
            tokens.append((token, line))
        line += match[0].count("\n")
    return tokens
