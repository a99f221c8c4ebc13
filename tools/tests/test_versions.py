"""The bounds of pyproject.toml are tried ones, and a release that fails its trials is told."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from versions import run
from versions.trial import TRIALS


@pytest.fixture(scope="module")
def project(pytestconfig: pytest.Config) -> dict[str, Any]:
    document = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(document["project"])


def lower_bounds(requirements: list[str]) -> dict[str, Version]:
    """Package -> the oldest release that is allowed; isomorph's own extras have none."""
    parsed = map(Requirement, requirements)
    return {
        requirement.name: next(Version(bound.version) for bound in requirement.specifier if bound.operator == ">=")
        for requirement in parsed
        if requirement.name != "isomorph"
    }


def exact_pins(requirements: list[str]) -> dict[str, Version]:
    """Package -> the release that is asked for; a framework's build for CPUs is the framework."""
    pairs = (requirement.strip().split("==") for requirement in requirements)
    return {name.removesuffix("-cpu"): Version(version) for name, version in pairs}


def test_the_lowest_core_is_what_the_bounds_say(project: dict[str, Any], pytestconfig: pytest.Config) -> None:
    lines = (pytestconfig.rootpath / "requirements-lowest.txt").read_text(encoding="utf-8").splitlines()
    pins = exact_pins([line.partition("#")[0] for line in lines if not line.startswith("#")])
    extras = project["optional-dependencies"]
    bounds = lower_bounds([*project["dependencies"], *extras["conformance"]])
    assert {name: pins.get(name) for name in bounds} == bounds


@pytest.mark.parametrize("extra", ["pytorch", "tensorflow", "jax", "paddle"])
def test_an_environment_tries_the_oldest_release_of(extra: str, project: dict[str, Any]) -> None:
    environments = tomllib.loads(run.ENVIRONMENTS.read_text(encoding="utf-8"))
    oldest = lower_bounds(project["optional-dependencies"][extra])
    tried = [exact_pins(environment["requirements"]) for environment in environments.values()]
    assert oldest in tried


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "for name in TRIALS: print(json.dumps({'trial': name, 'passed': True, 'outcome': '1.02'}))",
            [(True, "1.02")] * 3,
            id="passes",
        ),
        pytest.param(
            "print(json.dumps({'trial': 'check', 'passed': True, 'outcome': '1.02'}), flush=True); os.abort()",
            [(True, "1.02"), *[(False, "FAILS: ended with status -6")] * 2],
            id="crashes behind its first trial",
        ),
        pytest.param(
            "print(json.dumps({'trial': 'check', 'passed': False, 'outcome': '11.1'}))",
            [(False, "FAILS: 11.1"), *[(False, "FAILS: ended with status 0")] * 2],
            id="answers wrongly",
        ),
    ],
)
def test_a_release_that(
    script: str, expected: list[tuple[bool, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tools" / "versions"
    package.mkdir(parents=True)
    lines = ["import json, os", f"TRIALS = {list(TRIALS)}", script]
    (package / "trial.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    assert list(run.outcomes(Path(sys.executable), "pytorch")) == expected
