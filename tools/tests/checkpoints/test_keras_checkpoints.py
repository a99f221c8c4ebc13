"""Keras's .h5, .weights.h5 and .keras: what their tensors are called, and that their values are what was written."""

from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest

from isomorph.spec import architecture, zoo
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.weights.identify import identify

from ..hostile_files import read, refusal
from ..keras_files import KERNEL, ONE, archive, configured, hdf5, keras2, keras3
from ..tensors import Tensors, plain

# Published files.


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param(
            "keras_mobilenet/mobilenet_v1_0.25_224_imagenet.h5",
            architecture("keras/MobileNet", width_multiplier=0.25),
            id="MobileNet",
        ),
        pytest.param("mlperf_tiny/pretrainedResnet.h5", architecture("mlperf_tiny/resnet8"), id="ResNet-8"),
    ],
)
def test_a_published_file_is_told_by_its_names(shared: Path, name: str, told: Any) -> None:
    path = shared / "weights" / name
    checkpoint = read_checkpoint(path)
    found, tensors = identify(checkpoint.tensors, str(path))
    assert found == told
    assert checkpoint.unwrapped == ("model_weights",)
    with h5py.File(path) as root:
        first = next(key for key in checkpoint.tensors if key.endswith("/bias"))
        scope = first.partition("/")[0]
        np.testing.assert_array_equal(checkpoint.tensors[first], root[f"model_weights/{scope}/{first}:0"])
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())


def test_the_optimizer_is_left_out(shared: Path) -> None:
    checkpoint = read_checkpoint(shared / "weights" / "mlperf_tiny" / "pretrainedResnet.h5")
    assert checkpoint.left_out == ("optimizer_weights",)
    assert len(checkpoint.tensors) == 48


# Every value, of a whole network.


def layers_of(tensors: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Layer -> what Keras 2 calls a variable in it -> value."""
    layers: dict[str, dict[str, Any]] = {}
    for name, value in tensors.items():
        layers.setdefault(name.partition("/")[0], {})[f"{name}:0"] = value
    return layers


@pytest.mark.parametrize("top", ["", "model_weights"], ids=["weights", "a whole model"])
def test_every_value_of_a_keras_2_file_arrives_where_it_belongs(tmp_path: Path, top: str) -> None:
    network = architecture("mlperf_tiny/resnet8")
    expected = plain(network)
    theirs = zoo("mlperf_tiny").naming.tensors(network)
    named = {one.name: one.from_canonical(expected[own]) for own, one in theirs.items()}
    checkpoint = read(tmp_path, keras2(layers_of(named), top))
    found, tensors = identify(checkpoint.tensors, "FILE")
    assert found == network
    assert [name for name in expected if not np.array_equal(tensors[name], expected[name])] == []


# Names of Keras 2.

B = np.ones(1, np.float32)
NAMES = {
    "as its own": (ONE, "conv/kernel"),
    "without TensorFlow's output": ({"conv": {"conv/kernel": B}}, "conv/kernel"),
    "behind the layer's where it has no scope": ({"conv": {"kernel": B}}, "conv/kernel"),
    "as its own in a model in the model": ({"mobilenet": {"conv/kernel:0": B}}, "conv/kernel"),
    "with all of its scope": ({"net": {"net/block/conv/kernel:0": B}}, "net/block/conv/kernel"),
    "kernel for a depthwise one": ({"dw": {"dw/depthwise_kernel:0": B}}, "dw/kernel"),
}


@pytest.mark.parametrize(("layers", "name"), NAMES.values(), ids=NAMES)
def test_a_variable_of_keras_2_is_called(tmp_path: Path, layers: dict[str, Any], name: str) -> None:
    assert list(read(tmp_path, keras2(layers)).tensors) == [name]


def test_a_depthwise_kernel_beside_a_pointwise_one_keeps_its_name(tmp_path: Path) -> None:
    content = keras2({"sep": {"sep/depthwise_kernel:0": B, "sep/pointwise_kernel:0": B}})
    assert list(read(tmp_path, content).tensors) == ["sep/depthwise_kernel", "sep/pointwise_kernel"]


# Names of Keras 3.

KEPT: dict[str, list[Any]] = {
    "layers/batch_normalization": [B, 2 * B, 3 * B, 4 * B],
    "layers/batch_normalization_1": [5 * B, 6 * B, 7 * B],
    "layers/conv2d": [KERNEL],
    "layers/conv2d_1": [KERNEL + 1, B],
    "layers/depthwise_conv2d": [KERNEL + 2],
    "layers/dropout/seed_generator": [np.array([1, 2], np.uint32)],
    "layers/functional/layers/dense": [B, B],
    "layers/gru/cell": [B, B],
    "optimizer": [np.array(7)],
}
LEFT_OUT = ("layers/dropout/seed_generator/vars/0", "optimizer/vars/0")


def test_keras_1_called_variables_after_their_layers(tmp_path: Path) -> None:
    """Its running_std was the variance; TensorFlow counts a name that was taken."""
    layers: dict[str, Tensors] = {
        "res2a": {"res2a_W:0": KERNEL, "res2a_b:0": B},
        "bn2a": {
            f"bn2a/bn2a_{variable}_1:0": number * B
            for number, variable in enumerate(("gamma", "beta", "running_mean", "running_std"), start=1)
        },
    }
    tensors = read(tmp_path, keras2(layers)).tensors
    leaves = ("gamma", "beta", "moving_mean", "moving_variance")
    assert set(tensors) == {"res2a/kernel", "res2a/bias", *(f"bn2a/{leaf}" for leaf in leaves)}
    np.testing.assert_array_equal([tensors[f"bn2a/{leaf}"] for leaf in leaves], [B, 2 * B, 3 * B, 4 * B])


def test_a_word_of_keras_1_behind_another_name_is_a_name(tmp_path: Path) -> None:
    assert list(read(tmp_path, keras2({"conv": {"mine_W:0": KERNEL}})).tensors) == ["conv/mine_W"]


def test_groups_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Not of letters, by which the tenth stands before the second."""
    groups = ["conv2d", *(f"conv2d_{number}" for number in range(1, 12))]
    content = keras3({f"layers/{group}": [KERNEL] for group in groups})
    assert list(read(tmp_path, content).tensors) == [f"{group}/kernel" for group in groups]


def test_an_older_keras_3_names_layers_by_class_and_number(tmp_path: Path) -> None:
    checkpoint = read(tmp_path, keras3(KEPT))
    assert list(checkpoint.tensors) == [
        *(f"batch_normalization/{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")),
        *(f"batch_normalization_1/{number}" for number in range(3)),  # gamma or beta: nobody can tell
        "conv2d/kernel",
        "conv2d_1/kernel",
        "conv2d_1/bias",
        "depthwise_conv2d/kernel",
        "dense/kernel",
        "dense/bias",
        "gru/cell/0",
        "gru/cell/1",
    ]
    assert checkpoint.left_out == LEFT_OUT
    np.testing.assert_array_equal(checkpoint.tensors["conv2d_1/kernel"], KERNEL + 1)
    np.testing.assert_array_equal(checkpoint.tensors["batch_normalization/moving_variance"], 4 * B)


