"""A worker that also measures: `isomorph bench` has one for each mode, see `isomorph.backends.worker`.

PYTHON -P -m isomorph.backends.speed.worker NAME SOCKET MEMORY ARITHMETIC
"""

import math
import os
import statistics
import sys
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from isomorph.backends.arrays import Array, SharedArrays
from isomorph.backends.options import Device
from isomorph.backends.process import CORES_VARIABLE
from isomorph.backends.protocol import Backend
from isomorph.backends.scratch import ScratchFolder
from isomorph.backends.speed.clock import Work, peak_memory, reset_peak, take_turn, warm_up
from isomorph.backends.speed.framework import Zoo
from isomorph.backends.worker import Worker, main

STARTED = time.perf_counter()


class SpeedWorker(Worker):
    """A worker whose networks, or one of the framework's own zoo, are measured, one piece of work after another."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.zoos: dict[int, Zoo] = {}
        self.works: dict[str, Work] = {}
        self.expected: dict[str, float] = {}

    def describe(self) -> dict[str, Any]:
        """Also how long importing the framework took, in seconds; Keras is imported when its version is asked for."""
        described = super().describe()
        return described | {"import_seconds": time.perf_counter() - STARTED}

    def threads(self) -> int:
        """As `Framework.threads`."""
        return self.backend.framework().threads()

    def choices(self, device: Device) -> dict[str, Any]:
        """What "auto" means, and the compilers and the layouts that there are on that device."""
        where = self.backend.resolve_device(device)
        found = {"compiled": self.backend.compilers(where), "layout": self.backend.layouts(where)}
        return {"device": where, "choices": found}

    def resolve(self, options: dict[str, Any]) -> dict[str, Any]:
        """As `Backend.resolve`."""
        return asdict(self.backend.resolve(**options))

    def build_zoo(self, key: int, name: str, classes: int, size: tuple[int, int, int], device: str) -> None:
        """As `Framework.zoo`; it is kept under `key`."""
        self.zoos[key] = self.backend.framework().zoo(name, classes, size, device)

    def load_zoo(self, key: int, tensors: dict[str, Any]) -> None:
        """As `Zoo.load`."""
        self.zoos[key].load(SharedArrays.from_document(tensors).open())

    def discard(self, key: int) -> None:
        """Let go of a network, or of the zoo's, and of all work prepared for it."""
        super().discard(key)
        self.zoos.pop(key, None)
        self.works.clear()

    def forget_peak(self) -> None:
        """Count memory from here on."""
        reset_peak()

    def prepare_answers(self, key: int, work: str, images: dict[str, Any], batch: int, out: str) -> dict[str, Any]:
        """Answer `batch` of "images" for the first time.

        Returns the seconds that it takes, moving them to the device included, and the answer, written to `out`.
        """
        given = _repeated(SharedArrays.from_document(images).open()["images"], batch)
        started = time.perf_counter()
        answer = (self.zoos.get(key) or self.networks[key]).prepared(given)
        found = answer()
        seconds = time.perf_counter() - started
        self.works[work] = answer
        return {"seconds": seconds, "arrays": SharedArrays.write(out, {"answer": found}).to_document()}

    def prepare_training(self, key: int, work: str, images: dict[str, Any], batch: int) -> None:
        """A step on `batch` of "images", and their "labels"."""
        shared = SharedArrays.from_document(images).open()
        given = {name: _repeated(value, batch) for name, value in shared.items()}
        network = self.zoos.get(key) or self.networks[key]
        framework = self.backend.framework()
        step = framework.training_step(network.native, network.options, given["images"], given["labels"])

        def checked() -> None:
            loss = step()
            if not (isinstance(loss, float) and math.isfinite(loss)):
                raise ArithmeticError(f"the loss of the training step is {loss}")

        self.works[work] = checked

    def prepare_product(self, work: str, size: int, precision: str, device: str) -> str:
        """Warm up every form of a matrix product, and keep the fastest as `work`: returns what it is called."""
        fastest = ""
        for form, product in self.backend.framework().products(size, precision, device):
            seconds = min(warm_up(product))
            if seconds < self.expected.get(work, math.inf):
                fastest, self.works[work], self.expected[work] = form, product, seconds
        return fastest

    def warm_up(self, work: str) -> list[float]:
        """As `clock.warm_up`."""
        taken = warm_up(self.works[work])
        self.expected[work] = min(taken)
        return taken

    def turn(self, work: str, turn: float) -> list[float]:
        """As `clock.take_turn`."""
        taken = take_turn(self.works[work], self.expected[work], turn)
        self.expected[work] = statistics.median(taken)
        return taken

    def peak(self) -> int:
        """As `clock.peak_memory`."""
        return peak_memory()

    def size_on_disk(self, key: int) -> int:
        """Bytes of the file, or files, that `Network.save` writes."""
        with ScratchFolder() as folder:
            self.networks[key].save(str(folder / "network.keras"))
            return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _repeated(values: Array, count: int) -> Array:
    """So many of them, again from the first one behind the last, in memory of their own."""
    found: Array = values[np.arange(count) % len(values)]
    return found


def _keep_to_cores() -> None:
    """Use as many cores as there are to be threads, also in frameworks that take all they see."""
    if hasattr(os, "sched_setaffinity") and CORES_VARIABLE in os.environ:
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[: int(os.environ[CORES_VARIABLE])])


if __name__ == "__main__":
    _keep_to_cores()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], SpeedWorker)
