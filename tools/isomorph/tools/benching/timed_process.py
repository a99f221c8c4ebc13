"""One process that takes part: it is prepared, measured in turns, and paused while others are."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendFailed, BackendProcess
from isomorph.spec import BadInput
from isomorph.tools.benching.modes import TF32
from isomorph.tools.benching.results import Limit, Status, median_rounds


class Start(Protocol):
    """Starts the process of a backend."""

    def __call__(self, name: str, *, tf32: bool = False) -> BackendProcess:
        """As BackendProcess has it."""


class WrongAnswers(Exception):  # noqa: N818 - it names what was found
    """A mode does not give the network's answers, and is not to be ranked."""


class TimedProcess(ABC):
    """A process, and the seconds of its calls so far.

    tf32: whether GPUs may compute in TF32 in it.
    status: "measured" until something goes wrong, which costs this one its place and nobody else's.
    message: what went wrong.
    turns: piece of work -> the seconds of every call of every round's turn.
    """

    def __init__(self, backend: str, start: Start, tf32: bool = False) -> None:
        self.backend = backend
        self.tf32 = tf32
        self.status: Status = "measured"
        self.message = ""
        self.turns: dict[str, list[list[float]]] = {}
        self._start = start
        self._process: BackendProcess | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """For progress."""

    @property
    def pid(self) -> int | None:
        """That of its process, while it has one."""
        return self._process.pid if self._process else None

    def prepare(self) -> None:
        """Start its process, do what comes before the first round, and pause."""
        self.start()
        self._note(self._try(self._prepare))

    def take_turn(self, seconds: float) -> None:
        """One turn of each piece of work that it has, then pause."""
        self._note(self._try(lambda: self._turn("", seconds)))

    def start(self) -> None:
        """Start its process, instead of one that it had."""
        self.close()
        self._process = self._start(self.backend, tf32=self.tf32)

    def close(self) -> None:
        """End its process; its figures stay."""
        if self._process:
            self._process.close()
            self._process = None

    @abstractmethod
    def _prepare(self) -> None:
        """What comes before the first round, in the process that has been started."""

    @property
    def process(self) -> BackendProcess:
        """Its process, while it has one."""
        assert self._process is not None
        return self._process

    def call(self, method: str, **arguments: Any) -> Any:
        """A call to its worker."""
        return self.process.call(method, **arguments)

    def warm_up(self, work: str) -> None:
        """Call a piece of work that has been prepared until it is stable; from then on it has its turns."""
        self.call("warm_up", work=work)
        self.turns[work] = []

    def _turn(self, kind: str, seconds: float) -> None:
        """Of each piece of work whose name begins with `kind`."""
        for work, turns in self.turns.items():
            if work.startswith(kind):
                turns.append(self.call("turn", work=work, turn=seconds))

    def _try(self, step: Callable[[], None]) -> tuple[Status, str] | None:
        """Let the process do something, while it has one; what went wrong, if anything did."""
        if self._process is None:
            return None
        try:
            self._process.resume()
            step()
            self._process.pause()
        except WrongAnswers as error:
            return "wrong answers", str(error)
        except Unavailable as error:
            return "unavailable", str(error)
        except (BadInput, BackendFailed, MemoryError) as error:
            return "error", str(error)
        return None

    def _note(self, failure: tuple[Status, str] | None) -> None:
        if failure:
            self.status, message = failure
            self._say(message)
            self.close()

    def _say(self, message: str) -> None:
        """Add to what went wrong."""
        self.message = "; ".join(filter(None, (self.message, message)))


class Product(TimedProcess):
    """A framework's matrix product, in each precision that its modes compute in; TF32 has a process of its own.

    forms: precision -> what the framework's fastest form of it is called.
    """

    def __init__(self, backend: str, start: Start, size: int, precisions: tuple[str, ...], device: str) -> None:
        super().__init__(backend, start, tf32=TF32 in precisions)
        self.size, self.precisions, self.device = size, precisions, device
        self.forms: dict[str, str] = {}

    @property
    def name(self) -> str:
        """For progress."""
        return f"{self.backend}'s matrix product"

    def _prepare(self) -> None:
        for precision in self.precisions:
            computed = "float32" if precision == TF32 else precision
            given = {"size": self.size, "precision": computed, "device": self.device}
            self.forms[precision] = self.call("prepare_product", work=precision, **given)
            self.turns[precision] = []

    def limits(self) -> list[Limit]:
        """One for each precision that was measured."""
        return [
            Limit(self.backend, precision, self.forms[precision], self.size, median_rounds(turns))
            for precision, turns in self.turns.items()
            if turns
        ]
