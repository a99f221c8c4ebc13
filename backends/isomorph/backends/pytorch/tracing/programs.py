"""Open what users name: a factory of a module, a program of TorchScript (.pt) or an exported one (.pt2).

A program's own operations run when it is traced; nothing else that its file holds is executed.
"""

import io
import json
import logging
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isomorph.backends.array_forms import Images
from isomorph.backends.graphs.graph import Graph
from isomorph.backends.models import Size, call_factory, last_line
from isomorph.backends.pytorch.tracing.model import PyTorchModel
from isomorph.spec import BadInput


def open_model(what: str, arguments: Mapping[str, Any]) -> PyTorchModel:
    """Open "file.py:factory", "package.module:factory", a program of TorchScript (.pt) or an exported one (.pt2).

    Raises BadInput for what is none of these.
    """
    if what.endswith((".pt2", ".pt", ".pth", ".ts", ".torchscript")):
        if arguments:
            raise BadInput(f"{what} is a program, and takes no arguments.")
        return _open_exported(what) if what.endswith(".pt2") else _open_script(what)
    made = call_factory(what, arguments)
    if not isinstance(made, nn.Module):
        raise BadInput(f"{what} returned {type(made).__name__}, expected an nn.Module.")
    return PyTorchModel(made, what)


class ExportedModel(PyTorchModel):
    """A program of `torch.export`, which takes images of the size that it was exported for."""

    def __init__(self, program: torch.export.ExportedProgram, name: str) -> None:
        super().__init__(program.module(check_guards=False), name)  # guards are code in the file
        axes = _input_axes(program, name)
        self._batch, channels, height, width = axes
        self._size = height, width, channels

    @property
    def input_shape(self) -> tuple[Size, Size, Size]:
        """Height, width and channels, as far as the program has them."""
        return self._size

    @property
    def batch(self) -> Size:
        """The number of images that it was exported for; None where any."""
        return self._batch

    def in_training(self) -> list[str]:
        """Return nothing: what it computes in either mode was decided when it was exported."""
        return []

    def trace(self, images: Images) -> Graph:
        """Run it once, as it is. Raises BadInput for images of another size than it was exported for."""
        expected = self._batch, *self._size
        if any(size not in (None, length) for size, length in zip(expected, images.shape, strict=True)):
            size = "x".join("?" if each is None else str(each) for each in expected)
            given = "x".join(map(str, images.shape))
            raise BadInput(
                f"{self.name} was exported for images of {size}, and is given {given}; export it for any size by "
                "dynamic_shapes, or give it images of its own."
            )
        return super().trace(images)


def _input_axes(program: torch.export.ExportedProgram, name: str) -> tuple[Size, Size, Size, Size]:
    """Return the axes [N, C, H, W] of a program's images, each None where it takes any length."""
    inputs = program.graph_signature.user_inputs
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    shapes = [getattr(values.get(str(each)), "shape", ()) for each in inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        listed = ", ".join("x".join(map(str, shape)) or "no tensor" for shape in shapes) or "nothing"
        raise BadInput(f"{name} takes {listed}; expected a program of images alone, [N, C, H, W].")
    batch, channels, height, width = (length if isinstance(length, int) else None for length in shapes[0])
    return batch, channels, height, width


def _open_script(path: str) -> PyTorchModel:
    """Open a program of TorchScript."""
    names = _names(path)
    if not any(name.endswith("/constants.pkl") for name in names):
        raise BadInput(
            f"{path} holds no program, but tensors or a pickled module. `isomorph inspect {path}` reads tensors; "
            "a module is given as file.py:factory, or saved by torch.export.save or torch.jit.save."
        )
    with _damage(path):
        _check_sums(path)
        return PyTorchModel(torch.jit.load(path, map_location="cpu"), path)  # type: ignore[no-untyped-call]


def _open_exported(path: str) -> ExportedModel:
    """Open a program of `torch.export`."""
    names = _names(path)
    if not any("/models/" in name for name in names):
        raise BadInput(f"{path} holds no exported program; torch.export.save, of PyTorch 2.8 or later, writes one.")
    with _damage(path):
        _check_sums(path)
        _refuse_pickles(path)
        program = torch.export.load(path)
    return ExportedModel(program, path)


def _check_sums(path: str) -> None:
    """Raise BadZipFile for an archive that does not hold what was written; PyTorch reads some of them all the same."""
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f"its {damaged} is damaged")


def _refuse_pickles(path: str) -> None:
    """Raise BadInput for an archive of which PyTorch would unpickle, or load as a library, something."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if "/aotinductor/" in name:
                raise BadInput(f"{path} holds compiled libraries ({name}), which are not loaded; export it without.")
            if name.endswith("_config.json"):
                for tensor, entry in json.loads(archive.read(name))["config"].items():
                    if entry["use_pickle"] or not entry["path_name"].startswith(("weight_", "tensor_")):
                        raise BadInput(f"{path} holds {tensor} as a pickle, which is not read here; only tensors are.")
            if "/sample_inputs/" in name:
                torch.load(io.BytesIO(archive.read(name)), weights_only=True)


def _names(path: str) -> list[str]:
    """Return the names of the files in an archive; none in a file that is no archive."""
    if not Path(path).is_file():
        raise BadInput(f"There is no file {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return []


@contextmanager
def _damage(path: str) -> Iterator[None]:
    """Have whatever PyTorch raises of a file be BadInput; it warns of TorchScript's age, and logs before it raises."""
    logger = logging.getLogger("torch.export")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"{path} cannot be read as a program: {last_line(error)}") from error
    finally:
        logger.disabled = was_disabled
