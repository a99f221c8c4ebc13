"""Our side: the questions to a live peer, and its answers."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from multiprocessing import Pipe
from subprocess import DEVNULL, Popen
from typing import Any

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.process import ENVIRONMENT, RemoteNetwork
from isomorph.backends.protocol import Array
from isomorph.backends.scratch import ScratchFolder
from isomorph.conformance.cases import draw_images, draw_tensors, small_gammas
from isomorph.conformance.reference import Reference
from isomorph.spec import Architecture, architecture, tensor_shapes, zoo

# zoo -> the modules that its peer needs
REQUIRES = {"keras": ("keras", "tensorflow"), "keras2": ("keras", "tensorflow"), "paddle": ("paddle",)}

TIMEOUT = 300.0
"""Seconds that a peer may take for one network."""


@dataclass(frozen=True)
class Run:
    """One question.

    height, width: of its two images.
    head: whether the network has its classifier, or ends in its last map.
    weights: "given" by us, or the peer's "own".
    output: which of the network's outputs, by our end point's name.
    """

    height: int
    width: int
    head: bool = True
    weights: str = "given"
    output: str = "logits"


@dataclass(frozen=True, eq=False)
class Questions:
    """All questions to one network.

    name: `zoo/name`. runs: by their purpose; the first one's images calibrate weights, its own and ours.
    options: the zoo's own, with which it builds the network.
    """

    name: str
    runs: Mapping[str, Run]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def zoo(self) -> str:
        """The zoo that the network is of."""
        return self.name.partition("/")[0]

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{option} {value}" for option, value in self.options.items())])


@dataclass(frozen=True)
class Answered:
    """One run of a live peer, in our terms.

    drawn: the tensors that we sent. tensors: those that it ran with, its own or ours, also under canonical names.
    answers: dtype -> [N, classes] or [N, h, w, C].
    """

    run: Run
    architecture: Architecture
    images: Array
    drawn: dict[str, Array]
    tensors: dict[str, Array]
    answers: dict[str, Array]

    @cached_property
    def floors(self) -> dict[str, float]:
        """dtype -> the noise floor of its answer."""
        reference = Reference(self.architecture, self.tensors, self.images)
        if self.run.output == "logits":
            return {dtype: reference.answer_floor(dtype) for dtype in self.answers}
        return {dtype: reference.floors(dtype)[self.run.output] for dtype in self.answers}

    def ours(self, network: RemoteNetwork) -> Array:
        """Return what one of our networks answers in place of the peer."""
        network.load(self.tensors)
        if self.run.output == "logits":
            return network.answer(self.images)
        return network.end_points(self.images)[self.run.output][:, 0, 0]


Exchange = Callable[[dict[str, Any]], dict[str, Any]]
"""A request to a peer's process -> its reply."""


@contextmanager
def live(zoo_name: str) -> Iterator[Exchange]:
    """Run a zoo's own networks in a process of their own, kept because importing the framework takes long."""
    ours, theirs = Pipe()
    module = f"isomorph.conformance.suite.live_peers.{zoo_name}"
    with closing(ScratchFolder()) as folder:
        log = folder.path / "stderr"
        with theirs, log.open("wb") as stderr:
            process = Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                stdin=DEVNULL,
                stdout=stderr,
                stderr=stderr,
                pass_fds=[theirs.fileno()],
                env=ENVIRONMENT | os.environ | {"KERAS_BACKEND": "tensorflow"} | folder.environment,
            )

        def exchange(request: dict[str, Any]) -> dict[str, Any]:
            try:
                ours.send(request)
                if not ours.poll(TIMEOUT):
                    process.kill()
                reply = ours.recv()
            except (EOFError, ConnectionError):
                raise AssertionError(f"{module} ended:\n{log.read_text()}") from None
            assert isinstance(reply, dict), reply
            return reply

        with process, ours:  # it ends once our end is closed, and is waited for
            yield exchange


def ask(questions: Questions, exchange: Exchange) -> dict[str, Answered]:
    """Send questions to their zoo's peer, and return its answers by run."""
    network = architecture(questions.name, **questions.options)
    zoo_tensors = zoo(questions.zoo).naming.tensors(network)
    images = {key: draw_images(network, 2, run.height, run.width) for key, run in questions.runs.items()}
    calibrate_on = next(iter(questions.runs))
    drawn = draw_tensors(network, images[calibrate_on])
    request = {
        "network": questions.name.partition("/")[2],
        "options": dict(questions.options),
        "small": [zoo_tensors[key].name for key in small_gammas(network)],
        "calibrate_on": calibrate_on,
        "runs": {key: asdict(run) for key, run in questions.runs.items()},
    }
    tensors = {tensor.name: tensor.from_canonical(drawn[key]) for key, tensor in zoo_tensors.items()}
    with ScratchFolder() as folder:  # its arrays are mapped, and outlive it
        for name, arrays in (("tensors", tensors), ("images", images)):
            request[name] = SharedArrays.write(folder / name, arrays).to_document()
        reply = SharedArrays.from_document(exchange(request | {"out": f"{folder}/found"})).open()
    answered = {}
    for key, run in questions.runs.items():
        run_network = network if run.head else network.with_options(num_classes=None, global_pool=False)
        held = {
            name: zoo_tensors[name].to_canonical(reply[f"{run.weights}/{zoo_tensors[name].name}"])
            for name in tensor_shapes(run_network)
        }
        answers = {dtype: reply[f"answer/{key}/{dtype}"] for dtype in ("float32", "float64")}
        answered[key] = Answered(run, run_network, images[key], drawn, held, answers)
    return answered
