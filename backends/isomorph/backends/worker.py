"""The child's side of `isomorph.backends.process`: it answers calls for one backend until its parent ends.

PYTHON -P -m isomorph.backends.worker NAME SOCKET MEMORY ARITHMETIC
"""

import importlib
import json
import platform
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from isomorph.backends.array_forms import Maps
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.failures import DiskFull
from isomorph.backends.graphs import crossing
from isomorph.backends.importing import leaving_out
from isomorph.backends.models import Model
from isomorph.backends.protocol import Backend, Network, Unavailable
from isomorph.backends.registry import find_backend, load_backend
from isomorph.backends.scratch import end_with_owner
from isomorph.backends.training import IMAGES, SGD
from isomorph.spec import BadInput
from isomorph.spec.document import from_document


class Worker:
    """The calls that a parent may make. JSON carries arguments and results, files carry arrays."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.networks: dict[int, Network] = {}
        self.models: dict[int, Model] = {}

    def describe(self) -> dict[str, Any]:
        """Return its version, whether it sees a GPU, the GPU's name, and Python's version."""
        return {
            "version": self.backend.version,
            "gpu": self.backend.has_gpu(),
            "gpu_name": self.backend.gpu_name(),
            "python": platform.python_version(),
        }

    def build(self, key: int, architecture: dict[str, Any], options: dict[str, Any]) -> dict[str, str]:
        """As `Backend.build`; the network is stored under `key`."""
        network = self.backend.build(from_document(architecture), **options)
        self.networks[key] = network
        return {"device": network.device}

    def discard(self, key: int) -> None:
        """Drop a network."""
        self.networks.pop(key, None)

    def load(self, key: int, tensors: dict[str, Any], partial: bool) -> tuple[list[str], list[str]]:
        """As `Network.load`."""
        return self.networks[key].load(SharedArrays.from_document(tensors).open(), partial)

    def tensors(self, key: int, out: str) -> dict[str, Any]:
        """As `Network.tensors`, written to `out`."""
        return SharedArrays.write(out, self.networks[key].each_tensor()).to_document()

    def compare(self, key: int, tensors: dict[str, Any]) -> tuple[dict[str, tuple[int, ...]], list[str]]:
        """As `RemoteNetwork.compare`, one tensor in memory at a time."""
        given = SharedArrays.from_document(tensors).open()
        shapes: dict[str, tuple[int, ...]] = {}
        others: list[str] = []
        for name, value in self.networks[key].each_tensor():
            shapes[name] = value.shape
            if name in given and not np.array_equal(value, given[name].astype(value.dtype, copy=False)):
                others.append(name)
        return shapes, others

    def save(self, key: int, path: str) -> None:
        """As `Network.save`."""
        self.networks[key].save(path)

    def end_points(self, key: int, images: dict[str, Any], out: str) -> dict[str, Any]:
        """As `Network.end_points`, written to `out`."""
        batch = SharedArrays.from_document(images).open()["images"]
        return SharedArrays.write(out, self.networks[key].end_points(batch)).to_document()

    def answer(self, key: int, images: dict[str, Any], out: str) -> dict[str, Any]:
        """As `Network.answer`, written to `out`."""
        batch = SharedArrays.from_document(images).open()["images"]
        return SharedArrays.write(out, {"answer": self.networks[key].answer(batch)}).to_document()

    def parts(self, key: int, inputs: dict[str, Any], out: str) -> dict[str, Any]:
        """As `Network.part` for every part that `inputs` names, all their end points written to `out`."""
        end_points: dict[str, Maps] = {}
        for name, x in SharedArrays.from_document(inputs).open().items():
            end_points |= self.networks[key].part(name, x)
        return SharedArrays.write(out, end_points).to_document()

    def gradients(self, key: int, batch: dict[str, Any], auxiliary_weight: float, out: str) -> dict[str, Any]:
        """As `Network.gradients` of a batch's "images" and "labels": the loss, and the gradients written to `out`.

        The gradient with respect to the images is called IMAGES.
        """
        arrays = SharedArrays.from_document(batch).open()
        gradients = self.networks[key].gradients(arrays["images"], arrays["labels"], auxiliary_weight)
        shared = SharedArrays.write(out, {**gradients.tensors, IMAGES: gradients.images})
        return {"loss": gradients.loss, "arrays": shared.to_document()}

    def step(
        self,
        key: int,
        batch: dict[str, Any],
        sgd: dict[str, Any],
        velocity: dict[str, Any],
        auxiliary_weight: float,
        out: str,
    ) -> dict[str, Any]:
        """As `Network.step`: the loss, and the new velocity written to `out`."""
        arrays = SharedArrays.from_document(batch).open()
        before = SharedArrays.from_document(velocity).open()
        loss, moved = self.networks[key].step(arrays["images"], arrays["labels"], SGD(**sgd), before, auxiliary_weight)
        return {"loss": loss, "arrays": SharedArrays.write(out, moved).to_document()}

    def observe(self, key: int, images: dict[str, Any]) -> None:
        """As `Network.observe`."""
        self.networks[key].observe(SharedArrays.from_document(images).open()["images"])

    def open(self, key: int, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """As `Backend.open`; the model is stored under `key`, and described."""
        self.models[key] = self.backend.open(what, arguments)
        return self.describe_model(key)

    def describe_model(self, key: int) -> dict[str, Any]:
        """Return what a model takes, its dtype, and which of its modules are in training mode."""
        model = self.models[key]
        takes = {"batch": model.batch, "input_shape": model.input_shape}
        return takes | {"dtype": model.dtype, "in_training": model.in_training()}

    def cast_model(self, key: int, dtype: str) -> bool:
        """As `Model.cast`."""
        return self.models[key].cast(dtype)

    def model_tensors(self, key: int, out: str) -> dict[str, Any]:
        """As `Model.tensors`, written to `out`."""
        return SharedArrays.write(out, self.models[key].tensors()).to_document()

    def load_model(self, key: int, tensors: dict[str, Any]) -> None:
        """As `Model.load`."""
        self.models[key].load(SharedArrays.from_document(tensors).open())

    def trace(self, key: int, images: dict[str, Any], out: str) -> dict[str, Any]:
        """As `Model.trace` of a model, or of a network's native object: the graph, its arrays written to `out`."""
        model = self.models[key] if key in self.models else self.backend.model(self.networks[key].native)
        batch = SharedArrays.from_document(images).open()["images"]
        graph, arrays = crossing.to_document(model.trace(batch))
        return {"graph": graph, "arrays": SharedArrays.write(out, arrays).to_document()}

    def apply(self, key: int, function: str, arguments: dict[str, Any]) -> None:
        """Import a module and call its function on a network: `module:function`."""
        module, _, name = function.partition(":")
        getattr(importlib.import_module(module), name)(self.networks[key], **arguments)


