"""safetensors' own reader."""

from pathlib import Path
from typing import Any

import safetensors

from mutations.described import described

_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64",
           "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32",
           "U16": "uint16", "U8": "uint8", "BOOL": "bool"}  # fmt: skip


def save(_: Path) -> None:
    """Nothing: the library's files are those that isomorph writes."""


def read(path: Path, _: str) -> dict[str, Any]:
    """Every tensor that the library gives."""
    try:
        tensors = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}
    return {
        "tensors": {
            name: described(_DTYPES.get(one["dtype"], one["dtype"]), tuple(one["shape"]), bytes(one["data"]))
            for name, one in tensors
        }
    }
