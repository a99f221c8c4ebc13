"""The evaluation of primitive operations against PyTorch's own functions, in float64: a second witness of each."""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from isomorph.backends.oracle.evaluation import evaluate
from isomorph.spec.operations import (
    FUNCTIONS,
    AdaptivePool,
    Affine,
    AveragePool,
    BatchNorm,
    Cast,
    Concatenation,
    Convolution,
    Dense,
    GroupNorm,
    LayerNorm,
    MatrixProduct,
    MaxPool,
    Mean,
    Operation,
    Pad,
    Pair,
    Pointwise,
    Product,
    Quotient,
    Resize,
    Softmax,
    Sum,
    TransposedConvolution,
)

Array = npt.NDArray[Any]


def normal(*shape: int) -> Array:
    return np.random.default_rng(shape).normal(size=shape)


MAP = normal(2, 11, 10, 12)


def first(x: Array) -> Tensor:
    """[N, h, w, C] -> PyTorch's [N, C, h, w]."""
    return torch.from_numpy(x).permute(0, 3, 1, 2)


def last(x: Tensor) -> Array:
    return x.permute(0, 2, 3, 1).numpy()


def agree(found: Array, expected: Tensor | Array, limit: float = 1e-13) -> None:
    __tracebackhide__ = True
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= limit * np.abs(expected).max()


