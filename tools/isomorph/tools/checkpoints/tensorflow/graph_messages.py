"""Check that the messages of a GraphDef are sound, those that are not looked at as well, as TensorFlow's parser does.

Numbers that are not in the table are of a later version of TensorFlow's, and are let through.

Sources: tensorflow/core/framework/graph.proto, function.proto, node_def.proto, attr_value.proto, tensor.proto,
tensor_shape.proto, op_def.proto, full_type.proto, graph_debug_info.proto and versions.proto.
"""

import re

from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.protobuf import placed_fields
from isomorph.tools.checkpoints.wording import shown

GRAPH = "GraphDef"

_NUMBER, _BYTES, _TEXT, _NUMBERS, _FOUR, _EIGHT = "a number", "bytes", "text", "numbers", "floats", "doubles"
_MESSAGES: dict[str, dict[int, str]] = {
    GRAPH: {1: "NodeDef", 2: "FunctionDefLibrary", 3: _NUMBER, 4: "VersionDef", 5: "GraphDebugInfo"},
    "GraphDebugInfo": {1: _TEXT, 2: "named StackTrace", 4: "numbered FileLineCol", 5: "names",
                       6: "numbered StackTrace"},
    "named StackTrace": {1: _TEXT, 2: "StackTrace"},
    "numbered StackTrace": {1: _NUMBER, 2: "StackTrace"},
    "numbered FileLineCol": {1: _NUMBER, 2: "FileLineCol"},
    "StackTrace": {1: "FileLineCol", 2: _EIGHT},
    "FileLineCol": {1: _NUMBER, 2: _NUMBER, 3: _NUMBER, 4: _TEXT, 5: _TEXT},
    "FunctionDefLibrary": {1: "FunctionDef", 2: "GradientDef", 3: "RegisteredGradient"},
    "FunctionDef": {1: "OpDef", 3: "NodeDef", 4: "names", 5: "attribute", 6: "names", 7: "ArgAttrs entry"},
    "ArgAttrs entry": {1: _NUMBER, 2: "ArgAttrs"},
    "ArgAttrs": {1: "attribute"},
    "GradientDef": {1: _TEXT, 2: _TEXT},
    "RegisteredGradient": {1: _TEXT, 2: _TEXT},
    "OpDef": {1: _TEXT, 2: "ArgDef", 3: "ArgDef", 4: "AttrDef", 5: _TEXT, 6: _TEXT, 8: "OpDeprecation", 20: _TEXT},
    "ArgDef": {1: _TEXT, 2: _TEXT, 3: _NUMBER, 4: _TEXT, 5: _TEXT, 6: _TEXT, 7: "DtypeAndShape", 17: "FullTypeDef"},
    "DtypeAndShape": {1: _NUMBER, 2: "TensorShapeProto"},
    "AttrDef": {1: _TEXT, 2: _TEXT, 3: "AttrValue", 4: _TEXT, 7: "AttrValue"},
    "OpDeprecation": {1: _NUMBER, 2: _TEXT},
    "FullTypeDef": {1: _NUMBER, 2: "FullTypeDef", 3: _TEXT, 4: _NUMBER},
    "names": {1: _TEXT},
    "VersionDef": {1: _NUMBER, 2: _NUMBER, 3: _NUMBERS},
    "NodeDef": {1: _TEXT, 2: _TEXT, 3: _TEXT, 4: _TEXT, 5: "attribute", 6: "ExperimentalDebugInfo",
                7: "FullTypeDef"},
    "ExperimentalDebugInfo": {1: _TEXT, 2: _TEXT},
    "attribute": {1: _TEXT, 2: "AttrValue"},
    "AttrValue": {1: "ListValue", 2: _BYTES, 3: _NUMBER, 4: _NUMBER, 5: _NUMBER, 6: _NUMBER, 7: "TensorShapeProto",
                  8: "TensorProto", 9: _TEXT, 10: "NameAttrList"},
    "ListValue": {2: _BYTES, 3: _NUMBERS, 4: _FOUR, 5: _NUMBERS, 6: _NUMBERS, 7: "TensorShapeProto", 8: "TensorProto",
                  9: "NameAttrList"},
    "NameAttrList": {1: _TEXT, 2: "attribute"},
    "TensorShapeProto": {2: "Dim", 3: _NUMBER},
    "Dim": {1: _NUMBER, 2: _TEXT},
    "TensorProto": {1: _NUMBER, 2: "TensorShapeProto", 3: _NUMBER, 4: _BYTES, 5: _FOUR, 6: _EIGHT, 7: _NUMBERS,
                    8: _BYTES, 9: _FOUR, 10: _NUMBERS, 11: _NUMBERS, 12: _EIGHT, 13: _NUMBERS, 16: _NUMBERS,
                    17: _NUMBERS},
}  # fmt: skip
"""Message -> number of a field -> what it holds, or the message that it is."""

_WIDTHS = {_FOUR: 4, _EIGHT: 8}
_DEEPEST = 20  # messages inside each other; TensorFlow nests nine
_COST = 64  # bytes of Python objects for one field
_ENDLESS = re.compile(rb"[\x80-\xff]{10}")


def check_messages(file: MappedFile, place: slice, kind: str = GRAPH, depth: int = 0) -> None:
    """Raise ValueError where the message at `place`, or one in it, is not what its fields have to be."""
    if depth > _DEEPEST:
        raise ValueError(f"its messages are more than {_DEEPEST} deep")
    known = _MESSAGES[kind]
    for number, value in placed_fields(file, place):
        file.spend(_COST)
        holds = known.get(number, "")
        if isinstance(value, int):
            if holds not in ("", _NUMBER):
                raise ValueError(f"a {kind} has the field {shown(number)} as a number, {holds} was expected")
        elif holds == _NUMBER:
            raise ValueError(f"a {kind} has the field {shown(number)} as bytes, a number was expected")
        elif holds in _MESSAGES:
            check_messages(file, value, holds, depth + 1)
        elif holds == _TEXT:
            file[value].decode()
        elif holds in _WIDTHS and (value.stop - value.start) % _WIDTHS[holds]:
            raise ValueError(f"a {kind} has {value.stop - value.start:,} bytes of {holds}")
        elif holds == _NUMBERS and value.stop > value.start:
            packed = file[value]
            if packed[-1] >= 0x80 or _ENDLESS.search(packed):
                raise ValueError(f"a {kind} has a number without an end")
