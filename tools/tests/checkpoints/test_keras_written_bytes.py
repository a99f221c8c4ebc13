"""What the writers of Keras's files take and refuse, and that nothing is left where they fail."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest

from isomorph.backends.keras.naming import NAMING
from isomorph.spec import BadInput, architecture
from isomorph.tools.checkpoints import read_checkpoint
from isomorph.tools.checkpoints.keras.layer_order import layer_order
from isomorph.tools.checkpoints.keras.writing import FilledLayer, filled, write_h5, write_weights_h5

from ..full_disk import largest_file
from ..tensors import plain

Writer = Callable[[str | Path, Sequence[FilledLayer]], None]

WRITERS = {".h5": write_h5, ".weights.h5": write_weights_h5}
KERNEL = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

in_both_forms = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def layer(value: Any = KERNEL, name: str = "conv", kind: str = "conv2d", leaf: str = "kernel") -> FilledLayer:
    return FilledLayer(name, kind, {leaf: value})


VALUES: dict[str, np.typing.NDArray[Any]] = {
    **{dtype: KERNEL.astype(dtype) for dtype in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")},
    "big-endian": KERNEL.astype(">f4"),
    "transposed": KERNEL.transpose(2, 0, 1),
    "in steps": KERNEL[:, ::-1, ::2],
    "a scalar": np.array(7, np.float32),
    "empty": np.empty((0, 3), np.float32),
    "read-only": np.broadcast_to(np.float32(3), (5, 5)),
}


@in_both_forms
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_comes_back(tmp_path: Path, write: Writer, value: np.typing.NDArray[Any]) -> None:
    write(tmp_path / "x.h5", [layer(value)])
    (found,) = read_checkpoint(tmp_path / "x.h5").tensors.values()
    assert (found.dtype, found.shape) == (value.dtype.newbyteorder("<"), value.shape)
    np.testing.assert_array_equal(found, value)


@in_both_forms
def test_the_same_layers_make_the_same_file(tmp_path: Path, write: Writer) -> None:
    network = architecture("mlperf_tiny/resnet8")
    layers = filled(layer_order(network, NAMING.tensors(network)), plain(network))
    for name in ("a.h5", "b.h5"):
        write(tmp_path / name, layers)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("count", [1, 3, 2000])
def test_names_that_do_not_fit_into_one_attribute_are_cut_as_keras_cuts_them(tmp_path: Path, count: int) -> None:
    names = [f"{'a_long_name_of_a_layer' * 3}_{number}" for number in range(count)]
    write_h5(tmp_path / "x.h5", [layer(np.array([number]), name) for number, name in enumerate(names)])
    with h5py.File(tmp_path / "x.h5") as root:
        found = [key for key in root.attrs if key.startswith("layer_names")]
        assert found == (["layer_names"] if count < 1000 else ["layer_names0", "layer_names1", "layer_names2"])
        assert [name.decode() for key in found for name in root.attrs[key]] == names
    tensors = read_checkpoint(tmp_path / "x.h5").tensors
    assert [float(tensors[f"{name}/kernel"][0]) for name in names] == list(range(count))


# Refused.

REFUSED: dict[str, tuple[list[FilledLayer], str]] = {
    "no tensors": ([], "there are no tensors, at least one was expected"),
    "layers without tensors": ([FilledLayer("drop", "dropout", {})], "there are no tensors"),
    "two of one name": ([layer(), layer()], "2 layers are called 'conv', each needs its own"),
    "a name with a slash": ([layer(name="a/b")], "'a/b' is no name of a layer or variable"),
    "an empty name": ([layer(name="")], "'' is no name of a layer or variable"),
    "a name that means the folder above": ([layer(leaf="..")], r"'\.\.' is no name of a layer or variable"),
    "a name with a null": ([layer(name="a\0b")], r"'a\\x00b' is no name of a layer or variable"),
    "a name of a page": ([layer(name="x" * 1001)], "'x+'... is no name of a layer or variable"),
    "a class with a slash": ([layer(kind="a/b")], "'a/b' is no name of a layer or variable"),
    "complex numbers": ([layer(KERNEL.astype(complex))], "conv/kernel is complex128, this kind of file has "),
    "booleans": ([layer(KERNEL > 3)], "conv/kernel is bool, this kind of file has "),
    "text": ([layer(np.array(["a"]))], "conv/kernel is <U1, this kind of file has "),
    "objects": ([layer(np.array([{}]))], "conv/kernel is object, this kind of file has "),
}


@in_both_forms
@pytest.mark.parametrize(("layers", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused_is(tmp_path: Path, write: Writer, layers: list[FilledLayer], sentence: str) -> None:
    with pytest.raises(BadInput, match=rf"^.*x\.h5 cannot be written: {sentence}") as caught:
        write(tmp_path / "x.h5", layers)
    assert str(caught.value).endswith(".")
    assert list(tmp_path.iterdir()) == []


def test_bfloat16_is_refused_where_keras_could_not_load_it(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"conv/kernel is bfloat16, this kind of file has float16, float32, float64, int"
    ):
        write_h5(tmp_path / "x.h5", [layer(KERNEL.astype(ml_dtypes.bfloat16))])


def test_a_tensor_that_is_missing_is_named() -> None:
    network = architecture("mlperf_tiny/resnet8")
    tensors = plain(network)
    del tensors["conv1/biases"], tensors["logits/weights"]
    with pytest.raises(BadInput, match=r"^There is no tensor conv1/biases for Keras's layers, and 2 of theirs are mis"):
        filled(layer_order(network, NAMING.tensors(network)), tensors)


# What is left.


@in_both_forms
@pytest.mark.parametrize("size", [0, 1000, 3000, 100_000, 4_000_000])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, write: Writer, size: int) -> None:
    (tmp_path / "x.h5").write_bytes(b"before")
    layers = [layer(np.zeros((1000, 300), np.float32), f"conv{number}") for number in range(4)]
    with largest_file(size), pytest.raises(BadInput, match=r"x\.h5 cannot be written: "):
        write(tmp_path / "x.h5", layers)
    assert [path.name for path in tmp_path.iterdir()] == ["x.h5"]
    assert (tmp_path / "x.h5").read_bytes() == b"before"


@in_both_forms
def test_a_file_is_written_into_a_folder_that_is_there(tmp_path: Path, write: Writer) -> None:
    with pytest.raises(BadInput, match=r"absent/x\.h5 cannot be written: there is no folder "):
        write(tmp_path / "absent" / "x.h5", [layer()])