def answer(call: Callable[[], Any]) -> dict[str, Any]:
    """Return a call's result, or its error as text: a framework's own objects never cross."""
    try:
        return {"result": call()}
    except BadInput as error:
        return {"kind": "bad input", "message": str(error)}
    except Unavailable as error:
        return {"kind": "unavailable", "message": str(error)}
    except DiskFull as error:
        return {"kind": "disk full", "message": str(error)}
    except MemoryError as error:
        return {"kind": "failed", "message": f"ran out of memory{f' ({error})' if str(error) else ''}"}
    except Exception as error:  # whatever a framework raises is this backend's result, and the parent reports it
        return {"kind": "failed", "message": f"{type(error).__name__}: {error}"}


def main(
    name: str, socket: int, memory: int, arithmetic: str, make_worker: Callable[[Backend], Worker] = Worker
) -> None:
    """Import the backend, report how that went, and answer until the parent closes its end.

    arithmetic: "exact", or "own" for the framework's defaults, but in float32 for float32 networks; "exact-tf32" and
        "own-tf32" for the same with TF32 on a GPU.
    make_worker: constructs the worker that answers; another worker's module calls this function, too.
    """
    end_with_owner()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the parent's to handle
    if memory:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)  # of `ulimit -d`, which only root may go beyond
        memory = memory if most == resource.RLIM_INFINITY else min(memory, most)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    worker: Worker | None = None

    def start() -> dict[str, Any]:
        nonlocal worker
        kind, _, tf32 = arithmetic.partition("-")
        # What only comparisons do: importing costs `isomorph bench` what it costs whoever runs the framework.
        with leaving_out(find_backend(name).needless if kind == "exact" else ()):
            backend = load_backend(name)
            if kind == "exact":
                backend.use_exact_arithmetic()
        if tf32 or (kind == "own" and backend.has_gpu()):  # PyTorch, TensorFlow and JAX use it there unless told
            backend.use_tf32(bool(tf32))
        worker = make_worker(backend)
        return worker.describe()

    with Connection(socket) as connection:
        reply = answer(start)
        while True:
            connection.send_bytes(json.dumps(reply).encode())
            try:
                request = json.loads(connection.recv_bytes())
            except EOFError:
                return
            method = getattr(worker, request["call"])
            reply = answer(lambda: method(**request["arguments"]))  # noqa: B023 - called before the next one is bound


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
