"""The oracle's backward pass: exact adjoints of what is linear, and finite differences of all else, in float64."""

from collections.abc import Callable

import numpy as np
import pytest

from isomorph.backends.array_forms import Array
from isomorph.backends.oracle import pullbacks
from isomorph.backends.oracle.backend import OracleNetwork
from isomorph.backends.oracle.operations import softmax
from isomorph.backends.oracle.pullbacks import Pullback
from isomorph.backends.oracle.training import cross_entropy
from isomorph.backends.protocol import Options
from isomorph.spec import Architecture, tensor_shapes
from isomorph.spec.layers import AdaptivePool, AveragePool, Convolution, MaxPool, ZeroChannels
from isomorph.spec.padding import Rule
from isomorph.spec.tensors import BETA, BIASES, GAMMA, WEIGHTS

from .conftest import DESIGNS

Operation = Callable[[Array], tuple[Array, Pullback]]

STEP = 2.0**-18
"""Of finite differences: the error of a central one is its square, and 2^-53 over it."""

RULES: tuple[Rule, ...] = ("explicit", "same", "valid", "after")


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


X = normal(0, 2, 7, 6, 4)
WINDOWS = [(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (3, 1, 2)]  # kernel, stride, rate


def layer(kernel: int = 3, stride: int = 1, rate: int = 1, groups: int = 1, padding: Rule = "explicit") -> Convolution:
    """Of 4 channels, to 8 or, where each is convolved alone, to 4."""
    return Convolution("conv", 4, 4 if groups == 4 else 8, kernel, stride, rate, groups, padding)


def convolved(own: Convolution) -> Operation:
    weights = normal(1, own.kernel, own.kernel, own.depth_seen, own.depth)
    return lambda x: pullbacks.convolve(x, weights, own)


# Each is linear in its input.
LINEAR: dict[str, Operation] = {
    f"a convolution {kernel}x{kernel}, stride {stride}, rate {rate}, {groups} groups, padded {padding}": convolved(
        layer(kernel, stride, rate, groups, padding)
    )
    for kernel, stride, rate in WINDOWS
    for groups in (1, 2, 4)
    for padding in RULES
} | {
    "an average pool": lambda x: pullbacks.average_pool(x, AveragePool("pool", 4, 3, 2)),
    "an adaptive pool of windows that overlap": lambda x: pullbacks.adaptive_pool(x, AdaptivePool("pool", 4, 4)),
    "an adaptive pool of more cells than there are": lambda x: pullbacks.adaptive_pool(x, AdaptivePool("pool", 4, 9)),
    "a mean over space": pullbacks.mean,
    "a scale": lambda x: pullbacks.scale(x, normal(1, 4), np.zeros(4)),
    "a frozen batch norm": lambda x: pullbacks.normalise_frozen(
        x, normal(4, 4), np.zeros(4), np.zeros(4), normal(5, 4) ** 2, 1e-3
    ),
    "every second row and column": lambda x: pullbacks.subsample(x, 2),
    "zero channels": lambda x: pullbacks.add_zero_channels(x, ZeroChannels("shortcut", 4, 9, 2)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_what_is_linear_is_pulled_back_by_its_adjoint(name: str) -> None:
    """<g, f(x)> = <f^T(g), x>."""
    y, pull = LINEAR[name](X)
    gradient = normal(2, *y.shape)
    to_x, _ = pull(gradient)
    assert to_x.shape == X.shape
    assert np.vdot(gradient, y) == pytest.approx(np.vdot(to_x, X), rel=1e-12)


@pytest.mark.parametrize("order", range(3), ids=["in one order", "in the other", "shuffled"])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolution_is_linear_in_its_kernel(groups: int, order: int) -> None:
    own = layer(stride=2, groups=groups, padding="same")
    weights = normal(1, 3, 3, own.depth_seen, own.depth)
    y, pull = pullbacks.convolve(X, weights, own, order)
    gradient = normal(2, *y.shape)
    _, found = pull(gradient)
    assert np.vdot(gradient, y) == pytest.approx(np.vdot(found[WEIGHTS], weights), rel=1e-12)


def test_a_bias_is_given_the_sum() -> None:
    _, pull = pullbacks.add_bias(X, np.ones(4))
    to_x, found = pull(X)
    assert to_x is X
    assert np.allclose(found[BIASES], X.sum(axis=(0, 1, 2)), rtol=1e-12)


def differences(loss: Callable[[Array], float], x: Array, seed: int = 3) -> tuple[float, Array]:
    """The central difference of a loss along a random direction, and that direction."""
    direction = normal(seed, *x.shape)
    return (loss(x + STEP * direction) - loss(x - STEP * direction)) / (2 * STEP), direction


def away(x: Array, *bends: float) -> Array:
    """`x` with whatever is near one of `bends` moved from it."""
    for bend in bends:
        x = np.where(abs(x - bend) < 0.01, bend + 0.02, x)
    return x


# The first are smooth; the others stay away from where they bend.
CURVED: dict[str, tuple[Operation, Array]] = {
    "a batch norm": (lambda x: _norm(x, normal(4, 4), normal(5, 4)), X),
    "a batch norm without gamma": (lambda x: _norm(x, None, normal(5, 4)), X),
    "a ReLU": (lambda x: pullbacks.activate(x, "relu"), away(X, 0)),
    "a ReLU6": (lambda x: pullbacks.activate(x, "relu6"), away(4 * X, 0, 6)),
    "a max pool": (
        lambda x: pullbacks.max_pool(x, MaxPool("pool", 4, 3, 2, "same", -np.inf)),
        np.random.default_rng(6).permutation(X.size).reshape(X.shape) / 100,
    ),
    "a max pool padded with zeros": (
        lambda x: pullbacks.max_pool(x, MaxPool("pool", 4, 3, 1, "explicit", 0.0)),
        (np.random.default_rng(6).permutation(X.size).reshape(X.shape) - X.size // 2 + 0.5) / 100,
    ),
}


def _norm(x: Array, gamma: Array | None, beta: Array) -> tuple[Array, Pullback]:
    y, _, pull = pullbacks.normalise(x, gamma, beta, 1e-3)
    return y, pull


@pytest.mark.parametrize("name", CURVED)
def test_what_is_curved_is_pulled_back_as_finite_differences_say(name: str) -> None:
    operation, x = CURVED[name]
    y, pull = operation(x)
    gradient = normal(2, *y.shape)
    to_x, _ = pull(gradient)
    found, direction = differences(lambda moved: float(np.vdot(gradient, operation(moved)[0])), x)
    assert found == pytest.approx(float(np.vdot(to_x, direction)), rel=1e-7)


@pytest.mark.parametrize("order", range(3), ids=["in one order", "in the other", "shuffled"])
def test_a_batch_norms_own_tensors(order: int) -> None:
    gamma, beta = normal(4, 4), normal(5, 4)
    y, (mean, variance), pull = pullbacks.normalise(X, gamma, beta, 1e-3, order)
    assert np.allclose(mean, X.mean(axis=(0, 1, 2)))
    assert np.allclose(variance, X.var(axis=(0, 1, 2)))
    gradient = normal(2, *y.shape)
    _, found = pull(gradient)
    assert np.vdot(gradient, y) == pytest.approx(np.vdot(found[GAMMA], gamma) + np.vdot(found[BETA], beta), rel=1e-12)


def test_a_tie_goes_to_the_first() -> None:
    _, pull = pullbacks.max_pool(np.ones((1, 2, 2, 1)), MaxPool("pool", 1, 2, 2, "valid", -np.inf))
    to_x, _ = pull(np.full((1, 1, 1, 1), 5.0))
    assert to_x.ravel().tolist() == [5, 0, 0, 0]


def test_cross_entropy_is_that_of_the_mean_over_space() -> None:
    logits, labels = normal(7, 3, 2, 2, 5), np.array([4, 0, 2])
    value, gradient = cross_entropy(logits, labels)
    shares = softmax(logits.mean(axis=(1, 2)))
    assert value == pytest.approx(-np.log(shares[np.arange(3), labels]).mean(), rel=1e-12)
    found, direction = differences(lambda moved: cross_entropy(moved, labels)[0], logits)
    assert found == pytest.approx(float(np.vdot(gradient, direction)), rel=1e-8)


def network(architecture: Architecture, frozen: bool = False) -> OracleNetwork:
    """In training, with tensors of order one: kernels as wide as their inputs ask for."""
    options = Options(dtype="float64", training=True, freeze_batch_norm=frozen)
    made = OracleNetwork(architecture.without_dropout(), options)
    tensors = {}
    for number, (name, shape) in enumerate(tensor_shapes(architecture).items()):
        drawn = normal(number, *shape)
        tensors[name] = drawn / np.sqrt(np.prod(shape[:-1])) if name.endswith(WEIGHTS) else 1 + drawn / 4
    made.load(tensors)
    return made


IMAGES = normal(8, 2, 33, 32, 3)
LABELS = np.array([7, 3])


@pytest.mark.parametrize("name", DESIGNS)
def test_a_whole_networks_gradients_are_finite_differences(name: str) -> None:
    """Along a direction in some tensors, and in the images, so short that no ReLU or pool chooses anew."""
    made = network(DESIGNS[name])
    found = made.gradients(IMAGES, LABELS)
    tensors = made.tensors()
    step = 2.0**-24

    def loss(images: Array, moved: dict[str, Array]) -> float:
        made.load(tensors | moved)
        return made.gradients(images, LABELS).loss

    along = normal(9, *IMAGES.shape)
    difference = (loss(IMAGES + step * along, {}) - loss(IMAGES - step * along, {})) / (2 * step)
    scale = float(np.linalg.norm(found.images))
    assert difference == pytest.approx(float(np.vdot(found.images, along)), rel=1e-4, abs=1e-4 * scale)
    for tensor in list(found.tensors)[:: max(1, len(found.tensors) // 5)]:
        along = normal(9, *tensors[tensor].shape)
        up, down = (loss(IMAGES, {tensor: tensors[tensor] + sign * step * along}) for sign in (1, -1))
        expected = float(np.vdot(found.tensors[tensor], along))
        scale = max(float(np.linalg.norm(found.tensors[tensor])), 1e-3)
        assert (up - down) / (2 * step) == pytest.approx(expected, rel=1e-4, abs=1e-4 * scale), tensor


def test_frozen_batch_norms_answer_as_at_inference() -> None:
    design = DESIGNS["torchvision"]
    trained, at_inference = network(design, frozen=True), OracleNetwork(design, Options(dtype="float64"))
    at_inference.load(trained.tensors())
    expected, _ = cross_entropy(at_inference.end_points(IMAGES)["logits"], LABELS)
    assert trained.gradients(IMAGES, LABELS).loss == pytest.approx(expected, rel=1e-10)
