"""What the tests of Keras's traces share. They run in a process of their own: ../test_keras_tracing.py."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends.graphs.crossing import to_document
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.oracle.evaluation import UnknownOperationError, evaluate
from isomorph.spec.operations import Input

Array = npt.NDArray[Any]
SelfCheck = Callable[..., None]

WARNINGS = (
    # Keras (3.15) hands NumPy 2.4 variables whose __array__ takes no `copy`.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors, but for those of the framework's own."""
    for warning in WARNINGS:
        config.addinivalue_line("filterwarnings", warning)


@pytest.fixture
def float64() -> Iterator[None]:
    """Have Keras compute in float64, as its users do: for the layers that are made, and by default."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def images() -> Array:
    """[2, 12, 11, 4], float64."""
    return np.random.default_rng(1).normal(size=(2, 12, 11, 4))


@pytest.fixture(scope="session")
def shuffle() -> Callable[[Any], None]:
    """Give a model weights none of which is at its initial value."""

    def draw(model: Any) -> None:
        random = np.random.default_rng(2)
        for variable in model.weights:
            shape = variable.shape
            if variable.path.endswith(("gamma", "variance")):
                variable.assign(random.uniform(0.5, 1.5, shape))
            elif len(shape) > 1:
                variable.assign(random.normal(size=shape) / np.prod(shape[:-1]) ** 0.5)
            elif variable.dtype.startswith("float"):
                variable.assign(random.uniform(-0.5, 0.5, shape))

    return draw


@pytest.fixture(scope="session")
def self_check() -> SelfCheck:
    """Fail unless each operation of a graph, evaluated on what it reads, gives the value that was recorded."""

    def check(graph: Graph, limit: float = 1e-12) -> None:
        __tracebackhide__ = True
        json.dumps(to_document(graph)[0])  # it passes between processes
        wrong = [complaint for node in graph.nodes.values() if (complaint := _complaint(graph, node, limit))]
        assert not wrong, "\n".join(wrong)

    return check


def _complaint(graph: Graph, node: Any, limit: float) -> str | None:
    if node.kind is Input:
        return None
    try:
        value = evaluate(node.operation, [graph.take(read) for read in node.reads], node.arrays)
    except UnknownOperationError as error:
        return f"{node.name}: {error} is unknown"
    if value.shape != node.value.shape:
        return f"{node.name}: {node.operation} gives {value.shape}, recorded {node.value.shape}"
    finite = np.isfinite(node.value)  # a max pool's padding is not
    if not np.array_equal(value[~finite], node.value[~finite]):
        return f"{node.name}: {node.operation} is infinite elsewhere"
    value, recorded = value[finite], node.value[finite]
    difference = float(np.abs(value - recorded).max() / max(1.0, np.abs(recorded).max()))
    return None if difference <= limit else f"{node.name}: {node.operation} differs by {difference:.3g}"
