"""What a check costs, and how fast the oracle is, forward and back: `make bench` prints the README's figures.

    .venv/bin/python -m benchmarks.cost

Each check is a fresh process, imports and all. The oracle's rate is set against NumPy's own on one large product, both
in float64, interleaved in the same run, so that the ratio holds on a machine whose speed drifts.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import Precision
from isomorph.backends.oracle.training import TrainingPass
from isomorph.backends.protocol import Options
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.spec import architecture, infer, plan

NETWORK = "slim/resnet_v1_50"
BATCH, SIDE = 2, 224
PRODUCT = 4096
ROUNDS = 7


def check_cost() -> tuple[float, float]:
    """Seconds and GiB of the largest process of one cold `isomorph check`."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "isomorph", "check", NETWORK, "--batch", str(BATCH)]
        started = time.monotonic()
        subprocess.run([*command, "--json", str(report)], check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        assert json.loads(report.read_text())["agree"] is True
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def seconds_of(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def oracle_rates() -> tuple[list[float], list[float]]:
    """Multiply-accumulates per second of the oracle's ResNet-50 and of a large product, round by round."""
    network = architecture(NETWORK)
    images = draw_images(network, BATCH, SIDE, SIDE)
    oracle = OracleNetwork(network, Options(dtype="float64"))
    oracle.load(draw_tensors(network, images))
    matrix = np.random.default_rng(0).standard_normal((PRODUCT, PRODUCT))
    macs = BATCH * (infer(network, SIDE, SIDE).macs or 0)
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):
        theirs.append(PRODUCT**3 / seconds_of(lambda: matrix @ matrix))
        ours.append(macs / seconds_of(lambda: oracle.end_points(images)))
    return ours[1:], theirs[1:]  # the first round warms up


def backward_ratios() -> list[float]:
    """The time of the oracle's backward pass of ResNet-50 in parts of its forward pass in training, round by round."""
    network = architecture(NETWORK)
    images = draw_images(network, BATCH, SIDE, SIDE)
    tensors = {name: value.astype(np.float64) for name, value in draw_tensors(network, images).items()}
    ratios = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        forward = TrainingPass(plan(network), tensors, images.astype(np.float64), Precision("float64"))
        turned = time.perf_counter()
        forward.pull_back({"logits": np.ones_like(forward.values["logits"])})
        ratios.append((time.perf_counter() - turned) / (turned - started))
    return ratios[1:]


def main() -> None:
    """Print the figures."""
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}")
    costs = [check_cost() for _ in range(3)]
    seconds = sorted(cost[0] for cost in costs)
    print(f"isomorph check {NETWORK}, {BATCH}x{SIDE}x{SIDE}, cold, all tiers, all installed backends:")
    print(f"  {seconds[1]:.1f} s ({seconds[0]:.1f} to {seconds[2]:.1f}), {costs[-1][1]:.2f} GiB in the largest process")
    ours, theirs = oracle_rates()
    shares = [one / other for one, other in zip(ours, theirs, strict=True)]
    rate, limit = (2e-9 * statistics.median(rates) for rates in (ours, theirs))
    print(f"the oracle's float64 ResNet-50: {rate:.0f} of {limit:.0f} GFLOP/s of a {PRODUCT}x{PRODUCT} product,")
    print(f"  a share of {statistics.median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})")
    back = backward_ratios()
    print(f"its backward pass: {statistics.median(back):.2f} ({min(back):.2f} to {max(back):.2f}) of the forward one")


if __name__ == "__main__":
    main()
