"""Keras's `.h5` and `.weights.h5`, read by neither Keras nor libhdf5.

Keras 1 and 2 (and Keras 3's legacy `.h5`) have a group for each layer, at the top or in `model_weights`, and in it
variables by name. These become `conv1/kernel`, in the order of the attributes layer_names and weight_names, which is
the model's. What Keras loads stands there; a file with other data sets than those is refused.

Keras 3's `.weights.h5` has `layers/CLASS_NUMBER/vars/0, 1, ...`, and what the layer is called in the attribute `name`
of its vars. Where there is no name, as an older Keras leaves it, the group's own name stands for the layer's:
`conv2d_1` counts the layers of each class and is what Keras would call it itself, had nobody named it. Layers come in
the order of the configuration, or of these numbers, class by class. What a variable is, is told by the class and the
number of variables (`names`); where that does not suffice it keeps its number. `archive` has the configuration, which
says all of this.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from isomorph.tools.checkpoints.checkpoint import METADATA, Checkpoint, Tensor
from isomorph.tools.checkpoints.keras.configuration import Layer, layers_in, options_by_name
from isomorph.tools.checkpoints.keras.hdf5_attributes import Attributes
from isomorph.tools.checkpoints.keras.hdf5_data import array_of
from isomorph.tools.checkpoints.keras.hdf5_dataset import dataset_at
from isomorph.tools.checkpoints.keras.hdf5_file import Window
from isomorph.tools.checkpoints.keras.hdf5_guard import Contents, contents
from isomorph.tools.checkpoints.keras.names import keras2_name, leaves, out_of_order
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.wording import shown

NAME = "Keras HDF5"

_WHOLE_MODEL = "model_weights"
_CONFIGURATION = "model_config"
_OPTIMIZERS = ("/optimizer", "/optimizer_weights")
_BESIDE_LAYERS = "top_level_model_weights"  # a model's own variables, which layer_names does not list
_DICE = "seed_generator"  # of a dropout: the state of its random numbers
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")


class _TensorPaths(NamedTuple):
    """The paths of the tensors by name, and what was removed from names or left out."""

    paths: dict[str, str]
    unwrapped: tuple[str, ...]
    left_out: tuple[str, ...]


def read(file: MappedFile) -> Checkpoint:
    """Read the checkpoint in `file`. Raises BadInput where it is damaged, points outside itself, or is not Keras's."""
    return read_window(Window(file, 0, file.size), NAME, {})


def read_window(window: Window, form: str, layers: Mapping[str, Layer]) -> Checkpoint:
    """Read the checkpoint in `window`, a whole HDF5 file; `layers` are those of its configuration, by group."""
    file = window.file
    objects, attributes = contents(window), Attributes(window)

    def noted(owner: str) -> str | None:
        path = f"{owner}/vars"
        return attributes.text(objects.groups[path], "name") if path in objects.groups else None

    configured = dict(layers_in(_configuration(attributes.text(objects.groups["/"], _CONFIGURATION))))
    whole = f"/{_WHOLE_MODEL}"
    top = whole if whole in objects.groups else "/"
    if _has_layers(attributes, objects.groups[top]):
        tensor_paths = _keras2(file, objects, top, _listed(file, objects, top, attributes, _on_top_of(configured)))
    elif any(path.endswith("/vars") for path in objects.groups):
        tensor_paths = _keras3(file, objects, layers, noted)
    else:
        stands = ", ".join(shown(name) for name in _on_top(objects)[:5]) or "nothing"
        raise file.bad(f"it is HDF5, but not Keras's: it holds {stands}, layer_names or layers/.../vars was expected")
    if not tensor_paths.paths:
        raise file.bad("it holds no tensors, at least one was expected: is it the right file?")
    tensors: dict[str, Tensor] = {
        name: array_of(window, dataset_at(window, objects.datasets[path], path, attributes))
        for name, path in tensor_paths.paths.items()
    }
    note = attributes.text(objects.groups["/"], METADATA)
    metadata = {} if note is None else {METADATA: note}
    return Checkpoint(
        file.path,
        form,
        MappingProxyType(tensors),
        MappingProxyType(metadata),
        tensor_paths.unwrapped,
        tensor_paths.left_out,
        layers=options_by_name(configured),
    )


