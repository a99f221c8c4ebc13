"""Our side: what a live peer is asked, and what it answered."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.process import ENVIRONMENT
from isomorph.conformance.cases import draw_images, draw_tensors, small_gammas
from isomorph.conformance.reference import Reference
from isomorph.conformance.small_networks import Array
from isomorph.spec import Architecture, architecture, tensor_shapes, zoo

# zoo -> the modules that its peer needs
REQUIRES = {"keras": ("keras", "tensorflow"), "paddle": ("paddle",)}


@dataclass(frozen=True)
class Run:
    """One question.

    height, width: of its two images.
    head: whether the network has its classifier, or ends in its last map.
    weights: "given" by us, or the peer's "own".
    """

    height: int
    width: int
    head: bool = True
    weights: str = "given"


@dataclass(frozen=True)
class Answered:
    """One run of a live peer, in our terms.

    drawn: the tensors that it was given. tensors: those that it held, its own or these, under canonical names, too.
    answers: dtype -> [N, classes] or [N, h, w, C].
    """

    run: Run
    architecture: Architecture
    images: Array
    drawn: dict[str, Array]
    tensors: dict[str, Array]
    answers: dict[str, Array]

    @cached_property
    def float32_floor(self) -> float:
        """The noise floor of its answer in float32."""
        return Reference(self.architecture, self.tensors, self.images).answer_floor("float32")


def ask(name: str, runs: dict[str, Run]) -> dict[str, Answered]:
    """Have the peer whose network is `zoo/name` answer `runs`, in a process of its own."""
    network = architecture(name)
    zoo_name, _, own_name = name.partition("/")
    renamed = zoo(zoo_name).naming.tensors(network)
    images = {key: draw_images(network, 2, run.height, run.width) for key, run in runs.items()}
    calibrate_on = next(iter(runs))
    drawn = draw_tensors(network, images[calibrate_on])
    request = {
        "network": own_name,
        "small": [renamed[key].name for key in small_gammas(network)],
        "calibrate_on": calibrate_on,
        "runs": {key: asdict(run) for key, run in runs.items()},
    }
    given = {tensor.name: tensor.from_canonical(drawn[key]) for key, tensor in renamed.items()}
    found = _answers(zoo_name, request, {"tensors": given, "images": images})
    answered = {}
    for key, run in runs.items():
        asked = network if run.head else network.with_options(num_classes=None, global_pool=False)
        held = {
            name: renamed[name].to_canonical(found[f"{run.weights}/{renamed[name].name}"])
            for name in tensor_shapes(asked)
        }
        answers = {dtype: found[f"answer/{key}/{dtype}"] for dtype in ("float32", "float64")}
        answered[key] = Answered(run, asked, images[key], drawn, held, answers)
    return answered


def _answers(zoo_name: str, request: dict[str, Any], arrays: dict[str, dict[str, Array]]) -> dict[str, Array]:
    """Run the peer's side; its arrays are mapped, and outlive the folder."""
    module = f"isomorph.conformance.live_peers.{zoo_name}"
    with TemporaryDirectory(prefix="isomorph-") as folder:
        asked, reply = Path(folder) / "request", Path(folder) / "reply"
        shared = {name: SharedArrays.write(Path(folder) / name, each).to_document() for name, each in arrays.items()}
        asked.write_text(json.dumps(request | shared | {"out": f"{folder}/found"}))
        process = subprocess.run(
            [sys.executable, "-P", "-m", module, asked, reply],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=ENVIRONMENT | os.environ | {"KERAS_BACKEND": "tensorflow"},
        )
        assert process.returncode == 0, process.stderr
        return SharedArrays.from_document(json.loads(reply.read_text())).open()