@pytest.mark.parametrize("kernel", [(1, 1), (3, 2)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("rate", [(1, 1), (2, 3)])
@pytest.mark.parametrize("groups", [1, 3, 12])
@pytest.mark.parametrize("pads", [((0, 0), (0, 0)), ((1, 2), (0, 3))])
def test_convolutions(kernel: Pair, stride: Pair, rate: Pair, groups: int, pads: tuple[Pair, Pair]) -> None:
    tensors = {"weights": normal(*kernel, 12 // groups, 24), "biases": normal(24)}
    found = evaluate(Convolution(stride, pads, rate, groups, 0.5), [MAP], tensors)
    x = F.pad(first(MAP), (*pads[1], *pads[0]), value=0.5)
    kernels, biases = torch.from_numpy(tensors["weights"]).permute(3, 2, 0, 1), torch.from_numpy(tensors["biases"])
    agree(found, last(F.conv2d(x, kernels, biases, stride, 0, rate, groups)))


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("rate", [(1, 1), (2, 1)])
@pytest.mark.parametrize("groups", [1, 3, 12])
@pytest.mark.parametrize(("padding", "more"), [((0, 0), (0, 0)), ((1, 2), (1, 0))])
def test_transposed_convolutions(stride: Pair, rate: Pair, groups: int, padding: Pair, more: Pair) -> None:
    if any(extra and extra >= max(step, by) for extra, step, by in zip(more, stride, rate, strict=True)):
        more = (0, 0)  # which PyTorch does not take
    weights, biases = normal(12, 2, 3, 4), normal(2 * groups)
    x, kernels = first(MAP), torch.from_numpy(weights)
    expected = F.conv_transpose2d(x, kernels, torch.from_numpy(biases), stride, padding, more, groups, rate)
    split = weights.reshape(groups, 12 // groups, 2, 3, 4).transpose(3, 4, 1, 0, 2)
    tensors = {"weights": split.reshape(3, 4, 12 // groups, 2 * groups), "biases": biases}
    size = int(expected.shape[2]), int(expected.shape[3])
    agree(evaluate(TransposedConvolution(stride, padding, size, rate, groups), [MAP], tensors), last(expected))


def test_dense() -> None:
    tensors = {"weights": normal(12, 5), "biases": normal(5)}
    weights, biases = (torch.from_numpy(each) for each in tensors.values())
    agree(evaluate(Dense(), [MAP], tensors), F.linear(torch.from_numpy(MAP), weights.T, biases))


STATISTICS = {
    "gamma": normal(12),
    "beta": normal(12) + 1,
    "moving_mean": normal(12) + 2,
    "moving_variance": np.abs(normal(12)) + 0.3,
}
GAMMA, BETA, MEAN, VARIANCE = (torch.from_numpy(each) for each in STATISTICS.values())
STRETCHING = [("gamma", "beta"), ("gamma",), ("beta",), ()]


def stretching(leaves: tuple[str, ...]) -> tuple[Tensor | None, Tensor | None]:
    return GAMMA if "gamma" in leaves else None, BETA if "beta" in leaves else None


@pytest.mark.parametrize("leaves", STRETCHING, ids=lambda leaves: " and ".join(leaves) or "neither")
@pytest.mark.parametrize("training", [False, True], ids=["running", "of the batch"])
def test_batch_norms(leaves: tuple[str, ...], training: bool) -> None:
    names = leaves if training else (*leaves, "moving_mean", "moving_variance")
    found = evaluate(BatchNorm(1e-3, training), [MAP], {name: STATISTICS[name] for name in names})
    gamma, beta = stretching(leaves)
    agree(found, last(F.batch_norm(first(MAP), MEAN.clone(), VARIANCE.clone(), gamma, beta, training, eps=1e-3)))


@pytest.mark.parametrize("leaves", STRETCHING, ids=lambda leaves: " and ".join(leaves) or "neither")
def test_layer_norms(leaves: tuple[str, ...]) -> None:
    found = evaluate(LayerNorm(1e-3), [MAP], {name: STATISTICS[name] for name in leaves})
    agree(found, F.layer_norm(torch.from_numpy(MAP), (12,), *stretching(leaves), 1e-3))


@pytest.mark.parametrize("groups", [1, 3, 12])
@pytest.mark.parametrize("leaves", STRETCHING, ids=lambda leaves: " and ".join(leaves) or "neither")
def test_group_norms(groups: int, leaves: tuple[str, ...]) -> None:
    found = evaluate(GroupNorm(groups, 1e-3), [MAP], {name: STATISTICS[name] for name in leaves})
    agree(found, last(F.group_norm(first(MAP), groups, *stretching(leaves), 1e-3)))


Function = Callable[[Tensor], Tensor]

WITNESSES: dict[str, list[tuple[tuple[float, ...], Function]]] = {
    "clip": [((0.0, inf), F.relu), ((0.0, 6.0), F.relu6), ((-0.5, 0.7), lambda x: F.hardtanh(x, -0.5, 0.7))],
    "elu": [((1.0,), F.elu), ((0.3,), lambda x: F.elu(x, 0.3))],
    "erf": [((), torch.erf)],
    "exp": [((), torch.exp)],
    "gelu": [((), F.gelu)],
    "gelu_tanh": [((), lambda x: F.gelu(x, approximate="tanh"))],
    "hard_sigmoid": [((1 / 6, 0.5), F.hardsigmoid)],
    "hard_swish": [((1 / 6, 0.5), F.hardswish)],
    "identity": [((), lambda x: x)],
    "leaky_relu": [((0.01,), F.leaky_relu), ((-1.0,), torch.abs)],
    "linear": [((-2.0, 0.3), lambda x: x * -2 + 0.3)],
    "log": [((), torch.log)],
    "mish": [((), F.mish)],
    "power": [((2.0,), torch.square), ((3.0,), lambda x: x**3)],
    "sigmoid": [((), torch.sigmoid)],
    "silu": [((), F.silu)],
    "softplus": [((), F.softplus)],
    "tanh": [((), torch.tanh)],
}


def test_every_function_has_a_witness() -> None:
    assert list(WITNESSES) == list(FUNCTIONS)


@pytest.mark.parametrize(("name", "place"), [(name, at) for name in WITNESSES for at in range(len(WITNESSES[name]))])
def test_functions(name: str, place: int) -> None:
    constants, witness = WITNESSES[name][place]
    x = np.linspace(-8, 8, 1001)
    x = np.abs(x) + 0.1 if name == "log" else x
    agree(evaluate(Pointwise(name, constants), [x], {}), witness(torch.from_numpy(x)))


@pytest.mark.parametrize(("exponent", "witness"), [(-1.0, torch.reciprocal), (-0.5, torch.rsqrt), (0.5, torch.sqrt)])
def test_powers_of_what_is_above_zero(exponent: float, witness: Function) -> None:
    x = np.linspace(0.1, 8, 100)
    agree(evaluate(Pointwise("power", (exponent,)), [x], {}), witness(torch.from_numpy(x)))


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [((3, 2), (2, 3), (1, 1)), ((2, 2), (2, 2), (0, 0))])
@pytest.mark.parametrize("rate", [(1, 1), (2, 1)])
def test_max_pools(kernel: Pair, stride: Pair, padding: Pair, rate: Pair, ceil: bool) -> None:
    expected = last(F.max_pool2d(first(MAP), kernel, stride, padding, rate, ceil))
    pads = tuple(
        (before, max((cells - 1) * step + by * (side - 1) + 1 - size - before, before if not ceil else 0))
        for before, cells, step, by, side, size in zip(
            padding, expected.shape[1:3], stride, rate, kernel, MAP.shape[1:3], strict=True
        )
    )
    agree(evaluate(MaxPool(kernel, stride, (pads[0], pads[1]), rate), [MAP], {}), expected)


def test_a_max_pool_of_zeros_around() -> None:
    x = -np.abs(MAP)
    expected = last(F.max_pool2d(F.pad(first(x), (1, 1, 0, 2)), 3, 2))
    agree(evaluate(MaxPool((3, 3), (2, 2), ((0, 2), (1, 1)), fill=0.0), [x], {}), expected)


@pytest.mark.parametrize("counts", [False, True], ids=["padding left out", "padding counted"])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [((3, 2), (2, 3), (1, 1)), ((4, 4), (2, 1), (2, 0))])
def test_average_pools(kernel: Pair, stride: Pair, padding: Pair, counts: bool) -> None:
    expected = last(F.avg_pool2d(first(MAP), kernel, stride, padding, count_include_pad=counts))
    pads = ((padding[0],) * 2, (padding[1],) * 2)
    operation = AveragePool(kernel, stride, pads, pads if counts else ((0, 0), (0, 0)))
    agree(evaluate(operation, [MAP], {}), expected)


@pytest.mark.parametrize("counts", [False, True], ids=["padding left out", "padding counted"])
def test_an_average_pool_whose_last_window_reaches_out(counts: bool) -> None:
    """What PyTorch's ceil_mode adds behind never counts."""
    expected = last(F.avg_pool2d(first(MAP), 4, 3, 1, ceil_mode=True, count_include_pad=counts))
    assert expected.shape[1:3] == (4, 4)
    operation = AveragePool((4, 4), (3, 3), ((1, 1), (1, 2)), (((1, 1),) * 2) if counts else ((0, 0), (0, 0)))
    agree(evaluate(operation, [MAP], {}), expected)


@pytest.mark.parametrize("cells", [(1, 1), (3, 4), (11, 10), (12, 7)])
def test_adaptive_pools(cells: Pair) -> None:
    agree(evaluate(AdaptivePool(cells), [MAP], {}), last(F.adaptive_avg_pool2d(first(MAP), cells)))


@pytest.mark.parametrize("size", [(11, 10), (22, 20), (5, 7), (1, 1), (30, 4)])
@pytest.mark.parametrize("aligned", [False, True])
def test_resizes(size: Pair, aligned: bool) -> None:
    expected = last(F.interpolate(first(MAP), size, mode="bilinear", align_corners=aligned))
    agree(evaluate(Resize(size, "aligned" if aligned else "half"), [MAP], {}), expected)


def test_an_asymmetric_resize_is_interpolated_where_its_cells_lie() -> None:
    """PyTorch has none of its own: its grid_sample reads at any place."""
    rows, columns = np.arange(22) / 2, np.arange(30) / 3
    at = np.stack(np.meshgrid(np.minimum(columns, 9) * 2 / 9 - 1, np.minimum(rows, 10) * 2 / 10 - 1), -1)
    grid = torch.from_numpy(at)[None].expand(2, -1, -1, -1)
    expected = last(F.grid_sample(first(MAP), grid, align_corners=True, padding_mode="border"))
    agree(evaluate(Resize((22, 30), "asymmetric"), [MAP], {}), expected)


X = torch.from_numpy(MAP)
OTHERS: dict[str, tuple[Operation, list[Array], dict[str, Array], Callable[[], Tensor]]] = {
    "an affine function": (
        Affine(),
        [MAP],
        {"scale": normal(12), "shift": normal(10, 1)},
        lambda: X * torch.from_numpy(normal(12)) + torch.from_numpy(normal(10, 1)),
    ),
    "a scale": (Affine(), [MAP], {"scale": normal(12)}, lambda: X * torch.from_numpy(normal(12))),
    "a shift": (Affine(), [MAP], {"shift": normal(12)}, lambda: X + torch.from_numpy(normal(12))),
    "a sum": (Sum((0.5, -2.0, 1.0)), [MAP, MAP[:1], MAP[..., :1]], {}, lambda: 0.5 * X - 2 * X[:1] + X[..., :1]),
    "a product": (Product(), [MAP, MAP[:, :1, :1]], {}, lambda: X * X[:, :1, :1]),
    "a quotient": (Quotient(), [MAP, MAP[:1]], {}, lambda: X / X[:1]),
    "a concatenation": (Concatenation(), [MAP, MAP[..., 4:]], {}, lambda: torch.cat([X, X[..., 4:]], -1)),
    "a pad": (Pad(((1, 2), (0, 3), (4, 5)), 0.7), [MAP], {}, lambda: F.pad(X, (4, 5, 0, 3, 1, 2), value=0.7)),
    "a mean": (Mean(), [MAP], {}, lambda: X.mean(-2)),
    "a softmax": (Softmax(), [MAP * 20], {}, lambda: F.softmax(X * 20, -1)),
    "a matrix product": (
        MatrixProduct(0.3),
        [MAP, normal(2, 11, 12, 7)],
        {},
        lambda: 0.3 * X @ torch.from_numpy(normal(2, 11, 12, 7)),
    ),
    "a cast": (Cast("float16"), [MAP], {}, lambda: X.half().double()),
    "a cast to bfloat16": (Cast("bfloat16"), [MAP], {}, lambda: X.bfloat16().double()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_others(name: str) -> None:
    operation, inputs, tensors, witness = OTHERS[name]
    agree(evaluate(operation, inputs, tensors), witness())
