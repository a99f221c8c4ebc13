"""Expected failures: a TOML file of the tests that a backend is known to fail, each with the reason.

    [mine]
    "test_build_options.py::*compiled*" = "mine has no compiler yet (issue 12)"

    ["keras:jax"]
    "test_slim.py::test_a_max_pool_of[an odd image-float32]" = "..."

An id is pytest's, without the folder and the backend; `*` matches any text, `?` any one character, and all else, also
brackets, itself. The list is strict: a test in it that passes is a failure, and an id that matches no test of that
backend is an error.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from isomorph.backends import find_backend
from isomorph.spec import BadInput
from isomorph.spec.errors import did_you_mean
from isomorph.spec.text_files import read_text

EXPECTED = "a TOML file with a table for each backend, of test ids and reasons"
MOST = 2**20
"""The most bytes of such a file."""


@dataclass(frozen=True)
class ExpectedFailures:
    """The content of a file of expected failures.

    path: of the file, for messages.
    reasons: backend -> test id, or a pattern of ids -> the reason.

    >>> expected = ExpectedFailures("mine.toml", {"mine": {"test_build_options.py::*NCHW*": "NHWC alone (issue 12)"}})
    >>> expected.reason("mine", "test_build_options.py::test_a_layout[NCHW]")
    'NHWC alone (issue 12)'
    """

    path: str
    reasons: Mapping[str, Mapping[str, str]]

    def reason(self, backend: str, test: str) -> str | None:
        """Return why `backend` is expected to fail `test`; None if it is not."""
        patterns = self.reasons.get(backend, {})
        return next((reason for pattern, reason in patterns.items() if matches(pattern, test)), None)

    def check(self, backend: str, tests: Iterable[str]) -> None:
        """Raise BadInput, with the nearest ids, for a pattern that matches none of a backend's `tests`."""
        known = list(tests)
        for pattern in self.reasons.get(backend, {}):
            if not any(matches(pattern, test) for test in known):
                hint = did_you_mean(pattern, known, "no id is like it; take it out.")
                raise BadInput(f"{self.path} expects {backend} to fail {pattern!r}, which matches no test; {hint}")


def matches(pattern: str, test: str) -> bool:
    """Return whether a pattern, in which only `*` and `?` are special, matches a test id.

    >>> matches("test_slim.py::*[an odd image-float32]", "test_slim.py::test_a_max_pool_of[an odd image-float32]")
    True
    """
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, test, re.DOTALL) is not None


def read_expected_failures(path: str | Path) -> ExpectedFailures:
    """Read a file of expected failures. Raises BadInput if it cannot be read, has another form or lacks a reason."""
    try:
        document = tomllib.loads(read_text(path, MOST, EXPECTED, pipes=False))  # several processes read it
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"{path} is not TOML: {' '.join(str(error).split()).removesuffix('.')}.") from None
    reasons: dict[str, dict[str, str]] = {}
    for name, table in document.items():
        if not isinstance(table, dict):
            raise BadInput(f"{path} has {name} = {table!r} outside of any table; expected {EXPECTED}.")
        try:
            backend = find_backend(name).name
        except BadInput as error:
            error.add_note(f"{path} has a table of that name.")
            raise
        for test, reason in table.items():
            if not (isinstance(reason, str) and reason.strip()):
                raise BadInput(f"{path} gives no reason why {name} fails {test!r}; expected a text that is not empty.")
        reasons[backend] = reasons.get(backend, {}) | table
    return ExpectedFailures(str(path), reasons)
