"""How the cost of a check, and of a run of the suite, grows: `make bench` prints the table that the README quotes.

    .venv/bin/python -m benchmarks.growth           # or one of its parts, `checks` or `suite`

Every figure is one whole command in a fresh process, imports and all. A line through the checks of networks of other
depths and images of other sizes is fitted by least squares; what it misses each of them by is printed beside it.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isomorph.spec import architecture, infer

BATCH = 2
NETWORKS = ("slim/resnet_v1_50", "slim/resnet_v1_101", "slim/resnet_v1_152", "slim/resnet_v1_200")
SIDE = 224
OTHER_SIDES = (112, 320)
BACKENDS = ("pytorch", "paddle", "keras")
MORE_AND_MORE = tuple(BACKENDS[: number + 1] for number in range(len(BACKENDS)))
SELECTION = "test_architectures and resnet18 and not float16"
"""Tests of the suite, as `isomorph conformance run --only` takes them."""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds, and the GiB of the largest of its processes."""

    seconds: float
    memory: float


def cost_of(*arguments: str) -> Cost:
    """Run an `isomorph` command in a fresh process."""
    command = [sys.executable, "-m", "isomorph", *arguments]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)  # of this command alone; getrusage would give the largest of all
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(seconds, used.ru_maxrss / 2**20)


def check(network: str, side: int, backends: Sequence[str] = BACKENDS) -> Cost:
    """`isomorph check` of drawn images and weights, in all tiers."""
    asked = ["--batch", str(BATCH), "--input", f"{side}x{side}", "--backends", ",".join(backends)]
    return cost_of("check", network, *asked)


def gigamacs(network: str, side: int) -> float:
    """Multiply-accumulates of one pass of the batch, in 10^9."""
    return BATCH * (infer(architecture(network), side, side).macs or 0) / 1e9


def print_line(costs: Mapping[tuple[str, int], Cost]) -> None:
    """Print the costs of checks of networks at sizes, and the line through their seconds over their GMACs."""
    amounts = np.array([gigamacs(*asked) for asked in costs])
    slope, fixed = np.polyfit(amounts, [cost.seconds for cost in costs.values()], 1)
    print(f"\n{'depth and area':<36}{'GMAC':>6}{'s':>8}{'line':>7}{'missed by':>11}{'GiB':>7}")
    for ((network, side), cost), amount, line in zip(costs.items(), amounts, fixed + slope * amounts, strict=True):
        label, missed = f"{network}, {BATCH}x{side}x{side}", cost.seconds - line
        print(f"{label:<36}{amount:>6.1f}{cost.seconds:>8.1f}{line:>7.1f}{missed:>+11.1f}{cost.memory:>7.2f}")
    print(f"the line: {fixed:.1f} s, and {slope:.2g} s for each GMAC")


def print_added(title: str, costs: Iterable[Cost]) -> None:
    """Print the costs of MORE_AND_MORE backends, and what the last of them adds."""
    print(f"\n{title:<36}{'s':>14}{'adds':>7}{'GiB':>18}")
    before = 0.0
    for names, cost in zip(MORE_AND_MORE, costs, strict=True):
        print(f"{', '.join(names):<36}{cost.seconds:>14.1f}{cost.seconds - before:>+7.1f}{cost.memory:>18.2f}")
        before = cost.seconds


def checks() -> None:
    """Print how a check's cost grows with depth, with the area of the images, and with the number of backends."""
    check(NETWORKS[0], OTHER_SIDES[0])  # reads from the disk what all others find in memory
    asked = [*((name, SIDE) for name in NETWORKS), *((NETWORKS[0], side) for side in OTHER_SIDES)]
    costs = {each: check(*each) for each in asked}
    print_line(costs)
    fewer = [check(NETWORKS[0], SIDE, names) for names in MORE_AND_MORE[:-1]]
    print_added(f"{NETWORKS[0]}, {BATCH}x{SIDE}x{SIDE}", [*fewer, costs[NETWORKS[0], SIDE]])


def suite() -> None:
    """Print how the cost of a part of the suite grows with the number of backends."""
    arguments = ("conformance", "run", "--only", SELECTION, "--backends")
    print_added("a part of the suite", [cost_of(*arguments, ",".join(names)) for names in MORE_AND_MORE])


PARTS = {"checks": checks, "suite": suite}

if __name__ == "__main__":
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}")
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
