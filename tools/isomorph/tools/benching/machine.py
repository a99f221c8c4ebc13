"""Describe the machine on which speeds are measured, and how busy other processes keep it."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
BUSY = (0, 1, 2, 5, 6, 7)
"""Fields of a line of /proc/stat: user, nice, system, irq, softirq, and what other guests of the host took."""


@dataclass(frozen=True)
class Machine:
    """The machine that figures depend on.

    processor: its name. cores: how many this process may use. memory: bytes; None where the system does not say.
    """

    processor: str
    cores: int
    memory: int | None
    system: str
    python: str

    def __str__(self) -> str:
        memory = f", {self.memory / 2**30:.0f} GiB" if self.memory else ""
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.processor}, {cores}{memory}, {self.system}, Python {self.python}"


def describe_machine(cores: int) -> Machine:
    """Return this machine."""
    processor = _field(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine()
    memory = _field(Path("/proc/meminfo"), "MemTotal")
    return Machine(
        processor,
        cores,
        int(memory.split()[0]) * 1024 if memory else None,
        f"{platform.system()} {platform.machine()}",
        platform.python_version(),
    )


def _field(path: Path, name: str) -> str | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), None)


@dataclass(frozen=True)
class Busy:
    """Seconds of processor time since the machine started.

    all: of all processes. own: of the processes that measure.
    """

    all: float
    own: float

    def others_since(self, earlier: "Busy") -> float:
        """Return the seconds that other processes took since then; below 0 by what the system's clock rounds."""
        return self.all - earlier.all - (self.own - earlier.own)


@dataclass
class Others:
    """What other processes took while something was measured, turn by turn.

    >>> from isomorph.tools.benching.machine import Busy, Others
    >>> others = Others()
    >>> others.add(Busy(all=100.0, own=40.0), Busy(all=130.0, own=50.0), seconds=10.0)
    >>> others.cores
    2.0
    """

    taken: float = 0.0
    seconds: float = 0.0

    def add(self, before: Busy, after: Busy, seconds: float) -> None:
        """Add a turn that lasted so many seconds."""
        self.taken += after.others_since(before)
        self.seconds += seconds

    @property
    def cores(self) -> float | None:
        """How many cores other processes kept busy, on average; None where no turn told."""
        return max(0.0, self.taken / self.seconds) if self.seconds else None


def count_busy(processes: Iterable[int]) -> Busy | None:
    """Return the processor time so far; None where the system does not say.

    processes: the ids of those that measure, beside this one.
    """
    try:
        ticks = [int(field) for field in STAT.read_text().splitlines()[0].split()[1:]]
        own = sum(_ticks_of(process) for process in (os.getpid(), *processes))
    except (OSError, ValueError, IndexError):
        return None
    rate = os.sysconf("SC_CLK_TCK")
    return Busy(sum(ticks[field] for field in BUSY) / rate, own / rate)


def _ticks_of(process: int) -> int:
    """Return a process's ticks in user and system mode; none if it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
