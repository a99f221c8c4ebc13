"""Run one of the scripts that train in a process of its own: Paddle cannot be imported after TensorFlow."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from examples.digits import Array


def train(framework: str, *options: str) -> tuple[float, Array]:
    """Train in "pytorch", "keras" or "paddle". Return the held-out accuracy, and the loss of each step.

    options: as on the script's command line. Raises CalledProcessError where the script fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "losses.json"
        command = [sys.executable, "-m", f"examples.digits_{framework}", *options, "--losses", str(path)]
        subprocess.run(command, check=True, env={"OMP_NUM_THREADS": "1"} | os.environ)  # maps of 8x8 need no more
        result = json.loads(path.read_text())
    return result["accuracy"], np.array(result["losses"])
