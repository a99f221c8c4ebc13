"""An .onnx file with an operator that nothing can run: compared up to there, and named."""

from pathlib import Path

import numpy as np
import pytest

from isomorph.backends import find_backend

from ..command import isomorph, refused

pytestmark = [
    pytest.mark.usefixtures("empty_folder"),
    pytest.mark.skipif(find_backend("onnx").why_not() is not None, reason="needs onnx and onnxruntime"),
]

RANDOM = np.random.default_rng(0)
KERNELS = {"first": RANDOM.normal(size=(8, 3, 3, 3)), "second": RANDOM.normal(size=(4, 8, 1, 1))}


def save(path: str, between: str, domain: str = "", pads: int = 1) -> None:
    """Write a network of two convolutions, with an operator between them."""
    from onnx import TensorProto, helper, numpy_helper, save_model  # noqa: PLC0415 - of an extra

    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"], pads=[pads] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node(between, ["b"], ["c"], name="between", domain=domain),
        helper.make_node("Conv", ["c", "second"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(kernel.astype(np.float32), name) for name, kernel in KERNELS.items()],
    )
    imported = [helper.make_opsetid("", 21), *([helper.make_opsetid(domain, 1)] if domain else [])]
    save_model(helper.make_model(graph, opset_imports=imported, ir_version=10), path)


@pytest.fixture(autouse=True)
def _files(empty_folder: None) -> None:
    save("known.onnx", "Tanh")
    save("strange.onnx", "Strange", "mine")
    save("padded.onnx", "Strange", "mine", pads=2)


def test_what_is_before_it_is_compared() -> None:
    done = isomorph("check", "known.onnx", "--against", "strange.onnx")
    assert (done.returncode, done.stderr) == (2, "")
    said = " ".join(done.stdout.split())
    assert "PART The same function up to mine.Strange of between, which nothing here can run: its one layer" in said


def test_what_is_wrong_before_it_is_named() -> None:
    done = isomorph("check", "known.onnx", "--against", "padded.onnx")
    assert (done.returncode, done.stderr) == (1, "")
    assert "padding: a has pads 2, expected 1" in done.stdout
    assert "missing" not in done.stdout


def test_nothing_is_held_against_a_part() -> None:
    said = refused("check", "strange.onnx", "--against", "known.onnx")
    assert said.startswith("strange.onnx cannot be run beyond mine.Strange of between, and nothing can be held")
    assert sorted(path.name for path in Path().iterdir()) == ["known.onnx", "padded.onnx", "strange.onnx"]
