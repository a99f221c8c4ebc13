"""Read small text files that people write: whole, in UTF-8, or not at all."""

from pathlib import Path

from isomorph.spec.errors import BadInput
from isomorph.spec.input_files import open_input


def read_text(path: str | Path, most: int, expected: str, *, pipes: bool = True) -> str:
    """Return the text of a file of at most `most` bytes, without a byte order mark.

    expected: what the file should be, for messages. pipes: whether a pipe that something writes to, such as a shell's
    `<(...)`, is read like a file, which empties it; otherwise it is refused.
    Raises BadInput where it cannot be read, is larger, or is not UTF-8.
    """
    try:
        with open_input(path, most if pipes else None) as file:
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
