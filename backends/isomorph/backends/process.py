"""Run a backend in a process of its own.

Importing one framework after another can end the interpreter, a GPU's memory goes to whoever asks first, and precision
switches are global: comparisons give every backend its own process. A crash, a hang or a lack of memory then costs that
backend its result, and nobody else's.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from isomorph.backends.array_forms import Answers, Array, Images, Labels, Maps, Tensors
from isomorph.backends.arrays import SharedArrays, mapped
from isomorph.backends.failures import BackendEnded, BackendFailed, DiskFull, Unavailable
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.remote_model import RemoteModel, trace
from isomorph.backends.scratch import ScratchFolder, temporary_file
from isomorph.backends.timeouts import START_TIMEOUT, TIMEOUT
from isomorph.backends.training import AUXILIARY_WEIGHT, IMAGES, SGD, Gradients
from isomorph.spec import Architecture, BadInput
from isomorph.spec.document import to_document

__all__ = ["BackendEnded", "BackendFailed", "BackendProcess", "DiskFull", "RemoteNetwork"]


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

CORES_VARIABLE = "ISOMORPH_CORES"
"""The variable that holds how many cores the processes of `isomorph bench` may use."""

TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE"

ENVIRONMENT = {
    "OMP_NUM_THREADS": str(CORES),  # Paddle, alone among the frameworks, takes one thread unless told
    "OMP_WAIT_POLICY": "PASSIVE",  # several backends share the cores: threads that wait must not spin
    "TF_CPP_MIN_LOG_LEVEL": "3",  # what TensorFlow and Paddle log at start-up drowns their last words
    "GLOG_minloglevel": "2",
    TF32_OVERRIDE: "0",  # NVIDIA's libraries then never use it, whatever a framework asks them for
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it cuBLAS may sum in another order in each run
    "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # TensorFlow and JAX would take a GPU's memory whole, and leave others none
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


class BackendProcess:
    """A backend in a process of its own, started at once and ready when `describe` returns.

    name: the backend's.
    python: the interpreter, whose environment needs isomorph and the backend's framework.
    memory: limit in bytes on what the process may allocate; None leaves it to the system.
    timeout: seconds that one call may take.
    tf32: let a GPU round the operands of float32's products to TF32, see `Backend.use_tf32`; otherwise none may.
    worker: the module to run, which takes the same arguments as `isomorph.backends.worker`.
    environment: variables to set for it, in place of ENVIRONMENT; its framework then computes as by default, but for
        TF32.
    closed: whether `close` ended it, so that its end is no crash.

    >>> import numpy as np
    >>> from isomorph.spec import architecture
    >>> with BackendProcess("oracle") as process:
    ...     network = process.build(architecture("mlperf_tiny/resnet8"))
    ...     network.answer(np.zeros((2, 32, 32, 3))).shape
    (2, 10)
    """

    def __init__(
        self,
        name: str,
        python: str = sys.executable,
        memory: int | None = None,
        timeout: float = TIMEOUT,
        tf32: bool = False,
        worker: str = "isomorph.backends.worker",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.timeout = timeout
        self.folder = ScratchFolder()
        self._stderr = self.folder.path / "stderr"
        self._numbers = count()
        self._started: dict[str, Any] | None = None
        self.closed = False
        self._ended = False
        variables = _environment(tf32) if environment is None else os.environ | dict(environment)
        with temporary_file(self._stderr):
            stderr = self._stderr.open("wb")
        ours, theirs = socket.socketpair()
        arithmetic = ("exact" if environment is None else "own") + ("-tf32" if tf32 else "")
        arguments = (name, str(theirs.fileno()), str(memory or 0), arithmetic)
        try:
            with theirs, stderr:
                command = [python, "-P", "-m", worker, *arguments]
                self._process = start(command, stderr, theirs.fileno(), variables | self.folder.environment)
        except BaseException as error:  # ctrl-C too: what has been started ends as our end is closed
            ours.close()
            self.folder.close()
            if isinstance(error, OSError):
                sentence = f"The interpreter {python} for {name} cannot be started: {error.strerror}."
                raise BadInput(sentence) from None
            raise
        self._connection = Connection(ours.detach())

    @property
    def is_spent(self) -> bool:
        """Whether it was ready once and has ended since. A process that never was ready would fail again."""
        return self._ended and self._started is not None

    def describe(self) -> dict[str, Any]:
        """Wait until the framework is imported, and return `{"version", "gpu", "gpu_name", "python"}`.

        Raises Unavailable if it cannot be imported. See `Worker.describe`.
        """
        if self._started is None:
            self._started = self._receive("starting", min(self.timeout, START_TIMEOUT))
        description: dict[str, Any] = self._result("starting", self._started)
        return description

    def build(
        self, architecture: Architecture, device: str = "auto", dtype: str = "float32", **options: Any
    ) -> "RemoteNetwork":
        """Build a network in the process, as `Backend.build` does."""
        key = next(self._numbers)
        options |= {"device": device, "dtype": dtype}
        reply = self.call("build", key=key, architecture=to_document(architecture), options=options)
        return RemoteNetwork(self, key, architecture, reply["device"], dtype)

    def open(self, what: str, arguments: Mapping[str, Any] | None = None) -> RemoteModel:
        """Open somebody's model in the process, as `Backend.open` does. Its code runs there alone."""
        key = next(self._numbers)
        description = self.call("open", key=key, what=what, arguments=dict(arguments or {}))
        return RemoteModel(self, key, what, description)

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method of the worker. Raises what it raised, BackendFailed, or BackendEnded if the process ended."""
        self.describe()
        try:
            self._connection.send_bytes(json.dumps({"call": method, "arguments": arguments}).encode())
        except OSError:
            raise self._end(self._last_words(method)) from None
        return self._result(method, self._receive(method, self.timeout))

    def share(self, arrays: Mapping[str, Array]) -> SharedArrays:
        """Write arrays to a file that the process can read, until it is closed."""
        return SharedArrays.write(self.new_file(), arrays)

    def new_file(self) -> str:
        """Return a new path for a file that lives as long as the process."""
        return str(self.folder.path / f"arrays-{next(self._numbers)}")

    @property
    def pid(self) -> int:
        """The system's number of the process."""
        return self._process.pid

    def pause(self) -> None:
        """Stop all threads of the process until `resume`, also those that would spin while they wait."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue the process after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process and remove its files. Harmless when repeated."""
        self.closed = True
        with suppress(OSError):
            self._connection.close()
        self._process.kill()  # it has nothing to lose, and frameworks take seconds to leave by themselves
        self._process.wait()
        self.folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self, doing: str, timeout: float) -> dict[str, Any]:
        """Return the process's next reply: a result, or an error as text."""
        try:
            if not self._connection.poll(timeout):
                self._process.kill()
                raise self._end(f"{doing} took longer than {timeout:g} s and was stopped")
            reply: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            raise self._end(self._last_words(doing)) from None
        return reply

    def _end(self, message: str) -> BackendEnded:
        self._ended = True
        return BackendEnded(message)

    def _result(self, doing: str, reply: dict[str, Any]) -> Any:
        match reply.get("kind"):
            case None:
                return reply["result"]
            case "bad input":
                raise BadInput(reply["message"])
            case "unavailable":
                raise Unavailable(reply["message"])
            case "disk full":
                raise DiskFull(reply["message"])
            case _:
                raise BackendFailed(f"{doing} failed: {_shortened(reply['message'])}")

    def _last_words(self, doing: str) -> str:
        """Describe how the process ended, with the last lines of its output."""
        deadline = time.monotonic() + 5
        while (code := self._process.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if code is None:
            end = "closed its connection"
        elif code < 0:
            end = f"was ended by {signal.Signals(-code).name}"
        else:
            end = f"exited with status {code}"
        lines = [line for line in self._stderr.read_text(errors="replace").splitlines() if line.strip()]
        words = f": {_shortened(' / '.join(lines[-4:]))}" if lines else ""
        return f"{doing}, the process {end}{words}"


class RemoteNetwork:
    """A network in a BackendProcess, with the methods of `isomorph.backends.protocol.Network`.

    It also takes arrays as SharedArrays, written once for several networks and processes.
    """

    def __init__(self, process: BackendProcess, key: int, architecture: Architecture, device: str, dtype: str) -> None:
        self.process = process
        self.key = key
        self.architecture = architecture
        self.device = device
        self.dtype = dtype

    def load(self, tensors: Tensors | SharedArrays, partial: bool = False) -> tuple[list[str], list[str]]:
        """As `Network.load`."""
        with self._shared(tensors) as shared:
            missing, unexpected = self._call("load", tensors=shared, partial=partial)
        return missing, unexpected

    def tensors(self) -> dict[str, Array]:
        """As `Network.tensors`."""
        return self._fetch("tensors")

    def compare(self, tensors: Tensors | SharedArrays) -> tuple[dict[str, tuple[int, ...]], list[str]]:
        """Return the shape of each of its tensors, and the names of those with other values than the given ones.

        tensors: those that it loaded; each counts as it is in the network's dtype. No array crosses to this process.
        """
        with self._shared(tensors) as shared:
            shapes, others = self._call("compare", tensors=shared)
        return {name: tuple(shape) for name, shape in shapes.items()}, others

    def save(self, path: str) -> None:
        """As `Network.save`."""
        self._call("save", path=path)

    def end_points(self, images: Images | SharedArrays) -> dict[str, Maps]:
        """As `Network.end_points`; shared images are called "images"."""
        return self._ask("end_points", images)

    def answer(self, images: Images | SharedArrays) -> Answers:
        """As `Network.answer`; shared images are called "images"."""
        return self._ask("answer", images)["answer"]

    def part(self, name: str, x: Maps) -> dict[str, Maps]:
        """As `Network.part`."""
        return self.parts({name: x})

    def parts(self, inputs: Mapping[str, Maps] | SharedArrays) -> dict[str, Maps]:
        """Run several parts, each alone on its own input, and return all their end points."""
        with self._shared(inputs) as shared:
            return self._fetch("parts", inputs=shared)

    def gradients(self, images: Images, labels: Labels, auxiliary_weight: float = AUXILIARY_WEIGHT) -> Gradients:
        """As `Network.gradients`."""
        with self._shared({"images": images, "labels": labels}) as batch:
            loss, gradients = self._fetch_loss("gradients", batch=batch, auxiliary_weight=auxiliary_weight)
        to_images = gradients.pop(IMAGES)
        return Gradients(loss, gradients, to_images)

    def step(
        self,
        images: Images,
        labels: Labels,
        sgd: SGD,
        velocity: Tensors | None = None,
        auxiliary_weight: float = AUXILIARY_WEIGHT,
    ) -> tuple[float, dict[str, Array]]:
        """As `Network.step`."""
        arguments = {"sgd": asdict(sgd), "auxiliary_weight": auxiliary_weight}
        with self._shared({"images": images, "labels": labels}) as batch, self._shared(velocity or {}) as before:
            return self._fetch_loss("step", batch=batch, velocity=before, **arguments)

    def observe(self, images: Images | SharedArrays) -> None:
        """As `Network.observe`; shared images are called "images"."""
        with self._shared_images(images) as shared:
            self._call("observe", images=shared)

    def trace(self, images: Images | SharedArrays) -> Graph:
        """Run the network's native object once, as it is, and return all that it computed, as `Model.trace` does."""
        return trace(self.process, self.key, images)

    def apply(self, function: str, **arguments: Any) -> None:
        """Call `module:function` on the `Network` in its process, which imports the module.

        arguments: values that JSON can carry. Raises BackendFailed, or what the function raised, as any call does.
        """
        self._call("apply", function=function, arguments=arguments)

    def discard(self) -> None:
        """Let the process free the network's memory."""
        self._call("discard")

    @contextmanager
    def _shared(self, arrays: Mapping[str, Array] | SharedArrays) -> Iterator[dict[str, Any]]:
        """Provide the document of `arrays`; a file for those not shared yet is removed after the call."""
        if isinstance(arrays, SharedArrays):
            yield arrays.to_document()
            return
        shared = self.process.share(arrays)
        try:
            yield shared.to_document()
        finally:
            Path(shared.path).unlink(missing_ok=True)

    def _shared_images(self, images: Images | SharedArrays) -> AbstractContextManager[dict[str, Any]]:
        return self._shared(images if isinstance(images, SharedArrays) else {"images": images})

    def _ask(self, method: str, images: Images | SharedArrays) -> dict[str, Array]:
        with self._shared_images(images) as shared:
            return self._fetch(method, images=shared)

    def _call(self, method: str, **arguments: Any) -> Any:
        return self.process.call(method, key=self.key, **arguments)

    def _fetch(self, method: str, **arguments: Any) -> dict[str, Array]:
        """Call a method that writes arrays, and map them."""
        return mapped(self._call(method, out=self.process.new_file(), **arguments))

    def _fetch_loss(self, method: str, **arguments: Any) -> tuple[float, dict[str, Array]]:
        """Call a method that returns a loss and writes arrays, and map the arrays."""
        reply = self._call(method, out=self.process.new_file(), **arguments)
        return reply["loss"], mapped(reply["arrays"])


def start(
    command: Sequence[str], output: IO[bytes], descriptor: int, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a process that inherits one more descriptor, and writes both its streams to one file."""
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[descriptor], env=environment
    )


def _environment(tf32: bool) -> dict[str, str]:
    """Return this process's variables over those of ENVIRONMENT; with `tf32`, without the one that forbids TF32."""
    environment = ENVIRONMENT | os.environ
    if tf32:
        del environment[TF32_OVERRIDE]
    return environment


def _shortened(text: str, most: int = 600) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"