NOTED = {
    "layers/batch_normalization": "conv1_bn",
    "layers/batch_normalization_1": "conv2_bn",
    "layers/conv2d": "conv1",
    "layers/conv2d_1": "conv2",
    "layers/depthwise_conv2d": "conv_dw",
    "layers/functional/layers/dense": "predictions",
}


def test_keras_3_notes_the_names_of_layers(tmp_path: Path) -> None:
    checkpoint = read(tmp_path, keras3(KEPT, NOTED))
    assert list(checkpoint.tensors) == [
        *(f"conv1_bn/{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")),
        *(f"conv2_bn/{number}" for number in range(3)),
        "conv1/kernel",
        "conv2/kernel",
        "conv2/bias",
        "conv_dw/kernel",
        "predictions/kernel",
        "predictions/bias",
        "gru/cell/0",
        "gru/cell/1",
    ]
    assert checkpoint.left_out == LEFT_OUT
    np.testing.assert_array_equal(checkpoint.tensors["conv2/kernel"], KERNEL + 1)


def test_a_part_of_a_layer_is_called_after_the_layer(tmp_path: Path) -> None:
    content = keras3({"layers/gru": [], "layers/gru/cell": [B]}, {"layers/gru": "mine", "layers/gru/cell": "inner"})
    assert list(read(tmp_path, content).tensors) == ["mine/cell/0"]


CONFIG = configured(
    ("InputLayer", "input", {}),
    ("Conv2D", "conv1", {"use_bias": False}),
    ("BatchNormalization", "conv1_bn", {}),
    ("DepthwiseConv2D", "conv_dw", {}),
    ("Conv2D", "conv2", {}),
    ("BatchNormalization", "conv2_bn", {"scale": False}),
    ("Functional", "head", dict(configured(("Dense", "predictions", {}))["config"], name="head")),
    ("GRU", "gru", {}),
)


