"""A pickle machine that makes plain data and nothing else.

A pickle is a program for a small stack machine, and Python's own machine imports and calls whatever the program names.
This one knows the opcodes that checkpoints are made of; a global is looked up in the caller's table and never imported;
a call runs the caller's own function from that table. `pickletools` describes the opcodes and decodes their arguments,
each only after the opcode was found to be allowed.
"""

import pickle
import pickletools
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

from isomorph.spec.errors import BadInput
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.pickles.values import (
    UNHASHABLE,
    ByNew,
    Constructor,
    DescribedTensor,
    Entries,
    Global,
    Opaque,
    Span,
    Stateful,
)
from isomorph.tools.checkpoints.wording import counted, shown

PROTOCOLS = (2, 3, 4)
"""The protocols of pickles of NumPy arrays that are read; PyTorch chooses its own."""

_LONGEST_VALUE = 4 << 20  # bytes of one string; names, settings and random states are far below
LONGEST_NAME = 1024
"""Bytes of text that is never left in the file."""

_LAST_OF_PYTHON_2 = 2  # the last protocol under which Python 3 takes Python 2's names of modules for its own
_LONGEST_LINE = 1024  # bytes of a module's or a class's name
_COST = 128  # bytes: the largest object that one opcode makes, with its place on the stack and in the memo
_COST_OF_CALL = 640  # a tensor: its description now, its array later


def unpickle(
    file: MappedFile,
    start: int,
    end: int,
    names: Mapping[str, Constructor | None],
    persistent: Constructor | None = None,
    spans: bool = False,
) -> tuple[object, int]:
    """Run the pickle that starts at byte `start` of `file` and ends before `end`.

    Args:
        file: where the pickle is.
        start: its first byte.
        end: the first byte that is no longer its own; it may stop before.
        names: the globals it may name, "module.name"; with the function that its calls run, or None where there is
            nothing to call.
        persistent: resolves persistent ids (given as 1-tuples), where the format has them.
        spans: leave bytes, but for a single one, and text longer than a name in the file, as `Span`s: they are the
            tensors.

    Returns:
        The value (None, bool, int, float, str, bytes, list, tuple, `Entries`, `Global`, `Span`, `Opaque`, or what
        `names` and `persistent` build) and the position after the pickle.

    Raises:
        BadInput: anything else.
    """
    machine = _Machine(file, _Window(file, start, end), names, persistent, spans)
    return machine.run(), machine.window.position


def check_protocol(file: MappedFile) -> None:
    """Raise BadInput unless the file starts as a pickle of one of PROTOCOLS."""
    protocol = file.read(1, 1)[0]
    if protocol not in PROTOCOLS:
        raise file.bad(f"it is a pickle of protocol {protocol}, {' or '.join(map(str, PROTOCOLS))} was expected")


def unpickle_all(
    file: MappedFile,
    start: int,
    end: int,
    names: Mapping[str, Constructor | None],
    persistent: Constructor | None = None,
    spans: bool = False,
) -> object:
    """Return the value of the one pickle that fills `[start, end)`; as `unpickle` otherwise."""
    value, position = unpickle(file, start, end, names, persistent, spans)
    if position != end:
        raise file.damaged(
            f"its pickle is followed by {counted(end - position, 'byte')} at byte {position:,}, nothing was expected"
        )
    return value


class _Window:
    """What pickletools reads arguments from: a part of the mapped file, in small pieces only."""

    def __init__(self, file: MappedFile, start: int, end: int) -> None:
        self.file = file
        self.position = start
        self.end = min(end, file.size)

    def read(self, count: int) -> bytes:
        if count > self.end - self.position:
            raise ValueError("it stops in the middle")
        if not 0 <= count <= _LONGEST_VALUE:
            raise ValueError(f"it holds a value of {counted(count, 'byte')}, far more than names and settings take")
        data = self.file.read(self.position, count)
        self.position += count
        return data

    def span(self, opcode: str) -> Span | None:
        """Return where the string of the last opcode lies, and skip it.

        None, and nothing is skipped, for text as short as names and for a single byte, which may be a code of NumPy's.
        """
        width = _LENGTHS[opcode]
        count = int.from_bytes(self.read(width), "little")
        text = "UNICODE" in opcode
        if count <= (LONGEST_NAME if text else 1):
            self.position -= width
            return None
        if count > self.end - self.position:
            raise ValueError("it stops in the middle")
        self.position += count
        return Span(self.position - count, count, text)

    def line(self) -> str:
        """Return text up to a newline, which is left out."""
        newline = self.file.find(b"\n", self.position, min(self.end, self.position + _LONGEST_LINE))
        if newline < 0:
            raise ValueError("it holds a line without an end")
        return self.read(newline + 1 - self.position)[:-1].decode()


