"""Operations of TensorFlow that multiply matrices."""

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.handlers import Handlers
from isomorph.backends.keras.tracing.call import Call
from isomorph.backends.keras.tracing.registry import Handler, record_unknown
from isomorph.spec.operations import Dense, MatrixProduct
from isomorph.spec.tensors import WEIGHTS

if TYPE_CHECKING:
    from isomorph.backends.keras.tracing.tracer import Tracer

HANDLERS: Handlers[Handler] = Handlers()
"""What records calls of these operations."""


def _transposed(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def _as_it_is(x: Array) -> Array:
    return x


def _matrix(x: Array) -> Array:
    """[1, ..., M, N] -> [M, N]."""
    return x.reshape(x.shape[-2:])


@HANDLERS.records("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "MatMul")
def _product(tracer: "Tracer", call: Call) -> None:
    """Record a product of two values, or of one and a kernel."""
    first, second = call.inputs
    flips = [
        bool(call.attributes.get(f"transpose_{name}") or call.attributes.get(f"adj_{other}"))
        for name, other in (("a", "x"), ("b", "y"))
    ]
    left, right = (_transposed if flip else _as_it_is for flip in flips)
    key, value = tracer.key(call.result), tracer.value(call.result)
    if tracer.flows(first) and _is_kernel(tracer, second):
        kernel = tracer.constant(second).moved(lambda w: right(_matrix(w)))
        tracer.recorder.add(key, Dense(), [tracer.read(first).moved(left)], value, {WEIGHTS: kernel})
    elif tracer.flows(second) and _is_kernel(tracer, first):  # W x = (x' W')'
        kernel = tracer.constant(first).moved(lambda w: _transposed(left(_matrix(w))))
        read = tracer.read(second).moved(lambda x: _transposed(right(x)))
        tracer.recorder.add(key, Dense(), [read], _transposed(value), {WEIGHTS: kernel}, _transposed)
    else:
        reads = tracer.read(first, constant=True).moved(left), tracer.read(second, constant=True).moved(right)
        tracer.recorder.add(key, MatrixProduct(), reads, value)


def _is_kernel(tracer: "Tracer", tensor: Any) -> bool:
    """Return whether a tensor is a constant matrix."""
    return not tracer.flows(tensor) and prod(tensor.shape[:-2]) == 1


@HANDLERS.records("Einsum")
def _einsum(tracer: "Tracer", call: Call) -> None:
    terms = _letters(call)
    if terms is None or len(call.inputs) != 2:
        record_unknown(tracer, call)
    elif all(map(tracer.flows, call.inputs)) or set(terms[0]) & set(terms[1]) & set(terms[2]):
        _contract(tracer, call, *terms)
    else:
        _contract_with_kernel(tracer, call, *terms)


def _letters(call: Call) -> tuple[str, str, str] | None:
    """Return the letters of two operands and of the result; None where one of them is summed over or is there twice."""
    left, _, result = call["equation"].replace(" ", "").partition("->")
    first, _, second = left.partition(",")
    if not second:
        return None
    spare = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in left]
    named = []
    for term, tensor in zip((first, second, result), (*call.inputs, call.result), strict=True):
        hidden = max(tensor.shape.rank - len(term.replace("...", "")), 0)
        named.append(term.replace("...", "".join(spare[:hidden][::-1])))  # they are counted from the last on
    alone = (set(named[0]) ^ set(named[1])) - set(named[2])
    if alone or any(len(set(term)) < len(term) for term in named):
        return None
    return named[0], named[1], named[2]


def _contract(tracer: "Tracer", call: Call, first: str, second: str, result: str) -> None:
    """Record a sum of products of two values, as a product of matrices."""
    lengths = dict(zip(first, call.inputs[0].shape, strict=True)) | dict(zip(second, call.inputs[1].shape, strict=True))
    batch = [each for each in first if each in second and each in result]
    summed = [each for each in first if each in second and each not in result]
    rows, columns = ([each for each in term if each not in other] for term, other in ((first, second), (second, first)))

    def merged(x: Array, letters: str, *groups: list[str]) -> Array:
        ordered = x.transpose([letters.index(each) for group in (batch, *groups) for each in group])
        return ordered.reshape(
            *(lengths[each] for each in batch), *(prod(lengths[each] for each in group) for group in groups)
        )

    def back(x: Array) -> Array:
        letters = [*batch, *rows, *columns]
        return x.reshape([lengths[each] for each in letters]).transpose([letters.index(each) for each in result])

    left = tracer.read(call.inputs[0], constant=True).moved(lambda x: merged(x, first, rows, summed))
    right = tracer.read(call.inputs[1], constant=True).moved(lambda x: merged(x, second, summed, columns))
    value = merged(tracer.value(call.result), result, rows, columns)
    tracer.recorder.add(tracer.key(call.result), MatrixProduct(), [left, right], value, move=back)


def _contract_with_kernel(tracer: "Tracer", call: Call, first: str, second: str, result: str) -> None:
    """Record a sum of products of a value and a constant, as a dense layer of what is moved there."""
    x, kernel = call.inputs
    of_x, of_kernel = first, second
    if not tracer.flows(x):
        x, kernel, of_x, of_kernel = kernel, x, second, first
    lengths = dict(zip(of_x, x.shape, strict=True)) | dict(zip(of_kernel, kernel.shape, strict=True))
    summed = [each for each in of_kernel if each in of_x]
    new = [each for each in of_kernel if each not in of_x]
    kept = [each for each in of_x if each not in summed]
    depth_in, depth = (prod(lengths[each] for each in group) for group in (summed, new))

    def arranged(array: Array, letters: str, *groups: list[str]) -> Array:
        return array.transpose([letters.index(each) for group in groups for each in group])

    def back(y: Array) -> Array:
        letters = [*kept, *new]
        return y.reshape([lengths[each] for each in letters]).transpose([letters.index(each) for each in result])

    kept_lengths = [lengths[each] for each in kept]
    read = tracer.read(x).moved(lambda x: arranged(x, of_x, kept, summed).reshape(*kept_lengths, depth_in))
    weights = tracer.constant(kernel).moved(lambda w: arranged(w, of_kernel, summed, new).reshape(depth_in, depth))
    value = arranged(tracer.value(call.result), result, kept, new).reshape(*kept_lengths, depth)
    tracer.recorder.add(tracer.key(call.result), Dense(), [read], np.asarray(value), {WEIGHTS: weights}, back)
