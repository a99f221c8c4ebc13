"""How much each command imports before it does anything: modules are counted, as a time would depend on the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from isomorph.spec import architecture
from isomorph.tools.checkpoints import write_pytorch_zip

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
        (("--version",), FRAMEWORKS | ARRAYS | {"rich", "isomorph.spec", "isomorph.backends"}, 160),
        (("--help",), FRAMEWORKS | ARRAYS, 280),
        (("check", "--help"), FRAMEWORKS | ARRAYS, 280),
        (("show", "slim/resnet_v1_50"), FRAMEWORKS | ARRAYS | {"importlib.metadata"}, 280),
        (("compare", "cifar/resnet20", "cifar/resnet20"), FRAMEWORKS | ARRAYS | {"importlib.metadata"}, 280),
        (("list",), FRAMEWORKS | ARRAYS | {"isomorph.backends.process"}, 320),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_command_imports_what_it_needs(arguments: tuple[str, ...], unwanted: set[str], most: int) -> None:
    modules = imports(*arguments)
    assert not modules & unwanted
    assert len(modules) <= most


def test_inspect_imports_the_reader_of_the_file_and_no_other_library(tmp_path: Path) -> None:
    path = tmp_path / "r20.pth"
    write_pytorch_zip(path, of_zoo(architecture("cifar/resnet20")), {})
    modules = imports("inspect", str(path))
    assert not modules & (FRAMEWORKS | {"h5py", "PIL", "requests", "isomorph.conformance", "isomorph.backends.process"})
    assert len(modules) <= 480
