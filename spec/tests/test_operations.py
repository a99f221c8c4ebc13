"""The vocabulary of primitive operations: what documents carry, and what a plan's layers are at a size."""

import json
from dataclasses import fields
from math import inf
from typing import Any, get_args, get_type_hints

import pytest

from isomorph.spec import architecture, plan
from isomorph.spec.layers import AveragePool as AveragePoolLayer
from isomorph.spec.layers import Convolution as ConvolutionLayer
from isomorph.spec.layers import MaxPool as MaxPoolLayer
from isomorph.spec.operations import (
    FUNCTIONS,
    RELU,
    TENSORS,
    Affine,
    AveragePool,
    Convolution,
    MaxPool,
    Operation,
    Pair,
    Pointwise,
    attributes,
    average_pool_of,
    convolution_at,
    from_document,
    max_pool_at,
    to_document,
)
from isomorph.spec.padding import Rule, pads

KINDS = get_args(Operation)

# Values of every type that an attribute has, none of them a default.
EXAMPLES: dict[Any, Any] = {
    Pair: (3, 2),
    tuple[Pair, Pair]: ((1, 2), (0, 4)),
    tuple[Pair, Pair, Pair]: ((1, 2), (0, 4), (5, 0)),
    tuple[float, ...]: (0.5, -inf, inf),
    int: 7,
    float: 1.001e-5,
    bool: True,
    str: "half",
}


def example(kind: type) -> Operation:
    """An operation of a kind, with a value for each attribute."""
    types = get_type_hints(kind)
    operation: Operation = kind(**{each.name: EXAMPLES[types[each.name]] for each in fields(kind)})
    return operation


@pytest.mark.parametrize("kind", KINDS)
def test_json_carries_every_operation(kind: type) -> None:
    operation = example(kind)
    assert from_document(json.loads(json.dumps(to_document(operation)))) == operation


@pytest.mark.parametrize("kind", KINDS)
def test_attributes_are_all_that_an_operation_has(kind: type) -> None:
    assert kind(**attributes(example(kind))) == example(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_is_a_key(kind: type) -> None:
    assert {example(kind): 1}[example(kind)] == 1


def test_an_operation_of_another_name_is_refused() -> None:
    with pytest.raises(KeyError):
        from_document(["Loop", {}])


def test_only_operations_have_tensors() -> None:
    assert set(TENSORS) <= set(KINDS)
    assert all(len(set(leaves)) == len(leaves) for leaves in TENSORS.values())


def test_functions_are_named_once_and_in_order() -> None:
    assert list(FUNCTIONS) == sorted(set(FUNCTIONS))
    assert RELU.function in FUNCTIONS


def test_operations_of_another_kind_differ() -> None:
    assert example(Affine) != example(Pointwise)


RULES: list[Rule] = ["valid", "explicit", "same", "after", "ceil"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("kernel", "stride", "rate"), [(3, 2, 1), (3, 1, 2), (7, 2, 1), (2, 2, 1), (1, 2, 1)])
@pytest.mark.parametrize(("height", "width"), [(8, 9), (17, 12)])
def test_a_convolution_is_padded_by_its_rule(
    rule: Rule, kernel: int, stride: int, rate: int, height: int, width: int
) -> None:
    layer = ConvolutionLayer("conv1", 8, 16, kernel, stride, rate, groups=4, padding=rule)
    assert convolution_at(layer, height, width) == Convolution(
        (stride, stride),
        (pads(rule, height, kernel, stride, rate), pads(rule, width, kernel, stride, rate)),
        (rate, rate),
        4,
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("fill", [0.0, -inf])
def test_a_max_pool_is_padded_by_its_rule(rule: Rule, fill: float) -> None:
    layer = MaxPoolLayer("pool1", 8, 3, 2, rule, fill)
    assert max_pool_at(layer, 8, 9) == MaxPool(
        (3, 3), (2, 2), (pads(rule, 8, 3, 2, 1), pads(rule, 9, 3, 2, 1)), fill=fill
    )


def test_an_average_pool_is_not_padded() -> None:
    assert average_pool_of(AveragePoolLayer("pool", 8, 5, 3)) == AveragePool((5, 5), (3, 3))


def test_a_stem_by_hand() -> None:
    """Slim's first convolution: 7x7, stride 2, three cells around; its pool pads behind alone, where a size is even."""
    stem = plan(architecture("slim/resnet_v1_50")).stem
    convolution, pool = stem[0], stem[1]
    assert isinstance(convolution, ConvolutionLayer)
    assert isinstance(pool, MaxPoolLayer)
    assert convolution_at(convolution, 224, 224) == Convolution((2, 2), ((3, 3), (3, 3)))
    assert max_pool_at(pool, 112, 113) == MaxPool((3, 3), (2, 2), ((0, 1), (1, 1)), fill=-inf)
