"""Tensors that are awkward to write, what of them must come back, and frameworks asked to read them."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[Any]
Tensors = dict[str, Array]

COMMON = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "complex64", "complex128")
"""The dtypes that every format has, beside bool and bfloat16."""


def awkward() -> Tensors:
    """Every dtype that all formats have, and odd shapes, strides, byte orders and names."""
    random = np.random.default_rng(0)
    tensors = {name: random.integers(0, 100, (2, 3, 5)).astype(name) for name in COMMON}
    return tensors | {
        "bool": np.array([True, False]),
        "bfloat16": random.normal(size=(3, 7)).astype(ml_dtypes.bfloat16),
        "nan": np.array([0x7FC00001, 0xFF800000, 0x80000000, 1], np.uint32).view(np.float32),
        "scalar": np.array(1.5, np.float32),
        "empty": np.zeros((0, 3), np.float32),
        "transposed": random.normal(size=(3, 4, 5)).T,
        "every other": random.normal(size=(9, 8))[::2, ::-3],
        "broadcast": np.broadcast_to(np.float32(3), (4, 5)),
        "big-endian": random.normal(size=(3, 4)).astype(">f4"),
        "big-endian columns": np.asfortranarray(random.integers(0, 9, (3, 4)).astype(">i2")),
        "h\u00e9/\U0001f600 \u7f51\u7edc": np.arange(3),
        "x" * 1000: np.arange(300_000, dtype=np.float32),  # more than one piece
    }


def described(tensors: Mapping[str, Array]) -> dict[str, list[Any]]:
    """Name -> dtype, shape and bytes in hexadecimal, little-endian."""
    plain = {name: array.astype(array.dtype.newbyteorder("<")) for name, array in tensors.items()}
    return {name: [array.dtype.name, list(array.shape), array.tobytes().hex()] for name, array in plain.items()}


def run_framework(name: str, program: str, *arguments: object) -> Any:
    """The JSON that `program` prints last: it runs where warnings are errors once it has imported the framework."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs {name}, which reads and writes the files that are compared")
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
