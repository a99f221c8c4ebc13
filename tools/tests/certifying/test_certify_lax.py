"""A backend of somebody else's, certified by the real command: a package of its own, found through its entry point."""

import json
import os
import shutil
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ..command import isomorph

# Pools, a whole network of a unit kind in both precisions, and every layout, folded or not.
ONLY = "max_pool or sees or (small and inverted) or folded_or_not"
EXPECTED = 12 + 34 + 2 + 8


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A folder into which it is installed as pip would: its package, and the metadata of its pyproject.toml."""
    folder = tmp_path_factory.mktemp("lax")
    source = pytestconfig.rootpath / "conformance/tests/isomorph_lax"
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    shutil.copytree(source / "isomorph_lax", folder / "isomorph_lax", ignore=shutil.ignore_patterns("__pycache__"))
    metadata = folder / f"isomorph_lax-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    lines = [line for group, points in groups for line in (f"[{group}]", *(f"{n} = {m}" for n, m in points.items()))]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.thorough
def test_it_is_certified(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    files = ("--json", "report.json", "--junit", "report.xml")
    done = isomorph("conformance", "run", "--backends", "lax", "--only", ONLY, *files, PYTHONPATH=path)
    assert done.returncode == 0, done.stdout + done.stderr

    table = {line[:24].strip(): line[24:].split() for line in done.stdout.splitlines()}
    assert table["slim's own tests"] == ["12"]
    assert table["structure and end points"] == ["2"]
    assert table["all"] == [str(EXPECTED)]
    assert f"\nCERTIFIED: {EXPECTED} tests in " in done.stdout

    report = json.loads(Path("report.json").read_text())
    assert (report["certified"], report["planned"], report["errors"]) == (True, EXPECTED, [])
    (backend,) = report["backends"]
    assert (backend["name"], backend["device"], backend["passed"], backend["failed"]) == ("lax", "cpu", EXPECTED, 0)
    assert {test["outcome"] for test in report["tests"]} == {"passed"}
    assert "test_slim.py::test_a_max_pool_of[an even image, padded with zeros-float64]" in {
        test["test"] for test in report["tests"]
    }

    (suite,) = ElementTree.parse("report.xml").getroot()
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("lax", str(EXPECTED), "0")
    assert len(suite.findall("testcase")) == EXPECTED
