"""How far honest backends stand from the oracle, in noise floors, whatever kernels the processor has: false alarms.

    .venv/bin/python -m benchmarks.false_alarms [--draws 10000]

Small networks are drawn thousands of times, with each kernel that the libraries below can be told to use here, in a
process of its own, as all are told when they are loaded. Printed are, for noise floors from 2, 4 and all orders of
summation that the oracle has, the worst ratio, and how often an end point would stand above FLOORS: extrapolated from
the tail, in which log ratios are taken to be exponential (Hill, 1975). That is right for floors of a single value, and
too pessimistic for all others. `docs/noise_floors.md` has the tables.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from math import exp, log
from pathlib import Path

import numpy as np

from benchmarks.honest_draws import COUNTS, SINGLE
from isomorph.backends.protocol import Array
from isomorph.conformance.verdict import FLOORS

TAIL, LEAST = 500, 30
"""Of so many end points the highest one belongs to the tail, and at least LEAST in all."""

BINS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Numbers of values, in effect, from which end points are told apart."""


@dataclass(frozen=True)
class Kernel:
    """What a backend is run with. environment: what tells a library which of its kernels to take."""

    backend: str
    provider: str
    environment: dict[str, str]
    share: float = 1.0

    def __str__(self) -> str:
        settings = " ".join(f"{name}={value}" for name, value in self.environment.items())
        return f"{self.backend}, {self.provider} {settings}".strip()


def kernels() -> list[Kernel]:
    """Those that this processor has."""
    wide = ["SkylakeX"] if "avx512f" in _flags() else []
    oracle = ("Prescott", "Nehalem", "Sandybridge", "Haswell", *wide)  # Zen takes Haswell's
    settings = [
        *(("NumPy's OpenBLAS", "OPENBLAS_CORETYPE", name) for name in oracle),
        *(("MKL", "MKL_CBWR", name) for name in ("COMPATIBLE", "SSE4_2", "AVX", "AVX2")),
        *(("oneDNN", "ONEDNN_MAX_CPU_ISA", name) for name in ("SSE41", "AVX", "AVX2")),
        ("ATen", "ATEN_CPU_CAPABILITY", "default"),
    ]
    chosen = [Kernel("pytorch", provider, {name: value}) for provider, name, value in settings]
    others = [Kernel(name, "its own", {}, share=0.5) for name in ("keras", "paddle")]
    return [*chosen, *others]


def _flags() -> set[str]:
    """What the processor says that it has; nothing where there is no /proc."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def run(kernel: Kernel, draws: int, first: int, seconds: float, folder: Path) -> dict[str, Array]:
    """The draws with one kernel, as many as there is time for."""
    path = folder / f"{first}.npz"
    numbers = map(str, (draws, first, seconds))
    command = [sys.executable, "-m", "benchmarks.honest_draws", kernel.backend, *numbers, str(path)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    subprocess.run(command, check=True, env={**os.environ, **threads, **kernel.environment})
    with np.load(path) as saved:
        return dict(saved)


def rate(ratios: Array) -> float:
    """The share of end points that would stand above FLOORS, by the tail of what does not."""
    logs = np.sort(np.log(np.maximum(ratios, 1e-9)))
    count = max(LEAST, len(logs) // TAIL)
    threshold, tail = logs[-count - 1], logs[-count:]
    return count / len(logs) * exp(-(log(FLOORS) - threshold) / float(np.mean(tail - threshold)))


def print_row(label: str, figures: Array) -> None:
    """The worst ratio and the rate by each of COUNTS. figures: [end points, 1 + COUNTS]."""
    cells = (f"{figures[:, 1 + i].max():.2f} | {rate(figures[:, 1 + i]):.0e}" for i in range(len(COUNTS)))
    print(f"| {label} | {len(figures):,} | {' | '.join(cells)} |", flush=True)


def print_header(first: str) -> None:
    """The titles of a table of `print_row`."""
    print(f"\n| {first} | end points | {' | '.join(f'{number} orders: worst | rate' for number in COUNTS)} |")
    print(f"|{' --- |' * (2 + 2 * len(COUNTS))}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Draw small networks, and count how far honest backends stand.")
    parser.add_argument("--draws", type=int, default=10_000, help="of all kernels together (10000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time (one for each core)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for each kernel (no limit)")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}")
    chosen = kernels()
    unit = options.draws / sum(kernel.share for kernel in chosen)
    draws = [round(unit * kernel.share) for kernel in chosen]
    seeds = [options.first + number * options.draws for number in range(len(chosen))]
    print_header("kernel, float32")
    results: list[dict[str, Array]] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        made = pool.map(run, chosen, draws, seeds, repeat(options.seconds), repeat(Path(folder)))
        for kernel, result in zip(chosen, made, strict=True):
            print_row(f"{kernel}, {int(result['draws']):,} draws", result["figures"][result["tiers"] == SINGLE])
            results.append(result)
    figures, tiers, places = (np.concatenate([each[key] for each in results]) for key in ("figures", "tiers", "places"))
    print_header("tier, all kernels")
    for tier in np.unique(tiers):
        print_row(str(tier), figures[tiers == tier])
    print_row("all", figures)
    for column, orders in enumerate(COUNTS, start=1):
        print(f"worst from {orders} orders: {places[figures[:, column].argmax()]}")
    print_header("values in effect")
    for low, high in zip(BINS, (*BINS[1:], float("inf")), strict=True):
        inside = (figures[:, 0] >= low) & (figures[:, 0] < high)
        print_row(f"{low} to {high:g}", figures[inside])


if __name__ == "__main__":
    main()
