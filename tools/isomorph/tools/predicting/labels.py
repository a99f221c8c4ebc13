"""`--labels`: read the names of classes from a file of any of the usual forms."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from isomorph.spec import BadInput
from isomorph.spec.text_files import read_text

MOST_BYTES = 1 << 24
"""The most bytes of a file of labels; ImageNet's 21,841 classes take two of these sixteen megabytes."""

FORMS = "a list of names, or an object of index to name, of index to [wnid, name], or of name to index"


def read_labels(path: str | Path, classes: int) -> tuple[str, ...]:
    """Return the names of `classes` classes, by index.

    >>> from pathlib import Path
    >>> from isomorph.tools.predicting.labels import read_labels
    >>> _ = Path("pets.json").write_text('{"0": "cat", "1": "dog"}')
    >>> read_labels("pets.json", 2)
    ('cat', 'dog')

    The file is UTF-8: JSON (a list of names; an object of index to name, of index to [wnid, name] or of name to index)
    or else text, a name on each line. Several classes may have one name, as in ImageNet; blank lines at the end of a
    text do not count.
    Raises BadInput for a file that cannot be read or is none of these, and unless it names exactly the classes.
    """
    entries = _read_entries(path)
    if len(entries) != classes:
        raise BadInput(f"The number of names in {path} is {len(entries)}; expected {classes}, one for each class.")
    return _in_order(entries, path)


def read_binary_labels(path: str | Path) -> tuple[str, ...]:
    """Return the names of the two classes of a network of one logit, which is the score of the second.

    >>> from pathlib import Path
    >>> from isomorph.tools.predicting.labels import read_binary_labels
    >>> _ = Path("cat.txt").write_text("cat")
    >>> read_binary_labels("cat.txt")
    ('not cat', 'cat')

    The file, as `read_labels` takes it, names both classes, or the second alone.
    """
    entries = _read_entries(path)
    if len(entries) not in (1, 2):
        raise BadInput(
            f"The number of names in {path} is {len(entries)}; expected 2, or the name of the one class of which the"
            " network's logit is the score."
        )
    names = _in_order(entries, path)
    return names if len(names) == 2 else (f"not {names[0]}", names[0])


def _read_entries(path: str | Path) -> dict[int, Any]:
    """Return index -> entry of a file of any form; entries are not checked yet."""
    text = read_text(path, MOST_BYTES, "class names as text or JSON")
    if text.lstrip().startswith(("{", "[")) or Path(path).suffix == ".json":
        return _of_json(_parse(text, path), path)
    return dict(enumerate(text.rstrip().splitlines()))


def _in_order(entries: dict[int, Any], path: str | Path) -> tuple[str, ...]:
    """Return the names by index. Raises BadInput where an index is missing or an entry is no name."""
    for index in range(len(entries)):
        if index not in entries:
            raise BadInput(f"{path} has no name for class {index}; expected names for 0 to {len(entries) - 1}.")
    return tuple(_name(entries[index], index, path) for index in range(len(entries)))


def _parse(text: str, path: str | Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) < len(pairs):
            [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
            raise BadInput(f"{path} says {_shown(key)} more than once; expected every index and name once.")
        return document

    try:
        return json.loads(text, object_pairs_hook=unique)
    except BadInput:
        raise
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} looks like JSON and cannot be read as such: {str(error).rstrip('.')}.") from None


def _of_json(document: Any, path: str | Path) -> dict[int, Any]:
    """Return index -> entry."""
    match document:
        case list():
            return dict(enumerate(document))
        case dict() if document and all(type(value) is int for value in document.values()):
            return _indexed(((index, name) for name, index in document.items()), path)
        case dict() if all(re.fullmatch(r"[0-9]{1,9}", key) for key in document):
            return _indexed(((int(key), value) for key, value in document.items()), path)
    raise BadInput(f"{path} is JSON of another form; expected {FORMS}.")


def _indexed(pairs: Iterable[tuple[int, Any]], path: str | Path) -> dict[int, Any]:
    entries: dict[int, Any] = {}
    for index, name in pairs:
        if index in entries:
            raise BadInput(f"{path} has two names for class {index}, {_shown(entries[index])} and {_shown(name)}.")
        entries[index] = name
    return entries


def _name(value: Any, index: int, path: str | Path) -> str:
    if isinstance(value, list) and len(value) == 2:
        value = value[1]  # behind its WordNet id
    if not isinstance(value, str):
        raise BadInput(f"{path} has {_shown(value)} for class {index}; expected {FORMS}.")
    name = value.strip()
    if not name or not name.isprintable():
        raise BadInput(f"{path} has {_shown(value)} for class {index}; expected a name that can be printed.")
    return name


def _shown(value: Any, most: int = 60) -> str:
    """Return a value as JSON, which escapes control characters, cut after `most` letters."""
    text = json.dumps(value)
    return text if len(text) <= most else f"{text[:most]}..."