class _Machine:
    def __init__(
        self,
        file: MappedFile,
        window: _Window,
        names: Mapping[str, Constructor | None],
        persistent: Constructor | None,
        spans: bool,
    ) -> None:
        self.file = file
        self.window = window
        self.names = names
        self.persistent = persistent
        self.spans = spans
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}
        self.version = 0  # of the protocol
        self.tensors = 0

    def run(self) -> object:
        while True:
            at = self.window.position
            try:
                opcode = _OPCODES.get(self.window.read(1))
                if opcode is None:
                    raise ValueError("it holds a byte that is no pickle opcode")
                step = _STEPS.get(opcode.name)
                if step is None:
                    raise ValueError(f"it uses the pickle opcode {opcode.name}, which no checkpoint needs")
                self.file.spend(_COST)
                if self.spans and opcode.name in _LENGTHS and (span := self.window.span(opcode.name)):
                    self.push(span)
                    continue
                if opcode.name in _LINES:
                    argument: Any = (self.window.line(), self.window.line())
                else:
                    argument = opcode.arg.reader(cast(Any, self.window)) if opcode.arg else None
                if opcode.name == "STOP":
                    return self.pop()
                step(self, argument)
            except BadInput:
                raise
            except UnicodeError:
                raise self._bad(at, "it holds text that is no Unicode") from None
            except ValueError as problem:
                raise self._bad(at, str(problem)) from None

    def _bad(self, at: int, problem: str) -> BadInput:
        return self.file.damaged(f"its pickle cannot be read at byte {at:,}, where {problem}")

    def protocol(self, version: int) -> None:
        if version > pickle.HIGHEST_PROTOCOL:
            raise ValueError(f"it asks for pickle protocol {version}, of which there are {pickle.HIGHEST_PROTOCOL}")
        self.version = version

    def frame(self, length: int) -> None:
        left = self.window.end - self.window.position
        if length > left:
            raise ValueError(f"it announces {length:,} bytes where {left:,} are left")

    # The stack. Marks split it: what lies below the last mark is out of reach until the mark is taken.

    def push(self, value: object) -> None:
        self.stack.append(value)

    def top(self) -> object:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise ValueError("it takes more values than it made")
        return self.stack[-1]

    def pop(self) -> object:
        value = self.top()
        del self.stack[-1]
        return value

    def mark(self, _: object) -> None:
        self.marks.append(len(self.stack))

    def since_mark(self) -> list[object]:
        if not self.marks:
            raise ValueError("it closes a group that it never opened")
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def last(self, count: int) -> tuple[object, ...]:
        return tuple([self.pop() for _ in range(count)][::-1])

    # Values.

    def push_value(self, value: str | bytes | int | float) -> None:
        self.file.spend(sys.getsizeof(value))
        if isinstance(value, str) and not value.isascii():
            value.encode()  # lone surrogates would fail later, where the name is printed
        self.push(value)

    def push_python2_string(self, value: str) -> None:
        """Python 2's strings are bytes, which pickletools hands out as Latin-1; most are text all the same."""
        raw = value.encode("latin-1")
        try:
            self.push_value(raw.decode())
        except UnicodeDecodeError:
            self.push_value(raw)

    def put(self, index: int) -> None:
        if index > self.file.size:  # Python's machine makes room for all places below
            raise ValueError(f"it keeps a value in place {index:,} of its memo, far more than it has values")
        self.memo[index] = self.top()

    def memoize(self, _: object) -> None:
        self.put(len(self.memo))

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise ValueError(f"it asks for value {shown(index)} of its memo, which it never put there")
        self.push(self.memo[index])

    # Containers.

    def append(self, _: object) -> None:
        self.extend([self.pop()])

    def appends(self, _: object) -> None:
        self.extend(self.since_mark())

    def extend(self, values: list[object]) -> None:
        match self.top():
            case list() as items:
                items.extend(values)
            case Opaque():
                pass  # a set, or another collection that is no tensor
            case other:
                raise ValueError(f"it appends to {shown(other)}")

    def set_item(self, _: object) -> None:
        self.set_pairs(list(self.last(2)))

    def set_items(self, _: object) -> None:
        self.set_pairs(self.since_mark())

    def set_pairs(self, flat: list[object]) -> None:
        if len(flat) % 2:
            raise ValueError("it sets a key without a value")
        match self.top():
            case Entries() as entries:
                for key, value in zip(flat[::2], flat[1::2], strict=True):
                    entries.add(key, value)
            case Opaque():
                pass
            case other:
                raise ValueError(f"it sets items of {shown(other)}")

    # Globals and calls.

    def find_global(self, module: object, name: object) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("it names a global by something that is no text")
        if module == "__builtin__" and self.version > _LAST_OF_PYTHON_2:
            raise ValueError(f"it names a module of Python 2's, which protocol {self.version} does not know")
        if f"{module}.{name}" not in self.names:
            called = f"{module}.{name}"
            called = called if called.isprintable() and len(called) < 100 else shown(called)
            raise self.file.bad(
                f"loading it would run {called} (byte {self.window.position:,}), and isomorph never executes what a "
                "checkpoint holds: ask for, or save, the network's state_dict() alone"
            )
        self.push(Global(module, name))

    def global_lines(self, argument: tuple[str, str]) -> None:
        self.find_global(*argument)

    def stack_global(self, _: object) -> None:
        self.find_global(*self.last(2))

    def instance(self, argument: tuple[str, str]) -> None:
        self.find_global(*argument)
        raise ValueError("it uses the pickle opcode INST, which no checkpoint needs")

    def call(self, _: object) -> None:
        """Call a function, or a class."""
        self._make(by_new=False)

    def new(self, _: object) -> None:
        """Make an object by the `__new__` of its class."""
        self._make(by_new=True)

    def _make(self, by_new: bool) -> None:
        self.file.spend(_COST_OF_CALL)
        function, arguments = self.last(2)
        if not (isinstance(function, Global) and isinstance(arguments, tuple)):
            raise ValueError(f"it calls {shown(function)}")
        constructor = self.names[str(function)]
        if constructor is None:
            raise ValueError(f"it calls {function}, which is no function of a checkpoint")
        if isinstance(constructor, ByNew) and not by_new:
            raise ValueError(f"it calls {function}, of which objects are made without a call")
        result = constructor(arguments)
        if isinstance(result, Entries):
            self.file.spend(_COST * len(result))
        if isinstance(result, DescribedTensor) and all(argument is not result for argument in arguments):
            self.tensors += 1
            self.file.check_number(self.tensors)
        self.push(result)

    def build(self, _: object) -> None:
        """Set an object's attributes: `_metadata` of a state_dict, the settings of an `argparse.Namespace`."""
        state, target = self.pop(), self.top()
        if isinstance(target, Stateful):
            target.set_state(state)
        elif not isinstance(target, Entries | Opaque):
            raise ValueError(f"it sets attributes of {shown(target)}")

    def persistent_id(self, _: object) -> None:
        if self.persistent is None:
            raise ValueError("it refers to an object outside the pickle, where there is none")
        self.push(self.persistent((self.pop(),)))


