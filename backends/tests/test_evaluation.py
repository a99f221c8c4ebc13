"""The evaluation of primitive operations: by hand, bit for bit as the oracle's layers, and alike in every order."""

from typing import Any

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle.evaluation import UnknownOperationError, evaluate
from isomorph.backends.oracle.layers import Maker
from isomorph.backends.oracle.operations import ORDERS, Precision
from isomorph.spec import layers as spec
from isomorph.spec.operations import (
    FUNCTIONS,
    RELU,
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Cast,
    Concatenation,
    Constant,
    Convolution,
    Dense,
    Dropout,
    GroupNorm,
    Input,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pointwise,
    Product,
    Quotient,
    Resize,
    Softmax,
    Sum,
    TransposedConvolution,
    Unknown,
    average_pool_of,
    convolution_at,
    max_pool_at,
)

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 9, 8, 12))

STATISTICS = {
    "gamma": RANDOM.normal(size=12),
    "beta": RANDOM.normal(size=12),
    "moving_mean": RANDOM.normal(size=12),
    "moving_variance": RANDOM.uniform(0.5, 2, size=12),
}

# ---------------------------------------------------------------------------------------- as the oracle's own layers

LAYERS: dict[str, Any] = {
    "a convolution": spec.Convolution("c", 12, 8, 3, 2, batch_norm=False, activation=None),
    "a convolution with bias": spec.Convolution("c", 12, 8, 3, bias=True, batch_norm=False, activation="relu6"),
    "a grouped convolution": spec.Convolution("c", 12, 8, 3, groups=4, padding="same", stride=2),
    "a depthwise convolution": spec.Convolution("c", 12, 24, 3, groups=12, rate=2, activation="relu"),
    "a batch norm": spec.BatchNorm("b", 12),
    "a max pool": spec.MaxPool("p", 12, 3, 2, "explicit", -np.inf),
    "a max pool of zeros": spec.MaxPool("p", 12, 3, 2, "same", 0.0),
    "an average pool": spec.AveragePool("p", 12, 3, 2),
    "an adaptive pool": spec.AdaptivePool("p", 12, 3),
    "an affine function": spec.Affine("a", 12, tuple(np.linspace(0.5, 2, 12)), tuple(np.linspace(-1, 1, 12))),
}

EPSILON = 1e-3


def operations_of(layer: Any) -> list[tuple[Operation, dict[str, Array]]]:
    """The operations of a layer behind one another, each with its tensors."""
    operations: list[tuple[Operation, dict[str, Array]]] = []
    match layer:
        case spec.Convolution():
            shape = (layer.kernel, layer.kernel, layer.depth_seen, layer.depth)
            tensors = {"weights": np.random.default_rng(1).normal(size=shape)}
            if layer.bias:
                tensors["biases"] = np.linspace(-1, 1, layer.depth)
            operations.append((convolution_at(layer, *X.shape[1:3]), tensors))
        case spec.MaxPool():
            operations.append((max_pool_at(layer, *X.shape[1:3]), {}))
        case spec.AveragePool():
            operations.append((average_pool_of(layer), {}))
        case spec.AdaptivePool():
            operations.append((AdaptivePool((layer.cells,) * 2), {}))
        case spec.Affine():
            operations.append((Affine(), {"scale": np.array(layer.scale), "shift": np.array(layer.shift)}))
    if isinstance(layer, spec.BatchNorm) or (isinstance(layer, spec.Convolution) and layer.batch_norm):
        tensors = {leaf: np.resize(value, layer.depth) for leaf, value in STATISTICS.items()}
        operations.append((BatchNorm(EPSILON), tensors))
    activation = getattr(layer, "activation", None)
    if activation:
        operations.append((Pointwise("clip", (0.0, {"relu": np.inf, "relu6": 6.0}[activation])), {}))
    return operations


@pytest.mark.parametrize("order", range(ORDERS))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_oracles_layers_are_these_operations_bit_for_bit(name: str, dtype: str, order: int) -> None:
    layer = LAYERS[name]
    make = Maker(EPSILON, Precision(dtype, order))
    run = make(layer)
    operations = operations_of(layer)
    for parametrised in make.parametrised.values():
        parametrised.tensors = {
            leaf: value.astype(dtype) for _, tensors in operations for leaf, value in tensors.items()
        }
    x = X.astype(dtype)
    expected = run(x.copy())
    for operation, tensors in operations:
        x = evaluate(operation, [x], tensors, order)
    assert x.dtype == dtype
    assert np.array_equal(x, expected)


