"""isomorph's side: a file is read, the time and the memory that it took are measured, and nothing else may happen."""

import re
import resource
import signal
import time
from pathlib import Path
from typing import Any

from isomorph.spec import BadInput
from isomorph.tools.checkpoints import read_checkpoint
from mutations.described import INSIDE, of_arrays

LIMIT = 1.0
"""Seconds of the processor for one file; the process ends where it takes longer."""

_ROOM = 1 << 30  # bytes of addresses beyond what the process has at the start: more than any small file may take

_size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (_size + _ROOM, _size + _ROOM))


def _memory(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def read(path: Path, _: str) -> dict[str, Any]:
    """What became of the file: "read" with its tensors, "refused", or the name of an exception that none may see."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest use of memory so far is forgotten
    before, start = _memory("VmRSS"), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, LIMIT)  # whose signal ends the process, whatever it is in
    answer: dict[str, Any] = {}
    try:
        checkpoint = read_checkpoint(path)
        answer["outcome"] = "read"
    except BadInput as refusal:
        answer["outcome"] = "refused" if _is_sentence(str(refusal)) else f"no sentence: {refusal!r}"
    except Exception as problem:
        answer["outcome"] = f"{type(problem).__name__}: {problem}"
    signal.setitimer(signal.ITIMER_PROF, 0)
    answer |= {"seconds": time.process_time() - start, "memory": max(0, _memory("VmHWM") - before)}
    if answer["outcome"] == "read":
        peeled = checkpoint.unwrapped
        prefix = "".join(part for part in peeled if part.endswith("."))
        answer["inside"] = INSIDE.join(part for part in peeled if not part.endswith("."))
        answer["tensors"] = {prefix + name: value for name, value in of_arrays(checkpoint.tensors).items()}
    return answer


def _is_sentence(text: str) -> bool:
    return text.isprintable() and text.endswith((".", "?")) and len(text) < 1000
