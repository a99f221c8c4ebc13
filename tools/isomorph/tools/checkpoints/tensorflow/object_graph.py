"""The graph of Python's objects in what `tf.train.Checkpoint` saves, which says which tensor is which variable's.

Tensors are kept under the way that leads to their variable through Python's attributes
(`model/layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE`), whichever is the shortest, if need be through the
optimizer. The graph has a node for each object: which attributes lead to which other objects, and what is saved of it,
with the name that the variable itself has (`conv1/kernel`).

Sources: tensorflow/core/protobuf/trackable_object_graph.proto; tensorflow/python/checkpoint/checkpoint.py
(`Checkpoint.save`: `save_counter`) and trackable_view.py (keys).
"""

from collections.abc import Iterator
from typing import NamedTuple

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.protobuf import Message, placed_fields
from isomorph.tools.checkpoints.wording import shown

TRAINING = ("optimizer", "_optimizer", "save_counter", "metrics", "_metrics", "_compile_metrics", "_loss_tracker")
"""Attributes that lead to what a training needs beside its network: TensorFlow's and Keras's own names."""

_UNNAMED = "Variable"  # what a variable is called that was given no name: tensorflow/python/ops/variables.py
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_COST = 256  # bytes of Python objects for one node, or one thing that is said of it
_CHILD = {1: ("node_id", int), 2: ("local_name", str)}  # ObjectReference
_SAVED = {
    1: ("name", str),
    2: ("full_name", str),
    3: ("checkpoint_key", str),
    4: ("optional_restore", int),
}  # SerializedTensor
_SLOT = {
    1: ("original_variable_node_id", int),
    2: ("slot_name", str),
    3: ("slot_variable_node_id", int),
}  # SlotVariableReference
_SAVER = {1: ("name", str), 2: ("object_name", str)}  # RegisteredSaver
_HAS_VALUES = {1: ("value", int)}  # BoolValue


class Saved(NamedTuple):
    """What is saved of an object: the key of its tensor, and the name that the variable itself has, if it has one."""

    key: str
    full_name: str


class _Node(NamedTuple):
    children: list[int]
    saved: list[Saved]
    slots: list[int]


def path_of(key: str) -> str:
    """Return the way through Python's attributes that a tensor is kept under.

    >>> from isomorph.tools.checkpoints.tensorflow.object_graph import path_of
    >>> path_of("model/layer-1/kernel/.ATTRIBUTES/VARIABLE_VALUE")
    'model/layer-1/kernel'
    """
    return key.removesuffix(_VALUE)


def network_tensors(file: MappedFile, graph: slice) -> dict[str, str]:
    """Return key -> own name, empty where it has none, of the variables of a network, object by object.

    What only an optimizer, a metric or a counter leads to is left out. Raises ValueError where no graph is at that
    place in `file`.
    """
    nodes = [_node(file, place) for place in _places(file, graph)]
    slots = {slot for node in nodes for slot in node.slots}
    found: dict[str, str] = {}
    seen, ahead = set(slots), [0]
    while ahead:
        number = ahead.pop()
        if number >= len(nodes):
            raise ValueError(f"an object leads to node {shown(number)}, of which there are {len(nodes):,}")
        if number in seen:
            continue
        seen.add(number)
        for key, full_name in nodes[number].saved:
            if key in found:
                raise ValueError(f"two objects are saved under {shown(key)}")
            found[key] = "" if full_name == _UNNAMED else full_name
        ahead += reversed(nodes[number].children)
    return found


def _places(file: MappedFile, graph: slice) -> Iterator[slice]:
    for number, place in placed_fields(file, graph):
        if number != 1 or not isinstance(place, slice):
            raise ValueError(f"it has the field {shown(number)}, unknown here")
        yield place


def _node(file: MappedFile, place: slice) -> _Node:
    """Return an object (`TrackableObject`), less the attributes that lead to what is no network's."""
    file.spend(_COST)
    node = _Node([], [], [])
    for number, part in placed_fields(file, place):
        file.spend(_COST)  # before millions of them have been looked at
        match number, part:
            case (1, slice()):
                child = Message(file, part, _CHILD)
                if child.text("local_name") not in TRAINING:
                    node.children.append(child.number("node_id"))
            case (2, slice()):
                saved = Message(file, part, _SAVED)
                node.saved.append(Saved(saved.text("checkpoint_key"), saved.text("full_name")))
            case (3, slice()):
                node.slots.append(Message(file, part, _SLOT).number("slot_variable_node_id"))
            case (4, slice()):  # who saved it, and whether there is anything below, say nothing of a network
                Message(file, part, _SAVER)
            case (5, slice()):
                Message(file, part, _HAS_VALUES)
            case _:
                raise ValueError(f"an object has the field {shown(number)}, unknown here")
    return node