# ------------------------------------------------------------------------------------------------ orders and dtypes


def normal(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).normal(size=shape)


ON_MAPS: dict[str, tuple[Operation, list[Array], dict[str, Array]]] = {
    "Convolution": (Convolution((2, 1), ((1, 2), (0, 1)), (1, 2), 3), [X], {"weights": normal(3, 2, 4, 6)}),
    "TransposedConvolution": (
        TransposedConvolution((2, 3), (1, 0), (17, 25), (1, 2), 3),
        [X],
        {"weights": normal(3, 2, 4, 6), "biases": normal(6)},
    ),
    "Dense": (Dense(), [X], {"weights": normal(12, 5), "biases": normal(5)}),
    "BatchNorm": (BatchNorm(1e-3), [X], STATISTICS),
    "BatchNorm of a batch": (BatchNorm(1e-3, batch_statistics=True), [X], {"gamma": normal(12)}),
    "LayerNorm": (LayerNorm(1e-5), [X], {"gamma": normal(12), "beta": normal(12)}),
    "GroupNorm": (GroupNorm(4, 1e-5), [X], {"gamma": normal(12), "beta": normal(12)}),
    "AveragePool": (AveragePool((3, 3), (2, 2), ((1, 1), (1, 2)), ((1, 0), (0, 0))), [X], {}),
    "AdaptivePool": (AdaptivePool((4, 3)), [X], {}),
    "Mean": (Mean(), [X], {}),
    "Softmax": (Softmax(), [X], {}),
    "MatrixProduct": (MatrixProduct(0.3), [X, normal(2, 9, 12, 7)], {}),
}

EXACT: dict[str, tuple[Operation, list[Array], dict[str, Array]]] = {
    "MaxPool": (MaxPool((3, 2), (2, 1), ((1, 1), (0, 1)), (1, 2)), [X], {}),
    "Pad": (Pad(((1, 0), (0, 2), (3, 1)), 0.5), [X], {}),
    "Affine": (Affine(), [X], {"scale": normal(12), "shift": normal(12)}),
    "Sum": (Sum((1.0, -0.5, 2.0)), [X, X[:, :1], X[..., :1]], {}),
    "Product": (Product(), [X, X[:, :1, :1]], {}),
    "Quotient": (Quotient(), [X, X[:1]], {}),
    "Concatenation": (Concatenation(), [X, X[..., 3:]], {}),
    "Resize": (Resize((5, 20), "half"), [X], {}),
    "Cast": (Cast("float16"), [X], {}),
    "Pointwise": (RELU, [X], {}),
}

CASES = ON_MAPS | EXACT


@pytest.mark.parametrize("order", range(1, ORDERS))
@pytest.mark.parametrize("name", CASES)
def test_orders_differ_by_no_more_than_rounding(name: str, order: int) -> None:
    operation, inputs, tensors = CASES[name]
    for dtype, limit in (("float64", 1e-14), ("float32", 5e-6)):
        arrays = [each.astype(dtype) for each in inputs]
        tensors = {leaf: each.astype(dtype) for leaf, each in tensors.items()}
        found = evaluate(operation, arrays, tensors, order)
        exact = evaluate(operation, [each.astype(np.float64) for each in arrays], tensors)
        assert found.dtype == dtype
        assert np.abs(found - exact).max() <= limit * np.abs(exact).max()


