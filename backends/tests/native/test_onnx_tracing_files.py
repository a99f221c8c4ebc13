"""Files of ONNX and what is no such file: opened with the tensors beside them, or refused in one sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto

from isomorph.backends import Unavailable, load_backend
from isomorph.backends.onnx import files
from isomorph.spec import Architecture, BadInput
from isomorph.spec.operations import RELU, Convolution, Input

from .graph_checks import kinds
from .onnx_graphs import IMAGES, draw, make, model, node

W = draw(8, 8, 3, 3)
CONVOLUTION = make([node("Conv", "x w")], {"w": W})


def opened(path: Path) -> object:
    return load_backend("onnx").open(str(path))


def test_file_is_opened(tmp_path: Path) -> None:
    onnx.save(CONVOLUTION, tmp_path / "net.onnx")
    model = load_backend("onnx").open(str(tmp_path / "net.onnx"))
    assert (model.input_shape, model.batch, model.dtype) == ((9, 10, 8), None, "float32")
    assert model.in_training() == []
    assert kinds(model.trace(IMAGES)) == ["Convolution"]


def with_tensors_beside(path: Path) -> ModelProto:
    model = ModelProto()
    model.CopyFrom(CONVOLUTION)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return model


def test_tensors_are_read_from_the_file_beside(tmp_path: Path) -> None:
    with_tensors_beside(tmp_path / "net.onnx")
    assert (tmp_path / "weights.bin").stat().st_size == W.nbytes
    tensors = load_backend("onnx").open(str(tmp_path / "net.onnx")).tensors()
    np.testing.assert_array_equal(tensors["w"], W)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "sub/../../weights.bin", "link.bin"])
def test_tensors_of_other_folders_are_refused(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(W.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    with_tensors_beside(folder / "net.onnx")
    model = onnx.load(folder / "net.onnx", load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = location if entry.key == "location" else entry.value
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BadInput, match=r"net\.onnx is no valid ONNX file: "):
        opened(folder / "net.onnx")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(CONVOLUTION.SerializeToString()[:200], "damaged, or of another kind", id="cut off"),
        pytest.param(b"PK\x03\x04 a zip archive, as PyTorch writes them", "another kind", id="a zip archive"),
        pytest.param(b"", "has no operators", id="empty"),
        pytest.param(b"not a model at all\n" * 20, "is no ONNX file", id="a text"),
    ],
)
def test_what_is_no_model_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        opened(tmp_path / "net.onnx")
    assert "\n" not in str(caught.value)


def _without_a_kernel(model: ModelProto) -> None:
    del model.graph.initializer[:]


def _in_a_loop(model: ModelProto) -> None:
    model.graph.node[0].input[0] = "y"


def _of_another_shape(model: ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 2**40


def _of_another_domain(model: ModelProto) -> None:
    model.graph.node[0].domain = "mine"
    model.opset_import.append(onnx.helper.make_opsetid("mine", 1))


def _with_two_inputs(model: ModelProto) -> None:
    model.graph.input.append(onnx.helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(_without_a_kernel, "is no valid ONNX file: ", id="an input that nothing gives"),
        pytest.param(_in_a_loop, "is no valid ONNX file: ", id="a circle"),
        pytest.param(_of_another_shape, "is no valid ONNX file: ", id="a tensor without its elements"),
        pytest.param(_of_another_domain, "begins with mine.Conv of y, an operator", id="an unknown operator"),
        pytest.param(_with_two_inputs, r"takes 2 inputs \(x, mask\), expected one: the images", id="two inputs"),
    ],
)
def test_model_is_refused(change: Callable[[ModelProto], None], words: str, tmp_path: Path) -> None:
    model = ModelProto()
    model.CopyFrom(CONVOLUTION)
    change(model)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BadInput, match=words):
        opened(tmp_path / "net.onnx")


def test_input_of_two_axes_is_refused() -> None:
    with pytest.raises(BadInput, match="The input x of by hand has 2 axes, expected the 4 of images"):
        load_backend("onnx").model(make([node("Relu", "x")], shape=["n", 8]))


def test_images_of_another_size_are_refused() -> None:
    model = load_backend("onnx").model(CONVOLUTION)
    with pytest.raises(BadInput, match="ONNX Runtime cannot run by hand on 2x8x5x5: "):
        model.trace(IMAGES[:, :5, :5])


def test_large_models_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LARGEST", 1000)
    onnx.save(CONVOLUTION, tmp_path / "net.onnx")
    with pytest.raises(BadInput, match="holds more than 2 GiB"):
        opened(tmp_path / "net.onnx")


def test_number_of_images_is_told() -> None:
    model = load_backend("onnx").model(make([node("Relu", "x")], shape=[3, 8, 9, "w"]))
    assert (model.input_shape, model.batch) == ((9, None, 8), 3)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"There is no file .*net\.onnx\."):
        opened(tmp_path / "net.onnx")


def test_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a file already, and takes no arguments"):
        load_backend("onnx").open(str(tmp_path / "net.onnx"), {"n": 1})


def test_nothing_is_built(design: Architecture) -> None:
    with pytest.raises(Unavailable, match=r"^onnx builds no networks: it opens \.onnx files\.$"):
        load_backend("onnx").build(design)


def test_model_is_traced_up_to_operators_of_no_standard() -> None:
    nodes = [
        node("Conv", "x w", "a", pads=[1] * 4),
        node("Relu", "a", "b"),
        node("Strange", "b", "c", domain="mine"),
        node("Relu", "c", "d"),
        node("Add", "d b"),
    ]
    native = make(nodes, {"w": W})
    native.opset_import.append(onnx.helper.make_opsetid("mine", 1))
    graph = model(native).trace(IMAGES)
    assert [each.operation for each in graph.nodes.values()] == [Input(), Convolution(pads=((1, 1), (1, 1))), RELU]
    assert graph.ends_before == ("mine.Strange of c",)
    assert list(graph.outputs) == [""]
