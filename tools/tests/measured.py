"""What reading or inspecting a checkpoint takes: memory and processor time, of a process that does nothing else."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

MEGABYTE = 1 << 20

_HEAD = """
import re, resource, sys, time, warnings
from pathlib import Path
from isomorph.spec.errors import BadInput
from importlib import import_module
from isomorph.tools.checkpoints.reading import FORMATS, read_checkpoint

for form in FORMATS:  # what its first file imports is no file's doing
    import_module(f"isomorph.tools.checkpoints.{form.module}")


def most_memory():  # of this process alone: getrusage's figure is inherited from the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])


resource.setrlimit(resource.RLIMIT_CPU, (60, 60))  # which ends what would go on for ever
"""

_READING = """
before, start = most_memory(), time.process_time()
try:
    read_checkpoint(sys.argv[1])
    outcome = "read"
except BadInput:
    outcome = "refused"
print(outcome, most_memory() - before, time.process_time() - start)
"""

_INSPECTING = """
import isomorph.tools.weights.by_structure, isomorph.tools.weights.recovery.recover
from isomorph.tools.weights.inspect import inspect

warnings.simplefilter("ignore")
str(inspect(sys.argv[2]))
before, start = most_memory(), time.process_time()
try:
    report = inspect(sys.argv[1])
    str(report)
    outcome = "told" if report.architecture else "read"
except BadInput:
    outcome = "refused"
print(outcome, most_memory() - before, time.process_time() - start)
"""

_REFERENCE = 0.16
"""Seconds of the processor in which the machine that limits are given for starts Python with NumPy."""


class Measured(NamedTuple):
    """What became of a file, "told", "read" or "refused", and what that took.

    Attributes:
        memory: bytes beyond what the process had before.
        seconds: of the processor, whatever else the machine does meanwhile.
    """

    outcome: str
    memory: int
    seconds: float


def measured(path: Path) -> Measured:
    """What it takes to read the checkpoint at `path`; waits for its end, however long a busy machine takes.

    CalledProcessError where it ends otherwise, or takes more than a minute of the processor.
    """
    return _measured(_READING, path)


def inspected(path: Path, small: Path) -> Measured:
    """What `inspect` takes beyond a `small` file that it was given before; "told" where it names the network."""
    return _measured(_INSPECTING, path, small)


def _measured(script: str, *paths: Path) -> Measured:
    command = [sys.executable, "-c", _HEAD + script, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    outcome, kilobytes, seconds = done.stdout.split()
    return Measured(outcome, int(kilobytes) * 1024, float(seconds))


def slowness() -> float:
    """How many times as long as the machine that limits are given for this one takes now; 1 where it is faster."""
    script = "import time; import numpy; print(time.process_time())"
    runs = [subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout for _ in range(3)]
    return max(1.0, *(float(seconds) / _REFERENCE for seconds in runs))
