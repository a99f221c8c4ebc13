"""Keras's `.h5` and `.weights.h5`, written without Keras.

    write_weights_h5("resnet.weights.h5", filled(layer_order(network, NAMING.tensors(network)), tensors))

Both are of layers in the order of `model.layers`, by which Keras loads them, whatever they are called. A file appears
whole or not at all, and no more than one tensor is copied at a time.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import h5py
import ml_dtypes
import numpy as np

from isomorph.spec import BadInput
from isomorph.tools.checkpoints.checkpoint import Tensor
from isomorph.tools.checkpoints.keras.layer_order import DROPOUT, LayerOrder
from isomorph.tools.checkpoints.wording import shown
from isomorph.tools.writing import new_file

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_DTYPES = {np.dtype(name) for name in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")}
_LONGEST = 64512  # bytes of one attribute (legacy_h5_format.py, HDF5_OBJECT_HEADER_LIMIT)
_LONGEST_NAME = 1000
_SEED = np.zeros(2, np.int64)  # of a dropout: random numbers that start anew
# What Keras's own files say; their kernels are TensorFlow's, which no reader of either needs to turn round.
_BACKEND, _KERAS_VERSION = b"tensorflow", b"3.15.1"


@dataclass(frozen=True, eq=False)
class FilledLayer:
    """One layer of a Keras model and its values.

    name: `conv1_bn`. kind: its class in snake case, `batch_normalization`.
    values: leaf -> array, `gamma`, in the order of the layer's variables.
    """

    name: str
    kind: str
    values: Mapping[str, Tensor]


def filled(order: LayerOrder, tensors: Mapping[str, Tensor]) -> tuple[FilledLayer, ...]:
    """Return the layers of `order` with views of the canonical `tensors`, in Keras's form.

    What `order` leaves out is left out here. BadInput where one of the others is missing.
    """
    missing = [name for layer in order.layers for name in layer.tensors if name not in tensors]
    if missing:
        raise BadInput(f"There is no tensor {missing[0]} for Keras's layers, and {len(missing)} of theirs are missing.")
    return tuple(
        FilledLayer(
            layer.name,
            layer.kind,
            {
                tensor.name.rpartition("/")[2]: tensor.from_canonical(tensors[canonical])
                for canonical, tensor in layer.tensors.items()
            },
        )
        for layer in order.layers
    )


def write_h5(
    path: str | os.PathLike[str], layers: Sequence[FilledLayer], texts: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write the legacy `.h5` of weights, which `model.load_weights` and `keras.applications.X(weights=...)` take.

    It is what Keras 2 saved (keras/src/legacy/saving/legacy_h5_format.py), with the variables' names of Keras 3,
    `conv1/kernel`. Layers without values are not in it.

    texts: further attributes of the whole file, of at most 64,512 bytes each; Keras leaves them alone.

    Raises BadInput for a name or a dtype that it cannot hold, bfloat16 among them, and where the file cannot be
    written; whatever was there before then stays.
    """
    _check(path, layers, _DTYPES)
    with new_file(path) as file, h5py.File(file, "w") as root:
        saved = [layer for layer in layers if layer.values]
        _write_texts(root, texts)
        root.attrs["backend"], root.attrs["keras_version"] = np.bytes_(_BACKEND), np.bytes_(_KERAS_VERSION)
        _write_names(root, "layer_names", [layer.name for layer in saved])
        for layer in saved:
            group = root.create_group(layer.name)
            _write_names(group, "weight_names", [f"{layer.name}/{leaf}" for leaf in layer.values])
            for leaf, value in layer.values.items():
                _write(group, f"{layer.name}/{leaf}", value)


def write_weights_h5(
    path: str | os.PathLike[str], layers: Sequence[FilledLayer], texts: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write the `.weights.h5` of Keras 3, as `model.save_weights` does (keras/src/saving/saving_lib.py).

    Layers are numbered by class, and variables by their order; the layers' names are noted. A dropout gets a fresh
    state of its random numbers, without which Keras would complain. texts: as for `write_h5`.

    Raises BadInput for a name or a dtype that it cannot hold, and where the file cannot be written; whatever was there
    before then stays.
    """
    _check(path, layers, _DTYPES | {_BFLOAT16})
    used: Counter[str] = Counter()
    with new_file(path) as file, h5py.File(file, "w") as root:
        _write_texts(root, texts)
        for layer in layers:
            number = f"_{used[layer.kind]}" if used[layer.kind] else ""
            used[layer.kind] += 1
            group = root.create_group(f"layers/{layer.kind}{number}")
            variables = group.create_group("vars")
            variables.attrs["name"] = layer.name
            for index, value in enumerate(layer.values.values()):
                _write(variables, str(index), value)
            if layer.kind == DROPOUT:
                _write(group, "seed_generator/vars/0", _SEED)


def _check(path: str | os.PathLike[str], layers: Sequence[FilledLayer], dtypes: Iterable[np.dtype]) -> None:
    if not any(layer.values for layer in layers):
        raise BadInput(f"{path} cannot be written: there are no tensors, at least one was expected.")
    for name, count in Counter(layer.name for layer in layers).items():
        if count > 1:
            raise BadInput(f"{path} cannot be written: {count} layers are called {shown(name)}, each needs its own.")
    for layer in layers:
        for name in (layer.name, layer.kind, *layer.values):
            if not name.isprintable() or name in ("", ".", "..") or "/" in name or len(name) > _LONGEST_NAME:
                raise BadInput(f"{path} cannot be written: {shown(name)} is no name of a layer or variable.")
        for leaf, value in layer.values.items():
            if value.dtype.newbyteorder("=") not in dtypes:
                known = ", ".join(sorted(dtype.name for dtype in dtypes))
                raise BadInput(
                    f"{path} cannot be written: {layer.name}/{leaf} is {value.dtype}, this kind of file has {known};"
                    " `--dtype float32` casts it."
                )


def _write(group: h5py.Group, name: str, value: Tensor) -> None:
    """One data set, in one piece and little-endian; bfloat16 as two opaque bytes, and marked as Keras does."""
    dataset = group.create_dataset(name, data=value.astype(value.dtype.newbyteorder("<"), copy=False))
    if value.dtype == _BFLOAT16:
        dataset.attrs["dtype"] = _BFLOAT16.name


def _write_texts(root: h5py.File, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        root.attrs[name] = np.bytes_(text.encode())


def _write_names(group: h5py.Group, attribute: str, names: list[str]) -> None:
    """An attribute of texts, cut into `attribute0`, `attribute1`, ... where it is too long for one, as Keras does."""
    texts = np.array([name.encode() for name in names])
    pieces = -(-texts.nbytes // (_LONGEST - texts.itemsize))
    if pieces == 1:
        group.attrs[attribute] = texts
        return
    for number, piece in enumerate(np.array_split(texts, pieces)):
        group.attrs[f"{attribute}{number}"] = piece
