"""Models are opened from factories, files and folders, and cast; whatever is none is refused in one sentence."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from keras import layers

from isomorph.backends import load_backend
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.models import Model
from isomorph.spec import BadInput
from isomorph.spec.operations import BatchNorm, Convolution, Operation, Pointwise, Unknown

Array = npt.NDArray[Any]
SelfCheck = Callable[..., None]


@pytest.fixture
def images() -> Array:
    """[2, 12, 11, 3], float64."""
    return np.random.default_rng(1).normal(size=(2, 12, 11, 3))


def open_model(what: object, **arguments: Any) -> Model:
    return load_backend("keras").open(str(what), arguments)


def operations(graph: Graph, kind: type) -> list[Operation]:
    return [node.operation for node in graph.nodes.values() if node.kind is kind]


def test_factory_gets_its_arguments(factories: Path, images: Array, self_check: SelfCheck) -> None:
    model = open_model(f"{factories}:functional", depth=6)
    assert (model.name, model.input_shape, model.dtype) == (f"{factories}:functional", (12, 11, 3), "float32")
    graph = model.trace(images.astype("float32"))
    assert operations(graph, BatchNorm) == [BatchNorm(1e-5)]
    assert model.tensors()[next(iter(model.tensors()))].shape == (3, 3, 3, 6)
    self_check(graph, 1e-5)


@pytest.mark.parametrize("factory", ["functional", "sequential", "Net"])
def test_model_is_cast_with_its_tensors_under_their_names(
    factory: str, factories: Path, images: Array, self_check: SelfCheck
) -> None:
    model = open_model(f"{factories}:{factory}")
    model.trace(images.astype("float32"))  # a class makes its tensors then
    random = np.random.default_rng(0)
    drawn = {name: random.uniform(0.5, 1.5, value.shape) for name, value in model.tensors().items()}
    model.load(drawn)
    before = model.tensors()
    in_float32 = model.trace(images.astype("float32"))
    assert model.cast("float64")
    assert model.dtype == "float64"
    assert list(model.tensors()) == list(before)
    for name, value in model.tensors().items():
        assert value.dtype == np.float64
        np.testing.assert_array_equal(value, before[name].astype(np.float64))
    graph = model.trace(images)
    self_check(graph)
    names = [[node.name for node in each.nodes.values()] for each in (in_float32, graph)]
    assert names[0] == names[1]
    np.testing.assert_allclose(graph.take(graph.outputs[""]), in_float32.take(in_float32.outputs[""]), 1e-4, 1e-4)
    assert keras.config.floatx() == keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("factory", ["in_float32", "mixed", "Module"])
def test_model_that_cannot_be_cast_stays_as_it_is(factory: str, factories: Path, images: Array) -> None:
    model = open_model(f"{factories}:{factory}")
    native = model.native
    assert not model.cast("float64")
    assert model.native is native
    assert model.cast(model.dtype)
    model.trace(images.astype("float32"))


def test_live_object_is_cast_by_its_configuration(images: Array, self_check: SelfCheck) -> None:
    native = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(3, 3, name="mine")], name="all")
    model = load_backend("keras").model(native)
    assert model.cast("float64")
    np.testing.assert_array_equal(model.tensors()["all/mine/kernel"], native.get_layer("mine").kernel.numpy())
    self_check(model.trace(images))


def test_number_of_images_is_told_where_there_is_one(factories: Path, tmp_path: Path) -> None:
    model = open_model(f"{factories}:pairs")
    assert (model.batch, open_model(f"{factories}:functional").batch) == (2, None)
    function = tf.function(lambda images: {"twice": images * 2.0})
    signature = function.get_concrete_function(tf.TensorSpec((2, 12, 11, 3), tf.float32))
    tf.saved_model.save(tf.Module(), str(tmp_path / "program"), signatures=signature)
    assert open_model(tmp_path / "program").batch == 2


def test_configuration_that_leaves_things_out_is_not_trusted(
    factories: Path, images: Array, self_check: SelfCheck
) -> None:
    model = open_model(f"{factories}:strided")
    assert model.cast("float64")  # by the factory
    graph = model.trace(images)
    assert operations(graph, Convolution) == [Convolution((2, 2), ((0, 1), (1, 1)))]
    self_check(graph)
    live = load_backend("keras").model(open_model(f"{factories}:strided").native)
    assert not live.cast("float64")


def test_tensors_that_are_loaded_are_used(factories: Path, images: Array) -> None:
    model = open_model(f"{factories}:functional")
    before = model.trace(images.astype("float32"))
    model.load({"classifier/bias": np.array([1.0, 2.0, 3.0])})
    after = model.trace(images.astype("float32"))
    difference = after.take(after.outputs[""]) - before.take(before.outputs[""])
    np.testing.assert_allclose(difference, np.tile([1.0, 2.0, 3.0], (2, 1)), 0, 1e-5)


@pytest.mark.parametrize("factory", ["sequential", "Net", "Fixed", "NeedsImages"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_class_makes_its_tensors_when_it_is_first_traced(
    factory: str, dtype: str, factories: Path, images: Array, self_check: SelfCheck
) -> None:
    model = open_model(f"{factories}:{factory}")
    assert (model.tensors(), model.input_shape, model.dtype) == ({}, (None, None, None), "float32")
    assert model.cast(dtype)
    assert (model.tensors(), model.dtype) == ({}, dtype)
    graph = model.trace(images.astype(dtype))
    assert operations(graph, Convolution) == [Convolution()]
    stored = {tensor.name for node in graph.nodes.values() for tensor in node.tensors.values()}
    assert stored == set(model.tensors()) != set()
    assert model.input_shape[2] == 3
    self_check(graph, 1e-5 if dtype == "float32" else 1e-12)


def test_class_that_trains_unless_it_is_told_says_what_does(factories: Path) -> None:
    assert open_model(f"{factories}:Net").in_training() == []
    assert open_model(f"{factories}:Module").in_training() == []
    names = open_model(f"{factories}:Trained").in_training()
    assert [name.rstrip("_0123456789") for name in names] == ["batch_normalization", "dropout"]


def test_keras_file(factories: Path, images: Array, tmp_path: Path, self_check: SelfCheck) -> None:
    written = open_model(f"{factories}:functional")
    written.native.save(tmp_path / "mine.keras")
    model = open_model(tmp_path / "mine.keras")
    assert model.cast("float64")
    for value, before in zip(model.tensors().values(), written.tensors().values(), strict=True):
        np.testing.assert_array_equal(value, before.astype(np.float64))
    self_check(model.trace(images))


def _export(model: Any, folder: Path) -> None:
    model.export(folder, verbose=False)


def _save(model: Any, folder: Path) -> None:
    tf.saved_model.save(model, str(folder))


@pytest.mark.parametrize("write", [_export, _save], ids=["by Keras", "by TensorFlow"])
def test_saved_model_is_run_operation_by_operation(
    write: Callable[[Any, Path], None], factories: Path, images: Array, tmp_path: Path, self_check: SelfCheck
) -> None:
    live = open_model(f"{factories}:functional")
    write(live.native, tmp_path / "program")
    model = open_model(tmp_path / "program")
    assert (model.input_shape, model.dtype, model.in_training()) == ((12, 11, 3), "float32", [])
    assert (model.cast("float64"), model.cast("float32")) == (False, True)
    assert {name: value.shape for name, value in model.tensors().items()} == {
        name: value.shape for name, value in live.tensors().items()
    }
    random = np.random.default_rng(0)
    drawn = {name: random.uniform(0.5, 1.5, value.shape) for name, value in live.tensors().items()}
    for each in (model, live):
        each.load(drawn)
    graph, expected = (each.trace(images.astype("float32")) for each in (model, live))
    assert [node.operation for node in graph.nodes.values()] == [node.operation for node in expected.nodes.values()]
    for node, other in zip(graph.nodes.values(), expected.nodes.values(), strict=True):
        assert {leaf: tensor.name for leaf, tensor in node.tensors.items()} == {
            leaf: tensor.name for leaf, tensor in other.tensors.items()
        }
    np.testing.assert_allclose(graph.take(graph.outputs[""]), expected.take(expected.outputs[""]), 1e-5, 1e-5)
    self_check(graph, 1e-5)


class Program(tf.Module):  # type: ignore[misc]  # TensorFlow's classes are Any
    """Functions: of two results, of numbers, with a loop, and with a table."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(np.ones((1, 1, 3, 2), np.float32), name="kernel")
        entries = tf.lookup.KeyValueTensorInitializer([1, 2], [3.0, 4.0], tf.int32, tf.float32)
        self.table = tf.lookup.StaticHashTable(entries, 0.0)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])  # type: ignore[untyped-decorator]
    def both(self, x: Any) -> Any:
        first, second = tf.split(tf.nn.conv2d(x, self.kernel, 1, "SAME"), 2, -1)
        return {"second": tf.concat([second, first], -1), "first": tf.nn.relu(first)}

    @tf.function(input_signature=[tf.TensorSpec((), tf.int32)])  # type: ignore[untyped-decorator]
    def of_numbers(self, x: Any) -> Any:
        return {"x": x + 1}

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])  # type: ignore[untyped-decorator]
    def repeated(self, x: Any) -> Any:
        for _ in tf.range(tf.shape(x)[0]):
            x = x * 2.0
        return {"x": x}

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])  # type: ignore[untyped-decorator]
    def looked_up(self, x: Any) -> Any:
        return {"x": x * self.table.lookup(tf.shape(x)[0])}


