"""`run --end-points` in one environment and `check --reference` in another, each with one framework or with none."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from ..command import answered, environment, left, refused_here

FRAMEWORKS = ("torch", "tensorflow", "keras", "paddle", "jax")

SMALL = ("cifar/resnet20", "--input", "8x10", "--batch", "1")

MakeEnvironment = Callable[..., str]


@pytest.fixture(scope="module")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> MakeEnvironment:
    """Make an environment of its own that holds what this one does, but of the frameworks those named alone."""

    def make(*frameworks: str) -> str:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, symlinks=True)
        scheme = {"base": str(folder), "platbase": str(folder)}
        site = Path(sysconfig.get_path("purelib", "venv", scheme))
        left_out = {name for name in FRAMEWORKS if name not in frameworks}
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if path.name.partition("-")[0].partition("_")[0] not in left_out and not path.name.startswith("distutils"):
                (site / path.name).symlink_to(path)
        return str(folder / "bin" / "python")

    return make


def isomorph(python: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `isomorph` in another environment."""
    command = [python, "-W", "error", "-m", "isomorph", *map(str, arguments)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.usefixtures("empty_folder")
def test_what_one_environment_records_another_checks(make_environment: MakeEnvironment) -> None:
    there, here = make_environment("torch"), make_environment("paddle")
    ran = isomorph(there, "run", *SMALL, "--backend", "pytorch", "--device", "cpu", "--end-points", "--out", "y.npz")
    assert (ran.returncode, ran.stderr) == (0, "")
    unable = isomorph(here, "run", *SMALL, "--backend", "pytorch", "--out", "z.npz")
    assert (unable.returncode, left()) == (2, ["y.npz"])
    assert "torch is not installed" in unable.stderr
    checked = isomorph(here, "check", *SMALL, "--device", "cpu", "--reference", "y.npz", "--json", "report.json")
    assert (checked.returncode, checked.stderr) == (0, "")
    rows = {row["name"]: row for row in json.loads(Path("report.json").read_text())["backends"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "pytorch": "unavailable",
        "keras": "unavailable",
        "paddle": "pass",
        "pytorch, recorded": "pass",
    }
    assert rows["pytorch, recorded"]["recorded"]["file"] == "y.npz"
    assert [run["precision"] for run in rows["pytorch, recorded"]["runs"]] == ["float32"]


@pytest.mark.usefixtures("empty_folder")
def test_without_any_framework_what_was_recorded_is_compared_alone(
    make_environment: MakeEnvironment,
) -> None:
    answered("run", *SMALL, "--backend", "oracle", "--out", "y.npz")
    checked = isomorph(make_environment(), "check", *SMALL, "--reference", "y.npz")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "oracle, recorded" in checked.stdout
    assert checked.stdout.count("is not installed") + checked.stdout.count("are not installed") == 3
    without = isomorph(make_environment(), "check", *SMALL)
    assert (without.returncode, without.stderr.startswith("isomorph: No backend is installed")) == (2, True)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `y.npz`, and of `last.npz` without end points."""
    folder = tmp_path_factory.mktemp("recorded")
    answered("run", *SMALL, "--backend", "oracle", "--out", folder / "y.npz")
    answered("run", *SMALL, "--backend", "oracle", "--no-end-points", "--out", folder / "last.npz")
    return folder


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(("--seed", "1"), "was recorded on other images", id="another seed"),
        pytest.param(("--input", "8x12"), "was recorded on other images", id="another size"),
        pytest.param(("--num-classes", "7"), "num_classes 10 there and 7 here", id="other classes"),
        pytest.param(("--reference", "last.npz"), "record it again with --end-points", id="a last answer alone"),
        pytest.param(("--reference", "none.npz"), "there is no such file", id="no file"),
        pytest.param(("--json", "y.npz"), "is a file of this command's already", id="itself for a report"),
    ],
)
def test_it_is_refused_with(
    options: tuple[str, ...],
    words: str,
    recorded: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(recorded)
    request = ("check", *SMALL, "--backends", "oracle", "--reference", "y.npz", *options)
    assert words in refused_here(capsys, *request)
    assert left() == ["last.npz", "y.npz"]


def test_the_interpreters_differ(make_environment: MakeEnvironment) -> None:
    """What the tests above lean on."""
    for frameworks in ((), ("torch",)):
        code = "from importlib.util import find_spec as f; import numpy; print(*(n for n in %r if f(n)))"
        python = make_environment(*frameworks)
        run = subprocess.run([python, "-c", code % (FRAMEWORKS,)], capture_output=True, text=True, check=True)
        assert (run.stdout.split(), python != sys.executable) == (list(frameworks), True), os.environ.get("PYTHONPATH")
