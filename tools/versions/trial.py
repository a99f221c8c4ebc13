"""What a release of a framework has to pass, tried in the environment that runs this.

    python -m versions.trial pytorch

Prints a line of JSON for each trial as soon as it has ended: what was tried, whether it passed, and what it came to.
"""

import json
import sys
from collections.abc import Callable

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendFailed, BackendProcess
from isomorph.backends.protocol import COMPILERS
from isomorph.conformance.cases import draw_images, draw_tensors
from isomorph.conformance.reference import Reference
from isomorph.conformance.verdict import FLOORS
from isomorph.spec import architecture
from isomorph.tools import check, check_training

CHECKED, SIDE = "slim/resnet_v1_50", 64
TRAINED = "cifar/resnet20"

Outcome = tuple[bool, str]
"""Whether a trial passed, and what to print."""


def try_check(backend: str) -> Outcome:
    """Every end point in float64 and float32, by `isomorph check`: the worst in noise floors."""
    row = check(CHECKED, backends=[backend], size=(SIDE, SIDE)).backends[0]
    if row.status != "pass":
        return False, row.message or "; ".join(run.message for run in row.runs if run.message)
    return True, ", ".join(f"{run.dtype} {run.worst.noise_ratio:.2f}" for run in row.runs if run.worst)


def try_training(backend: str) -> Outcome:
    """Gradients, running statistics, steps and dropout, by `isomorph check --training`."""
    row = check_training(TRAINED, backends=[backend]).backends[0]
    if row.status != "pass":
        return False, row.message or "; ".join(run.message for run in row.runs if run.message)
    return True, "passes"


def try_compilers(backend: str) -> Outcome:
    """The answer by each compiler that the backend has: its error in noise floors."""
    network = architecture(TRAINED)
    images = draw_images(network, 2, 32, 32)
    reference = Reference(network, draw_tensors(network, images), images)
    ratios: dict[str, float] = {}
    for compiler in COMPILERS:
        with BackendProcess(backend) as process:
            try:
                compiled = process.build(network.undrawn(), "cpu", "float32", compiled=compiler)
                compiled.load(reference.tensors)
                ratios[compiler] = reference.answer_ratio(compiled.answer(images), "float32")
            except Unavailable:
                continue  # a framework has one or two of them
            except BackendFailed as failure:
                return False, f"{compiler}: {failure}"
    passed = bool(ratios) and all(ratio <= FLOORS for ratio in ratios.values())
    return passed, ", ".join(f"{compiler} {ratio:.2f}" for compiler, ratio in ratios.items())


TRIALS: dict[str, Callable[[str], Outcome]] = {
    "check": try_check,
    "check --training": try_training,
    "compiled": try_compilers,
}

if __name__ == "__main__":
    for name, attempt in TRIALS.items():
        passed, outcome = attempt(sys.argv[1])
        print(json.dumps({"trial": name, "passed": passed, "outcome": outcome}), flush=True)
