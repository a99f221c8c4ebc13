"""Whole networks, traced as they are: every operation is known, every tensor is under its own name."""

import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from keras import layers, ops
from tensorflow.python.eager import context

from isomorph.backends import Unavailable, load_backend
from isomorph.backends.graphs.graph import Graph
from isomorph.spec import BadInput, architecture
from isomorph.spec.operations import BatchNorm, Convolution, Dense, Input

Array = npt.NDArray[Any]
HOOK = "tensorflow.python.framework.op_callbacks"
"""The only private functions of TensorFlow that traces of live models rest on."""

SelfCheck = Callable[..., None]
Shuffle = Callable[[Any], None]

pytestmark = pytest.mark.usefixtures("float64")


def photographs(size: int = 64) -> Array:
    """Two images, float64."""
    return np.random.default_rng(0).normal(size=(2, size, size, 3))


def named(graph: Graph) -> set[str | None]:
    return {tensor.name for node in graph.nodes.values() for tensor in node.tensors.values()}


def kinds(graph: Graph) -> Counter[type]:
    return Counter(node.kind for node in graph.nodes.values())


@pytest.mark.parametrize(
    ("name", "convolutions", "norms"),
    [
        ("MobileNetV2", 52, 52),
        ("MobileNetV3Small", 54, 34),
        pytest.param("ResNet50", 53, 53, marks=pytest.mark.thorough),  # of operations that are all in others
        pytest.param("ResNet50V2", 53, 49, marks=pytest.mark.thorough),
        pytest.param("DenseNet121", 120, 121, marks=pytest.mark.thorough),
        pytest.param("EfficientNetB0", 81, 49, marks=pytest.mark.thorough),
    ],
)
def test_network_of_keras_applications(
    name: str, convolutions: int, norms: int, shuffle: Shuffle, self_check: SelfCheck
) -> None:
    native = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
    shuffle(native)
    model = load_backend("keras").model(native)
    assert model.input_shape == (64, 64, 3)
    graph = model.trace(photographs())
    assert kinds(graph)[Convolution] == convolutions
    assert kinds(graph)[BatchNorm] == norms
    own = {
        path for path in model.tensors() if not path.startswith("normalization/")
    }  # of images, by a root and a bound
    assert own <= named(graph)
    self_check(graph)
    np.testing.assert_allclose(graph.take(graph.outputs[""]), native(photographs()).numpy(), 0, 1e-14)


@pytest.mark.parametrize("name", ["torchvision/resnet18", "torchvision/mobilenet_v2", "torchvision/googlenet"])
def test_own_network(name: str, self_check: SelfCheck) -> None:
    network = load_backend("keras").build(architecture(name), dtype="float64")
    model = load_backend("keras").model(network.native)
    graph = model.trace(photographs(67))
    assert set(model.tensors()) == named(graph)
    self_check(graph)
    np.testing.assert_allclose(
        graph.take(graph.outputs[""]), network.end_points(photographs(67))["logits"][:, 0, 0], 1e-12, 1e-12
    )


class Stage(layers.Layer):  # type: ignore[misc]  # Keras's classes are Any
    """Two convolutions beside a shortcut, declared in another order than they run."""

    def __init__(self, depth: int, **options: Any) -> None:
        super().__init__(**options)
        self.second = layers.Conv2D(depth, 3, padding="same", name="second")
        self.norm = layers.BatchNormalization(name="norm")
        self.first = layers.Conv2D(depth, 3, 2, padding="same", use_bias=False, name="first")
        self.shortcut = layers.Conv2D(depth, 1, 2, name="shortcut")

    def call(self, x: Any) -> Any:
        y = tf.nn.relu(self.norm(self.first(x)))
        return ops.relu(self.second(y) + self.shortcut(x))


