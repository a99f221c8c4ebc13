"""Convert TOML tables to dataclasses; messages name the file, the line and the field of a mistake."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any, NoReturn, TypeVar, get_args, get_type_hints

from isomorph.spec.errors import BadInput, did_you_mean
from isomorph.spec.toml.lines import Place, line_of
from isomorph.spec.validation import mismatch

NONE = "none"
"""The text that stands for None, which TOML lacks."""

MOST_NAMES = 8
"""The most parts of a dotted key: `tomllib` takes time quadratic in them, and no meaningful key has more than three."""

_KEY = r"""[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*"""
_LONG_KEY = re.compile(rf"(?:^|[\[{{,])(?:{_KEY}\.){{{MOST_NAMES}}}", re.MULTILINE)

Record = TypeVar("Record")


class TomlText:
    """A TOML text; its methods convert what `tomllib` made of a part of it, and take that part's place.

    name: the file it is from, for messages.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    def parse(self) -> dict[str, Any]:
        """Return what `tomllib` makes of the text. Raises BadInput where it cannot read it."""
        if long_key := _LONG_KEY.search(self.text):
            line = self.text.count("\n", 0, long_key.start()) + 1
            raise BadInput(f"{self.name}, line {line}: a name of more than {MOST_NAMES} parts means nothing here.")
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{self.name} cannot be read as TOML: {str(error).rstrip('.')}.") from None

    def with_changes(self, base: Record, table: Any, place: Place) -> Record:
        """Return the dataclass `base` with the fields that a table has, likewise for dataclasses in it."""
        if not isinstance(table, dict):
            self.refuse(place, f"{place[-1]} is {in_short(table)}, expected a table, under {title(place)}.")
        hints = get_type_hints(type(base))
        self.check_keys(table, hints, place)
        changes = {}
        for key, value in table.items():
            inner_place, default = (*place, key), getattr(base, key)
            changes[key] = (
                self.with_changes(default, value, inner_place)
                if is_dataclass(default)
                else self.value(value, hints[key], inner_place)
            )
        return replace(base, **changes)  # type: ignore[type-var]  # a Record is a dataclass's

    def construct(self, of: type[Record], table: Any, place: Place, subject: str, **known: Any) -> Record:
        """Return a dataclass with the fields that a table has, and those that are `known`.

        subject: how messages call it.
        """
        if not isinstance(table, dict):
            self.refuse(place, f"{place[-1]} is {in_short(table)}, expected a table, under {title(place)}.")
        hints = get_type_hints(of)
        unknown = [field for field in fields(of) if field.name not in known]  # type: ignore[arg-type]  # a Record is one's
        values = self.values(table, {field.name: hints[field.name] for field in unknown}, place)
        for field in unknown:
            if field.default is MISSING and field.name not in values:
                self.refuse(place, f"{subject} has no {field.name}.")
        return of(**known, **values)

    def values(self, table: dict[str, Any], hints: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Return the values of a table. Raises BadInput for a key without a type, or a value of another one."""
        self.check_keys(table, hints, place)
        return {key: self.value(value, hints[key], (*place, key)) for key, value in table.items()}

    def value(self, value: Any, hint: Any, place: Place) -> Any:
        """Return the value of a field whose type is `hint`. Raises BadInput for one of another type or range."""
        if value == NONE and type(None) in get_args(hint):
            return None
        field_value = tuple(value) if isinstance(value, list) else value
        if wrong := mismatch(str(place[-1]), field_value, hint):
            self.refuse(place, f"{place[-1]} is {in_short(wrong[0])}, expected {wrong[1]}.")
        return field_value

    def check_keys(self, table: dict[str, Any], known: Iterable[str], place: Place) -> None:
        """Raise BadInput for a key that is not `known`."""
        for key in table:
            if key not in known:
                hint = did_you_mean(key, known, f"it has {', '.join(known)}.")
                self.refuse((*place, key), f"{title(place)} has no field {in_short(key)}; {hint}")

    def refuse(self, place: Place, sentence: str, notes: Iterable[str] = ()) -> NoReturn:
        """Raise BadInput with a sentence about the value at `place`."""
        line = line_of(self.text, place)
        error = BadInput(f"{self.name}{f', line {line}' if line else ''}: {sentence}")
        for note in notes:
            error.add_note(note)
        raise error


def spelled(value: Any) -> str:
    """Return a value in TOML's syntax, which differs from JSON in one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def in_short(value: Any, most: int = 60) -> str:
    """Return a value for a message: all of it printable, and cut to `most` characters."""
    text = json.dumps(value, default=str).replace("\x7f", "\\u007f")
    return text if len(text) <= most else f"{text[:most]}..."


def title(place: Place) -> str:
    """Return the line that a person writes above a table: `[head]`, `[[stem]]`."""
    names = ".".join(part for part in place if isinstance(part, str))
    if not names:
        return "a network"
    return f"[[{names}]]" if isinstance(place[-1], int) else f"[{names}]"
