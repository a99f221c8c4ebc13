"""Keras's `.h5` and `.weights.h5`, read by neither Keras nor libhdf5.

Keras 2 (and Keras 3's legacy `.h5`) has a group for each layer, at the top or in `model_weights`, and in it variables
by name. These become `conv1/kernel`, in the order of names. What Keras loads stands in the attributes layer_names and
weight_names; a file with other data sets than those is refused.

Keras 3's `.weights.h5` has `layers/CLASS_NUMBER/vars/0, 1, ...`, and what the layer is called in the attribute `name`
of its vars. Where there is none, as an older Keras leaves it, the group's own name stands for the layer's: `conv2d_1`
counts the layers of each class and is what Keras would call it itself, had nobody named it. What a variable is, is told
by the class and the number of variables (`names`); where that does not suffice it keeps its number. `archive` has the
configuration, which says all of this.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from isomorph.tools.checkpoints.checkpoint import METADATA, Checkpoint, Tensor
from isomorph.tools.checkpoints.keras.configuration import Layer, layers_in, options_by_name
from isomorph.tools.checkpoints.keras.hdf5_attributes import Attributes
from isomorph.tools.checkpoints.keras.hdf5_data import array_of
from isomorph.tools.checkpoints.keras.hdf5_dataset import dataset_at
from isomorph.tools.checkpoints.keras.hdf5_file import SIGNATURE, Window
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


class _Found(NamedTuple):
    """Where the tensors are, name -> path, and what was peeled off or left out."""

    paths: dict[str, str]
    unwrapped: tuple[str, ...]
    left_out: tuple[str, ...]


def recognise(file: MappedFile) -> bool:
    """Whether it starts with HDF5's signature."""
    return file.read(0, len(SIGNATURE)) == SIGNATURE


def read(file: MappedFile) -> Checkpoint:
    """The checkpoint in `file`; `BadInput` where it is no sound HDF5, points outside itself, or is not Keras's."""
    return read_window(Window(file, 0, file.size), NAME, {})


def read_window(window: Window, form: str, layers: Mapping[str, Layer]) -> Checkpoint:
    """The checkpoint in `window`, a whole HDF5 file; `layers` are those of its configuration, by their groups."""
    file = window.file
    held, attributes = contents(window), Attributes(window)

    def noted(owner: str) -> str | None:
        path = f"{owner}/vars"
        return attributes.text(held.groups[path], "name") if path in held.groups else None

    configured = dict(layers_in(_configuration(attributes.text(held.groups["/"], _CONFIGURATION))))
    whole = f"/{_WHOLE_MODEL}"
    top = whole if whole in held.groups else "/"
    if _has_layers(attributes, held.groups[top]):
        found = _keras2(file, held, top, _listed(file, held, top, attributes, _on_top_of(configured)))
    elif any(path.endswith("/vars") for path in held.groups):
        found = _keras3(file, held, layers, noted)
    else:
        stands = ", ".join(shown(name) for name in _on_top(held)[:5]) or "nothing"
        raise file.bad(f"it is HDF5, but not Keras's: it holds {stands}, layer_names or layers/.../vars was expected")
    if not found.paths:
        raise file.bad("it holds no tensors, at least one was expected: is it the right file?")
    tensors: dict[str, Tensor] = {
        name: array_of(window, dataset_at(window, held.datasets[path], path, attributes))
        for name, path in found.paths.items()
    }
    told = attributes.text(held.groups["/"], METADATA)
    metadata = {} if told is None else {METADATA: told}
    return Checkpoint(
        file.path,
        form,
        MappingProxyType(tensors),
        MappingProxyType(metadata),
        found.unwrapped,
        found.left_out,
        layers=options_by_name(configured),
    )


def _configuration(text: str | None) -> object:
    """The configuration of a whole model, which Keras's legacy `.h5` has as a text; None where it is not JSON.

    Keras does not look at it where it loads weights alone.
    """
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _has_layers(attributes: Attributes, group: int) -> bool:
    """Whether Keras 2 listed its layers there, if need be in several attributes."""
    return attributes.has(group, "layer_names") or attributes.has(group, "layer_names0")


def _on_top(held: Contents) -> list[str]:
    """The names of what stands in the root."""
    return sorted(path[1:] for path in (*held.groups, *held.datasets) if path.count("/") == 1 and path != "/")


