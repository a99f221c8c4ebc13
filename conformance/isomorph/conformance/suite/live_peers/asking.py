"""Our side: what a live peer is asked, and what it answered."""

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
from isomorph.backends.scratch import ScratchFolder
from isomorph.conformance.cases import draw_images, draw_tensors, small_gammas
from isomorph.conformance.reference import Reference
from isomorph.conformance.small_networks import Array
from isomorph.spec import Architecture, architecture, tensor_shapes, zoo

# zoo -> the modules that its peer needs
REQUIRES = {"keras": ("keras", "tensorflow"), "paddle": ("paddle",)}

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
    """All that one network is asked.

    name: `zoo/name`. runs: by what they are for; the first one's images calibrate weights, its own and ours.
    options: the zoo's own, by which it builds the network.
    """

    name: str
    runs: Mapping[str, Run]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def zoo(self) -> str:
        """Whose it is."""
        return self.name.partition("/")[0]

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{option} {value}" for option, value in self.options.items())])


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
    def floors(self) -> dict[str, float]:
        """dtype -> the noise floor of its answer."""
        reference = Reference(self.architecture, self.tensors, self.images)
        if self.run.output == "logits":
            return {dtype: reference.answer_floor(dtype) for dtype in self.answers}
        return {dtype: reference.tier(dtype).floors[self.run.output] for dtype in self.answers}

    def ours(self, network: RemoteNetwork) -> Array:
        """What one of our networks gives where this is the peer's answer."""
        network.load(self.tensors)
        if self.run.output == "logits":
            return network.answer(self.images)
        return network.end_points(self.images)[self.run.output][:, 0, 0]


Exchange = Callable[[dict[str, Any]], dict[str, Any]]
"""A request to a peer's process -> its reply."""


@contextmanager
def live(zoo_name: str) -> Iterator[Exchange]:
    """A zoo's own networks in a process of their own, which importing their framework alone makes worth keeping."""
    ours, theirs = Pipe()
    module = f"isomorph.conformance.suite.live_peers.{zoo_name}"
    with closing(ScratchFolder()) as folder:
        words = folder.path / "stderr"
        with theirs, words.open("wb") as stderr:
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
                raise AssertionError(f"{module} ended:\n{words.read_text()}") from None
            assert isinstance(reply, dict), reply
            return reply

        with process, ours:  # it ends once our end is closed, and is waited for
            yield exchange


def ask(questions: Questions, exchange: Exchange) -> dict[str, Answered]:
    """Put `questions` to their zoo's peer."""
    network = architecture(questions.name, **questions.options)
    renamed = zoo(questions.zoo).naming.tensors(network)
    images = {key: draw_images(network, 2, run.height, run.width) for key, run in questions.runs.items()}
    calibrate_on = next(iter(questions.runs))
    drawn = draw_tensors(network, images[calibrate_on])
    request = {
        "network": questions.name.partition("/")[2],
        "options": dict(questions.options),
        "small": [renamed[key].name for key in small_gammas(network)],
        "calibrate_on": calibrate_on,
        "runs": {key: asdict(run) for key, run in questions.runs.items()},
    }
    given = {tensor.name: tensor.from_canonical(drawn[key]) for key, tensor in renamed.items()}
    with ScratchFolder() as folder:  # its arrays are mapped, and outlive it
        for name, arrays in (("tensors", given), ("images", images)):
            request[name] = SharedArrays.write(folder / name, arrays).to_document()
        found = SharedArrays.from_document(exchange(request | {"out": f"{folder}/found"})).open()
    answered = {}
    for key, run in questions.runs.items():
        asked = network if run.head else network.with_options(num_classes=None, global_pool=False)
        held = {
            name: renamed[name].to_canonical(found[f"{run.weights}/{renamed[name].name}"])
            for name in tensor_shapes(asked)
        }
        answers = {dtype: found[f"answer/{key}/{dtype}"] for dtype in ("float32", "float64")}
        answered[key] = Answered(run, asked, images[key], drawn, held, answers)
    return answered
