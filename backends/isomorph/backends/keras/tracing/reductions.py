"""Operations of TensorFlow that make fewer elements of many, and those along one axis."""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Read
from isomorph.backends.graphs.handlers import Handlers
from isomorph.backends.keras.tracing.call import Call, to_array
from isomorph.backends.keras.tracing.following import follow_mean
from isomorph.backends.keras.tracing.registry import Handler
from isomorph.spec.operations import MaxPool, Mean, Operation, Pointwise, Softmax

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer

HANDLERS: Handlers[Handler] = Handlers()
"""What records calls of these operations."""


def _axes(call: Call) -> list[int]:
    """Return the axes over which a call reduces."""
    rank = call.x.shape.rank
    return sorted({axis % rank for axis in call.integers(1)})


def _gathered(call: Call) -> tuple[Callable[[Array], Array], list[int]]:
    """Return what moves the axes that are reduced to the last place but one, and the lengths of the others.

    The features are the last axis that stays.
    """
    axes = _axes(call)
    shape = [int(length) for length in call.x.shape]
    others = [axis for axis in range(len(shape)) if axis not in axes]
    *leading, features = others or [-1]
    lengths = [shape[axis] for axis in others] or [1]

    def move(x: Array) -> Array:
        order = [*leading, *axes, *([features] if others else [])]
        return x.transpose(order).reshape(*lengths[:-1], -1, lengths[-1])

    return move, lengths


@HANDLERS.records("Mean")
def _mean(tracer: "Tracer", call: Call) -> None:
    """Record a mean over any axes, as one over the last but one of what is moved there."""
    if not _axes(call):
        tracer.alias(call.x, call.result)
        return
    move, lengths = _gathered(call)
    shape = tuple(call.result.shape)
    value = tracer.value(call.result).reshape(lengths)
    read = tracer.read(call.x).moved(move)
    tracer.recorder.add(tracer.key(call.result), Mean(), [read], value, move=lambda x: x.reshape(shape))
    follow_mean(tracer, call, _axes(call))


@HANDLERS.records("Sum")
def _sum(tracer: "Tracer", call: Call) -> None:
    """Record a sum as the mean times the number of terms."""
    axes = _axes(call)
    if not axes:
        tracer.alias(call.x, call.result)
        return
    move, lengths = _gathered(call)
    terms = prod(int(call.x.shape[axis]) for axis in axes)
    value = tracer.value(call.result)
    mean = _add(tracer, Mean(), tracer.read(call.x).moved(move), (value / terms).reshape(lengths))
    read = mean.moved(lambda x: x.reshape(value.shape))
    tracer.recorder.add_each(tracer.key(call.result), Pointwise("linear", (float(terms), 0.0)), [read], value)


def _add(tracer: "Tracer", operation: Operation, read: Read, value: Array) -> Read:
    """Record a part of an operation, and return its value as it lies."""
    between = object()
    tracer.recorder.add(between, operation, [read], value)
    return tracer.recorder.reads.pop(between)


@HANDLERS.records("Max")
def _max(tracer: "Tracer", call: Call) -> None:
    """Record a maximum over axes as a pool of one window: over the rows and columns of a map, as it lies."""
    axes = _axes(call)
    if not axes:
        tracer.alias(call.x, call.result)
        return
    shape, value = tuple(call.result.shape), tracer.value(call.result)
    read = tracer.read(call.x)
    if axes == [1, 2] and call.x.shape.rank == 4:
        rows, columns = int(call.x.shape[1]), int(call.x.shape[2])
    else:
        move, lengths = _gathered(call)
        read = read.moved(lambda x: move(x).reshape(prod(lengths[:-1]), -1, 1, lengths[-1]))
        rows, columns = read.shape[1], 1
    batch, features = read.shape[0], read.shape[3]
    kernel = rows, columns
    pooled = value.reshape(batch, 1, 1, features)
    tracer.recorder.add(
        tracer.key(call.result), MaxPool(kernel, kernel), [read], pooled, move=lambda x: x.reshape(shape)
    )


@HANDLERS.records("Softmax")
def _softmax(tracer: "Tracer", call: Call) -> None:
    tracer.recorder.add(tracer.key(call.result), Softmax(), [tracer.read(call.x)], tracer.value(call.result))


@HANDLERS.records("LogSoftmax")
def _log_softmax(tracer: "Tracer", call: Call) -> None:
    value = tracer.value(call.result)
    softmax = _add(tracer, Softmax(), tracer.read(call.x), np.exp(value))
    tracer.recorder.add_each(tracer.key(call.result), Pointwise("log"), [softmax], value)


@HANDLERS.records("ConcatV2")
def _concatenate(tracer: "Tracer", call: Call) -> None:
    *parts, axis = call.inputs
    reads = [tracer.read(each, constant=True) for each in parts if each.shape.num_elements()]
    tracer.recorder.concatenate(tracer.key(call.result), reads, tracer.value(call.result), int(to_array(axis)))


@HANDLERS.records("Pack")
def _stack(tracer: "Tracer", call: Call) -> None:
    """Record values one behind the other along a new axis."""
    axis = int(call["axis"])
    reads = [tracer.read(each, constant=True).moved(lambda x: np.expand_dims(x, axis)) for each in call.inputs]
    tracer.recorder.concatenate(tracer.key(call.result), reads, tracer.value(call.result), axis)
