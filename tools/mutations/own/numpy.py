"""NumPy's own reader and Python's, and sound files. The latter runs what a pickle names: give it what isomorph read."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from mutations.described import leaves, of_arrays

_NUMBERS = "biufc"  # kinds of dtypes


def save(folder: Path) -> None:
    """Sound files: pickles as detectron2 and Caffe2 write them, and archives, stored and packed."""
    for form in ("pkl", "npz"):
        (folder / form).mkdir(exist_ok=True)
    arrays: dict[str, Any] = {
        "conv1/w": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.arange(3),
        "flags": np.array([True, False]),
        "columns": np.asfortranarray(np.ones((2, 3), np.float16)),
        "none": np.zeros((0, 2)),
    }
    for protocol in (2, 4):
        saved = {"model": OrderedDict(arrays), "__author__": "someone", "matching_heuristics": True}
        (folder / "pkl" / f"detectron{protocol}.pkl").write_bytes(pickle.dumps(saved, protocol))
        (folder / "pkl" / f"caffe{protocol}.pkl").write_bytes(pickle.dumps({"blobs": arrays, "cfg": "x: 1"}, protocol))
    np.savez(folder / "npz" / "stored.npz", **arrays)
    np.savez(folder / "npz" / "words.npz", w=arrays["b"], words=np.array(["a", "b"]))
    np.savez_compressed(folder / "npz" / "packed.npz", **arrays)


def read(path: Path, _: str) -> dict[str, Any]:
    """Every array of numbers that there is."""
    try:
        if path.suffix == ".pkl":
            value = pickle.loads(path.read_bytes(), encoding="latin1")
            return {"tensors": of_arrays(dict(leaves(value, np.ndarray)))}
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: _numbers(archive, name) for name in archive.files}
        return {"tensors": of_arrays({name: array for name, array in arrays.items() if array is not None})}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}


def _numbers(archive: Any, name: str) -> Any:
    """An array, or nothing where it holds text or what only a pickle could."""
    try:
        array = archive[name]
    except ValueError as problem:
        if "Object arrays cannot be loaded" in str(problem):
            return None
        raise
    return array if isinstance(array, np.ndarray) and array.dtype.kind in _NUMBERS else None