def test_results_of_a_program_have_its_names(images: Array, tmp_path: Path, self_check: SelfCheck) -> None:
    program = Program()
    tf.saved_model.save(program, str(tmp_path), signatures=program.both)
    graph = open_model(tmp_path).trace(images.astype("float32"))
    assert {name: read.shape for name, read in graph.outputs.items()} == {
        "first": (2, 12, 11, 1),
        "second": (2, 12, 11, 2),
    }
    self_check(graph, 1e-6)


def test_program_that_takes_no_images_is_refused(tmp_path: Path) -> None:
    program = Program()
    tf.saved_model.save(program, str(tmp_path), signatures=program.of_numbers)
    with pytest.raises(BadInput, match=r"takes x int32\(\), expected one tensor of images \[N, H, W, C\]\.$"):
        open_model(tmp_path)


@pytest.mark.parametrize(
    ("function", "expected"),
    [("repeated", Unknown("StatelessWhile")), ("looked_up", Pointwise("linear", (4.0, 0.0)))],
    ids=["a loop", "a table"],
)
def test_program_has(function: str, expected: Operation, images: Array, tmp_path: Path) -> None:
    program = Program()
    tf.saved_model.save(program, str(tmp_path), signatures=getattr(program, function))
    _, *nodes = open_model(tmp_path).trace(images.astype("float32")).nodes.values()
    assert {node.operation for node in nodes} == {expected}


