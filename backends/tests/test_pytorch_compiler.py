"""What torch.compile does to networks that live in one process, each in its turn.

In `make test` the suite stands for it, which compiles as many networks in a process as PyTorch does by default.
"""

import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np, torch
torch._dynamo.config.recompile_limit = 1  # it is 8: as many networks would have to be compiled to come to it
{release}
from isomorph.backends import load_backend
from isomorph.spec import architecture
images = np.ones((1, 8, 8, 3))
for dtype in ("float32", "float64"):
    network = load_backend("pytorch").build(architecture("mlperf_tiny/resnet8"), dtype=dtype, compiled=True)
    print(network.answer(images).dtype)
"""

OLDER = """
compile_one = torch.compile
torch.compile = lambda module, *, fullgraph: compile_one(module, fullgraph=fullgraph)
"""


@pytest.mark.thorough
@pytest.mark.parametrize(
    "release",
    ["", OLDER],
    ids=["the release that is installed", "a release whose torch.compile cannot isolate recompilations"],
)
def test_a_compiled_network_has_recompilations_of_its_own(release: str) -> None:
    """Dynamo counts them by code, which all networks share."""
    script = SCRIPT.format(release=release)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout.split() == ["float32", "float64"], done.stderr
