"""How much each command imports before it does anything: modules are counted, as a time would depend on the machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from isomorph.__main__ import main
from isomorph.spec import architecture
from isomorph.tools.checkpoints import (
    Tensors,
    write_bundle,
    write_pdparams,
    write_pytorch_zip,
    write_safetensors,
)
from isomorph.tools.checkpoints.reading import FORMATS

from ..command import environment
from ..tensors import of_zoo

# Status and imports of a command that is run in this process; standard streams are not what is asked about.
SCRIPT = """
import io, json, sys
from contextlib import redirect_stdout

sys.argv[1:] = {arguments!r}
before = set(sys.modules)
from isomorph.__main__ import main
try:
    with redirect_stdout(io.StringIO()):
        main()
except SystemExit as ended:
    print(json.dumps([ended.code, sorted(set(sys.modules) - before)]))
"""

FRAMEWORKS = {"torch", "tensorflow", "keras", "paddle", "jax"}
ARRAYS = {"numpy", "h5py", "PIL", "ml_dtypes", "safetensors", "google_crc32c", "requests"}
NEVER_AT_FIRST = {"rich.progress", "tempfile", "traceback", "tomllib"}
"""What bars on a terminal, files to be written, reports of crashes and networks of one's own need."""

READERS = {
    f"isomorph.tools.checkpoints.{module}" for module in ("transformers.folder", *(each.module for each in FORMATS))
}


def imports(*arguments: str) -> set[str]:
    """The modules that a command imports, and that it ends well."""
    command = [sys.executable, "-c", SCRIPT.format(arguments=arguments)]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    status, modules = json.loads(done.stdout)
    assert status == 0
    return set(modules)


@pytest.mark.parametrize(
    ("arguments", "unwanted", "most"),
    [
        (("--version",), ARRAYS | {"rich", "isomorph.spec", "isomorph.backends"}, 160),
        (("--help",), ARRAYS, 240),
        (("check", "--help"), ARRAYS, 240),
        (("show", "slim/resnet_v1_50"), ARRAYS | NEVER_AT_FIRST | {"importlib.metadata"}, 240),
        (("compare", "cifar/resnet20", "cifar/resnet20"), ARRAYS | NEVER_AT_FIRST | {"importlib.metadata"}, 240),
        (("list",), ARRAYS | {"tomllib", "rich.progress", "isomorph.backends.process"}, 290),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_command_imports_what_it_needs(arguments: tuple[str, ...], unwanted: set[str], most: int) -> None:
    modules = imports(*arguments)
    assert not modules & (FRAMEWORKS | unwanted)
    assert len(modules) <= most


@pytest.mark.parametrize(
    ("name", "write", "reader", "libraries"),
    [
        ("r20.pth", write_pytorch_zip, "pytorch.zip", set()),
        ("r20.safetensors", partial(write_safetensors, metadata={}), "safetensors_file", {"safetensors", "ml_dtypes"}),
        ("r20.pdparams", write_pdparams, "paddle.pdparams", {"ml_dtypes"}),
        ("r20.ckpt", write_bundle, "tensorflow.bundle", {"google_crc32c", "ml_dtypes"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_inspect_imports_the_reader_of_the_file_and_no_other(
    tmp_path: Path, name: str, write: Callable[[Path, Tensors], None], reader: str, libraries: set[str]
) -> None:
    path = tmp_path / name
    write(path, of_zoo(architecture("cifar/resnet20")))
    modules = imports("inspect", str(path))
    assert modules & READERS == {f"isomorph.tools.checkpoints.{reader}"}
    assert modules & (ARRAYS - {"numpy"}) == libraries
    assert not modules & (FRAMEWORKS | NEVER_AT_FIRST)
    assert not modules & {"hashlib", "isomorph.tools.published", "isomorph.conformance", "isomorph.backends.process"}
    assert len(modules) <= 390


@pytest.mark.parametrize("users_own", [None, "20"], ids=["by default", "unless it is set"])
def test_threads_of_numpy_sleep_while_they_wait(users_own: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In powers of two, in loops: what they take, the frameworks' imports lack."""
    monkeypatch.setattr(sys, "argv", ["isomorph", "--version"])
    monkeypatch.setitem(os.environ, "OPENBLAS_THREAD_TIMEOUT", users_own or "")
    if users_own is None:
        monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT")
    with pytest.raises(SystemExit):
        main()
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == (users_own or "4")
