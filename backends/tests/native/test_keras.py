"""The network in Keras, used as users of Keras do. The same tests, in this order, are those of PyTorch and Paddle.

They run on the engine that KERAS_BACKEND names, TensorFlow if none.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from isomorph.backends import load_backend
from isomorph.backends.protocol import Network, as_dtype
from isomorph.spec import Architecture, count_parameters, infer, plan
from isomorph.spec.convention import as_float32

Array = npt.NDArray[Any]
Weights = Callable[[Architecture], dict[str, Array]]
Close = Callable[[Any, Any, float], None]

ENGINE = keras.backend.backend()
# What Keras computes in float64 on its other engines is partly float32, and refused.
WIDEST, ROUNDING = ("float64", 1e-14) if ENGINE == "tensorflow" else ("float32", 1e-5)


def build(architecture: Architecture, dtype: str = "float32", training: bool = False) -> Network:
    keras.utils.set_random_seed(0)
    return load_backend(f"keras:{ENGINE}").build(architecture, dtype=dtype, training=training)


def to_native(images: Array, dtype: str = "float32") -> Any:
    return keras.ops.convert_to_tensor(images.astype(as_dtype(dtype)))


def to_numpy(x: Any) -> Array:
    """As NumPy, in float64. Cast there: JAX has no float64 unless told."""
    array: Array = keras.ops.convert_to_numpy(x)
    return array.astype(np.float64)


def answers(found: Any) -> list[Any]:
    """The logits and, of a model that is to be trained, the auxiliary heads'."""
    return found if isinstance(found, list) else [found]


