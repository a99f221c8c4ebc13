"""What reading a checkpoint takes: memory and time of the processor, of a process that does nothing else."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

MEGABYTE = 1 << 20
_SCRIPT = """
import re, resource, sys, time
from pathlib import Path
from isomorph.spec.errors import BadInput
from importlib import import_module
from isomorph.tools.checkpoints.reading import FORMATS, read_checkpoint

for form in FORMATS:  # what its first file imports is no file's doing
    import_module(f"isomorph.tools.checkpoints.{form.module}")


def most_memory():  # of this process alone: getrusage's figure is inherited from the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])


resource.setrlimit(resource.RLIMIT_CPU, (60, 60))  # which ends what would go on for ever
before, start = most_memory(), time.process_time()
try:
    read_checkpoint(sys.argv[1])
    outcome = "read"
except BadInput:
    outcome = "refused"
print(outcome, most_memory() - before, time.process_time() - start)
"""


class Measured(NamedTuple):
    """What became of a file, "read" or "refused", and what that took.

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
    done = subprocess.run([sys.executable, "-c", _SCRIPT, str(path)], capture_output=True, text=True, check=True)
    outcome, kilobytes, seconds = done.stdout.split()
    return Measured(outcome, int(kilobytes) * 1024, float(seconds))
