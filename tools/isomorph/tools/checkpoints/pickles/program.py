"""A pickle as it is written: the few opcodes that describe tensors, one method each.

Python's own pickler is not asked, as it would want objects of the framework's classes. `pickletools` describes the
opcodes: all of these are of protocol 2 but those of strings of bytes, which are of 3 and, from 4 GiB on, of 4.
"""

import struct

_SHORT, _FOUR_BYTES = 1 << 8, 1 << 32


class Program:
    """The opcodes of a pickle that is written; they are taken whenever other bytes have to follow them."""

    def __init__(self, protocol: int) -> None:
        self._content = bytearray(b"\x80" + bytes([protocol]))
        self._remembered: dict[str, int] = {}

    def taken(self) -> bytes:
        """Return the opcodes since the last call."""
        content = bytes(self._content)
        self._content.clear()
        return content

    def raw(self, opcodes: bytes) -> None:
        """Add opcodes."""
        self._content += opcodes

    def named(self, module: str, name: str) -> None:
        """Add a global; a repeated one is recalled."""
        key = f"{module}\n{name}\n"
        if not self.recalled(key):
            self.raw(b"c" + key.encode())
            self.remember(key)

    def word(self, text: str) -> None:
        """Add text; a repeated one is recalled."""
        if not self.recalled(text):
            self.text(text)
            self.remember(text)

    def text(self, text: str) -> None:
        """Add text."""
        raw = text.encode()
        self.raw(b"X" + struct.pack("<I", len(raw)) + raw)

    def integer(self, number: int) -> None:
        """Add an integer from 0 to 2^63 - 1."""
        if number < _SHORT:
            self.raw(b"K" + bytes([number]))
        elif number < 1 << 31:
            self.raw(b"J" + struct.pack("<i", number))
        else:
            self.raw(b"\x8a\x08" + struct.pack("<q", number))

    def integers(self, numbers: tuple[int, ...]) -> None:
        """Add a tuple of integers."""
        self.raw(b"(")
        for number in numbers:
            self.integer(number)
        self.raw(b"t")

    def bytes_of(self, count: int) -> None:
        """Add a string of `count` bytes, which have to follow what is `taken` next."""
        self.raw(b"B" + struct.pack("<I", count) if count < _FOUR_BYTES else b"\x8e" + struct.pack("<Q", count))

    def remember(self, key: str) -> None:
        """Remember the last value, for `recalled`."""
        place = self._remembered[key] = len(self._remembered)
        self.raw(b"q" + bytes([place]))  # one byte is enough: types and words are few

    def recalled(self, key: str) -> bool:
        """Add the value that was remembered under `key`, and tell whether there is one."""
        if key not in self._remembered:
            return False
        self.raw(b"h" + bytes([self._remembered[key]]))
        return True
