"""Quote values of a hostile file: on one line, and always short."""

from pathlib import Path

from isomorph.spec.errors import BadInput

_KINDS = {
    "Entries": "dictionary",
    "TensorRef": "tensor",
    "StorageRef": "storage",
    "Opaque": "plain object",
    "Unhashable": "set or the like",
}


def shown(value: object, longest: int = 60) -> str:
    """Return `value` as a refusal quotes it: text up to its first `longest` characters, and no control characters."""
    match value:
        case str() | bytes():
            return repr(value[:longest]) + ("..." if len(value) > longest else "")
        case bool() | float() | None:
            return repr(value)
        case int():
            # Python refuses to print integers of thousands of digits, and nobody wants to read them.
            return str(value) if value.bit_length() <= 64 else f"an integer of {value.bit_length()} bits"
        case tuple() if value and all(isinstance(item, int) for item in value[:8]):
            return "(" + ", ".join(shown(item) for item in value[:8]) + (", ...)" if len(value) > 8 else ")")
        case _:
            return f"a {_KINDS.get(type(value).__name__, type(value).__name__)}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> from isomorph.tools.checkpoints.wording import counted
    >>> [counted(number, "byte") for number in (1, 2, 1626)]
    ['1 byte', '2 bytes', '1,626 bytes']
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def refusal(path: Path | str, sentence: str) -> BadInput:
    """Return the error that refuses the file at `path`; `sentence` may go without its full stop."""
    return BadInput(f"{path}: {sentence}{'' if sentence.endswith(('.', '?')) else '.'}")
