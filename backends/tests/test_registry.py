"""Names and the backends behind them: found by name or alias, imported when asked for and not before."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from isomorph.backends import Backend, Unavailable, find_backend, load_backend, registered, registry
from isomorph.backends.registry import Registered
from isomorph.spec import BadInput

OWN = ["oracle", "pytorch", "keras", "paddle", "keras:jax", "keras:torch"]
FRAMEWORKS = ("torch", "tensorflow", "keras", "paddle", "jax", "onnx", "onnxruntime")


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("torch", "pytorch"),
        ("tf", "keras"),
        ("tensorflow", "keras"),
        ("keras:tensorflow", "keras"),
        ("paddle", "paddle"),
    ],
)
def test_find_backend_by(alias: str, name: str) -> None:
    assert find_backend(alias) == registered()[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("pytorhc", "There is no backend 'pytorhc'; did you mean pytorch", id="close to one"),
        pytest.param("PADDLE", "There is no backend 'PADDLE'; did you mean paddle", id="in capitals"),
        pytest.param(
            "keras:tourch", "There is no backend 'keras:tourch'; did you mean keras:torch", id="close to an engine"
        ),
        pytest.param("zzz", f"There is no backend 'zzz'; there are {', '.join(OWN)}.", id="far from all"),
        pytest.param("", f"There is no backend ''; there are {', '.join(OWN)}.", id="empty"),
    ],
)
def test_a_name_that_is(name: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_backend(name)
    assert str(caught.value).startswith(message)


def test_registered_are_our_own_in_order() -> None:
    assert list(registered()) == OWN


def test_what_builds_nothing_is_found_by_name_alone() -> None:
    assert "onnx" not in registered()
    assert not find_backend("onnx").builds


def test_another_packages_backend_comes_after_ours(
    offer: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(offer("theirs"))
    assert list(registered()) == [*OWN, "theirs"]
    assert find_backend("theirs") == Registered("theirs", "misbehaving", distribution="misbehaving 1.0")
    assert isinstance(load_backend("theirs"), Backend)


def test_another_package_does_not_replace_ours(offer: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(offer("oracle"))
    assert find_backend("oracle").module == "isomorph.backends.oracle.backend"


@pytest.mark.parametrize(
    ("name", "absent", "message"),
    [
        pytest.param(
            "pytorch", ("torch",), "torch is not installed; `pip install 'isomorph[pytorch]'` adds it.", id="torch"
        ),
        pytest.param(
            "paddle", ("paddle",), "paddle is not installed; `pip install 'isomorph[paddle]'` adds it.", id="paddle"
        ),
        pytest.param(
            "keras",
            ("keras", "tensorflow"),
            "keras and tensorflow are not installed; `pip install 'isomorph[tensorflow]'` adds them.",
            id="keras and tensorflow",
        ),
        pytest.param(
            "keras:jax", ("jax",), "jax is not installed; `pip install 'isomorph[jax]'` adds it.", id="an engine"
        ),
        pytest.param(
            "onnx",
            ("onnx", "onnxruntime"),
            "onnx and onnxruntime are not installed; `pip install 'isomorph[onnx]'` adds them.",
            id="ONNX",
        ),
    ],
)
def test_without(name: str, absent: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda module: None if module in absent else object())
    assert find_backend(name).why_not() == message
    with pytest.raises(Unavailable) as caught:
        load_backend(name)
    assert str(caught.value) == f"The backend {name} is not available: {message}"


def test_the_oracle_needs_nothing() -> None:
    assert find_backend("oracle").why_not() is None


def test_paddle_is_refused_after_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imported in this order they end the interpreter; a stand-in for TensorFlow is enough to be refused."""
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    monkeypatch.setattr(registry, "find_spec", lambda module: object())
    with pytest.raises(Unavailable) as caught:
        load_backend("paddle")
    assert str(caught.value) == (
        "paddle cannot be imported into a process that has imported tensorflow: import it first."
    )


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("import isomorph.backends", id="the package"),
        pytest.param("import isomorph.backends.process", id="processes"),
        pytest.param("import isomorph.backends.worker", id="the worker"),
        pytest.param("from isomorph.backends import registered; list(registered())", id="the list of backends"),
        pytest.param("from isomorph.backends import find_backend; find_backend('keras').why_not()", id="why_not"),
        pytest.param("from isomorph.backends import load_backend; load_backend('oracle')", id="the oracle"),
    ],
)
def test_no_framework_is_imported_by(statement: str) -> None:
    script = f"import sys; {statement}; print(*sorted(set(sys.modules) & set({FRAMEWORKS!r})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")
