"""TOML text as the fields of dataclasses; what is wrong with it is told with the file, the line and the field."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any, NoReturn, TypeVar, get_args, get_type_hints

from isomorph.spec.errors import BadInput, nearest
from isomorph.spec.toml.lines import Place, line_of
from isomorph.spec.validation import fault

NONE = "none"
"""What stands for None, which TOML lacks."""

MOST_NAMES = 8
"""Of a dotted key; `tomllib` needs the square of their number in time, and three are the most that mean something."""

_KEY = r"""[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*"""
_LONG_KEY = re.compile(rf"(?:^|[\[{{,])(?:{_KEY}\.){{{MOST_NAMES}}}", re.MULTILINE)

Record = TypeVar("Record")


class TomlText:
    """A text; its methods are given what `tomllib` made of a part of it, and that part's place.

    name: the file it is from, for sentences.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    def parse(self) -> dict[str, Any]:
        """What `tomllib` makes of the text. Raises BadInput where that is nothing."""
        if found := _LONG_KEY.search(self.text):
            line = self.text.count("\n", 0, found.start()) + 1
            raise BadInput(f"{self.name}, line {line}: a name of more than {MOST_NAMES} parts means nothing here.")
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{self.name} cannot be read as TOML: {str(error).rstrip('.')}.") from None

    def changed(self, base: Record, table: Any, place: Place) -> Record:
        """`base`, a dataclass's, with the fields that a table has, and so on for dataclasses in it."""
        if not isinstance(table, dict):
            self.refuse(place, f"{place[-1]} is {shown(table)}, expected a table, under {title(place)}.")
        hints = get_type_hints(type(base))
        self.check_keys(table, hints, place)
        changes = {}
        for key, value in table.items():
            inner, own = (*place, key), getattr(base, key)
            made = self.changed(own, value, inner) if is_dataclass(own) else self.value(value, hints[key], inner)
            changes[key] = made
        return replace(base, **changes)  # type: ignore[type-var]  # a Record is a dataclass's

    def made(self, of: type[Record], table: Any, place: Place, called: str, **known: Any) -> Record:
        """A dataclass with the fields that a table has, and those that are `known`.

        called: what lacks a field that it must have, for the sentence.
        """
        if not isinstance(table, dict):
            self.refuse(place, f"{place[-1]} is {shown(table)}, expected a table, under {title(place)}.")
        hints = get_type_hints(of)
        own = [field for field in fields(of) if field.name not in known]  # type: ignore[arg-type]  # a Record is one's
        values = self.values(table, {field.name: hints[field.name] for field in own}, place)
        for field in own:
            if field.default is MISSING and field.name not in values:
                self.refuse(place, f"{called} has no {field.name}.")
        return of(**known, **values)

    def values(self, table: dict[str, Any], hints: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """The values of a table whose fields have these types, and no others."""
        self.check_keys(table, hints, place)
        return {key: self.value(value, hints[key], (*place, key)) for key, value in table.items()}

    def value(self, value: Any, hint: Any, place: Place) -> Any:
        """A value of a field whose type is `hint`."""
        if value == NONE and type(None) in get_args(hint):
            return None
        found = tuple(value) if isinstance(value, list) else value
        if wrong := fault(str(place[-1]), found, hint):
            self.refuse(place, f"{place[-1]} is {shown(wrong[0])}, expected {wrong[1]}.")
        return found

    def check_keys(self, table: dict[str, Any], known: Iterable[str], place: Place) -> None:
        """Raise BadInput for a key that is not `known`."""
        for key in table:
            if key not in known:
                hint = did_you_mean(key, known, f"it has {', '.join(known)}.")
                self.refuse((*place, key), f"{title(place)} has no field {shown(key)}; {hint}")

    def refuse(self, place: Place, sentence: str, notes: Iterable[str] = ()) -> NoReturn:
        """Raise BadInput with a sentence on what stands at `place`."""
        line = line_of(self.text, place)
        error = BadInput(f"{self.name}{f', line {line}' if line else ''}: {sentence}")
        for note in notes:
            error.add_note(note)
        raise error


def spelled(value: Any) -> str:
    """A value as TOML has it, which differs from JSON in one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def shown(value: Any, most: int = 60) -> str:
    """The same for a sentence: all of it printable, and not at length."""
    text = json.dumps(value, default=str).replace("\x7f", "\\u007f")
    return text if len(text) <= most else f"{text[:most]}..."


def title(place: Place) -> str:
    """What a person writes above a table: `[head]`, `[[stem]]`."""
    names = ".".join(part for part in place if isinstance(part, str))
    if not names:
        return "a network"
    return f"[[{names}]]" if isinstance(place[-1], int) else f"[{names}]"


def did_you_mean(word: Any, known: Iterable[str], otherwise: str) -> str:
    """The end of a sentence on a `word` that is not known: what it was meant to be or, where that is not clear, ..."""
    close = nearest(word, list(known)) if isinstance(word, str) else []
    return f"did you mean {' or '.join(close)}?" if close else otherwise
