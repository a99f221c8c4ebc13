"""The opcodes of a pickle as it is written, byte by byte; Python reads what they make."""

import pickle

import pytest

from isomorph.tools.checkpoints.pickles.program import Program


def opcodes(program: Program) -> bytes:
    """What was written behind the two bytes that say the protocol."""
    content = program.taken()
    assert content[:2] == b"\x80\x02"
    return content[2:]


def test_a_word_that_stands_often_is_written_once() -> None:
    program = Program(protocol=2)
    for word in ("cpu", "cuda", "cpu", "cuda"):
        program.word(word)
    assert opcodes(program) == b"X\x03\0\0\0cpuq\x00" + b"X\x04\0\0\0cudaq\x01" + b"h\x00" + b"h\x01"


def test_a_global_that_stands_often_is_written_once() -> None:
    program = Program(protocol=2)
    program.named("torch", "FloatStorage")
    program.named("torch", "FloatStorage")
    assert opcodes(program) == b"ctorch\nFloatStorage\nq\x00" + b"h\x00"


def test_text_is_written_whenever_it_stands() -> None:
    program = Program(protocol=2)
    program.text("é")
    program.text("é")
    assert opcodes(program) == b"X\x02\0\0\0\xc3\xa9" * 2


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, b"K\x00"),
        (255, b"K\xff"),
        (256, b"J\x00\x01\0\0"),
        (2**31 - 1, b"J\xff\xff\xff\x7f"),
        (2**31, b"\x8a\x08\0\0\0\x80\0\0\0\0"),
        (2**63 - 1, b"\x8a\x08" + b"\xff" * 7 + b"\x7f"),
    ],
)
def test_an_integer_takes_as_few_bytes_as_it_can(number: int, expected: bytes) -> None:
    program = Program(protocol=2)
    program.integer(number)
    content = opcodes(program)
    assert content == expected
    assert pickle.loads(b"\x80\x02" + content + b".") == number


def test_integers_are_a_tuple() -> None:
    program = Program(protocol=2)
    program.integers((3, 1, 256))
    assert opcodes(program) == b"(K\x03K\x01J\x00\x01\0\0t"


@pytest.mark.parametrize(
    ("count", "expected"), [(5, b"B\x05\0\0\0"), (2**32 - 1, b"B\xff\xff\xff\xff"), (2**32, b"\x8e\0\0\0\0\x01\0\0\0")]
)
def test_bytes_are_announced_by_their_count(count: int, expected: bytes) -> None:
    program = Program(protocol=2)
    program.bytes_of(count)
    assert opcodes(program) == expected


def test_what_was_taken_is_gone() -> None:
    program = Program(protocol=3)
    program.raw(b"N")
    assert (program.taken(), program.taken()) == (b"\x80\x03N", b"")
