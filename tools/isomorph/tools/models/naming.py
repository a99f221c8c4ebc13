"""What a person calls a model: a factory in a file or a package, or a saved program."""

import re
from pathlib import Path

_PROGRAMS = (".onnx", ".pt2", ".ts", ".torchscript", ".pdmodel")
"""Endings of saved programs that no checkpoint has."""

_FACTORY = re.compile(r"(?P<place>.+\.py|[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)")


def is_factory(what: str) -> bool:
    """Return whether this is "file.py:factory" or "package.module:factory".

    >>> is_factory("port.py:make_model"), is_factory("torchvision.models:resnet50"), is_factory("resnet50.pth")
    (True, True, False)
    """
    return _FACTORY.fullmatch(what) is not None


def is_model(what: str) -> bool:
    """Return whether this can only be a model: a factory, or a saved program that is no checkpoint.

    >>> is_model("model.onnx"), is_model("resnet50.pth")
    (True, False)
    """
    path = Path(what)
    if is_factory(what) or path.suffix in _PROGRAMS or (path / "saved_model.pb").is_file():
        return True
    return path.suffix == ".pt" and _is_script(path)


def _is_script(path: Path) -> bool:
    """Return whether a file is a program of TorchScript, whose archive has a file that those of tensors have not."""
    import zipfile  # noqa: PLC0415 - every command line knows these names, and few are of such files

    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def file_of(what: str) -> str:
    """Return the file that a model is in, which no report may replace.

    >>> file_of("port.py:make_model"), file_of("package.module:make_model"), file_of("model.onnx")
    ('port.py', 'package/module.py', 'model.onnx')
    """
    if not is_factory(what):
        return what
    place = what.rpartition(":")[0]
    return place if place.endswith(".py") else str(Path(*place.split(".")).with_suffix(".py"))
