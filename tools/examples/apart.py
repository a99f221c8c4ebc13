"""One of the scripts that train, in a process of its own: Paddle cannot be imported behind TensorFlow."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from examples.digits import Array


def train(framework: str, *options: str) -> tuple[float, Array]:
    """The held-out accuracy in "pytorch", "keras" or "paddle", and the loss of each step; it shows its own progress.

    options: as on the script's command line. Raises CalledProcessError where the script fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "losses.json"
        command = [sys.executable, "-m", f"examples.digits_{framework}", *options, "--losses", str(path)]
        subprocess.run(command, check=True, env={"OMP_NUM_THREADS": "1"} | os.environ)  # maps of 8x8 need no more
        found = json.loads(path.read_text())
    return found["accuracy"], np.array(found["losses"])