@pytest.mark.parametrize("name", ON_MAPS)
def test_sums_round_otherwise_in_another_order(name: str) -> None:
    """Were all orders one, they would say nothing of how large noise is."""
    operation, inputs, tensors = CASES[name]
    singles = [each.astype(np.float32) for each in inputs]
    results = [evaluate(operation, singles, tensors, order) for order in range(ORDERS)]
    assert any(not np.array_equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize("name", CASES)
def test_inputs_stay_as_they_are(name: str) -> None:
    operation, inputs, tensors = CASES[name]
    before = [each.copy() for each in (*inputs, *tensors.values())]
    result = evaluate(operation, inputs, tensors)
    result[...] = 7
    assert all(np.array_equal(each, old) for each, old in zip((*inputs, *tensors.values()), before, strict=True))


# -------------------------------------------------------------------------------------------------------- by hand


def test_a_transposed_convolution_adds_multiples_of_the_kernel() -> None:
    x = np.array([1.0, 10.0]).reshape(1, 1, 2, 1)
    kernel = np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    whole = evaluate(TransposedConvolution((1, 2), (0, 0), (1, 5)), [x], {"weights": kernel})
    assert whole.ravel().tolist() == [1, 2, 13, 20, 30]
    cropped = evaluate(TransposedConvolution((1, 2), (0, 1), (1, 5)), [x], {"weights": kernel})
    assert cropped.ravel().tolist() == [2, 13, 20, 30, 0]


def test_the_groups_of_a_transposed_convolution_see_their_own_channels() -> None:
    x = np.array([1.0, 10.0]).reshape(1, 1, 1, 2)
    kernel = np.array([[1.0, 2.0, 3.0, 4.0]]).reshape(1, 1, 1, 4)
    found = evaluate(TransposedConvolution((1, 1), (0, 0), (1, 1), groups=2), [x], {"weights": kernel})
    assert found.ravel().tolist() == [1, 2, 30, 40]


@pytest.mark.parametrize(
    ("counted", "expected"),
    [((0, 0), [1.5, 2, 2.5]), ((1, 0), [1, 2, 2.5]), ((1, 1), [1, 2, 5 / 3])],
    ids=["no padding", "that in front", "all"],
)
def test_an_average_counts_the_padding_that_it_is_told(counted: tuple[int, int], expected: list[float]) -> None:
    """Windows of three cells of 0 | 1 2 3 | 0."""
    x = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    found = evaluate(AveragePool((1, 3), (1, 1), ((0, 0), (1, 1)), ((0, 0), counted)), [x], {})
    assert found.ravel() == pytest.approx(expected, abs=1e-15)


def test_a_convolution_is_padded_with_what_it_is_told() -> None:
    x = np.array([1.0, 2.0]).reshape(1, 1, 2, 1)
    kernel = np.ones((1, 3, 1, 1))
    found = evaluate(Convolution(pads=((0, 0), (1, 1)), fill=10.0), [x], {"weights": kernel})
    assert found.ravel().tolist() == [13, 13]


@pytest.mark.parametrize(
    ("corners", "expected"),
    [("aligned", [0, 2, 4]), ("half", [1 / 3, 2, 11 / 3]), ("asymmetric", [0, 5 / 3, 10 / 3])],
)
def test_the_three_ways_in_which_cells_lie(corners: str, expected: list[float]) -> None:
    found = evaluate(Resize((1, 3), corners), [np.arange(5.0).reshape(1, 1, 5, 1)], {})
    assert found.ravel() == pytest.approx(expected, abs=1e-15)


def test_one_cell_is_stretched_as_it_is() -> None:
    for corners in ("aligned", "half", "asymmetric"):
        assert evaluate(Resize((3, 2), corners), [np.full((1, 1, 1, 1), 5.0)], {}).ravel().tolist() == [5.0] * 6


def test_a_constant_is_its_tensor() -> None:
    assert evaluate(Constant(), [], {"value": np.arange(3)}).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("operation", "words"),
    [(Dropout(0.5), "a random dropout"), (Unknown("topk"), "topk"), (Input(), "the images")],
    ids=["dropout", "unknown", "input"],
)
def test_what_cannot_be_evaluated_says_so(operation: Operation, words: str) -> None:
    with pytest.raises(UnknownOperationError, match=f"^{words}$"):
        evaluate(operation, [X], {})


@pytest.mark.parametrize("operation", [Sum(), Concatenation(), Convolution(groups=5)], ids=["sum", "cat", "conv"])
def test_shapes_that_do_not_fit_are_errors(operation: Operation) -> None:
    with pytest.raises((ValueError, IndexError)):
        evaluate(operation, [X, X[:, :4, :, :5]], {"weights": normal(3, 3, 4, 6)})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_stay_finite_and_in_their_dtype(function: str, dtype: str) -> None:
    """Far from zero, too, where exponentials overflow."""
    constants = {"clip": 2, "hard_sigmoid": 2, "hard_swish": 2, "linear": 2, "elu": 1, "leaky_relu": 1, "power": 1}
    x = np.array([-1000.0, -30.0, -1e-5, 0.0, 1e-5, 1.0, 30.0, 1000.0], dtype)
    found = evaluate(Pointwise(function, (0.5, 1.0)[: constants.get(function, 0)]), [x], {})
    assert found.dtype == dtype
    assert found.shape == x.shape
    if function not in ("exp", "log", "power"):
        assert np.isfinite(found).all()