def _named(file: MappedFile, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for name, path in pairs:
        if name in paths:
            raise file.bad(f"two of its tensors are called {shown(name)} ({shown(paths[name])} and {shown(path)})")
        paths[name] = path
    return paths


def _on_top_of(configured: Mapping[str, Layer]) -> list[str]:
    """The names of a model's layers, less those of the models in it, as they are configured one after the other."""
    return [layer.name for group, layer in configured.items() if group.count("/layers/") == 1]


def _listed(file: MappedFile, held: Contents, group: str, attributes: Attributes, configured: list[str]) -> set[str]:
    """The paths of the data sets that Keras finds in `group` by the names in its attributes.

    configured: the layers of a whole model in their order, which is that in which Keras loads what is listed.

    Raises BadInput where one of those has no group or data set, or stands twice, or not in the order of what it is for.
    """
    top = f"{group.rstrip('/')}/"
    layers = _names(attributes, held.groups[group], "layer_names")
    if f"{top}{_BESIDE_LAYERS}" in held.groups:
        layers.append(_BESIDE_LAYERS)
    listed = set[str]()
    for layer in layers:
        if f"{top}{layer}" not in held.groups:
            raise file.damaged(f"its layer_names has {shown(layer)}, which is no group beside it")
        weights = _names(attributes, held.groups[f"{top}{layer}"], "weight_names")
        if pair := out_of_order(weights):
            raise file.damaged(
                f"the weight_names of its layer {shown(layer)} have {shown(pair[0])} before {shown(pair[1])}, and "
                "Keras would load each in the other's place"
            )
        for weight in weights:
            path = f"{top}{layer}/{weight}"
            if path not in held.datasets or path in listed:
                raise file.damaged(
                    f"the weight_names of its layer {shown(layer)} have {shown(weight)} twice, or there is no such "
                    "data set"
                )
            listed.add(path)
    if len(set(layers)) < len(layers):
        raise file.damaged("its layer_names has a layer twice")
    both = [layer for layer in layers if layer in configured]
    if both != sorted(both, key=configured.index):
        raise file.damaged(
            "its layer_names are in another order than its configuration has them, and Keras would load layers in each "
            "other's places"
        )
    return listed


def _names(attributes: Attributes, group: int, name: str) -> list[str]:
    """The texts of an attribute, or of `name0`, `name1` and so on, into which Keras cuts those that are too long."""
    whole = attributes.texts(group, name)
    if whole is not None:
        return list(whole)
    names: list[str] = []
    number = 0
    while (part := attributes.texts(group, f"{name}{number}")) is not None:
        names += part
        number += 1
    return names


def _keras2(file: MappedFile, held: Contents, group: str, listed: set[str]) -> _Found:
    top = f"{group.rstrip('/')}/"
    inside: dict[str, list[str]] = {}
    for path in held.datasets:
        if path.startswith(top):
            layer, _, below = path.removeprefix(top).partition("/")
            if not below:
                raise file.bad(f"its data set {shown(path)} stands among its layers, in one of which it was expected")
            if path not in listed:
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
        return _Found(paths, (), ())
    return _Found(paths, (_WHOLE_MODEL,), tuple(name for name in _on_top(held) if name != _WHOLE_MODEL))


def _keras3(
    file: MappedFile, held: Contents, layers: Mapping[str, Layer], noted: Callable[[str], str | None]
) -> _Found:
    """`noted` tells what the file itself calls the layer of a group."""
    inside: dict[str, list[str]] = {}
    left_out: list[str] = []
    for path in held.datasets:
        owner, _, number = path.rpartition("/vars/")
        if path.startswith(tuple(f"{top}/" for top in _OPTIMIZERS)) or owner.endswith(f"/{_DICE}"):
            left_out.append(path.removeprefix("/"))
        elif not path.startswith(f"{owner}/vars/"):
            raise file.bad(f"its data set {shown(path)} is not in a layer's vars, where all were expected")
        else:
            inside.setdefault(owner, []).append(number)
    pairs: list[tuple[str, str]] = []
    for owner, numbers in inside.items():
        leaf_names = _leaf_names(numbers, _kind(owner, layers), layers.get(owner))
        scope = _scope(owner, layers, noted)
        pairs += [(f"{scope}/{leaf}", f"{owner}/vars/{number}") for number, leaf in leaf_names.items()]
    paths = _named(file, pairs)
    scopes: dict[str, str] = {}
    for owner in inside:
        scope = _scope(owner, layers, noted)
        if scopes.setdefault(scope, owner) != owner:
            raise file.bad(f"two of its layers are called {shown(scope)} ({shown(scopes[scope])} and {shown(owner)})")
    return _Found(paths, (), tuple(left_out))


def _leaf_names(numbers: list[str], kind: str, layer: Layer | None) -> dict[str, str]:
    """{"0": "kernel", "1": "bias"}: the numbers of a layer's variables, and what they are."""
    counted_up = [str(number) for number in range(len(numbers))]
    if set(numbers) != set(counted_up):
        return {number: number for number in numbers}  # a layer that names its variables itself
    return dict(zip(counted_up, leaves(kind, len(numbers), layer.config if layer else None), strict=True))


def _kind(owner: str, layers: Mapping[str, Layer]) -> str:
    """The class of a layer, in snake case: as configured, or as its group is called before its number."""
    if owner in layers:
        return layers[owner].kind
    own = owner.rpartition("/")[2]
    stem, _, number = own.rpartition("_")
    return stem if number.isdigit() else own


def _scope(owner: str, layers: Mapping[str, Layer], noted: Callable[[str], str | None]) -> str:
    """What to call a layer: as configured, noted, or as its group is; a part of one, as its group in the layer."""
    parent, _, own = owner.rpartition("/")
    if parent.rpartition("/")[2] in _CONTAINERS:
        return layers[owner].name if owner in layers else noted(owner) or own
    return f"{_scope(parent, layers, noted)}/{own}" if parent else own or "vars"
