"""`make ports`: random mistakes in a network of PyTorch are named; what is not named is printed, and counts."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1]

NEVER_NAMED = """
import sys
from benchmarks.port_faults import __main__ as benchmark, drawing
from benchmarks.port_faults.port import mistake

def silent(port, random):
    port.get("conv1").conv.stride = (2, 2)
    return mistake("a stride that is called otherwise", "no such cause", "conv1")

drawing.GROUPS = ((silent,),)
sys.exit(benchmark.main())
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments, "--network", "cifar/resnet20"]
    return subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.thorough)])
def test_random_mistakes_are_named(dtype: str) -> None:
    """In float32 they are those of float64, with more noise."""
    done = run("-m", "benchmarks.port_faults", "--faults", "4", "--seed", "1", "--dtype", dtype)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"cifar/resnet20 {dtype}: all named in 4 of 4" in done.stdout


def test_a_mistake_that_is_not_named_counts() -> None:
    done = run("-c", NEVER_NAMED, "--faults", "1")
    assert done.returncode == 1, done.stderr
    assert "MISSED a stride that is called otherwise" in done.stdout
    assert "stride: conv1 has stride 2, expected 1" in done.stdout
