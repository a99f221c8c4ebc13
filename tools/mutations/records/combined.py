"""Paddle's parameters beside a program as tensors one after the other, of whose heads and values some are changed."""

import random
import struct
from math import prod
from typing import NamedTuple

from isomorph.tools.checkpoints.protobuf import fields
from mutations.records.layout import edited, rearrange
from mutations.records.tables import One, message_of

_HEAD = struct.Struct("<IQIi")
_ITEM_SIZES = {5: 4}  # of the dtypes of the sound files


class Tensor(NamedTuple):
    """One tensor as it is written: three numbers, a description and values."""

    numbers: tuple[int, int, int]
    description: bytes
    values: bytes


def mutated_parameters(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """The parameters with one or two tensors changed, out of place, or from another file."""
    tensors, others = _tensors(content), _tensors(other)
    for _ in range(chance.choice((1, 1, 2))):
        place, peer = chance.randrange(len(tensors)), chance.randrange(len(tensors))
        match chance.randrange(4):
            case 0:
                rearrange(tensors, chance.randrange(3), place, peer)
            case 1:
                tensors[place] = chance.choice(others)
            case _:
                tensors[place] = _changed(chance, tensors[place])
        if not tensors:
            break
    return b"".join(_HEAD.pack(*one.numbers, len(one.description)) + one.description + one.values for one in tensors)


def _tensors(content: bytes) -> list[Tensor]:
    tensors, at = [], 0
    while at < len(content):
        *numbers, size = _HEAD.unpack_from(content, at)
        description = content[at + _HEAD.size : at + _HEAD.size + size]
        held = [value for _, value in fields(description) if isinstance(value, int)]
        start = at + _HEAD.size + size
        at = start + prod(held[1:]) * _ITEM_SIZES[held[0]]
        tensors.append(Tensor((numbers[0], numbers[1], numbers[2]), description, content[start:at]))
    return tensors


def _changed(chance: random.Random, tensor: Tensor) -> Tensor:
    ones = [One(number, value, 0) for number, value in fields(tensor.description)]
    place = chance.randrange(len(ones))
    match chance.randrange(5):
        case 0:
            numbers = list(tensor.numbers)
            numbers[chance.randrange(3)] = chance.choice((1, 2, 1 << 31, 255))
            return tensor._replace(numbers=(numbers[0], numbers[1], numbers[2]))
        case 1:
            values = (tensor.values[:-1], tensor.values + b"\0", tensor.values[::-1], tensor.values * 2, b"")
            return tensor._replace(values=chance.choice(values))
        case 2:
            rearrange(ones, chance.randrange(3), place, chance.randrange(len(ones)))
        case _:
            value = ones[place].value
            assert isinstance(value, int)
            number = ones[place].number if chance.random() < 0.8 else chance.randrange(1, 5)
            ones[place] = One(number, edited(chance, value, chance.choice((1, 4, 8))), 0)
    return tensor._replace(description=message_of(ones))
