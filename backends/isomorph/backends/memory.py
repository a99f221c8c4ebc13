"""Measure how much memory a new process may take, as far as the system says."""

import re
import resource
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")

FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""The files of a control group's limit and use, and the line of `memory.stat` that counts what it could free; for
version 2, then 1."""


def available_memory() -> int | None:
    """Return the bytes that this process and its children may still take; None where the system does not say.

    The least of the free memory, the rest of this process's control groups (a container's limit), and the rest of its
    own limit (`ulimit -v`).
    """
    limits = [limit for limit in (_free(), *_left_by_groups(), _left_by_limit()) if limit is not None]
    return max(0, min(limits)) if limits else None


def _free() -> int | None:
    return _in_kibibytes(PROC / "meminfo", "MemAvailable")


def _left_by_limit() -> int | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = _in_kibibytes(PROC / "self" / "status", "VmSize")
    return None if soft == resource.RLIM_INFINITY or taken is None else soft - taken


def _left_by_groups() -> Iterator[int]:
    """Yield what every group around this process leaves, from its own to the outermost, of either version."""
    for line in _text(PROC / "self" / "cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers in ("", "memory"):
            root = CGROUPS / controllers
            for parent in (PurePosixPath(group), *PurePosixPath(group).parents):
                yield from _left_by(root / parent.relative_to("/"))


def _left_by(group: Path) -> Iterator[int]:
    for limit, used, reclaimable in FILES:
        most, taken = _text(group / limit).strip(), _text(group / used).strip()
        if most.isdecimal() and taken.isdecimal():
            idle = re.search(rf"^{reclaimable} (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
            yield int(most) - int(taken) + (int(idle[1]) if idle else 0)  # files that are cached give way


def _in_kibibytes(file: Path, name: str) -> int | None:
    """Return the bytes of a line `name: N kB`; None where there is none."""
    line = re.search(rf"^{name}:\s*(\d+) kB$", _text(file), re.MULTILINE)
    return int(line[1]) * 1024 if line else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
