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

from isomorph.backends.array_forms import Array
from isomorph.backends.arrays import SharedArrays
from isomorph.backends.options import Device
from isomorph.backends.process import CORES_VARIABLE
from isomorph.backends.protocol import Backend
from isomorph.backends.scratch import ScratchFolder
from isomorph.backends.speed.clock import Work, peak_memory, reset_peak, take_turn, warm_up
from isomorph.backends.speed.framework import Zoo
from isomorph.backends.worker import Worker, main

STARTED = time.perf_counter()


class SpeedWorker(Worker):
    """A worker that measures its networks, or one of the framework's own zoo, one piece of work after another."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.zoos: dict[int, Zoo] = {}
        self.works: dict[str, Work] = {}
        self.expected: dict[str, float] = {}

    def describe(self) -> dict[str, Any]:
        """Also return the seconds that importing the framework took; `version` is what imports Keras."""
        description = super().describe()
        return description | {"import_seconds": time.perf_counter() - STARTED}

    def threads(self) -> int:
        """As `Framework.threads`."""
        return self.backend.framework().threads()

    def choices(self, device: Device) -> dict[str, Any]:
        """Return the device that `device` means, and the compilers and layouts on it."""
        where = self.backend.resolve_device(device)
        choices = {"compiled": self.backend.compilers(where), "layout": self.backend.layouts(where)}
        return {"device": where, "choices": choices}

    def resolve(self, options: dict[str, Any]) -> dict[str, Any]:
        """As `Backend.resolve`."""
        return asdict(self.backend.resolve(**options))

    def build_zoo(self, key: int, name: str, classes: int, size: tuple[int, int, int], device: str) -> None:
        """As `Framework.zoo`; the network is stored under `key`."""
        self.zoos[key] = self.backend.framework().zoo(name, classes, size, device)

    def load_zoo(self, key: int, tensors: dict[str, Any]) -> None:
        """As `Zoo.load`."""
        self.zoos[key].load(SharedArrays.from_document(tensors).open())

    def discard(self, key: int) -> None:
        """Drop a network, or the zoo's, and all work prepared for it."""
        super().discard(key)
        self.zoos.pop(key, None)
        self.works.clear()

    def forget_peak(self) -> None:
        """As `clock.reset_peak`."""
        reset_peak()

    def prepare_answers(self, key: int, work: str, images: dict[str, Any], batch: int, out: str) -> dict[str, Any]:
        """Answer `batch` of "images" for the first time.

        Returns the seconds that it takes, moving them to the device included, and the answer, written to `out`.
        """
        repeated = _repeated(SharedArrays.from_document(images).open()["images"], batch)
        started = time.perf_counter()
        run = (self.zoos.get(key) or self.networks[key]).prepared(repeated)
        answer = run()
        seconds = time.perf_counter() - started
        self.works[work] = run
        return {"seconds": seconds, "arrays": SharedArrays.write(out, {"answer": answer}).to_document()}

    def prepare_training(self, key: int, work: str, images: dict[str, Any], batch: int) -> None:
        """Prepare a training step on `batch` of "images" and their "labels"."""
        shared = SharedArrays.from_document(images).open()
        repeated = {name: _repeated(value, batch) for name, value in shared.items()}
        network = self.zoos.get(key) or self.networks[key]
        framework = self.backend.framework()
        step = framework.training_step(network.native, network.options, repeated["images"], repeated["labels"])

        def checked() -> None:
            loss = step()
            if not (isinstance(loss, float) and math.isfinite(loss)):
                raise ArithmeticError(f"the loss of the training step is {loss}")

        self.works[work] = checked

    def prepare_product(self, work: str, size: int, precision: str, device: str) -> str:
        """Warm up every form of a matrix product, store the fastest as `work`, and return its name."""
        fastest = ""
        for form, product in self.backend.framework().products(size, precision, device):
            seconds = min(warm_up(product))
            if seconds < self.expected.get(work, math.inf):
                fastest, self.works[work], self.expected[work] = form, product, seconds
        return fastest

    def warm_up(self, work: str) -> list[float]:
        """As `clock.warm_up`."""
        seconds = warm_up(self.works[work])
        self.expected[work] = min(seconds)
        return seconds

    def turn(self, work: str, turn: float) -> list[float]:
        """As `clock.take_turn`."""
        seconds = take_turn(self.works[work], self.expected[work], turn)
        self.expected[work] = statistics.median(seconds)
        return seconds

    def peak(self) -> int:
        """As `clock.peak_memory`."""
        return peak_memory()

    def size_on_disk(self, key: int) -> int:
        """Return the size of the file, or files, that `Network.save` writes, in bytes."""
        with ScratchFolder() as folder:
            self.networks[key].save(str(folder / "network.keras"))
            return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _repeated(values: Array, count: int) -> Array:
    """Return a copy of `count` values, starting again at the first one after the last."""
    repeated: Array = values[np.arange(count) % len(values)]
    return repeated


def _keep_to_cores() -> None:
    """Restrict this process to its share of cores, also for frameworks that use all they see."""
    if hasattr(os, "sched_setaffinity") and CORES_VARIABLE in os.environ:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[: int(os.environ[CORES_VARIABLE])])


if __name__ == "__main__":
    _keep_to_cores()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], SpeedWorker)