@pytest.mark.parametrize("noted", [{}, NOTED], ids=["alone", "and the weights"])
def test_the_configuration_of_an_archive_names_all_and_orders_them(tmp_path: Path, noted: dict[str, str]) -> None:
    checkpoint = read(tmp_path, archive(keras3(KEPT, noted), CONFIG))
    assert checkpoint.format == "Keras archive"
    assert list(checkpoint.tensors) == [
        "conv1/kernel",
        *(f"conv1_bn/{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")),
        "conv_dw/kernel",
        "conv2/kernel",
        "conv2/bias",
        *(f"conv2_bn/{leaf}" for leaf in ("beta", "moving_mean", "moving_variance")),
        "predictions/kernel",
        "predictions/bias",
        "gru/cell/0",
        "gru/cell/1",
    ]
    assert checkpoint.left_out == LEFT_OUT
    np.testing.assert_array_equal(checkpoint.tensors["conv2/kernel"], KERNEL + 1)


@pytest.mark.parametrize("config", [{}, [], {"config": {"layers": "none"}}], ids=["empty", "a list", "of a class"])
def test_a_configuration_without_layers_names_none(tmp_path: Path, config: object) -> None:
    assert "conv2d/kernel" in read(tmp_path, archive(keras3(KEPT), config)).tensors


# How values are stored.

LAYOUTS: dict[str, dict[str, Any]] = {
    "in one piece": {},
    "in chunks": {"chunks": (2, 2, 2, 1)},
    "compressed": {"chunks": (2, 2, 2, 1), "compression": "gzip"},
    "compressed and shuffled": {"chunks": (2, 2, 2, 1), "compression": "gzip", "shuffle": True},
    "in a chunk larger than it": {"chunks": (4, 4, 4, 4), "maxshape": (None,) * 4, "compression": "gzip"},
}


@pytest.mark.parametrize("shape", [(3, 3, 2, 1), (5, 4, 3, 2)], ids=str)
@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
def test_values_stored(tmp_path: Path, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    value = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    content = keras2(ONE, change=lambda root: root["conv"].create_dataset("conv/bias:0", data=value, **options))
    tensor = read(tmp_path, content).tensors["conv/bias"]
    np.testing.assert_array_equal(tensor, value)
    assert not tensor.flags.writeable
    assert tensor.flags.owndata == bool(options), "what lies in one piece is a view of the file"


def test_a_chunk_that_gzip_would_enlarge_is_stored_as_it_is(tmp_path: Path) -> None:
    """Which HDF5 notes in the chunk's mask."""
    value = np.random.default_rng(0).integers(0, 256, 64, np.uint8)

    def write(root: h5py.File) -> None:
        dataset = root["conv"].create_dataset("conv/bias:0", (64,), np.uint8, chunks=(64,), compression="gzip")
        dataset.id.write_direct_chunk((0,), value.tobytes(), 1)

    np.testing.assert_array_equal(read(tmp_path, keras2(ONE, change=write)).tensors["conv/bias"], value)


def test_a_value_in_its_own_header_is_read(tmp_path: Path) -> None:
    """HDF5's compact layout, for which h5py has no option."""

    def write(root: h5py.File) -> None:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((3,))
        dataset = h5py.h5d.create(root["conv/conv"].id, b"bias:0", h5py.h5t.IEEE_F32LE, space, created)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, 2, 3], np.float32))

    np.testing.assert_array_equal(read(tmp_path, keras2(ONE, change=write)).tensors["conv/bias"], [1, 2, 3])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (3,)], ids=str)
def test_a_dtype_and_a_shape_arrive(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    value = np.ones(shape, dtype)
    tensor = read(tmp_path, keras2({"layer": {"layer/x:0": value}})).tensors["layer/x"]
    assert (tensor.dtype, tensor.shape) == (value.dtype, value.shape)
    np.testing.assert_array_equal(tensor, value)


def marked(mark: str) -> bytes:
    """Opaque bytes of a kernel, and what Keras 3 would say of bfloat16."""
    value = np.array([1, 2, 3], ml_dtypes.bfloat16)
    return hdf5(lambda root: root.create_dataset("layers/dense/vars/0", data=value).attrs.create("dtype", mark))


def test_bfloat16_arrives_as_keras_3_marks_it(tmp_path: Path) -> None:
    tensor = read(tmp_path, marked("bfloat16")).tensors["dense/kernel"]
    assert tensor.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(tensor, np.array([1, 2, 3], ml_dtypes.bfloat16))


def test_another_mark_is_not_bfloat16s(tmp_path: Path) -> None:
    assert "'/layers/dense/vars/0' is opaque, little-endian float16" in refusal(tmp_path, marked("float8"))
