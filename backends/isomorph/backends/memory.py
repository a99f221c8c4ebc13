"""How much memory there is for what is about to start, as far as the system says."""

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
"""A control group's limit and what is taken of it, and the line of `memory.stat` with what would give way; by version:
2, 1."""


def available_memory() -> int | None:
    """Bytes that this process and what it starts may still take; None where the system does not say.

    The least of what is free, what this process's control groups (a container's limit) leave, and what its own limit
    (`ulimit -v`) does.
    """
    rooms = [room for room in (_free(), *_left_by_groups(), _left_by_limit()) if room is not None]
    return max(0, min(rooms)) if rooms else None


def _free() -> int | None:
    return _in_kibibytes(PROC / "meminfo", "MemAvailable")


def _left_by_limit() -> int | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = _in_kibibytes(PROC / "self" / "status", "VmSize")
    return None if soft == resource.RLIM_INFINITY or taken is None else soft - taken


def _left_by_groups() -> Iterator[int]:
    """What every group around this process leaves, from its own to the outermost, of either version."""
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
    """The bytes that a line `name: N kB` tells; None where there is none."""
    line = re.search(rf"^{name}:\s*(\d+) kB$", _text(file), re.MULTILINE)
    return int(line[1]) * 1024 if line else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
