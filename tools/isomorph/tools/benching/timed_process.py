"""A process whose calls are timed: it is prepared, measured in turns, and paused while others are measured."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendFailed, BackendProcess
from isomorph.spec import BadInput
from isomorph.tools.benching.modes import TF32
from isomorph.tools.benching.results import Limit, Status, median_rounds


class Start(Protocol):
    """A function that starts the process of a backend."""

    def __call__(self, name: str, *, tf32: bool = False) -> BackendProcess:
        """Start it, with the arguments of BackendProcess."""


class WrongAnswers(Exception):  # noqa: N818 - it names what was found
    """A mode does not give the network's answers, so that it is not ranked."""


class TimedProcess(ABC):
    """A process, and the seconds of its calls so far.

    tf32: whether GPUs may compute in TF32 in it.
    status: "measured" until something goes wrong, which affects only this process.
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
        """The name in messages of progress."""

    @property
    def pid(self) -> int | None:
        """The id of its process; None if it has none."""
        return self._process.pid if self._process else None

    def prepare(self) -> None:
        """Start its process, prepare the first round, and pause."""
        self.start()
        self._note(self._try(self._prepare))

    def take_turn(self, seconds: float) -> None:
        """Take one turn of each piece of work, then pause."""
        self._note(self._try(lambda: self._turn("", seconds)))

    def start(self) -> None:
        """Start its process, in place of one that it may have."""
        self.close()
        self._process = self._start(self.backend, tf32=self.tf32)

    def close(self) -> None:
        """End its process; its results stay."""
        if self._process:
            self._process.close()
            self._process = None

    @abstractmethod
    def _prepare(self) -> None:
        """Prepare the first round in the process, which has been started."""

    @property
    def process(self) -> BackendProcess:
        """Its process, which must be running."""
        assert self._process is not None
        return self._process

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method of its worker."""
        return self.process.call(method, **arguments)

    def warm_up(self, work: str) -> None:
        """Repeat a prepared piece of work until its time is stable, and give it turns from then on."""
        self.call("warm_up", work=work)
        self.turns[work] = []

    def _turn(self, kind: str, seconds: float) -> None:
        """Take a turn of each piece of work whose name begins with `kind`."""
        for work, turns in self.turns.items():
            if work.startswith(kind):
                turns.append(self.call("turn", work=work, turn=seconds))

    def _try(self, step: Callable[[], None]) -> tuple[Status, str] | None:
        """Run a step in the process, if there is one. Return what went wrong, if anything did."""
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
        """Add to the message."""
        self.message = "; ".join(filter(None, (self.message, message)))


class Product(TimedProcess):
    """A framework's matrix product, in each precision of its modes; TF32 has a process of its own.

    forms: precision -> the name of the framework's fastest call.
    """

    def __init__(self, backend: str, start: Start, size: int, precisions: tuple[str, ...], device: str) -> None:
        super().__init__(backend, start, tf32=TF32 in precisions)
        self.size, self.precisions, self.device = size, precisions, device
        self.forms: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The name in messages of progress."""
        return f"{self.backend}'s matrix product"

    def _prepare(self) -> None:
        for precision in self.precisions:
            computed = "float32" if precision == TF32 else precision
            arguments = {"size": self.size, "precision": computed, "device": self.device}
            self.forms[precision] = self.call("prepare_product", work=precision, **arguments)
            self.turns[precision] = []

    def limits(self) -> list[Limit]:
        """Return a limit for each precision that was measured."""
        return [
            Limit(self.backend, precision, self.forms[precision], self.size, median_rounds(turns))
            for precision, turns in self.turns.items()
            if turns
        ]
