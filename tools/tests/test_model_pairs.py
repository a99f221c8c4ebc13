"""`make pairs`: what is said of networks in two frameworks, without a mistake and with one; what is missed counts."""

import subprocess
import sys

import pytest

from isomorph.backends import find_backend

pytestmark = [
    pytest.mark.skipif(find_backend(name).why_not() is not None, reason=f"needs the framework of {name}")
    for name in ("pytorch", "keras", "paddle")
]

OF_TWO = """
import sys
from benchmarks.model_pairs import __main__ as benchmark, traces
from benchmarks.model_pairs.networks.fault import Fault

benchmark.STYLES = {"pytorch": ("",), "keras": ("",)}
"""

ALL_IS_WELL = "benchmark.faults = lambda family: {'mean-pools': traces.faults(family)['mean-pools']}\n"
NEVER_NAMED = "benchmark.faults = lambda family: {'mean-pools': Fault('pool', 'no such word')}\n"
ELSEWHERE = "benchmark.faults = lambda family: {'mean-pools': Fault('output', 'average')}\n"
NOT_THE_SAME = (
    ALL_IS_WELL
    + "one, other = (traces.Network('unet', 'pytorch', fault=fault) for fault in ('', 'softmax-in-model'))\n"
    + "benchmark.alike = lambda family, seeds: [(one, other)]\n"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("family", "dtype", "pairs"),
    [("unet", "float64", 12), ("transformer", "float64", 96), ("squeeze", "float64", 12), ("squeeze", "float32", 12)],
)
def test_mistakes_are_named_and_nothing_is_said_without(family: str, dtype: str, pairs: int) -> None:
    done = run("-m", "benchmarks.model_pairs", "--family", family, "--dtype", dtype, "--seeds", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{family} {dtype}: {pairs} pairs that are the same, something is said of 0" in done.stdout
    assert done.stdout.count("'placed': 25") == 6, done.stdout


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (ALL_IS_WELL, 0, "'placed': 1, 'named': 1, 'alone': 1, 'proved': 1} of 1"),
        pytest.param(NEVER_NAMED, 1, "with mean-pools: MISSED", marks=pytest.mark.thorough),
        pytest.param(ELSEWHERE, 1, "'placed': 0, 'named': 1", marks=pytest.mark.thorough),
        pytest.param(NOT_THE_SAME, 1, "something is said of 1", marks=pytest.mark.thorough),
    ],
    ids=["named", "never named", "named elsewhere", "not the same"],
)
def test_what_is_said_counts(change: str, status: int, said: str) -> None:
    done = run("-c", f"{OF_TWO}{change}sys.exit(benchmark.main())", "--family", "unet", "--seeds", "1")
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout
