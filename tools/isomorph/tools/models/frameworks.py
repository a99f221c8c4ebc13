"""Which backend opens a model: told by the ending of a saved program, or by what the code of a factory imports."""

import ast
from collections.abc import Collection
from pathlib import Path

from isomorph.backends import find_backend
from isomorph.spec import BadInput
from isomorph.tools.models.naming import is_factory

_SAVED = {
    ".onnx": "onnx",
    ".pt": "pytorch",
    ".pt2": "pytorch",
    ".pth": "pytorch",
    ".ts": "pytorch",
    ".torchscript": "pytorch",
    ".keras": "keras",
    ".pdmodel": "paddle",
}
"""The ending of a saved program -> the backend that opens it."""

_FRAMEWORKS = {"torch": "pytorch", "keras": "keras", "tensorflow": "keras", "tf_keras": "keras", "paddle": "paddle"}
"""The module that a model's code imports -> the backend that opens it."""

_EXPECTED = (
    f"file.py:factory, package.module:factory, a file that ends in {', '.join(_SAVED)}, or the folder of a SavedModel"
)


def backend_of(what: str, runs_in: str | None = None, elsewhere: Collection[str] = ()) -> str:
    """Return the name of the backend that opens a model.

    runs_in: its name, where nothing tells. elsewhere: backends in environments of their own, not looked for here.

    Raises BadInput for what is no model, for a framework that nothing tells, and for one that is not installed.
    """
    told = _told(what)
    name = find_backend(runs_in).name if runs_in else told
    if name is None:
        raise BadInput(
            f"Nothing tells which framework {what} is written for; --runs-in pytorch, keras, paddle or onnx says it."
        )
    if name not in elsewhere and (reason := find_backend(name).why_not()):
        raise BadInput(f"{what} is a model of {name}, which is not available: {reason}")
    return name


def _told(what: str) -> str | None:
    """Return the backend by a path's ending, or by what a factory's file imports."""
    if not what:
        raise BadInput(f"The name of the model is empty; expected {_EXPECTED}.")
    if is_factory(what):
        place = what.rpartition(":")[0]
        return _by_imports(Path(place)) if place.endswith(".py") else _by_package(place)
    path = Path(what)
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "keras"
        raise BadInput(f"{what} is a folder, and no SavedModel: there is no saved_model.pb in it.")
    if what.removesuffix(":").endswith(".py"):
        raise BadInput(f"{what} does not say what makes the model; name its factory, {what.removesuffix(':')}:NAME.")
    if path.suffix not in _SAVED:
        raise BadInput(f"{what} is no model; expected {_EXPECTED}.")
    if not path.is_file():
        raise BadInput(f"There is no file {what}.")
    return _SAVED[path.suffix]


def _by_imports(path: Path) -> str | None:
    """Return the backend of the first framework that a file imports, or a file beside it that it imports."""
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    waiting, seen = [path], {path}
    while waiting:
        current = waiting.pop(0)
        for module in _imports(current):
            top = module.partition(".")[0]
            if top in _FRAMEWORKS:
                return _FRAMEWORKS[top]
            beside = path.parent / f"{module.replace('.', '/')}.py"
            if beside.is_file() and beside not in seen:
                seen.add(beside)
                waiting.append(beside)
    return None


def _imports(path: Path) -> list[str]:
    """Return the modules that a file imports, in order."""
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        raise BadInput(f"{path} is no Python: {error}.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def _by_package(place: str) -> str | None:
    """Return the backend of a package that is a framework's own, or stands beside its name: `torchvision`, `timm`."""
    top = place.partition(".")[0]
    known = _FRAMEWORKS | {"torchvision": "pytorch", "timm": "pytorch", "transformers": "pytorch"}
    if top in known:
        return known[top]
    path = Path(*place.split(".")).with_suffix(".py")
    return _by_imports(path) if path.is_file() else None
