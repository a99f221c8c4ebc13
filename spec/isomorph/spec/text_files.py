"""Small text files that people write: read whole, in UTF-8, or refused."""

from pathlib import Path

from isomorph.spec.errors import BadInput


def read_text(path: str | Path, most: int, expected: str) -> str:
    """The text of a file of at most `most` bytes; a byte order mark is no part of it.

    expected: what the file should be, for the sentences.
    Raises BadInput where it cannot be read, is larger, or is not UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:  # a name with a null byte is a ValueError
        raise BadInput(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(content) > most:
        raise BadInput(f"{path} is larger than {most:,} bytes; expected {expected}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 at byte {error.start}; expected {expected} in UTF-8.") from None