def test_images_that_a_program_cannot_take_are_refused(images: Array, tmp_path: Path) -> None:
    program = Program()
    tf.saved_model.save(program, str(tmp_path), signatures=program.both)
    with pytest.raises(BadInput, match=r"cannot be run operation by operation: \S*Conv2D \(Conv2D\): \w+: "):
        open_model(tmp_path).trace(images.astype("float32")[..., :2])


def test_program_without_a_signature_is_refused(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(BadInput, match="has no signature 'serving_default'"):
        open_model(tmp_path)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("{folder}/mine.py:functionl", "has no 'functionl'; did you mean functional"),
        ("{folder}/none.py:functional", r"There is no file .*none\.py\."),
        ("{folder}/mine.py:number", r"is int, expected a keras\.Model, or a tf\.Module that is called\."),
        ("{folder}/mine.py:broken", "raised RuntimeError: on purpose"),
        ("{folder}/mine.py:two_inputs", r"takes \[.*\], expected one tensor of images \[N, H, W, C\]\."),
        ("{folder}/mine.py:of_rows", r"takes \(None, 784\), expected one tensor of images \[N, H, W, C\]\."),
        ("{folder}/none.keras", r"There is no file .*none\.keras\."),
        ("{folder}/nothing", r"There is no model .*nothing; expected file\.py:factory"),
        ("{folder}", "cannot be opened as a SavedModel: "),
    ],
    ids=[
        *("a factory that is not there", "a file of code that is not there", "what is no model"),
        *("a factory that raises", "two inputs", "rows and not images"),
        *("a file that is not there", "a name of nothing", "a folder without a program"),
    ],
)
def test_what_is_refused(what: str, sentence: str, factories: Path) -> None:
    with pytest.raises(BadInput, match=sentence):
        open_model(what.format(folder=factories.parent))


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def _no_archive(path: Path) -> None:
    path.write_text("no archive")


def _other_weights(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["config.json"] = files["config.json"].replace(b'"filters": 4', b'"filters": 5')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("damage", [_cut_off, _no_archive, _other_weights])
def test_damaged_file_is_refused(damage: Callable[[Path], None], factories: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.keras"
    open_model(f"{factories}:functional").native.save(path)
    damage(path)
    with pytest.raises(BadInput, match=r"mine\.keras cannot be opened as a model of Keras: \w+"):
        open_model(path)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "code.keras")
    with pytest.raises(BadInput, match=r"code\.keras cannot be opened as a model of Keras: .*"):
        open_model(tmp_path / "code.keras")
