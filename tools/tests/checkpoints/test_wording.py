"""How refusals quote what they found in a file."""

import numpy as np
import pytest

from isomorph.tools.checkpoints.pickles.values import OPAQUE, Entries
from isomorph.tools.checkpoints.pytorch.objects import StorageRef, TensorRef
from isomorph.tools.checkpoints.wording import counted, shown

STORAGE = StorageRef("0", np.dtype(np.float32), 1)

SHOWN: dict[str, tuple[object, str]] = {
    "text": ("a\nb", r"'a\nb'"),
    "text of sixty letters": ("a" * 60, f"'{'a' * 60}'"),
    "longer text": ("a" * 61, f"'{'a' * 60}'..."),
    "bytes": (b"\x00", r"b'\x00'"),
    "nothing": (None, "None"),
    "a truth": (True, "True"),
    "a fraction": (0.5, "0.5"),
    "an integer": (2**64 - 1, "18446744073709551615"),
    "a larger integer": (2**64, "an integer of 65 bits"),
    "eight integers": ((1,) * 8, "(1, 1, 1, 1, 1, 1, 1, 1)"),
    "nine integers": ((1,) * 9, "(1, 1, 1, 1, 1, 1, 1, 1, ...)"),
    "an empty tuple": ((), "a tuple"),
    "a tuple of text": (("a",), "a tuple"),
    "an integer beside text": ((1, "a"), "a tuple"),
    "a list": ([1], "a list"),
    "a dictionary": (Entries(), "a dictionary"),
    "a storage": (STORAGE, "a storage"),
    "a tensor": (TensorRef(STORAGE, STORAGE.dtype, 0, (), ()), "a tensor"),
    "what is none of these": (OPAQUE, "a plain object"),
}


@pytest.mark.parametrize(("value", "expected"), SHOWN.values(), ids=SHOWN)
def test_it_is_shown(value: object, expected: str) -> None:
    assert shown(value) == expected


@pytest.mark.parametrize(("count", "expected"), [(0, "0 bytes"), (1, "1 byte"), (1626, "1,626 bytes")])
def test_it_is_counted(count: int, expected: str) -> None:
    assert counted(count, "byte") == expected
