"""The globals that a PyTorch checkpoint may name, typed a second time: none may come to them unnoticed."""

import importlib
from collections.abc import Hashable

import numpy as np
import pytest

from isomorph.backends.dtypes import as_dtype
from isomorph.tools.checkpoints.pytorch.objects import DTYPES, NAMES, STORAGES

MAKING = """
    collections.OrderedDict collections.defaultdict
    torch._utils._rebuild_parameter torch._utils._rebuild_parameter_with_state
    torch._utils._rebuild_tensor torch._utils._rebuild_tensor_v2 torch._utils._rebuild_tensor_v3
"""
THROWN_AWAY = """
    __builtin__.bytearray __builtin__.complex __builtin__.dict __builtin__.float __builtin__.frozenset __builtin__.int
    __builtin__.list __builtin__.set
    builtins.bytearray builtins.complex builtins.dict builtins.float builtins.frozenset builtins.int builtins.list
    builtins.set
    _codecs.encode argparse.Namespace collections.Counter pathlib.PosixPath
    numpy._core.multiarray._reconstruct numpy._core.multiarray.scalar
    numpy.core.multiarray._reconstruct numpy.core.multiarray.scalar numpy.dtype
    torch.Size torch.device torch.serialization._get_layout
"""
WITHOUT_A_DTYPE = """
    torch.complex32 torch.float8_e4m3fn torch.float8_e4m3fnuz torch.float8_e5m2 torch.float8_e5m2fnuz
    torch.float8_e8m0fnu
"""

OF_DTYPES = {
    "torch.bfloat16": "bfloat16",
    "torch.bool": "bool",
    "torch.complex128": "complex128",
    "torch.complex64": "complex64",
    "torch.float16": "float16",
    "torch.float32": "float32",
    "torch.float64": "float64",
    "torch.int16": "int16",
    "torch.int32": "int32",
    "torch.int64": "int64",
    "torch.int8": "int8",
    "torch.uint16": "uint16",
    "torch.uint32": "uint32",
    "torch.uint64": "uint64",
    "torch.uint8": "uint8",
}
OF_STORAGES = {
    "torch.BFloat16Storage": "bfloat16",
    "torch.BoolStorage": "bool",
    "torch.ByteStorage": "uint8",
    "torch.CharStorage": "int8",
    "torch.ComplexDoubleStorage": "complex128",
    "torch.ComplexFloatStorage": "complex64",
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.IntStorage": "int32",
    "torch.LongStorage": "int64",
    "torch.ShortStorage": "int16",
    "torch.storage.UntypedStorage": "uint8",
}


def test_no_other_name_is_known() -> None:
    never_called = {"numpy.ndarray", *OF_DTYPES, *OF_STORAGES, *WITHOUT_A_DTYPE.split()}
    assert NAMES.keys() == {*MAKING.split(), *THROWN_AWAY.split(), *never_called}
    assert {name for name, call in NAMES.items() if call is None} == never_called


@pytest.mark.parametrize("name", THROWN_AWAY.split())
def test_it_is_thrown_away(name: str) -> None:
    make = NAMES[name]
    assert make is not None
    module, _, last = name.replace("__builtin__", "builtins").rpartition(".")
    kind: object
    if last == "_reconstruct":
        kind = np.ndarray
    else:  # PyTorch's own are all hashable; no test here imports it
        kind = object if module.startswith("torch") else getattr(importlib.import_module(module), last)
    is_hashable = not isinstance(kind, type) or kind.__hash__ is not None
    assert isinstance(make(()), Hashable) == is_hashable


def test_dtypes_and_storages_hold() -> None:
    assert {name: as_dtype(dtype).name for name, dtype in DTYPES.items()} == OF_DTYPES
    assert {name: as_dtype(dtype).name for name, dtype in STORAGES.items()} == OF_STORAGES
