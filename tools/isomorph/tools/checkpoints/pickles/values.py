"""The values that a pickle gives here, beside plain Python ones."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from isomorph.tools.checkpoints.wording import shown

Constructor = Callable[[tuple[object, ...]], object]
"""Builds plain data from a call's arguments; a `ValueError` says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class ByNew:
    """A constructor of a class whose objects pickles make by its `__new__` alone: calling it takes more arguments."""

    make: Constructor

    def __call__(self, arguments: tuple[object, ...]) -> object:
        """Return what the constructor makes."""
        return self.make(arguments)


@dataclass(frozen=True, slots=True)
class Global:
    """A global that a pickle named, as a mere name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Span:
    """A string left where it lies: `count` bytes of the file from `start`, as they are or, if `text`, in UTF-8."""

    start: int
    count: int
    text: bool


class DescribedTensor:
    """A tensor that the pickle describes; what makes it counts it."""

    __slots__ = ()


class Stateful:
    """An object whose attributes the pickle sets after the call that made it."""

    __slots__ = ()

    def set_state(self, state: object) -> None:
        """Take the attributes; a `ValueError` says what is wrong with them."""
        raise NotImplementedError


class Named(Stateful):
    """An object that is a dictionary's key: it stands there for a text of its own."""

    __slots__ = ()

    def key(self) -> str:
        """Return the text. Raises ValueError where the object has none."""
        raise NotImplementedError


class Opaque:
    """Something harmless that is no tensor; what it held was thrown away."""

    __slots__ = ()


OPAQUE = Opaque()


class Unhashable(Opaque):
    """Something harmless that as little as a list can be a dictionary's key: a set, for one."""

    __slots__ = ()

    __hash__ = None  # type: ignore[assignment]  # so Python's own classes say it


UNHASHABLE = Unhashable()


class Entries(dict[str, object]):
    """A dictionary of the pickle: its entries under strings, in order.

    An entry under any other key is counted and thrown away: no checkpoint keeps a tensor of a network there, and
    hashing what a hostile file holds (tuples nested a hundred thousand deep) ends the interpreter.
    """

    __slots__ = ("strangers",)

    def __init__(self) -> None:
        super().__init__()
        self.strangers = 0

    def add(self, key: object, value: object) -> None:
        """Add one entry. Raises ValueError if its key exists already, or is one that no dictionary can have."""
        if isinstance(key, Named):
            key = key.key()
        if not isinstance(key, Hashable):
            raise ValueError(f"a dictionary has {shown(key)} for a key")
        if not isinstance(key, str):
            self.strangers += 1
        elif key in self:
            raise ValueError(f"a dictionary names {shown(key)} twice")
        else:
            self[key] = value


def empty_dictionary(arguments: tuple[object, ...]) -> object:
    """Return what `OrderedDict()` makes. Raises ValueError where it is given entries at once."""
    if arguments:
        raise ValueError("a dictionary is made of something else than its entries")
    return Entries()