def test_logits_are_a_row_for_each_image(
    design: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    network = build(design, WIDEST)
    network.load(weights(design))
    logits = to_numpy(network.native(to_native(images, WIDEST)))
    assert logits.shape == (8, 10)
    assert_close(logits, network.end_points(images)["logits"][:, 0, 0], ROUNDING)


@pytest.mark.parametrize(
    ("options", "last"),
    [
        pytest.param({"global_pool": False}, "logits", id="a map of logits without the pool"),
        pytest.param({"num_classes": None}, "global_pool", id="a row of features without the classifier"),
        pytest.param({"num_classes": None, "global_pool": False}, "block2", id="a map of features without the head"),
    ],
)
def test_result_is(options: dict[str, Any], last: str, designs: dict[str, Architecture], images: Array) -> None:
    architecture = designs["slim"].with_options(**options)
    expected = infer(architecture, 33, 30).shapes(8)[last]
    found = to_numpy(build(architecture).native(to_native(images)))
    assert found.shape == (expected if last != "global_pool" else (8, expected[3]))


def test_training_moves_the_running_mean_by_the_decay(design: Architecture, images: Array, assert_close: Close) -> None:
    network = build(design, WIDEST, training=True)
    x = to_native(images, WIDEST)
    convolution = keras.Model(network.native.inputs, network.native.get_layer("conv1").output)
    mean = to_numpy(convolution(x)).mean((0, 1, 2))
    training = to_numpy(answers(network.native(x, training=True))[0])
    moved = network.tensors()["conv1/BatchNorm/moving_mean"]
    assert_close(moved, mean * (1 - plan(design).decay), 1e-6)
    inference = to_numpy(answers(network.native(x, training=False))[0])
    assert not np.allclose(inference, training), "inference used the batch's own statistics"
    assert np.array_equal(network.tensors()["conv1/BatchNorm/moving_mean"], moved)


def train_one_step(
    design: Architecture, images: Array, labels: Array, of_heads: float = 1.0
) -> tuple[float, float, list[str]]:
    """The loss before and behind, and the parameters that stayed as they were.

    of_heads: times the auxiliary heads' losses.
    """
    native = build(design, training=True).native
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    shares = [1.0, *(of_heads for _ in native.outputs[1:])]
    native.compile(keras.optimizers.SGD(0.01), [entropy] * len(shares), loss_weights=shares)
    parameters = {parameter.path: parameter for parameter in native.trainable_variables}
    before = {path: to_numpy(parameter) for path, parameter in parameters.items()}
    x, y = to_native(images), labels

    def loss() -> float:
        losses = [to_numpy(entropy(y, answer)).item() for answer in answers(native(x, training=True))]
        return float(np.dot(shares, losses))

    found = loss()
    native.train_on_batch(x, [y] * len(shares))
    still = [path for path in parameters if np.array_equal(to_numpy(parameters[path]), before[path])]
    return found, loss(), still


def test_one_training_step_lowers_the_loss_and_moves_every_parameter(
    design: Architecture, designs: dict[str, Architecture], images: Array, labels: Array
) -> None:
    before, after, still = train_one_step(design, images, labels)
    assert after < before
    # In the others a batch norm undoes betas and biases before it, and gammas before a depthwise convolution.
    assert still == [] or design is designs["others"]


def test_auxiliary_heads_learn_from_their_own_losses_alone(
    designs: dict[str, Architecture], images: Array, labels: Array
) -> None:
    *_, still = train_one_step(designs["inceptions"], images, labels, of_heads=0.0)
    assert len(still) == 2 * len(("conv", "beta", "fc1", "bias", "logits", "bias"))
    assert [name for name in still if not name.startswith("aux")] == []


LOAD = """
import sys
from pathlib import Path
import keras, numpy as np

folder = Path(sys.argv[1])
x = np.load(folder / "images.npy").astype("float32")
for saved in folder.glob("*.keras"):
    native = keras.models.load_model(saved)
    np.save(saved.with_suffix(".npy"), keras.ops.convert_to_numpy(native(x)))
assert not [name for name in sys.modules if name.startswith("isomorph")]
"""


@pytest.fixture(scope="module")
def saved(
    tmp_path_factory: pytest.TempPathFactory,
    asked: dict[str, Architecture],
    images: Array,
    weights: Weights,
    fresh_python: Callable[..., None],
) -> dict[str, tuple[Array, Array]]:
    """Architecture -> the logits before saving, and those of a fresh process, which does not know of isomorph.

    Those of a network that was built to be trained stand under "trained"; it has auxiliary heads, where there is one.
    """
    folder = tmp_path_factory.mktemp("saved")
    np.save(folder / "images.npy", images)
    before = {}
    for name, architecture in asked.items():
        network = build(architecture)
        network.load(weights(architecture))
        before[name] = to_numpy(network.native(to_native(images)))
        network.native.save(folder / f"{name}.keras")
    name = "inceptions" if "inceptions" in asked else next(iter(asked))
    trained = build(asked[name], training=True)
    trained.load(weights(asked[name]))
    trained.save(str(folder / "trained.keras"))
    fresh_python(LOAD, folder)
    after = {name: (logits, np.load(folder / f"{name}.npy")) for name, logits in before.items()}
    pairs = {asked[name].name: pair for name, pair in after.items()}
    return pairs | {"trained": (before[name], np.load(folder / "trained.npy"))}


def test_saved_network_loads_in_a_fresh_process(
    design: Architecture, saved: dict[str, tuple[Array, Array]], assert_close: Close
) -> None:
    before, after = saved[design.name]
    assert_close(after, before, 1e-6)


def test_saved_network_that_was_built_for_training_loads_as_what_it_is_at_inference(
    saved: dict[str, tuple[Array, Array]], assert_close: Close
) -> None:
    before, after = saved["trained"]
    assert_close(after, before, 1e-6)


def test_names_are_slims(designs: dict[str, Architecture]) -> None:
    names = [layer.name for layer in build(designs["slim"]).native.layers]
    unit = "block1_unit_1_bottleneck_v1"
    assert [name for name in names if name.startswith("conv1")][-3:] == ["conv1", "conv1_BatchNorm", "conv1_relu"]
    assert {"pool1", "block1_unit_2_bottleneck_v1", "block2_unit_1_bottleneck_v1"} <= set(names)
    assert {f"{unit}{part}" for part in ("", "_shortcut", "_conv1", "_conv2", "_conv3")} <= set(names)
    assert [name for name in names if name.startswith(f"{unit}_conv1")] == [
        f"{unit}_conv1",
        f"{unit}_conv1_BatchNorm",
        f"{unit}_conv1_relu",
    ]
    assert names[-3:] == ["global_pool", "logits", "flatten"]


@pytest.mark.skipif(ENGINE != "tensorflow", reason="tf.function compiles TensorFlow")
def test_compiled_network_gives_the_same_logits(
    design: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    import tensorflow as tf  # noqa: PLC0415 - the other engines need none

    network = build(design, "float64")
    network.load(weights(design))
    x = to_native(images, "float64")
    compiled = tf.function(network.native, jit_compile=True)
    assert_close(to_numpy(compiled(x)), to_numpy(network.native(x)), 1e-13)


@pytest.mark.skipif(ENGINE != "tensorflow", reason="tf.function compiles TensorFlow")
def test_compiled_network_trains_with_auxiliary_heads(
    deterministic: Architecture, images: Array, weights: Weights, assert_close: Close
) -> None:
    import tensorflow as tf  # noqa: PLC0415 - the other engines need none

    network = build(deterministic, "float64", training=True)
    network.load(weights(deterministic))
    x = to_native(images, "float64")
    compiled = tf.function(network.native, jit_compile=True)
    for answer, expected in zip(compiled(x), network.native(x), strict=True):
        assert_close(to_numpy(answer), to_numpy(expected), 1e-13)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(dtype: str, design: Architecture, images: Array, weights: Weights, assert_close: Close) -> None:
    exact, half = build(design), build(design, dtype)
    exact.load(weights(design))
    half.load(weights(design))
    logits = half.native(to_native(images, dtype))
    assert keras.backend.standardize_dtype(logits.dtype) == dtype
    expected = to_numpy(exact.native(to_native(images)))
    assert not np.array_equal(to_numpy(logits), expected), "computed in float32"
    assert_close(to_numpy(logits), expected, 0.1)


def test_fresh_weights_follow_the_initializer(draw: Any) -> None:
    network = build(draw.architecture)
    native, unit = network.native, "block1_unit_{}_bottleneck_v1_conv2"
    kernel, other = (to_numpy(native.get_layer(unit.format(number)).kernel) for number in (1, 2))
    bias = to_numpy(native.get_layer("logits").bias)
    convention = draw.architecture.convention
    expected = (
        (kernel, convention.convolution_initializer.stddev(3, 128, 128)),
        (bias, convention.logits_bias_initializer.stddev(1, 4, 20_000)),
    )
    for values, stddev in expected:
        # Five of the deviations that a normal's estimated deviation has.
        assert values.std() / stddev == pytest.approx(draw.deviation, abs=5 / (2 * values.size) ** 0.5)
        assert draw.largest[0] <= np.abs(values).max() / stddev <= draw.largest[1] * (1 + 1e-6)
    assert np.array_equal(kernel, other) == (draw.deviation == 0), "two units drew the same values"


def test_batch_norm_holds_the_rounded_epsilon_and_decay(design: Architecture) -> None:
    found = [
        layer for layer in build(design, WIDEST).native.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    convention = design.convention
    assert {layer.epsilon for layer in found} == {as_float32(convention.batch_norm_epsilon)}
    assert {layer.momentum for layer in found} == {as_float32(convention.batch_norm_decay)}


def test_batch_norm_without_gamma(designs: dict[str, Architecture]) -> None:
    native = build(designs["inceptions"], training=True).native
    found = [layer for layer in native.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.gamma for layer in found} == {None}
    assert all(layer.beta.trainable for layer in found)
    assert [variable.path for variable in native.variables if "gamma" in variable.path] == []


def test_input_transform_is_no_tensor_of_the_network(designs: dict[str, Architecture]) -> None:
    native = build(designs["inceptions"]).native
    assert [layer.name for layer in native.layers][:2] == ["images", "input_transform"]
    assert [variable.path for variable in native.variables if "input_transform" in variable.path] == []


def test_kernels_are_transposed_and_come_back(design: Architecture, weights: Weights) -> None:
    network = build(design, WIDEST)
    given = {name: tensor.astype(WIDEST) for name, tensor in weights(design).items()}
    network.load(given)
    assert np.array_equal(to_numpy(network.native.get_layer("conv1").kernel), given["conv1/weights"])
    back = network.tensors()
    assert [name for name in given if not np.array_equal(back[name], given[name])] == []


def test_tensors_are_copies(design: Architecture, weights: Weights) -> None:
    network = build(design, WIDEST)
    given = {name: tensor.astype(WIDEST) for name, tensor in weights(design).items()}
    expected = {name: tensor.copy() for name, tensor in given.items()}
    network.load(given)
    for name, tensor in (*network.tensors().items(), *given.items()):
        tensor[...] = len(name)
    found = network.tensors()
    assert [name for name in expected if not np.array_equal(found[name], expected[name])] == []


def test_end_points_leave_the_mode_and_the_statistics_alone(designs: dict[str, Architecture], images: Array) -> None:
    network = build(designs["slim"], training=True)
    before = network.tensors()
    first, second = network.end_points(images), network.end_points(images[:4])
    network.part("stem", images)
    assert all(value.flags.writeable for value in first.values()), "they are not the caller's own"
    after = network.tensors()
    assert [name for name in before if not np.array_equal(after[name], before[name])] == []
    assert np.allclose(first["logits"][:4], second["logits"], atol=1e-6), "an image's logits depend on its batch"


def test_summary_counts_the_parameters(design: Architecture) -> None:
    trainable, total = count_parameters(design)
    native = build(design, training=True).native  # a model for inference is one without auxiliary heads
    lines: list[str] = []
    native.summary(print_fn=lines.append, line_length=200)
    text = "\n".join(lines)
    assert f"Total params: {total:,} " in text
    assert f"Trainable params: {trainable:,} " in text
    assert [layer.name for layer in native.layers if layer.name not in text] == []