_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}

# Module and name, on two lines, are taken as they are; pickletools would undo backslashes, Python's machine does not.
_LINES = {"GLOBAL", "INST"}

# Bytes that say how long the string is that follows.
_LENGTHS = {
    "BINUNICODE": 4,
    "BINUNICODE8": 8,
    "SHORT_BINBYTES": 1,
    "BINBYTES": 4,
    "BINBYTES8": 8,
    "BINSTRING": 4,
}

_Step = Callable[[_Machine, Any], None]
_STEPS: dict[str, _Step] = {
    "BININT": _Machine.push_value,
    "BININT1": _Machine.push_value,
    "BININT2": _Machine.push_value,
    "LONG1": _Machine.push_value,
    "LONG4": _Machine.push_value,
    "BINFLOAT": _Machine.push_value,
    "BINUNICODE": _Machine.push_value,
    "SHORT_BINUNICODE": _Machine.push_value,
    "BINUNICODE8": _Machine.push_value,
    "BINBYTES": _Machine.push_value,
    "SHORT_BINBYTES": _Machine.push_value,
    "BINBYTES8": _Machine.push_value,
    "BINSTRING": _Machine.push_python2_string,
    "SHORT_BINSTRING": _Machine.push_python2_string,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push(Entries()),
    "EMPTY_SET": lambda machine, _: machine.push(UNHASHABLE),
    "TUPLE1": lambda machine, _: machine.push(machine.last(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.last(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.last(3)),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "PROTO": _Machine.protocol,
    "FRAME": _Machine.frame,
    "STOP": lambda machine, _: None,
    "MARK": _Machine.mark,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.global_lines,
    "STACK_GLOBAL": _Machine.stack_global,
    "INST": _Machine.instance,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.new,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent_id,
}
