"""Compare networks in PyTorch, Keras and Paddle with one another, without a specification, and count what is said.

    .venv/bin/python -m benchmarks.model_pairs [--family unet] [--dtype float32] [--seeds 20]

A U-Net, a vision transformer and a network with squeeze-and-excitation, each written by hand in each framework, with
the same tensors, in every pair of frameworks and in both directions. Of the networks as they are, with tensors by
several seeds and attention in all styles, nothing may be said. Of 25 mistakes that people make when they port them,
planted one at a time in the second, each has to be placed and named. What is not, and all that is said beside, is
printed. Exit status: 1 where anything was said of what is the same, or where fewer than PLACED or ALONE of a pair were
placed, or named alone.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import permutations, product

from benchmarks.model_pairs.judging import false_alarms, judge
from benchmarks.model_pairs.traces import FAMILIES, STYLES, Network, Traces, faults

PLACED, ALONE = 0.95, 0.85
"""Shares of the mistakes of each pair."""

COUNTED = ("placed", "named", "alone", "proved")


def main() -> int:
    """Trace, compare and print; return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.model_pairs", description=__doc__)
    parser.add_argument("--family", choices=FAMILIES, action="append", help="one of them; may be given several times")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--seeds", type=int, default=20, help="of tensors, for networks without a mistake")
    given = parser.parse_args()
    bad = False
    for family in given.family or FAMILIES:
        traces = Traces(given.dtype)
        bad |= not _same(traces, family, given.seeds)
        bad |= not _mistakes(traces, family)
    return int(bad)


def alike(family: str, seeds: int) -> Iterator[tuple[Network, Network]]:
    """Yield pairs of networks that are the same function."""
    for first, second in permutations(STYLES, 2):
        for seed in range(seeds):
            yield Network(family, first, seed), Network(family, second, seed)
    if family == "transformer":
        written = [Network(family, framework, style=style) for framework in STYLES for style in STYLES[framework]]
        yield from ((one, other) for one, other in permutations(written, 2) if one.style or other.style)


def _same(traces: Traces, family: str, seeds: int) -> bool:
    """Compare networks that are the same; return whether nothing is said."""
    pairs = list(alike(family, seeds))
    traces.trace(network for pair in pairs for network in pair)
    alarms = 0
    for first, second in pairs:
        said = false_alarms(traces, first, second)
        alarms += bool(said)
        for each in said:
            print(f"FALSE {first} and {second}: {each}")
    print(f"{family} {traces.dtype}: {len(pairs)} pairs that are the same, something is said of {alarms}")
    return not alarms


def _mistakes(traces: Traces, family: str) -> bool:
    """Compare networks with a mistake; return whether enough are placed and named alone in every pair."""
    planted = faults(family)
    traces.trace(Network(family, framework, fault=name) for framework, name in product(STYLES, ("", *planted)))
    enough = True
    for first, second in permutations(STYLES, 2):
        judged = {
            name: judge(traces, Network(family, first), Network(family, second, fault=name), fault)
            for name, fault in planted.items()
        }
        for name, each in judged.items():
            if not (each.placed and each.alone):
                print(f"{first}, {second} with {name}: {'named' if each.named else 'MISSED'}", *each.said, sep="\n    ")
        counts = {what: sum(getattr(each, what) for each in judged.values()) for what in COUNTED}
        print(f"{family} {traces.dtype}, {first} and {second}: {counts} of {len(planted)}")
        enough &= counts["placed"] >= PLACED * len(planted) and counts["alone"] >= ALONE * len(planted)
    return enough


if __name__ == "__main__":
    sys.exit(main())
