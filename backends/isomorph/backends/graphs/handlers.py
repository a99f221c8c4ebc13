"""Which function records calls of a framework's operation, and how maps of images lie in those calls."""

from collections.abc import Callable
from typing import TypeVar

from isomorph.backends.array_forms import Array

Handler = TypeVar("Handler")


class Handlers(dict[str, Handler]):
    """Operation -> the function that records a call of it.

    moving: operations that only move elements. They are followed from the model's own tensors on, too.

    >>> handlers: Handlers[Callable[[float], str]] = Handlers()
    >>> @handlers.moves("reshape", "view")
    ... def reshape(call: float) -> str:
    ...     return "moved"
    >>> sorted(handlers), sorted(handlers.moving)
    (['reshape', 'view'], ['reshape', 'view'])
    """

    def __init__(self) -> None:
        super().__init__()
        self.moving: set[str] = set()

    def records(self, *names: str) -> Callable[[Handler], Handler]:
        """Enter a function under the names of operations."""

        def enter(handler: Handler) -> Handler:
            self.update(dict.fromkeys(names, handler))
            return handler

        return enter

    def moves(self, *names: str) -> Callable[[Handler], Handler]:
        """Enter a function under the names of operations that only move elements."""
        self.moving.update(names)
        return self.records(*names)


def channels_last(x: Array) -> Array:
    """[N, C, h, w] -> [N, h, w, C]; others stay."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def channels_first(x: Array) -> Array:
    """[N, h, w, C] -> [N, C, h, w]; others stay."""
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x
