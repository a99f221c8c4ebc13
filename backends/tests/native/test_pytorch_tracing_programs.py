"""Programs of TorchScript and of torch.export: they give the graph of their model, or are refused in a sentence."""

import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isomorph.backends.pytorch.tracing.programs import open_model
from isomorph.backends.pytorch.tracing.tracer import trace
from isomorph.spec import BadInput

from .pytorch_models import IMAGES, assert_sound, kinds, net, stored_names


def saved(model: nn.Module, path: Path) -> str:
    """Save a program: as the file's name says, one of TorchScript or an exported one."""
    x = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())
    if path.suffix == ".pt2":
        torch.export.save(torch.export.export(model, (x,)), path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's, of TorchScript's age
            jit: Any = torch.jit
            script = jit.script(model) if path.stem == "jit_script" else jit.trace(model, x)
            jit.save(script, path)
    return str(path)


@pytest.mark.parametrize("file", ["jit_trace.pt", "jit_script.pt", "program.pt2"])
def test_programs_give_the_models_graph(file: str, tmp_path: Path) -> None:
    model = net()
    expected = trace(model, IMAGES)
    program = open_model(saved(model, tmp_path / file), {})
    graph = program.trace(IMAGES)
    assert_sound(graph)
    assert kinds(graph) == kinds(expected)
    assert stored_names(graph) == stored_names(expected)
    np.testing.assert_array_equal(
        graph.take(graph.outputs[next(iter(graph.outputs))]), expected.take(expected.outputs[""])
    )
    assert program.in_training() == []
    assert program.dtype == "float64"
    assert program.input_shape[2] == 3


def test_a_program_can_be_cast(tmp_path: Path) -> None:
    program = open_model(saved(net(torch.float64), tmp_path / "program.pt2"), {})
    assert program.cast("float32")
    graph = program.trace(IMAGES.astype(np.float32))
    assert {node.value.dtype.name for node in graph.nodes.values() if node.value is not None} == {"float32"}


def test_a_pt2_program_knows_its_size(tmp_path: Path) -> None:
    program = open_model(saved(net(), tmp_path / "program.pt2"), {})
    assert (program.batch, *program.input_shape) == (2, 8, 6, 3)
    with pytest.raises(BadInput, match=r"was exported for images of 2x8x6x3, and is given 1x8x6x3; export it for any"):
        program.trace(IMAGES[:1])


def test_a_program_of_any_size_takes_any(tmp_path: Path) -> None:
    x = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())
    auto = torch.export.Dim.DYNAMIC
    torch.export.save(
        torch.export.export(net(), (x,), dynamic_shapes=({0: auto, 2: auto, 3: auto},)), tmp_path / "a.pt2"
    )
    model = open_model(str(tmp_path / "a.pt2"), {})
    assert (model.batch, *model.input_shape) == (None, None, None, 3)
    assert_sound(model.trace(np.concatenate([IMAGES] * 2, axis=1)[:1]))


def test_a_program_in_training_says_so(tmp_path: Path) -> None:
    model = net()
    model.norm.train()
    program = open_model(saved(model, tmp_path / "jit_script.pt"), {})
    assert program.in_training() == ["norm"]


def write_state_dict(path: Path) -> None:
    torch.save(net().state_dict(), path)


def write_old_state_dict(path: Path) -> None:
    torch.save(net().state_dict(), path, _use_new_zipfile_serialization=False)


def write_module(path: Path) -> None:
    torch.save(net(), path)


@pytest.mark.parametrize("write", [write_state_dict, write_old_state_dict, write_module])
def test_tensors_and_pickles_are_no_programs(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "net.pt")
    with pytest.raises(BadInput, match=r"net\.pt holds no program, but tensors or .* `isomorph inspect"):
        open_model(str(tmp_path / "net.pt"), {})


@pytest.mark.parametrize("file", ["jit_trace.pt", "program.pt2"])
def test_a_damaged_program_is_refused(file: str, tmp_path: Path) -> None:
    path = Path(saved(net(), tmp_path / file))
    content = path.read_bytes()
    for length in (0, 100, len(content) // 2, len(content) - 100):
        path.write_bytes(content[:length])
        with pytest.raises(BadInput, match=r"holds no|cannot be read"):
            open_model(str(path), {})
    middle = content.index(b"PK\x03\x04", len(content) // 2) + 60
    path.write_bytes(content[:middle] + bytes(400) + content[middle + 400 :])
    with pytest.raises(BadInput, match=r"cannot be read as a program"):
        open_model(str(path), {})


class Harmful:
    """What runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('it was executed')",)


@pytest.mark.parametrize("place", ["weights", "constants", "sample_inputs"])
def test_nothing_in_a_pt2_program_is_unpickled(place: str, tmp_path: Path) -> None:
    path = Path(saved(net(), tmp_path / "program.pt2"))
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    if place == "sample_inputs":
        (name,) = (name for name in files if "/sample_inputs/" in name)
        files[name] = pickle.dumps(Harmful())
    elif place == "weights":
        (config,) = (name for name in files if name.endswith("weights_config.json"))
        files[config] = files[config].replace(b'"use_pickle": false', b'"use_pickle": true', 1)
        files[next(name for name in files if name.endswith("/weight_0"))] = pickle.dumps(Harmful())
    else:
        (config,) = (name for name in files if name.endswith("constants_config.json"))
        files[config] = b'{"config": {"c": {"path_name": "opaque_obj_0", "is_param": false, "use_pickle": true}}}'
        files[config.replace("model_constants_config.json", "opaque_obj_0")] = pickle.dumps(Harmful())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(BadInput, match=r"as a pickle, which is not read here|cannot be read as a program"):
        open_model(str(path), {})


@pytest.mark.parametrize(
    ("what", "arguments", "sentence"),
    [
        ("none.pt", {}, "There is no file none.pt."),
        ("none.pt2", {}, "There is no file none.pt2."),
        ("none.pt", {"classes": 3}, "none.pt is a program, and takes no arguments."),
        ("torch:tensor", {"data": 1}, "torch:tensor returned Tensor, expected an nn.Module."),
    ],
)
def test_what_is_no_model_is_refused(what: str, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput) as refusal:
        open_model(what, arguments)
    assert str(refusal.value) == sentence
