"""A third party's backend: the oracle's networks, with whatever goes wrong in real frameworks.

`misbehaving:WAY@WHEN` does one of WAYS at "import", "use_tf32", "build" or "end_points", where it is to build in a
dtype, or to answer "4 images"; plain `misbehaving` does nothing wrong, `misbehaving:GPU` says that it computes on one,
and `misbehaving:other biases` has others than it loaded.
The fixture `misbehaving` of conftest.py offers it through entry points, as another package would.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np

from isomorph.backends.oracle.backend import Oracle, OracleNetwork
from isomorph.backends.protocol import Array, Network, Options, Unavailable
from isomorph.spec import Architecture, BadInput

HANGS = "MISBEHAVING_HANGS"


class Unpicklable(Exception):  # noqa: N818
    """What pickles, but takes other arguments when it is made again, ends a process pool."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")
        self.held = lambda: None


def abort() -> NoReturn:
    os.write(2, b"the last words of a C++ library\n")
    os.abort()


def allocate() -> None:
    np.zeros(6 * 2**30, np.uint8)  # granted, as it is never touched, where there is no limit


def chatter() -> None:
    sys.stdout.write("hello from Python\n")
    os.write(1, b"hello from C++\n" * 10_000)


def hang() -> None:
    """Where HANGS names a file, it appears first: who waits for it knows that this hangs."""
    if HANGS in os.environ:
        Path(os.environ[HANGS]).touch()
    time.sleep(600)


def leave() -> NoReturn:
    sys.exit("cannot go on")


def leave_at_once() -> NoReturn:
    os._exit(7)


def raise_bad_input() -> NoReturn:
    raise BadInput("The images are upside down.")


def raise_empty_memory_error() -> NoReturn:
    raise MemoryError


def raise_unavailable() -> NoReturn:
    raise Unavailable("It has no float8.")


def raise_unpicklable() -> NoReturn:
    raise Unpicklable("a kernel\nof 3 lines", "café")


def say_much() -> NoReturn:
    raise RuntimeError(f"begins {'x' * 100_000} ends")


WAYS: dict[str, Callable[[], None]] = {
    "abort": abort,
    "allocate": allocate,
    "chatter": chatter,
    "hang": hang,
    "leave": leave,
    "leave at once": leave_at_once,
    "raise BadInput": raise_bad_input,
    "raise MemoryError": raise_empty_memory_error,
    "raise Unavailable": raise_unavailable,
    "raise Unpicklable": raise_unpicklable,
    "say much": say_much,
}


class Misbehaving(Oracle):
    def __init__(self, engine: str) -> None:
        self.way, _, self.when = engine.partition("@")
        self.reach("import")

    def reach(self, moment: str) -> None:
        if moment == self.when:
            WAYS[self.way]()

    def has_gpu(self) -> bool:
        return self.way == "GPU"

    def gpu_name(self) -> str | None:
        return "Misbehaving 3000" if self.has_gpu() else None

    def use_tf32(self, allowed: bool = True) -> None:
        self.reach("use_tf32")

    def _build(self, architecture: Architecture, options: Options) -> OracleNetwork:
        self.reach("build")
        self.reach(options.dtype)
        return MisbehavingNetwork(architecture, options, self)


class MisbehavingNetwork(OracleNetwork):
    def __init__(self, architecture: Architecture, options: Options, backend: Misbehaving) -> None:
        super().__init__(architecture, options)
        self.backend = backend

    def _get(self, name: str) -> Array:
        value = super()._get(name)
        return value + 1 if self.backend.way == "other biases" and name == "logits/biases" else value

    def _run(self, part: str | None, x: Array) -> dict[str, Array]:
        self.backend.reach("end_points")
        self.backend.reach(f"{len(x)} images")
        return super()._run(part, x)


def fill(network: Network, name: str, value: float) -> None:
    """What a parent has applied to a network."""
    network.load({name: np.full_like(network.tensors()[name], value)}, partial=True)


def create(engine: str) -> Misbehaving:
    return Misbehaving(engine)
