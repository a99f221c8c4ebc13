"""Which arithmetic a process computes in: the frameworks' own switches, off unless TF32 is asked for."""

import platform
import subprocess
import sys
from collections.abc import Callable

import pytest

from isomorph.backends import Unavailable
from isomorph.backends.process import BackendProcess

# backend -> what its framework says of TF32 in matrix products and in convolutions
SWITCHES = {
    "pytorch": "torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32",
    "keras": "tensorflow.config.experimental.tensor_float_32_execution_enabled()",
    "keras:jax": "jax.config.jax_default_matmul_precision == 'tensorfloat32'",
    "keras:torch": "torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32",
    "paddle": "paddle.base.core.get_cublas_switch(), paddle.base.core.get_cudnn_switch()",
}

CODE = """
from isomorph.backends import load_backend
backend = load_backend({name!r})
import {module}
for turn in (backend.use_exact_arithmetic, backend.use_tf32, backend.use_exact_arithmetic):
    turn()
    print(*{{*map(bool, [{switches}])}})
"""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.thorough) if name.startswith("keras:") else name for name in SWITCHES]
)
def test_tf32_is_turned_off_and_on_and_off(name: str) -> None:
    switches = SWITCHES[name]
    code = CODE.format(name=name, module=switches.partition(".")[0], switches=switches)
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split()) == (0, ["False", "True", "False"]), run.stderr


def test_a_framework_without_tf32_computes_as_ever() -> None:
    with BackendProcess("oracle", timeout=60, tf32=True) as process:
        described = process.describe()
    assert described["gpu"] is False
    assert described["gpu_name"] is None
    assert described["python"] == platform.python_version()


def test_tf32_is_turned_on_where_it_is_asked_for_alone(install: Callable[[str], str]) -> None:
    name = install("misbehaving:raise Unavailable@use_tf32")
    with BackendProcess(name, timeout=60) as exact:
        assert exact.describe()["version"] != ""
    with BackendProcess(name, timeout=60, tf32=True) as process, pytest.raises(Unavailable, match="It has no float8"):
        process.describe()
