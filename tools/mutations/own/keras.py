"""Keras's own reader and h5py's beside it, and sound files of its three forms.

Keras loads into a model, and compares names and shapes with that: what it finds unlike its model says nothing about
the file. h5py gives every data set of the file, whatever it is called.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from mutations.described import of_arrays

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"


def _model(named: bool) -> Any:
    name = "{}".format if named else lambda _: None
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.layers.Input((4, 4, 1)),
        keras.layers.Conv2D(2, 3, name=name("first")),
        keras.layers.BatchNormalization(name=name("norm")),
        keras.layers.Flatten(),
        keras.layers.Dense(2, name=name("logits")),
    ])  # fmt: skip
    for variable in model.variables:
        variable.assign(np.random.default_rng(len(variable.path)).standard_normal(variable.shape).astype(np.float32))
    return model


_MODELS: dict[str, Any] = {}
_CONFIGS: dict[str, bytes] = {}


def save(folder: Path) -> None:
    """Sound files, in a folder for each format."""
    for form in ("h5", "weights.h5", "keras"):
        (folder / form).mkdir(exist_ok=True)
        for seed, model in models().items():
            path = folder / form / f"{seed}.{form}"
            (model.save_weights if form == "weights.h5" else model.save)(path)
            if form != "keras":
                for kind in _REWRITTEN:
                    _rewrite(path, folder / form / f"{seed}-{kind}.{form}", kind)


_REWRITTEN: dict[str, dict[str, Any]] = {
    "packed": {"chunks": True, "compression": "gzip", "shuffle": True},
    "chunked": {"chunks": True},
    "newest": {},
}
"""What Keras reads though it does not write it: data sets in chunks, and the newest version of HDF5."""


def _rewrite(source: Path, target: Path, kind: str) -> None:
    """The file with other data sets; chunks are small, so that there are many."""
    options = _REWRITTEN[kind]
    libver = "latest" if kind == "newest" else "earliest"
    with h5py.File(source) as root, h5py.File(target, "w", libver=libver) as out:

        def take(name: str, item: Any) -> None:
            if isinstance(item, h5py.Group):
                written = out.require_group(name)
            else:
                chunks = tuple(-(-size // 2) for size in item.shape) if options and item.shape else None
                written = out.create_dataset(name, data=item[()], **(options | {"chunks": chunks} if chunks else {}))
            for key, value in item.attrs.items():
                written.attrs[key] = value

        for key, value in root.attrs.items():
            out.attrs[key] = value
        root.visititems(take)


def models() -> dict[str, Any]:
    """The models of which the seeds are, by the seeds' names."""
    if not _MODELS:
        _MODELS.update({"named": _model(True), "numbered": _model(False)})
    return _MODELS


def read(path: Path, seed: str) -> dict[str, Any]:
    """Every data set that h5py gives, and every variable by its layer's and its own name that Keras loads."""
    answer: dict[str, Any] = {}
    try:
        answer["datasets"] = _datasets(path)
    except Exception as problem:
        return {"error": f"h5py: {type(problem).__name__}: {problem}"[:300]}
    try:
        answer["tensors"] = of_arrays(_variables(path, seed))
    except Exception as problem:
        answer["error"] = f"{type(problem).__name__}: {problem}"[:600]
    return answer


def _datasets(path: Path) -> dict[str, Any]:
    content: Any = path
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(archive.read(_WEIGHTS))
    found: dict[str, Any] = {}
    with h5py.File(content, "r") as root:

        def take(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        root.visititems(take)
    return dict(of_arrays(found))


def noted(path: Path) -> list[list[Any]]:
    """[layer's name, description] of each data set of a `.weights.h5`, by what the file itself calls the layer.

    For files whose names are in question: damaged attributes end libhdf5 with a signal.
    """
    found = []
    with h5py.File(path, "r") as root:
        for place, description in _datasets(path).items():
            group = root[place].parent
            own = group.parent.name.rpartition("/")[2]
            name = group.attrs.get("name") if group.name.endswith("/vars") else None
            found.append([name if isinstance(name, str) and name else own, description])
    return found


def _variables(path: Path, seed: str) -> dict[str, Any]:
    model = models()[seed.partition("-")[0]]
    if path.suffix == ".keras":
        try:
            model = keras.models.load_model(path, compile=False)
        except Exception as problem:
            model.load_weights(path)  # raises what is wrong with those
            raise ValueError(f"load_model alone: {problem}") from problem
    else:
        for variable in model.variables:
            variable.assign(np.zeros(variable.shape, np.float32))
        model.load_weights(path)
    whole = path.suffixes == [".h5"]  # of which each variable has its name with all of its scopes
    return {variable.path if whole else f"{layer.name}/{variable.name}": np.asarray(variable)
            for layer in model.layers for variable in layer.variables}  # fmt: skip