def _configuration(text: str | None) -> object:
    """Return the configuration of a whole model, which Keras's legacy `.h5` has as a text; None where it is not JSON.

    Keras does not look at it where it loads weights alone.
    """
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _has_layers(attributes: Attributes, group: int) -> bool:
    """Tell whether Keras 2 listed its layers there, if need be in several attributes."""
    return attributes.has(group, "layer_names") or attributes.has(group, "layer_names0")


def _on_top(objects: Contents) -> list[str]:
    """Return the names of what is in the root group."""
    return sorted(path[1:] for path in (*objects.groups, *objects.datasets) if path.count("/") == 1 and path != "/")


def _named(file: MappedFile, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for name, path in pairs:
        if name in paths:
            raise file.bad(f"two of its tensors are called {shown(name)} ({shown(paths[name])} and {shown(path)})")
        paths[name] = path
    return paths


def _on_top_of(configured: Mapping[str, Layer]) -> list[str]:
    """Return the names of a model's own layers, in the order of its configuration."""
    return [layer.name for group, layer in configured.items() if group.count("/layers/") == 1]


def _listed(
    file: MappedFile, objects: Contents, group: str, attributes: Attributes, configured: list[str]
) -> list[str]:
    """Return the paths of the data sets that Keras finds in `group` by the names in its attributes, in their order.

    configured: the layers of a whole model in their order, which is that in which Keras loads what is listed.

    Raises BadInput where one of those has no group or data set, or stands twice, or not in the order of what it is for.
    """
    top = f"{group.rstrip('/')}/"
    layers = _names(attributes, objects.groups[group], "layer_names")
    if f"{top}{_BESIDE_LAYERS}" in objects.groups:
        layers.append(_BESIDE_LAYERS)
    listed: dict[str, None] = {}
    for layer in layers:
        if f"{top}{layer}" not in objects.groups:
            raise file.damaged(f"its layer_names has {shown(layer)}, which is no group beside it")
        weights = _names(attributes, objects.groups[f"{top}{layer}"], "weight_names")
        if pair := out_of_order(layer, weights):
            raise file.damaged(
                f"the weight_names of its layer {shown(layer)} have {shown(pair[0])} before {shown(pair[1])}, and "
                "Keras would load each in the other's place"
            )
        for weight in weights:
            path = f"{top}{layer}/{weight}"
            if path not in objects.datasets or path in listed:
                raise file.damaged(
                    f"the weight_names of its layer {shown(layer)} have {shown(weight)} twice, or there is no such "
                    "data set"
                )
            listed[path] = None
    if len(set(layers)) < len(layers):
        raise file.damaged("its layer_names has a layer twice")
    both = [layer for layer in layers if layer in configured]
    if both != sorted(both, key=configured.index):
        raise file.damaged(
            "its layer_names are in another order than its configuration has them, and Keras would load layers in each "
            "other's places"
        )
    return list(listed)


def _names(attributes: Attributes, group: int, name: str) -> list[str]:
    """Return the texts of an attribute, or of `name0`, `name1`, ..., into which Keras cuts long ones."""
    whole = attributes.texts(group, name)
    if whole is not None:
        return list(whole)
    names: list[str] = []
    number = 0
    while (part := attributes.texts(group, f"{name}{number}")) is not None:
        names += part
        number += 1
    return names


def _keras2(file: MappedFile, objects: Contents, group: str, listed: list[str]) -> _TensorPaths:
    top = f"{group.rstrip('/')}/"
    inside: dict[str, list[str]] = {}
    known = frozenset(listed)
    for path in (*listed, *(path for path in objects.datasets if path not in known)):
        if path.startswith(top):
            layer, _, below = path.removeprefix(top).partition("/")
            if not below:
                raise file.bad(f"its data set {shown(path)} stands among its layers, in one of which it was expected")
            if path not in known:
                raise file.damaged(
                    f"its data set {shown(path)} is none that its layer_names and weight_names list, so that Keras "
                    "would leave it out"
                )
            inside.setdefault(layer, []).append(below)
    names = (
        (keras2_name(layer, one, beside), f"{top}{layer}/{one}") for layer, beside in inside.items() for one in beside
    )
    paths = _named(file, names)
    if group == "/":
        return _TensorPaths(paths, (), ())
    return _TensorPaths(paths, (_WHOLE_MODEL,), tuple(name for name in _on_top(objects) if name != _WHOLE_MODEL))


def _keras3(
    file: MappedFile, objects: Contents, layers: Mapping[str, Layer], noted: Callable[[str], str | None]
) -> _TensorPaths:
    """Return the tensors of a Keras 3 file.

    noted: a group's path -> the layer's name in the file.
    """
    inside: dict[str, list[str]] = {}
    left_out: list[str] = []
    for path in objects.datasets:
        owner, _, number = path.rpartition("/vars/")
        if path.startswith(tuple(f"{top}/" for top in _OPTIMIZERS)) or owner.endswith(f"/{_DICE}"):
            left_out.append(path.removeprefix("/"))
        elif not path.startswith(f"{owner}/vars/"):
            raise file.bad(f"its data set {shown(path)} is not in a layer's vars, where all were expected")
        else:
            inside.setdefault(owner, []).append(number)
    pairs: list[tuple[str, str]] = []
    places = {group: number for number, group in enumerate(layers)}
    for owner in sorted(inside, key=lambda owner: (places.get(owner, len(places)), _numbered(owner))):
        numbers = inside[owner]
        leaf_names = _leaf_names(numbers, _kind(owner, layers), layers.get(owner))
        scope = _scope(owner, layers, noted)
        pairs += [(f"{scope}/{leaf}", f"{owner}/vars/{number}") for number, leaf in leaf_names.items()]
    paths = _named(file, pairs)
    scopes: dict[str, str] = {}
    for owner in inside:
        scope = _scope(owner, layers, noted)
        if scopes.setdefault(scope, owner) != owner:
            raise file.bad(f"two of its layers are called {shown(scope)} ({shown(scopes[scope])} and {shown(owner)})")
    return _TensorPaths(paths, (), tuple(left_out))


def _numbered(owner: str) -> list[tuple[str, int]]:
    """Return the parts of a group's path, each with the number that counts the layers of its class: none is 0."""
    return [(stem, int(number or 0)) for stem, number in re.findall(r"([^/]+?)(?:_(\d{1,9}))?(?:/|$)", owner)]


def _leaf_names(numbers: list[str], kind: str, layer: Layer | None) -> dict[str, str]:
    """Return number -> leaf of a layer's variables: {"0": "kernel", "1": "bias"}."""
    counted_up = [str(number) for number in range(len(numbers))]
    if set(numbers) != set(counted_up):
        return {number: number for number in numbers}  # a layer that names its variables itself
    return dict(zip(counted_up, leaves(kind, len(numbers), layer.config if layer else None), strict=True))


def _kind(owner: str, layers: Mapping[str, Layer]) -> str:
    """Return the class of a layer, in snake case: as configured, or as its group is called before its number."""
    if owner in layers:
        return layers[owner].kind
    group_name = owner.rpartition("/")[2]
    stem, _, number = group_name.rpartition("_")
    return stem if number.isdigit() else group_name


def _scope(owner: str, layers: Mapping[str, Layer], noted: Callable[[str], str | None]) -> str:
    """Return the name of a layer: as configured, as noted, or that of its group; of a part, its group in the layer."""
    parent, _, group_name = owner.rpartition("/")
    if parent.rpartition("/")[2] in _CONTAINERS:
        return layers[owner].name if owner in layers else noted(owner) or group_name
    return f"{_scope(parent, layers, noted)}/{group_name}" if parent else group_name or "vars"
