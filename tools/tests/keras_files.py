"""Small files as Keras saves them, written with h5py."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np

from .tensors import Tensors

Changes = Callable[[h5py.File], object]

MADE = {"bias": 1, "gamma": 1, "beta": 2, "moving_mean": 3, "moving_variance": 4}
MADE |= {"_b": 1, "running_mean": 3, "running_std": 4}  # by Keras 1
"""Variables -> their places behind a layer's kernels."""

KERNEL = np.arange(18, dtype=np.float32).reshape(3, 3, 2, 1)


def hdf5(write: Changes) -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w") as root:
        write(root)
    return out.getvalue()


def keras2(layers: Mapping[str, Tensors], top: str = "", change: Changes = lambda root: None) -> bytes:
    """A file of Keras 2's; the names of variables are given in full. What `change` puts into layers is listed, too."""

    def write(root: h5py.File) -> None:
        group = root.create_group(top) if top else root
        for name, variables in layers.items():
            layer = group.create_group(name)
            for variable, value in variables.items():
                layer.create_dataset(variable, data=value)
        change(root)
        held = [name for name in group if isinstance(name, str) and group.get(name, getclass=True) is h5py.Group]
        layer_names = [*layers, *(name for name in held if name not in layers)]
        group.attrs["layer_names"] = [name.encode() for name in layer_names]
        for name in layer_names:
            group[name].attrs["weight_names"] = [variable.encode() for variable in datasets_in(group[name])]

    return hdf5(write)


def datasets_in(group: h5py.Group) -> list[str]:
    """The paths of the data sets in a group, by plain links alone, in the order in which layers make them."""
    paths: list[str] = []

    def note(path: bytes, found: h5py.h5o.ObjInfo) -> None:
        if found.type == h5py.h5o.TYPE_DATASET:
            paths.append(path.decode())

    h5py.h5o.visit(group.id, note, info=True)  # h5py's own visits open everything
    return sorted(paths, key=lambda path: (path.rpartition("/")[0], _place(path.rpartition("/")[2])))


def _place(variable: str) -> int:
    name = variable.partition(":")[0].removesuffix("_1")
    return next((place for word, place in MADE.items() if name.endswith(word)), 0)


def keras3(layers: Mapping[str, list[Any]], noted: Mapping[str, str] | None = None) -> bytes:
    """A `.weights.h5` of Keras 3's; `noted` are the layers' own names, which it has in attributes."""

    def write(root: h5py.File) -> None:
        for path, values in layers.items():
            variables = root.create_group(f"{path}/vars")
            if noted and path in noted:
                variables.attrs["name"] = noted[path]
            for number, value in enumerate(values):
                variables.create_dataset(str(number), data=value)

    return hdf5(write)


def archive(weights: bytes, config: object, method: int = zipfile.ZIP_STORED) -> bytes:
    """A `.keras`; a configuration in bytes stands as it is, and one of None is left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr("metadata.json", "{}")
        if config is not None:
            file.writestr("config.json", config if isinstance(config, bytes) else json.dumps(config))
        file.writestr("model.weights.h5", weights)
    return out.getvalue()


def configured(*layers: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    """The configuration of a model of these layers: class, name, options."""
    described = [
        {"class_name": kind, "config": {"name": name} | options, "inbound_nodes": []} for kind, name, options in layers
    ]
    return {"class_name": "Functional", "config": {"name": "functional", "layers": described}}


ONE = {"conv": {"conv/kernel:0": KERNEL}}
