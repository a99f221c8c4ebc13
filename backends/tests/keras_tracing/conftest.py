"""What the tests of Keras's traces share. They run in a process of their own: ../test_keras_tracing.py."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
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


CODE = '''
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def functional(depth=4):
    images = keras.Input((12, 11, 3))
    x = layers.Conv2D(depth, 3, strides=2, padding="same", use_bias=False)(images)
    x = ops.relu(layers.BatchNormalization(epsilon=1e-5)(x))
    inner = keras.Sequential([layers.Input((6, 6, depth)), layers.Conv2D(depth, 1)], name="inner")
    return keras.Model(images, layers.Dense(3, name="classifier")(layers.Flatten()(inner(x))))


def sequential():
    return keras.Sequential([layers.Conv2D(4, 3), layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dense(3)])


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution = layers.Conv2D(5, 3)
        self.norm = layers.BatchNormalization()
        self.drop = layers.Dropout(0.5)

    def call(self, x, training=None):
        return tf.nn.relu(self.drop(self.norm(self.convolution(x)), training=training))


class Trained(Net):
    def call(self, x, training=True):
        return super().call(x, training=training)


class InFloat32(Net):
    def call(self, x):
        return tf.nn.relu(self.convolution(tf.cast(x, tf.float32)) + tf.constant(1.0))


class NeedsImages(Net):
    def call(self, x):
        return super().call(x) * float(np.shape(np.asarray(x))[0])


class Fixed(keras.Model):
    """A dense layer behind a map of a size that only images tell."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Conv2D(5, 3, name="convolution"), layers.Flatten(), layers.Dense(3, name="classifier")]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


def in_float32():
    return keras.Sequential([layers.Input((12, 11, 3)), layers.Conv2D(4, 3, dtype="float32"), layers.Lambda(abs)])


class Strided(layers.Layer):
    """A layer whose configuration leaves out what matters."""

    def __init__(self, stride=1, **options):
        super().__init__(**options)
        self.stride = stride
        self.kernel = self.add_weight((3, 3, 3, 2), name="kernel")

    def call(self, x):
        return tf.nn.conv2d(x, self.kernel, self.stride, "SAME")

    def get_config(self):
        return {"name": self.name, "dtype": "float32"}


def strided():
    images = keras.Input((12, None, 3))
    return keras.Model(images, Strided(2)(images))


def pairs():
    return keras.Sequential([keras.Input(batch_shape=(2, 12, 11, 3)), layers.Conv2D(4, 3)])


def mixed():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return functional()
    finally:
        keras.config.set_dtype_policy("float32")


class Module(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(np.ones((3, 3, 3, 2), np.float32))

    def __call__(self, x):
        return tf.nn.conv2d(x, self.kernel, 2, "VALID")


def two_inputs():
    inputs = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return keras.Model(inputs, layers.Add()(inputs))


def of_rows():
    return keras.Sequential([keras.Input((784,)), layers.Dense(3)])


def number():
    return 3


def broken():
    raise RuntimeError("on purpose")
'''


@pytest.fixture
def factories(tmp_path: Path) -> Path:
    """A file of code that somebody wrote, with factories of models."""
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


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