class Network(keras.Model):  # type: ignore[misc]  # Keras's classes are Any
    """A class that calls its layers by code, and returns a dictionary."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.stages = [Stage(4, name="stage1"), Stage(8, name="stage2")]
        self.classifier = layers.Dense(5, name="classifier")
        self.scale = tf.Variable(np.linspace(0.5, 1.5, 8), dtype=self.compute_dtype)

    def call(self, x: Any, training: bool | None = None) -> Any:
        for stage in self.stages:
            x = stage(x)
        features = tf.reduce_mean(x * self.scale, [1, 2])
        return {"logits": self.classifier(features), "features": [features, x]}


def test_model_that_calls_its_layers_by_code(shuffle: Shuffle, self_check: SelfCheck) -> None:
    native = Network()
    native(photographs())
    shuffle(native)
    model = load_backend("keras").model(native)
    graph = model.trace(photographs())
    assert list(graph.outputs) == ["logits", "features.0", "features.1"]
    assert set(model.tensors()) == named(graph)
    assert any(name.endswith("/scale") for name in model.tensors())
    places = [node.name for node in graph.nodes.values() if node.kind is Convolution]
    units = ("first", "second", "shortcut")
    assert places == [f"stage{number}/{unit}" for number in (1, 2) for unit in units]
    self_check(graph)
    np.testing.assert_allclose(graph.take(graph.outputs["logits"]), native(photographs())["logits"].numpy(), 0, 1e-14)


def test_model_inside_another_is_named_by_both(self_check: SelfCheck) -> None:
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv")], name="inner")
    images = keras.Input((8, 8, 3))
    outer = keras.Model(images, ops.relu(layers.Flatten()(inner(images))))
    graph = load_backend("keras").model(outer).trace(photographs(8))
    assert [node.name for node in graph.nodes.values() if node.kind is Convolution] == ["inner/conv"]
    self_check(graph)


def test_tuple_is_numbered() -> None:
    images = keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3)(images)
    model = keras.Model(images, (features, layers.GlobalAveragePooling2D()(features)))
    assert list(load_backend("keras").model(model).trace(photographs(8)).outputs) == ["0", "1"]


class Module(tf.Module):  # type: ignore[misc]  # TensorFlow's classes are Any
    """A module of TensorFlow alone, compiled."""

    def __init__(self) -> None:
        super().__init__(name="module")
        self.kernel = tf.Variable(np.random.default_rng(0).normal(size=(3, 3, 3, 4)), name="kernel")
        self.bias = tf.Variable(np.arange(4.0), name="bias")

    @tf.function  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> Any:
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, self.kernel, 1, "SAME"), self.bias))


def test_module_of_tensorflow(self_check: SelfCheck) -> None:
    model = load_backend("keras").model(Module())
    assert (model.input_shape, model.dtype) == ((None, None, 3), "float64")
    graph = model.trace(photographs(8))
    assert named(graph) == set(model.tensors()) == {"kernel", "bias"}
    self_check(graph)


def test_what_keras_and_tensorflow_had_before_is_put_back() -> None:
    before = keras.Operation.__call__, layers.Layer.__call__, keras.config.floatx(), tf.config.functions_run_eagerly()

    class Broken(keras.Model):  # type: ignore[misc]  # Keras's classes are Any
        def call(self, x: Any) -> Any:
            tf.nn.relu(x)
            raise RuntimeError("on purpose")

    model = load_backend("keras").model(Broken())
    with pytest.raises(BadInput, match=r"^Broken raised RuntimeError: on purpose, on images of 2x8x8x3, float32\.$"):
        model.trace(photographs(8).astype("float32"))
    after = keras.Operation.__call__, layers.Layer.__call__, keras.config.floatx(), tf.config.functions_run_eagerly()
    assert after == before
    assert not context.context().op_callbacks


def test_tensorflow_still_tells_of_its_operations() -> None:
    what_broke = (
        f"{HOOK}, which tells of every operation that runs and by which models of"
        " others are traced, is not as it was up to TensorFlow 2.21: "
    )
    try:
        hook = import_module(HOOK)
    except ImportError as error:
        pytest.fail(f"{what_broke}{error}")
    told: list[tuple[Any, ...]] = []

    def callback(op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any = None, graph: Any = None) -> None:
        told.append((op_type, inputs, attrs, outputs, graph))

    x = tf.constant(np.ones((1, 2, 2, 1)))
    hook.add_op_callback(callback)
    try:
        y = tf.nn.relu(x)
    finally:
        hook.remove_op_callback(callback)
    tf.nn.relu(x)
    assert len(told) == 1, f"{what_broke}it told of {len(told)} operations, expected one"
    ((name, inputs, attributes, outputs, graph),) = told
    assert name in ("Relu", b"Relu"), f"{what_broke}it named a ReLU {name!r}"
    assert graph is None, f"{what_broke}it told of a graph in eager mode"
    assert "T" in attributes, f"{what_broke}its attributes are {attributes!r}"
    assert ([each._id for each in inputs], [each._id for each in outputs]) == ([x._id], [y._id]), (
        f"{what_broke}its tensors are no longer told from others by their _id"
    )


def test_tensorflow_that_tells_nothing_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, HOOK, None)
    with pytest.raises(Unavailable, match=f"has no {HOOK}"):
        load_backend("keras").model(Module()).trace(photographs(8))


def test_images_of_another_size_are_refused_in_one_sentence() -> None:
    images = keras.Input((8, 8, 3))
    model = load_backend("keras").model(keras.Model(images, layers.Dense(2)(layers.Flatten()(images)), name="mine"))
    with pytest.raises(BadInput, match=r"^Functional raised ValueError: Input 0 .*, on images of 2x9x9x3, float64\.$"):
        model.trace(photographs(9))


def test_what_training_changes_is_put_back() -> None:
    class Trained(keras.Model):  # type: ignore[misc]  # Keras's classes are Any
        def __init__(self) -> None:
            super().__init__()
            self.norm = layers.BatchNormalization()

        def call(self, x: Any) -> Any:
            return self.norm(x, training=True)

    model = load_backend("keras").model(Trained())
    model.trace(photographs(8))
    before = model.tensors()
    graph = model.trace(photographs(8))
    assert [node.kind for node in graph.nodes.values()] == [Input, BatchNorm]
    for name, value in model.tensors().items():
        np.testing.assert_array_equal(value, before[name])


def test_images_are_the_first_node() -> None:
    graph = load_backend("keras").model(layers.Dense(2)).trace(photographs(8))
    assert [node.kind for node in graph.nodes.values()] == [Input, Dense]
    np.testing.assert_array_equal(graph.images, photographs(8))
