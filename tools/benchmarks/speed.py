"""ResNet-50 in each framework beside that framework's own: `make bench` prints the figures that the README quotes.

    .venv/bin/python -m benchmarks.speed

Ours and the zoo's stand in one process and take turns, round by round: what is quoted is the median of the rounds'
ratios, which holds on a machine whose speed drifts. Memory is the peak of a process that runs one of them alone.
"""

import argparse
import importlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from isomorph.backends import load_backend
from isomorph.backends.process import CORES
from isomorph.spec import architecture

FRAMEWORKS = ("pytorch", "keras", "paddle")
BATCH, SIDE = 8, 224
ROUNDS = 11
OPTIONS: dict[str, dict[str, Any]] = {
    "folded": {"fold_batch_norm": True},
    "compiled": {"compiled": True},
    "compiled, folded": {"compiled": True, "fold_batch_norm": True},
}

Call = Callable[[], object]


def yardstick(framework: str) -> Any:
    """The module of the framework's own ResNet-50."""
    return importlib.import_module(f"benchmarks.yardsticks.{framework}")


def work(framework: str, whose: str, what: str) -> Call:
    """What is measured: `whose` network ("zoo", "ours" or one of OPTIONS), at inference or in training."""
    zoo = yardstick(framework)
    random = np.random.default_rng(0)
    images = random.standard_normal((BATCH, SIDE, SIDE, 3), np.float32)
    if whose in OPTIONS:
        network = load_backend(framework).build(architecture(zoo.NETWORK), **OPTIONS[whose])
        return lambda: network.answer(images)
    native = zoo.make() if whose == "zoo" else load_backend(framework).build(architecture(zoo.NETWORK)).native
    if what == "inference":
        call: Call = zoo.forward(native, images)
        return call
    step: Call = zoo.train_step(native, images, random.integers(0, 1000, BATCH))
    return step


def interleaved(calls: Mapping[str, Call]) -> dict[str, list[float]]:
    """Seconds of each call in each round, two rounds of warming up left out."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS + 2):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: taken[2:] for name, taken in seconds.items()}


def measure_speed(framework: str) -> dict[str, dict[str, list[float]]]:
    """ "inference" and "training" -> whose -> seconds, in this process."""
    inference = {whose: work(framework, whose, "inference") for whose in ("zoo", "ours", *OPTIONS)}
    seconds = {"inference": interleaved(inference)}
    inference.clear()
    return seconds | {"training": interleaved({whose: work(framework, whose, "training") for whose in ("zoo", "ours")})}


def measure_memory(framework: str, whose: str, what: str) -> float:
    """Peak GiB of this process after three calls."""
    call = work(framework, whose, what)
    for _ in range(3):
        call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def in_process(*arguments: str) -> Any:
    """What this module prints when it is run with `arguments`."""
    command = [sys.executable, "-m", "benchmarks.speed", *arguments]
    # Each works alone: its threads may spin while they wait, as in a user's own process.
    environment = {"OMP_NUM_THREADS": str(CORES)} | os.environ
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def ratio(ours: list[float], zoo: list[float]) -> str:
    """How many times as fast, round by round: median and spread."""
    ratios = sorted(theirs / own for own, theirs in zip(ours, zoo, strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def main() -> None:
    """Print the figures; with arguments, measure in this process and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", nargs="?", choices=FRAMEWORKS)
    parser.add_argument("whose", nargs="?", choices=("zoo", "ours"))
    parser.add_argument("what", nargs="?", choices=("inference", "training"))
    given = parser.parse_args()
    if given.what:
        print(json.dumps(measure_memory(given.framework, given.whose, given.what)))
        return
    if given.framework:
        print(json.dumps(measure_speed(given.framework)))
        return
    print(f"{platform.machine()}, {CORES} cores, as many threads")
    print(
        f"ResNet-50, float32, {BATCH}x{SIDE}x{SIDE}, medians of {ROUNDS} interleaved rounds, and the zoo's time / ours"
    )
    for framework in FRAMEWORKS:
        for what, seconds in in_process(framework).items():
            for whose, taken in seconds.items():
                speed = f"{statistics.median(taken):6.3f} s  {ratio(taken, seconds['zoo'])}"
                print(f"{framework:<8} {what:<10} {whose:<17} {speed}", flush=True)
            peaks = {whose: in_process(framework, whose, what) for whose in ("zoo", "ours")}
            shares = f"{peaks['ours']:.2f} and {peaks['zoo']:.2f} GiB, {peaks['ours'] / peaks['zoo']:.2f} of the zoo's"
            print(f"{framework:<8} {what:<10} peak memory       {shares}", flush=True)


if __name__ == "__main__":
    main()
