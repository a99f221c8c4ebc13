"""What torch.compile does to networks that live in one process, each in its turn."""

import subprocess
import sys

SCRIPT = """
import numpy as np, torch
torch._dynamo.config.recompile_limit = 1  # it is 8: as many networks would have to be compiled to come to it
from isomorph.backends import load_backend
from isomorph.spec import architecture
images = np.ones((1, 8, 8, 3))
for dtype in ("float32", "float64"):
    network = load_backend("pytorch").build(architecture("mlperf_tiny/resnet8"), dtype=dtype, compiled=True)
    print(network.answer(images).dtype)
"""


def test_a_compiled_network_has_recompilations_of_its_own() -> None:
    """Dynamo counts them by code, which all networks share."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout.split() == ["float32", "float64"], done.stderr
